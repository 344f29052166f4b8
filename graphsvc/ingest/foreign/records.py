"""Records of other tools: looking into them, and saying them in the plain field names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..records import as_text

Record = dict[str, Any]
Shape = Callable[[Record], Record]


def inside(record: Any, *names: str) -> Any:
    """What stands at a path of names; None where there is nothing."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def first(*values: Any) -> Any:
    """The first value that says something; 0 and False do."""
    return next((value for value in values if value not in (None, "")), None)


def under(heading: str, values: Any) -> Record:
    """Values as columns under a heading (``properties``); objects in them become words joined by ``_``."""
    told = _words(values) if isinstance(values, dict) else {}
    return {f"{heading}.{name}": value for name, value in told.items() if name}


def _words(values: Record) -> Record:
    flat: Record = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= {f"{name}_{inner}": deep for inner, deep in _words(value).items()}
        else:
            flat[name] = value
    return flat


def shaped(shape: Shape, record: Any) -> Any:
    """A record in the plain field names; an object where a text should be is its JSON, not a column of its own."""
    if not isinstance(record, dict):
        return record
    return {name: as_text(value) if isinstance(value, dict) else value for name, value in shape(record).items()}
