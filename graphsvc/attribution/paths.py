"""Tables of paths: what leads up to conversions, label by label, and how often it did and did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from ..errors import InputError, UnknownColumn, nearest
from ..frame import Codes, Flags, Floats, Ints

SEPARATOR = " > "

#: What stands for the labels of a path that has none.
NONE = "(none)"

_COLUMNS = ("path", "conversions", "value", "nulls", "days")
_COUNTS = ("conversions", "value", "nulls")


@dataclass(frozen=True)
class PathTable:
    """``P`` paths with ``M`` touches in all; path ``p`` owns the touches ``offsets[p]:offsets[p + 1]``.

    A path may stand in several rows. One without touches converted without anything that could be credited.
    """

    texts: list[str]  # labels, sorted by code point: [L]
    codes: Codes  # [M] codes into ``texts``
    offsets: Ints  # [P + 1]
    conversions: Floats  # [P] how often it led to a conversion
    value: Floats  # [P] what these conversions were worth together
    nulls: Floats  # [P] how often it led to none
    days: Floats | None = None  # [M] from each touch to the conversion

    def __len__(self) -> int:
        return len(self.conversions)

    @cached_property
    def lengths(self) -> Ints:
        """Touches of each path: [P]."""
        return np.diff(self.offsets)

    @cached_property
    def path(self) -> Ints:
        """The path of each touch: [M]."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    @property
    def distinct(self) -> int:
        """How many different paths led to conversions."""
        converting = pl.DataFrame({"path": self._lists(), "converted": self.conversions > 0}).filter("converted")
        return converting["path"].n_unique()

    def _lists(self) -> pl.Series:
        """The codes of each path as one list: [P]."""
        import pyarrow as pa

        lists = pa.LargeListArray.from_arrays(pa.array(self.offsets), pa.array(self.codes))
        return pl.Series("path", lists)

    def measure(self, *, by_value: bool) -> Floats:
        """What is credited: [P]."""
        return self.value if by_value else self.conversions

    def collapsed(self) -> PathTable:
        """The same paths with one touch, the first, for each run of touches with one label."""
        first = np.ones(len(self.codes), dtype=np.bool_)
        first[1:] = (self.codes[1:] != self.codes[:-1]) | (self.path[1:] != self.path[:-1])
        return self._keeping(first)

    def _keeping(self, kept: Flags) -> PathTable:
        before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(kept)])
        days = None if self.days is None else self.days[kept]
        return replace(self, codes=self.codes[kept], offsets=before[self.offsets], days=days)


def added(amount: Floats, place: Ints | Codes, places: int) -> Floats:
    """The sum of the amounts at each place: [places]."""
    return np.bincount(place, amount, minlength=places).astype(np.float64, copy=False)


def path_table(table: pl.DataFrame) -> PathTable:
    """A table of paths from a frame with one path per row.

    Equal paths become one row; rows are ordered by path, so that the order of the input makes no difference.

    Args:
        table: columns ``path`` (a list of labels, or a text of labels joined by `` > ``; empty: nothing came before
            the conversion) and ``conversions``; optional ``value`` (of these conversions together), ``nulls`` (how
            often the path led to no conversion) and ``days`` (a list: from each touch to the conversion).

    Raises:
        UnknownColumn: a column is missing, or means nothing here.
        InputError: a count that is negative or no number, a path that cannot be read.
    """
    for column in table.columns:
        if column not in _COLUMNS:
            raise UnknownColumn(f"a table of paths has no column {column!r}{nearest(column, _COLUMNS)}")
    for column in ("path", "conversions"):
        if column not in table.columns:
            raise UnknownColumn(f"a table of paths needs a column {column!r}; it has {', '.join(table.columns)}")
    paths = _paths(table["path"])
    timeless = pl.Series("days", [None] * len(table), dtype=pl.List(pl.Float64))
    days = _days(table["days"], paths) if "days" in table.columns else timeless
    counts = [_counts(table[column]) for column in _COUNTS if column in table.columns]
    merged = (
        pl.DataFrame([paths, days, *counts])
        .with_columns(pl.lit(0.0).alias(column) for column in _COUNTS if column not in table.columns)
        .group_by("path", "days")
        .agg(pl.col(_COUNTS).sum())
        .sort("path", "days")
    )
    return _table(merged, timed="days" in table.columns)


