"""From files to batches of events."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import InputError
from .canonical import to_events
from .columns import check_columns, unused_columns
from .mapping import PLAIN, Mapping, mapping_for
from .readers import open_reader
from .records import as_rows
from .rejects import Reject
from .rows import RawRows

_WILD = frozenset("*?[")


@dataclass(frozen=True)
class EventBatch:
    """Some rows of one file, read and mapped."""

    events: pl.DataFrame  # tables.EVENTS, in the order of the rows
    rejects: list[Reject]
    file: str
    rows: int  # read: good, equal and bad ones
    unused: tuple[str, ...] = ()  # columns of the file that its mapping leaves out


@dataclass(frozen=True)
class Progress:
    """How far reading is, over all files."""

    bytes_done: int
    bytes_total: int
    rows: int
    rejects: int
    file: str


def expand(patterns: Sequence[str | Path]) -> list[Path]:
    """Paths and globs (``data/**/*.csv``) as files: each once, those of one glob sorted.

    Raises:
        InputError: a path is no file, or a glob matches none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_file():
            files = [path]
        elif path.is_dir():
            raise InputError(f"{pattern} is a folder; name its files: {pattern}/*")
        elif _WILD & set(str(pattern)):
            matches = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 (absolute patterns, too)
            files = [Path(name) for name in matches if Path(name).is_file()]
            if not files:
                raise InputError(f"no file matches {pattern}")
        else:
            raise InputError(f"there is no file {pattern}")
        found.update(dict.fromkeys(files))
    return list(found)


def read_events(
    files: Sequence[str | Path],
    mappings: Sequence[Mapping] = (),
    progress: Callable[[Progress], None] | None = None,
    *,
    by_row: bool = False,
) -> Iterator[EventBatch]:
    """Read files to events, batch by batch. Memory is bounded by a batch.

    Every file is opened and its columns are checked before the first batch is given.

    Args:
        files: paths and globs.
        mappings: each file takes the first that is meant for it; none means plain columns.
        progress: called before each batch is given.
        by_row: columns are not checked first; a row with a field that means nothing becomes a reject.

    Raises:
        InputError: a file cannot be read, or no mapping is meant for it.
        UnsupportedFile: a file is none of CSV, JSON Lines and Parquet.
        UnknownColumn: a file lacks a column of its mapping.
    """
    paths = expand(files)
    meant = [(path, mapping_for(path, mappings)) for path in paths]
    opened = [(open_reader(path, mapping.reader), mapping) for path, mapping in meant]
    for reader, mapping in opened:
        if not by_row:
            check_columns(mapping, reader)
    total = sum(reader.size for reader, _ in opened)
    before = rows = rejects = 0
    for reader, mapping in opened:
        file = str(reader.path)
        for raw in reader.batches():
            events, bad = to_events(raw, mapping, file)
            rows += raw.count
            rejects += len(bad)
            if progress:
                progress(Progress(before + reader.position, total, rows, rejects, file))
            yield EventBatch(events, bad, file, raw.count, unused_columns(mapping, raw.columns.columns))
        before += reader.size


def events_from_records(records: Sequence[AnyMapping[str, Any]], mapping: Mapping = PLAIN) -> EventBatch:
    """Events from decoded JSON objects, as ``POST /events`` receives them. A reject's line is the position, from 1."""
    raw: RawRows = as_rows(records, range(1, len(records) + 1), "request")
    events, bad = to_events(raw, mapping, "request")
    return EventBatch(events, bad, "request", raw.count, unused_columns(mapping, raw.columns.columns))
