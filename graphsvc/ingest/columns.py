"""A mapping meets the columns of a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import UnknownColumn, nearest
from ..rules import DEFAULT_TYPES
from .mapping import COLUMNS, Column, Mapping, lacking
from .rows import Reader

_PLAIN = {*COLUMNS, *DEFAULT_TYPES, "identifiers.TYPE", "traits.NAME", "properties.NAME"}


def resolved(mapping: Mapping, columns: Sequence[str]) -> tuple[Mapping, list[str]]:
    """The mapping with its columns spelt out, and the columns that mean nothing to a plain one."""
    if not mapping.plain:
        return mapping, []
    fields: dict[Column, str] = {name: name for name in COLUMNS if name in columns}
    identifiers: dict[str, tuple[str, ...]] = {}
    maps: dict[str, dict[str, str]] = {"traits": {}, "properties": {}}
    unknown = []
    for column in columns:
        table, _, name = column.partition(".")
        if column in fields:
            continue
        if column in DEFAULT_TYPES or (table == "identifiers" and name and "." not in name):
            kind = name or column
            identifiers[kind] = (*identifiers.get(kind, ()), column)
        elif table in maps and name:
            maps[table][name] = column
        else:
            unknown.append(column)
    return mapping.model_copy(update={"columns": fields, "identifiers": identifiers, **maps}), unknown


def check_columns(mapping: Mapping, reader: Reader) -> None:
    """Whether a file has the columns that its mapping needs.

    Raises:
        UnknownColumn: no; the message names the file, the column and the nearest one that it has.
    """
    if mapping.plain:
        _check_plain(mapping, reader)
        return
    for column in sorted(mapping.used):
        if not reader.holds(column):
            raise UnknownColumn(f"{reader.path} has no column {column!r}{nearest(column, reader.columns)}")


def _check_plain(mapping: Mapping, reader: Reader) -> None:
    if not (reader.columns or reader.whole):
        return
    concrete, unknown = resolved(mapping, reader.columns)
    hint = "; without a mapping the columns have the plain field names (docs/mapping.md), else give --mapping"
    if unknown:
        raise UnknownColumn(f"{reader.path} has an unknown column {unknown[0]!r}{nearest(unknown[0], _PLAIN)}{hint}")
    if not reader.columns:
        return  # an empty JSON Lines file
    if concrete.kind == "event" and "kind" not in concrete.columns:
        for field in lacking(concrete):
            if not reader.holds(field):
                raise UnknownColumn(f"{reader.path} has no column {field!r}{hint}")
    if not concrete.identifiers and reader.whole:
        raise UnknownColumn(f"{reader.path} has no column of an identifier (such as email or identifiers.cookie){hint}")


def unused_columns(mapping: Mapping, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns of a file that its mapping leaves out (they still count in the key of a row without event id)."""
    used = resolved(mapping, list(columns))[0].used
    return tuple(column for column in columns if column not in used)
