"""Records of other tools: looking into them, and reading them from Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from ...errors import UnsupportedFile
from ..records import as_rows, as_text
from ..rejects import Reason, Reject
from ..rows import RawRows
from ..sources import Source

Record = dict[str, Any]
Shape = Callable[[Record], Record]

_BATCH = 20_000


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


class ParquetRecords:
    """A Parquet file whose rows are nested records. Its lines are rows."""

    whole = False

    def __init__(self, source: Source, shape: Shape) -> None:
        """Read the first rows.

        Raises:
            UnsupportedFile: the file is damaged.
        """
        self.path, self.size, self.position, self._shape = source.path, source.size, 0, shape
        try:
            self._file = pyarrow.parquet.ParquetFile(self.path)
            head = next(self._file.iter_batches(1_000), pa.RecordBatch.from_pylist([]))
        except (pa.ArrowException, OSError) as error:
            raise UnsupportedFile(f"{self.path} cannot be read as Parquet: it may be damaged") from error
        self.columns = self._rows(head, 1).columns.columns

    def holds(self, column: str) -> bool:
        """Whether one of the first rows has it."""
        return column in self.columns

    def batches(self) -> Iterator[RawRows]:
        """The rows, in batches."""
        line = 1
        try:
            for batch in self._file.iter_batches(_BATCH):
                rows = self._rows(batch, line)
                line += batch.num_rows
                self.position = self.size * (line - 1) // max(self._file.metadata.num_rows, 1)
                yield rows
        except (pa.ArrowException, OSError):  # a damaged page
            broken = Reject(str(self.path), line, None, Reason.BROKEN_OFF, "")
            yield RawRows(pl.DataFrame(), pl.Series(dtype=pl.Int64), [broken])

    def _rows(self, batch: pa.RecordBatch, line: int) -> RawRows:
        records = [shaped(self._shape, record) for record in batch.to_pylist()]
        return as_rows(records, range(line, line + len(records)), str(self.path))
