"""A proposal of a mapping for a file that nobody has described yet.

Names of columns speak first, their contents decide. What stays doubtful is said, never hidden.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from .canonical import to_events
from .draft import Draft
from .evidence import evidence
from .mapping import Mapping
from .readers import open_reader

_SAMPLE = 50_000


@dataclass(frozen=True)
class Guess:
    """A proposed mapping file, and what was unclear about it."""

    toml: str
    unsure: list[str] = field(default_factory=list)


def guess(path: Path) -> Guess:
    """Propose a mapping for a file from the names and contents of its columns (first 50,000 rows).

    The proposal loads, and fits the file.

    Raises:
        InputError: the file cannot be read, is empty, or no column of it can be an identifier.
    """
    rows = next(open_reader(path).batches(), None)
    if rows is None or rows.columns.is_empty():
        raise InputError(f"{path} holds no row to guess from")
    source = path.name.split(".", 1)[0] or "events"
    draft = Draft(evidence(rows.columns.head(_SAMPLE)), source)
    draft.draw()
    toml = _toml(draft, source)
    _, rejects = to_events(rows, Mapping.model_validate(tomllib.loads(toml)), str(path))
    for (reason, blamed), count in Counter((reject.reason, reject.field) for reject in rejects).most_common(3):
        of_field = f" ({blamed})" if blamed else ""
        draft.unsure.append(f"{count:,} of the first {rows.count:,} rows would be rejected: {reason}{of_field}")
    return Guess(toml, draft.unsure)


def _toml(draft: Draft, source: str) -> str:
    """The draft as a mapping file."""
    top = f"source = {_value(source)}\n" + (f"kind = {_value(draft.kind)}\n" if draft.kind != "event" else "")
    identifiers = {kind: names[0] if len(names) == 1 else names for kind, names in draft.identifiers.items()}
    tables: dict[str, AnyMapping[str, Any]] = {
        "columns": draft.columns,
        "constants": draft.constants,
        "time": draft.time,
        "identifiers": identifiers,
        "traits": draft.traits,
        "properties": draft.properties,
        "settings": {"goals": draft.goals} if draft.goals else {},
    }
    return top + "".join(
        f"\n[{table}]\n" + "".join(f"{_key(name)} = {_value(value)}\n" for name, value in entries.items())
        for table, entries in tables.items()
        if entries
    )


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    """A TOML text or list of texts: a JSON one, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
