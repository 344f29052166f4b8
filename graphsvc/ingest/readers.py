"""Opening an input file of any format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .csv_reader import CsvReader
from .jsonl_reader import JsonlReader
from .parquet_reader import ParquetReader
from .rows import RawRows, Reader
from .sources import Source, sniff


def open_reader(path: Path, name: str | None = None) -> Reader:
    """Open a file far enough to know its columns.

    Args:
        path: of the file.
        name: of the reader for what another tool records (``foreign``); None: by the format of the file.

    Raises:
        InputError: it cannot be read, or has no usable header.
        UnsupportedFile: it is none of CSV, JSON Lines (both also gzipped) and Parquet.
    """
    if name is not None:
        from .foreign import open_foreign

        return open_foreign(path, name)
    source = Source(path)
    form = sniff(source)
    if form == "csv":
        return CsvReader(source)
    return ParquetReader(source) if form == "parquet" else JsonlReader(source)


def read_rows(path: Path) -> Iterator[RawRows]:
    """The rows of a file in batches of some megabytes.

    Raises:
        InputError, UnsupportedFile: see ``open_reader``.
    """
    return open_reader(path).batches()
