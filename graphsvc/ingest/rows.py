"""What every reader gives: rows as texts, with the lines they came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from .rejects import Reject

#: Bytes of one field, beyond which a row is refused.
FIELD_LIMIT = 32 * 1024


@dataclass(frozen=True)
class RawRows:
    """Some rows of a file before any mapping.

    Every column is text, null where the field is empty or absent. Nested objects are flattened to dotted names; a
    list is its JSON text. Numbers are written as their shortest form, booleans as ``true`` and ``false``, times of
    Parquet as ISO 8601, so that the same row has the same texts whatever the format of its file.
    """

    columns: pl.DataFrame  # String columns
    lines: pl.Series  # Int64, physical line from 1 (Parquet: row; records: position)
    rejects: list[Reject] = field(default_factory=list)  # rows that could not be read

    @property
    def count(self) -> int:
        """Rows seen, bad ones included."""
        return len(self.lines) + len(self.rejects)


class Reader(Protocol):
    """An input file, opened far enough to know its columns."""

    path: Path
    size: int  # bytes
    columns: list[str]
    whole: bool  # whether `columns` are all; if not, they are those of the first rows

    @property
    def position(self) -> int:
        """Bytes read so far."""

    def holds(self, column: str) -> bool:
        """Whether a column occurs anywhere in the file (may read it through)."""

    def batches(self) -> Iterator[RawRows]:
        """The rows, from the first on."""
