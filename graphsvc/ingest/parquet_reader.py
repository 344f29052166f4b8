"""Parquet: typed columns to the same texts that CSV and JSON would hold, or nested records to what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from ..errors import UnsupportedFile
from .records import as_rows, as_text, short_enough, without
from .rejects import Reason, Reject
from .rows import RawRows
from .sources import Source

_BATCH = 100_000
_RECORDS = 20_000  # which take more room than columns


class ParquetReader:
    """A Parquet file. Its lines are rows."""

    def __init__(self, source: Source, shape: Callable[[Any], Any] | None = None) -> None:
        """Read the schema, or where records are shaped the first of them.

        Args:
            source: the file.
            shape: makes the record that is read from what a row holds; None: the columns are taken as they are.

        Raises:
            UnsupportedFile: the file is damaged.
        """
        self.path: Path = source.path
        self.size = source.size
        self.position = 0
        self.whole = shape is None
        self._shape = shape
        try:
            self._file = pyarrow.parquet.ParquetFile(self.path)
            head = pa.RecordBatch.from_pylist([], self._file.schema_arrow)
            if shape is not None:
                head = next(self._file.iter_batches(1_000), head)
            self.columns = self._rows(head, 1).columns.columns
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
            raise UnsupportedFile(f"{self.path} cannot be read as Parquet: it may be damaged") from error

    def holds(self, column: str) -> bool:
        """Whether the file, or one of the first records, has a column."""
        return column in self.columns

    def batches(self) -> Iterator[RawRows]:
        """The rows, in batches."""
        line = 1
        try:
            for batch in self._file.iter_batches(_BATCH if self._shape is None else _RECORDS):
                rows = self._rows(batch, line)
                line += batch.num_rows
                self.position = self.size * (line - 1) // max(self._file.metadata.num_rows, 1)
                yield rows
        except (pa.ArrowException, OSError):  # a damaged page
            broken = Reject(str(self.path), line, None, Reason.BROKEN_OFF, "")
            yield RawRows(
                pl.DataFrame(schema=dict.fromkeys(self.columns, pl.String)), pl.Series(dtype=pl.Int64), [broken]
            )

    def _rows(self, batch: pa.RecordBatch, line: int) -> RawRows:
        lines = range(line, line + batch.num_rows)
        if self._shape is None:
            return _typed(_flattened(pl.DataFrame(pl.from_arrow(batch))), lines, str(self.path))
        return as_rows([self._shape(record) for record in batch.to_pylist()], lines, str(self.path))


def _flattened(table: pl.DataFrame) -> pl.DataFrame:
    """Structs as columns with dotted names."""
    while structs := [column.name for column in table.get_columns() if isinstance(column.dtype, pl.Struct)]:
        table = table.unnest(structs, separator=".")
    return table


def _typed(table: pl.DataFrame, lines: range, file: str) -> RawRows:
    columns = {column.name: _as_text(column) for column in table.get_columns()}
    numbers = pl.int_range(lines.start, lines.stop, dtype=pl.Int64, eager=True)
    rows = RawRows(pl.DataFrame([texts.alias(name) for name, texts in columns.items()]), numbers)
    garbled = pl.Series([False]).new_from_index(0, table.height)
    for column in table.get_columns():
        if column.dtype == pl.Binary:  # of bytes that are no text nothing came
            garbled |= columns[column.name].is_null() & (column.bin.size() > 0)
    return short_enough(without(rows, garbled, Reason.NOT_UTF8, file), file)


def _as_text(column: pl.Series) -> pl.Series:
    """The texts of a typed column, null where it is null, NaN, an empty text or no text at all."""
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        return _iso_texts(column, zoned=kind.time_zone is not None)
    if isinstance(kind, pl.Duration):
        return column.dt.to_string("iso")
    if kind.is_float():
        return _float_texts(column)
    if kind == pl.Binary:
        return pl.Series([_decoded(value) for value in column], dtype=pl.String)
    if kind.is_nested():
        return pl.Series([as_text(value) for value in column.to_list()], dtype=pl.String)
    texts = column.cast(pl.String)
    return texts.set(texts == "", None)


def _iso_texts(column: pl.Series, *, zoned: bool) -> pl.Series:
    """``2024-03-13T10:21:14``, a fraction where there is one, ``Z`` where the column has a time zone."""
    column = column.dt.convert_time_zone("UTC") if zoned else column
    return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if zoned else ""))


def _float_texts(column: pl.Series) -> pl.Series:
    """The shortest form that reads back as the same number, as Python spells it; polars spells small ones otherwise."""
    texts = column.cast(pl.String).set(column.is_nan(), None)
    small = ((column.abs() < 1e-4) & (column != 0)).arg_true()
    return texts.scatter(small, [str(value) for value in column.gather(small).to_numpy()])


def _decoded(value: bytes | None) -> str | None:
    try:
        return value.decode() or None if value is not None else None
    except UnicodeDecodeError:
        return None
