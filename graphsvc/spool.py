"""Events on their way from files into a graph: in memory while they are few, else in a folder of their own on disk."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from .tables import EVENTS

_ROWS_PER_FILE = 250_000


class Spool:
    """Keeps events until all files are read, in the order in which they came.

    The folder holds personal data: only its owner may read it, and leaving the block removes it. After a crash the next
    spool in the same place does.
    """

    def __init__(self, folder: Path | None = None, rows_in_memory: int = _ROWS_PER_FILE) -> None:
        """Prepare; nothing is written before there are many events.

        Args:
            folder: where to keep them, which nobody else may use; None: a new folder among the system's temporary ones.
            rows_in_memory: more events than these go to disk.
        """
        self._folder = folder
        self._limit = rows_in_memory
        self._waiting: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self._rows = 0
        self._written = 0
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.clear()
        self._remove()

    def add(self, events: pl.DataFrame) -> None:
        """Add a batch of ``tables.EVENTS``."""
        self._waiting.append(events)
        self._rows += len(events)
        if self._rows > self._limit:
            self._write(pl.concat(self._waiting))
            self._waiting, self._rows = [], 0

    def events(self) -> pl.LazyFrame:
        """All events so far; to be used before the block is left."""
        rest = pl.concat([pl.DataFrame(schema=EVENTS), *self._waiting]).lazy()
        return pl.concat([pl.scan_parquet(self._files), rest]) if self._files else rest

    def keep(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """What was worked out from the events, kept in their place so that it is worked out once."""
        if not self._files:
            return events.collect().lazy()
        kept = self._new_file()
        events.sink_parquet(kept, compression="lz4", row_group_size=_ROWS_PER_FILE, maintain_order=True)
        for file in self._files:
            file.unlink()
        self._files, self._waiting = [kept], []
        return pl.scan_parquet(kept)

    def _write(self, events: pl.DataFrame) -> None:
        file = self._new_file()
        events.write_parquet(file, compression="lz4", statistics=False)
        self._files.append(file)

    def _new_file(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="graphsvc-"))
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._written += 1
        return self._folder / f"events-{self._written}.parquet"

    def _remove(self) -> None:
        """Remove our files, and the folder unless somebody keeps others there."""
        if self._folder is None or not self._folder.is_dir():
            return
        for file in self._folder.glob("events-*.parquet"):
            file.unlink()
        with suppress(OSError):
            self._folder.rmdir()
