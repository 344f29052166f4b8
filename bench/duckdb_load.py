"""DuckDB alone, by hand: read the same files, sort by user and time, write one table.

Of each row it keeps what our mappings name: time in UTC, cleaned name, channel, stage, value and so on, all
identifiers. It resolves nobody: a row's user is its first identifier.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import duckdb

FIELDS = ("event_id", "channel", "stage", "value", "cost", "currency", "sentiment", "question")
NUMBERS = ("value", "cost", "sentiment")


def load(target: Path, files: list[Path], mappings: list[Path]) -> int:
    """Write the table ``touchpoints`` into a new DuckDB file and return its rows."""
    parsed = [tomllib.loads(path.read_text(encoding="utf-8")) for path in mappings]
    selects = []
    for file in files:
        mapping = next(m for m in parsed if any(fnmatch(file.name, pattern) for pattern in m["files"]))
        if mapping.get("kind", "event") == "event":
            selects.append(_select(file, mapping))
    connection = duckdb.connect(str(target), config={"preserve_insertion_order": False})
    connection.execute("SET TimeZone = 'UTC'")
    rows = " UNION ALL ".join(selects)
    connection.execute(
        f'CREATE TABLE touchpoints AS SELECT * FROM ({rows}) WHERE "user" IS NOT NULL AND time IS NOT NULL '
        'ORDER BY "user", time'
    )
    count = connection.execute("SELECT count(*) FROM touchpoints").fetchall()[0][0]
    connection.close()  # checkpoints: everything is in the file
    return int(count)


def _select(file: Path, mapping: dict[str, Any]) -> str:
    columns, constants = mapping["columns"], mapping.get("constants", {})
    listed = [
        (kind, column)
        for kind, given in mapping["identifiers"].items()
        for column in ([given] if isinstance(given, str) else given)
    ]
    is_json = ".jsonl" in file.suffixes
    texts = [f"'{kind}:' || {_name(column, is_list=is_json and column == 'emails')}" for kind, column in listed]
    fields = [f"{_field(name, columns.get(name), constants.get(name))} AS {name}" for name in FIELDS]
    return (
        f'SELECT coalesce({", ".join(texts)}) AS "user", {_time(mapping)} AS time, {_label(mapping)} AS name, '
        f"'{mapping['source']}' AS source, {', '.join(fields)}, "
        f"list_filter([{', '.join(texts)}], lambda one: one IS NOT NULL) AS identifiers FROM {_read(file)}"
    )


def _read(file: Path) -> str:
    if file.suffix == ".parquet":
        return f"read_parquet('{file}')"
    if ".jsonl" in file.suffixes:
        return f"read_json('{file}', format = 'newline_delimited', ignore_errors = true)"
    return f"read_csv('{file}', header = true, all_varchar = true, ignore_errors = true, strict_mode = false)"


def _name(column: str, *, is_list: bool = False) -> str:
    return f'"{column}"[1]' if is_list else f'"{column}"'


def _field(name: str, column: str | None, constant: Any) -> str:
    kind = "DOUBLE" if name in NUMBERS else "VARCHAR"
    if column is None:
        return f"CAST({'NULL' if constant is None else repr(constant)} AS {kind})"
    return f'TRY_CAST("{column}" AS {kind})'


def _label(mapping: dict[str, Any]) -> str:
    labels = mapping.get("labels", {})
    column = mapping["columns"].get("name")
    if column is None:
        return repr(mapping["constants"]["name"])
    text = f'lower(trim("{column}"))' if labels.get("lower") else f'"{column}"'
    cases = " ".join(f"WHEN '{old}' THEN '{new}'" for old, new in labels.get("replace", {}).items())
    return f"CASE {text} {cases} ELSE {text} END" if cases else text


def _time(mapping: dict[str, Any]) -> str:
    """The time as a TIMESTAMP in UTC; NULL where it cannot be read."""
    column, told = f'"{mapping["columns"]["time"]}"', mapping.get("time", {})
    form, zone = told.get("format", "iso"), told.get("zone", "UTC")
    if form in ("s", "ms"):
        return f"epoch_ms(TRY_CAST({column} AS BIGINT) * {1_000 if form == 's' else 1})"
    if form == "iso" and zone == "UTC":
        return f"timezone('UTC', TRY_CAST({column} AS TIMESTAMPTZ))"
    naive = f"TRY_CAST({column} AS TIMESTAMP)" if form == "iso" else f"try_strptime({column}, '{form}')"
    return f"timezone('UTC', timezone('{zone}', {naive}))" if zone != "UTC" else naive
