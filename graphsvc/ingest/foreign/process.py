"""Process logs, by pm4py (the extra ``process``): XES, where a case is a person, and OCEL, where some objects are.

pm4py is under the AGPL: it is asked for only when such a file is read, and never comes with graphsvc itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError, UnsupportedFile
from ..records import as_rows
from ..rows import RawRows
from ..sources import Source
from .records import Record

_BATCH = 50_000
#: Object types that stand for a person, in whatever words are joined with them.
_PERSONS = re.compile(r"(?i)(customer|user|client|person|patient|visitor|member|lead|contact|student|citizen)s?")
_EVENT, _CASE = "concept:name", "case:concept:name"
_XES = {_EVENT: "name", "time:timestamp": "time", _CASE: "identifiers.case"}


class ProcessReader:
    """A process log, read whole: pm4py knows no other way. Its lines are events, in the order of pm4py."""

    whole = True

    def __init__(self, path: Path, name: str) -> None:
        """Read it.

        Raises:
            InputError: pm4py is not installed, or no object type of an OCEL log stands for a person.
            UnsupportedFile: pm4py cannot read it.
        """
        self.path, self.size, self.position = path, Source(path).size, 0
        self._records = _xes(path) if name == "xes" else _ocel(path)
        self.columns = list(dict.fromkeys(column for record in self._records for column in record))

    def holds(self, column: str) -> bool:
        """Whether an event has it."""
        return column in self.columns

    def batches(self) -> Iterator[RawRows]:
        """The events, in batches."""
        for begin in range(0, len(self._records), _BATCH):
            some = self._records[begin : begin + _BATCH]
            self.position = self.size * (begin + len(some)) // len(self._records)
            yield as_rows(some, range(begin + 1, begin + len(some) + 1), str(self.path))


def _pm4py() -> Any:
    try:
        import pm4py
    except ImportError as error:
        raise InputError("process logs need pm4py, which is under the AGPL: pip install 'graphsvc[process]'") from error
    return pm4py


def _read(path: Path, function: str, **options: Any) -> Any:
    reader = getattr(_pm4py(), function)
    try:
        return reader(str(path), **options)
    except Exception as error:  # whatever its parsers raise
        raise UnsupportedFile(f"{path} cannot be read by pm4py's {function}: {type(error).__name__}") from error


def _xes(path: Path) -> list[Record]:
    """Events of an XES log: attributes of the case are traits, those of the event properties."""
    log = _read(path, "read_xes", variant="iterparse", show_progress_bar=False)
    rows: list[Record] = log.to_dict("records")
    return [{"kind": "event", **{_xes_name(name): _whole(value) for name, value in row.items()}} for row in rows]


def _xes_name(name: str) -> str:
    if name in _XES:
        return _XES[name]
    heading, bare = ("traits", name.removeprefix("case:")) if name.startswith("case:") else ("properties", name)
    return f"{heading}.{bare.replace(':', '_')}"


def _whole(value: Any) -> Any:
    """A number as it stood in the log: a column with gaps makes floats of whole numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _ocel(path: Path) -> list[Record]:
    """Events of an OCEL log: objects that stand for persons are identifiers, the others properties."""
    log = _read(path, "read_ocel2" if _is_ocel2(path) else "read_ocel")
    types = sorted(log.relations["ocel:type"].unique())
    persons = [name for name in types if _PERSONS.search(name)]
    if not persons:
        raise InputError(
            f"no object type of {path} is called like a person, among {', '.join(map(repr, types))}; "
            "name one in a mapping of your own (docs/readers.md)"
        )
    objects: dict[str, dict[str, list[str]]] = {}
    for event, kind, found in log.relations[["ocel:eid", "ocel:type", "ocel:oid"]].itertuples(index=False):
        objects.setdefault(event, {}).setdefault(kind, []).append(found)
    return [_of_event(row, objects.get(row["ocel:eid"], {})) for row in log.events.to_dict("records")]


def _of_event(row: Record, objects: dict[str, list[str]]) -> Record:
    plain = {
        "kind": "event",
        "event_id": row.pop("ocel:eid"),
        "name": row.pop("ocel:activity"),
        "time": row.pop("ocel:timestamp"),
    }
    for kind, found in sorted(objects.items()):
        heading = "identifiers" if _PERSONS.search(kind) else "properties"
        plain[f"{heading}.{re.sub(r'[^A-Za-z0-9_-]', '_', kind)}"] = found[0] if len(found) == 1 else sorted(found)
    return plain | {f"properties.{name.replace(':', '_')}": value for name, value in row.items()}


def _is_ocel2(path: Path) -> bool:
    """Version 2 lists types of objects first; SQLite is taken for it, too."""
    source = Source(path)
    return path.suffix == ".sqlite" or source.holds(b'"objectTypes"') or source.holds(b"<object-types")
