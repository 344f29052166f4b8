"""Events on their way from files into a graph: in memory while they are few, else in a folder of their own on disk.

The folder holds personal data. Only its owner may read it; it goes when its block is left. A killed process cannot
remove its folder, but lets go of the lock in it: the next spool in the same place removes what nobody holds.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import polars as pl

from .tables import EVENTS

_ROWS_PER_FILE = 250_000
_LOCK = "graphsvc.lock"  # marks a folder as ours; held while it is used
_live: set[Spool] = set()


class Spool:
    """Keeps events until all files are read, in the order in which they came."""

    def __init__(self, beside: Path | None = None, rows_in_memory: int = _ROWS_PER_FILE) -> None:
        """Prepare; nothing is written before there are many events.

        Args:
            beside: file beside which the folder is made; None: among the system's temporary folders.
            rows_in_memory: more events than these go to disk.
        """
        self._place = beside.parent if beside else Path(tempfile.gettempdir())
        self._prefix = f".{beside.name}.spool-" if beside else "graphsvc-spool-"
        self._limit = rows_in_memory
        self._waiting: list[pl.DataFrame] = []
        self._rows = 0
        self._folder: Path | None = None
        self._lock: IO[str] | None = None
        self._files: list[Path] = []
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def add(self, events: pl.DataFrame) -> None:
        """Add a batch of ``tables.EVENTS``."""
        self._waiting.append(events)
        self._rows += len(events)
        if self._rows > self._limit:
            file = self._new_file()
            pl.concat(self._waiting).write_parquet(file, compression="lz4", statistics=False)
            self._files.append(file)
            self._waiting, self._rows = [], 0

    def events(self) -> pl.LazyFrame:
        """All events so far; to be used before the block is left."""
        rest = pl.concat([pl.DataFrame(schema=EVENTS), *self._waiting]).lazy()
        return pl.concat([pl.scan_parquet(self._files), rest]) if self._files else rest

    def in_memory(self, most: int) -> pl.DataFrame | None:
        """All events so far, where they are no more than these; else None."""
        return self.events().collect() if self._rows <= most and not self._files else None

    def kept(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """What was worked out from the events, kept beside them so that it is worked out once."""
        if not self._files:
            return events.collect().lazy()
        file = self._new_file()
        events.sink_parquet(file, compression="lz4", row_group_size=_ROWS_PER_FILE, maintain_order=True)
        return pl.scan_parquet(file)

    def remove(self) -> None:
        """Let go of the events."""
        self._waiting.clear()
        if self._folder is not None and self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._lock.close()
        _live.discard(self)

    def _new_file(self) -> Path:
        if self._folder is None:
            self._remove_abandoned()
            self._folder = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._place))  # its owner's only
            _live.add(self)
            self._lock = (self._folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._written += 1
        return self._folder / f"{self._written}.parquet"

    def _remove_abandoned(self) -> None:
        for mark in self._place.glob(f"{self._prefix}*/{_LOCK}"):
            try:
                with mark.open("r") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(mark.parent, ignore_errors=True)
            except OSError:  # somebody holds it, or it is not ours to open
                continue


def remove_all() -> None:
    """Remove the spools of this process: the last thing before it ends, however it ends."""
    for spool in list(_live):
        spool.remove()
