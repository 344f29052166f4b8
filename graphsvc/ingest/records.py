"""JSON objects to rows of texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from ..errors import InputError
from .rejects import Reason, Reject, clip
from .rows import FIELD_LIMIT, RawRows

#: Different names in one batch. More means that names are made from values, and a table of them would fill the memory.
NAMES_LIMIT = 2_000


def as_rows(records: Sequence[Any], lines: Sequence[int], file: str) -> RawRows:
    """Decoded JSON values as rows; what is no object, or cannot be a text, is a reject.

    Raises:
        InputError: there are more different names than a table can have.
    """
    try:
        table, bad = _as_table(records, file), {}
    except (AttributeError, TypeError, UnicodeEncodeError, RecursionError):
        bad = {at: reason for at, record in enumerate(records) if (reason := _trouble(record))}
        table = _as_table([record for at, record in enumerate(records) if at not in bad], file)
    rejects = [Reject(file, lines[at], None, reason, _raw(records[at])) for at, reason in bad.items()]
    kept = pl.Series([line for at, line in enumerate(lines) if at not in bad], dtype=pl.Int64)
    return short_enough(RawRows(table, kept, rejects), file)


def short_enough(rows: RawRows, file: str) -> RawRows:
    """The rows whose fields all keep to the limit; the others become rejects."""
    if not rows.columns.width:
        return rows
    long = pl.any_horizontal(pl.all().str.len_bytes() > FIELD_LIMIT)
    return without(rows, rows.columns.select(long).to_series(), Reason.LONG_FIELD, file)


def without(rows: RawRows, mask: pl.Series, reason: Reason, file: str) -> RawRows:
    """The rows outside a mask (null is outside); those in it become rejects."""
    mask = mask.fill_null(False)
    if not mask.any():
        return rows
    at_fault = zip(rows.lines.filter(mask), rows.columns.filter(mask).iter_rows(named=True), strict=True)
    rejects = [Reject(file, line, None, reason, _raw(row)) for line, row in at_fault]
    return RawRows(rows.columns.filter(~mask), rows.lines.filter(~mask), rows.rejects + rejects)


def as_text(value: Any) -> str | None:
    """The text of a JSON value, or of what Python has for it: null, an empty text and NaN are None, a list is its JSON.

    A float is written in the shortest form that reads back as the same number, whatever its spelling in the file: the
    API, which never sees the spelling, must give the same text.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value != value:
        return None
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=as_text)
    return str(value)


def _iso(time: datetime) -> str:
    """``2024-03-13T10:21:14``, a fraction where there is one, ``Z`` where it knows its offset: as from Parquet."""
    fraction = "seconds" if not time.microsecond else "microseconds" if time.microsecond % 1000 else "milliseconds"
    if time.tzinfo is None:
        return time.isoformat(timespec=fraction)
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=fraction) + "Z"


def _as_table(records: Sequence[Mapping[str, Any]], file: str) -> pl.DataFrame:
    """String columns in the order in which their names first appear; absent values are null."""
    if any(dict in map(type, record.values()) for record in records):
        records = [_flattened(record) for record in records]
    names = list(dict.fromkeys(name for record in records for name in record))
    if len(names) > NAMES_LIMIT:
        raise InputError(f"{file} has more than {NAMES_LIMIT:,} different fields; a field must not be named by a value")
    columns = [_column(name, [record.get(name) for record in records]) for name in names]
    return pl.DataFrame(columns or None, height=len(records))


def _column(name: str, values: list[Any]) -> pl.Series:
    if set(map(type, values)) <= {str, type(None)}:
        return pl.Series(name, [text or None for text in values] if "" in values else values, dtype=pl.String)
    return pl.Series(name, [as_text(value) for value in values], dtype=pl.String)


def _flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record whose nested objects became dotted names."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": deep for inner, deep in _flattened(value).items()})
        else:
            flat[name] = value
    return flat


def _trouble(record: Any) -> Reason | None:
    """Why a value cannot be a row, if so."""
    if not isinstance(record, dict) or not all(isinstance(name, str) for name in record):
        return Reason.NOT_OBJECT
    try:
        json.dumps(_flattened(record), ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return Reason.NOT_UTF8
    except RecursionError:
        return Reason.BROKEN_JSON
    return None


def _raw(record: Any) -> str:
    try:
        return clip(json.dumps(record, ensure_ascii=False, default=str))
    except RecursionError:
        return "nested too deeply"
