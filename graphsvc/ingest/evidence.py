"""What a sample of a file says about each of its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from .texts import numbers, trimmed
from .times import read_times

#: Share of the filled rows that must fit for a column to count as times, numbers or addresses.
MOST = 0.95

#: Time formats to try after ISO 8601, the unambiguous ones first; of two that both fit the first is taken.
_FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %b %Y",
    "%b %d, %Y %H:%M:%S",
    "%b %d, %Y",
    "%d/%b/%Y:%H:%M:%S %z",
)
#: Bounds of an epoch column in its unit: 2001 to 2100.
_EPOCH_BOUNDS = {
    "s": (1_000_000_000, 4_102_444_800),
    "ms": (1_000_000_000_000, 4_102_444_800_000),
    "us": (1_000_000_000_000_000, 4_102_444_800_000_000),
}
_OFFSET = r"(?:Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)$"


@dataclass(frozen=True, eq=False)
class Evidence:
    """One column of a sample."""

    name: str
    texts: pl.Series  # trimmed, null where empty
    filled: int
    distinct: int
    time_formats: tuple[str, ...]  # that read (nearly) all of it
    has_offset: bool
    numeric: bool
    longest: int  # characters

    @property
    def words(self) -> str:
        """The name in lower case with single underscores, so that patterns can be short: ``userId`` is ``user_id``."""
        return _words(self.name)

    @property
    def last_words(self) -> str:
        """The words of the last two parts of a dotted name: ``user_id`` of ``context.user.id``."""
        return _words(".".join(self.name.split(".")[-2:]))

    def share(self, pattern: str) -> float:
        """Share of the filled rows that match a pattern."""
        return share(self.texts.drop_nulls().str.contains(pattern))


def share(mask: pl.Series) -> float:
    """Share of true values; 0 of nothing."""
    return len(mask.arg_true()) / max(len(mask), 1)


def evidence(columns: pl.DataFrame) -> list[Evidence]:
    """The evidence for each column of a sample of raw rows."""
    return [_of_column(texts) for texts in columns.select(trimmed(pl.all())).get_columns()]


def _words(name: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def _of_column(texts: pl.Series) -> Evidence:
    filled = texts.drop_nulls()
    numeric = share(numbers(filled).is_not_null()) >= MOST
    formats = _formats(filled, numeric=numeric)
    return Evidence(
        texts.name,
        texts,
        len(filled),
        filled.n_unique(),
        formats,
        "iso" in formats and bool(filled.str.slice(11).str.contains(_OFFSET).all()),
        numeric,
        max(filled.str.len_chars(), default=0),
    )


def _formats(filled: pl.Series, *, numeric: bool) -> tuple[str, ...]:
    if filled.is_empty():
        return ()
    if numeric:
        value = filled.cast(pl.Float64, strict=False)
        return tuple(unit for unit, bounds in _EPOCH_BOUNDS.items() if share(value.is_between(*bounds)) >= MOST)
    few = filled.head(200)  # most columns hold no times: say so early
    fitting = [form for form in ("iso", *_FORMATS) if _readable(few, form) >= MOST]
    return tuple(form for form in fitting if _readable(filled, form) >= MOST)


def _readable(texts: pl.Series, form: str) -> float:
    return share(read_times(texts, form, "UTC").at.is_not_null())