def _table(rows: pl.DataFrame, *, timed: bool) -> PathTable:
    worthless = rows.filter((pl.col("conversions") == 0) & (pl.col("value") != 0))
    if len(worthless):
        raise InputError(f"{_show(worthless['path'][0])} has a value but no conversions")
    lengths = rows["path"].list.len().to_numpy().astype(np.int64)
    labels = rows["path"].explode()  # a path without labels leaves nothing behind
    texts = labels.unique().sort()
    conversions, value, nulls = (rows[column].to_numpy() for column in _COUNTS)
    return PathTable(
        texts=texts.to_list(),
        codes=labels.cast(pl.Enum(texts)).to_physical().cast(pl.Int32).to_numpy(),
        offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]),
        conversions=conversions,
        value=value,
        nulls=nulls,
        days=rows["days"].explode().cast(pl.Float64).to_numpy() if timed else None,
    )


def _paths(given: pl.Series) -> pl.Series:
    """The paths as lists of labels.

    Raises:
        InputError: a path is missing, holds an empty label, or is no path at all.
    """
    paths = given.cast(pl.String) if given.dtype in (pl.Null, pl.Categorical, pl.Enum) else given
    if paths.dtype == pl.String:
        split = pl.col("path").str.split(SEPARATOR).list.eval(pl.element().str.strip_chars())
        blank = pl.col("path").str.strip_chars() == ""
        none = pl.lit([], dtype=pl.List(pl.String))
        paths = paths.to_frame("path").select(path=pl.when(blank).then(none).otherwise(split))["path"]
    elif isinstance(paths.dtype, pl.List | pl.Array):
        paths = paths.cast(pl.List(pl.String))
    else:
        raise InputError(f"the column path must hold texts or lists of labels, not {given.dtype}")
    _refuse("path", paths.is_null(), "is missing; write an empty path for conversions that nothing came before")
    empty = paths.list.eval(pl.element().is_null() | (pl.element() == "")).list.any()
    _refuse("path", empty & (paths.list.len() > 0), "holds an empty label")
    return paths


def _counts(given: pl.Series) -> pl.Series:
    """Counts or values as floats.

    Raises:
        InputError: not a number; or negative, which a value alone may be (a refund).
    """
    if not (given.dtype.is_numeric() or given.dtype == pl.Null):
        raise InputError(f"the column {given.name} must hold numbers, not {given.dtype}")
    counts = given.cast(pl.Float64)
    _refuse(given.name, ~counts.is_finite().fill_null(False), "is no finite number")
    if given.name != "value":
        _refuse(given.name, counts < 0, "is negative")
    return counts


def _days(given: pl.Series, paths: pl.Series) -> pl.Series:
    """Days before the conversion, one per touch.

    Raises:
        InputError: not one number of zero or more for each label of the path.
    """
    if isinstance(given.dtype, pl.Null):
        given = given.cast(pl.List(pl.Float64))
    if not (isinstance(given.dtype, pl.List | pl.Array) and _inner(given).is_numeric()):
        raise InputError(f"the column days must hold lists of numbers, one per label of the path, not {given.dtype}")
    days = given.cast(pl.List(pl.Float64))
    _refuse("days", (days.list.len() != paths.list.len()).fill_null(True), "has not one number per label of its path")
    bad = days.list.eval(~(pl.element().is_finite() & (pl.element() >= 0)).fill_null(False)).list.any()
    _refuse("days", bad, "holds something else than numbers of zero or more")
    return days


def _inner(series: pl.Series) -> pl.DataType:
    inner = series.dtype.inner if isinstance(series.dtype, pl.List | pl.Array) else series.dtype
    return inner if isinstance(inner, pl.DataType) else inner()


def _refuse(column: str, bad: pl.Series, why: str) -> None:
    """Raises InputError for the first row that is bad."""
    row = bad.fill_null(False).arg_true()
    if len(row):
        more = f" (and {len(row) - 1:,} more)" if len(row) > 1 else ""
        raise InputError(f"{column} in row {row[0] + 1} of the table of paths {why}{more}")


def _show(path: Sequence[str]) -> str:
    return repr(SEPARATOR.join(path))
