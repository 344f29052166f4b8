"""What goes wrong between a touchpoint and its row in a file: late, twice, with placeholders, or spoilt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..frame import Floats, Ints
from .scenes import DAY
from .systems import System

#: Shares of the rows of each system; at least one row of each batch is hit.
LATE = 0.03  # arrives up to three days later than usual
TWICE = 0.01  # arrives a second time, to the letter
PLACEHOLDER = 0.01  # one identifier says nothing; only in systems whose rows carry an id (else two might be equal)
BAD = 0.003  # beside the good rows: must be rejected

PLACEHOLDERS = ("null", "undefined", "guest", "anonymous", "n/a", "test@example.com", "0000-0000")

#: What is wrong with bad rows, in equal shares.
NO_TIME, UNREADABLE_TIME, ABSURD_TIME, NO_IDENTIFIER = range(4)
_ABSURD_YEARS = 7_000


@dataclass(frozen=True)
class Delivery:
    """The rows of one system for some touchpoints."""

    rows: pl.DataFrame  # its columns, in the order of arrival
    good: pl.DataFrame  # person, received and its columns: good rows, each once
    placeholders: int  # of the good rows: those with a placeholder
    duplicates: int
    bad: int


def delivered(touchpoints: pl.DataFrame, system: System, rng: np.random.Generator) -> Delivery:
    """Let a system record touchpoints, and things go wrong on the way.

    ``touchpoints`` has the columns that ``System.columns`` sees, but for received.
    """
    count = len(touchpoints)
    delay = rng.uniform(*system.arrives, count) + np.where(rng.random(count) < LATE, rng.uniform(0, 3 * DAY, count), 0)
    touchpoints = touchpoints.with_columns(received=pl.col("at") + _seconds(delay))

    unusable = _some(count, PLACEHOLDER, rng) if system.has_event_ids else np.empty(0, np.int64)
    good = _with_placeholders(_recorded(touchpoints, system), unusable, system, rng)
    again = good[_some(count, TWICE, rng)]
    again = again.with_columns(pl.col("received") + _seconds(rng.uniform(1, 2 * DAY, len(again))))
    bad = _spoilt(touchpoints[_some(count, BAD, rng)], system, rng)
    arrived = pl.concat([good, again, bad]).sort("received", maintain_order=True)
    arrived = arrived.with_columns(pl.col(system.counted).cast(pl.Int64, strict=False))
    return Delivery(arrived.select(list(system.columns)), good, len(unusable), len(again), len(bad))


def _recorded(touchpoints: pl.DataFrame, system: System) -> pl.DataFrame:
    return touchpoints.select("person", "received", **system.columns)


def _with_placeholders(rows: pl.DataFrame, which: Ints, system: System, rng: np.random.Generator) -> pl.DataFrame:
    """Put a placeholder into one identifier column of each of these rows."""
    columns = [column for column in system.identifier_columns if rows.schema[column] == pl.String]
    column_of = rng.integers(0, len(columns), len(which))
    for number, column in enumerate(columns):
        hit = which[column_of == number]
        rows = rows.with_columns(rows[column].clone().scatter(hit, rng.choice(PLACEHOLDERS, len(hit)).tolist()))
    return rows


def _spoilt(touchpoints: pl.DataFrame, system: System, rng: np.random.Generator) -> pl.DataFrame:
    """Bad rows, made of good touchpoints."""
    damage = pl.lit(pl.Series(rng.integers(0, 4, len(touchpoints))))
    years = pl.when(damage == ABSURD_TIME).then(pl.lit(f"{_ABSURD_YEARS}y")).otherwise(pl.lit("0y"))
    rows = _recorded(touchpoints.with_columns(pl.col("at").dt.offset_by(years)), system)
    identifiers = pl.col(list(system.identifier_columns))
    return rows.with_columns(
        pl.when(damage == UNREADABLE_TIME)
        .then(pl.lit("some time"))
        .when(damage != NO_TIME)
        .then(pl.col(system.time_column))
        .alias(system.time_column),
        pl.when(damage != NO_IDENTIFIER).then(identifiers).name.keep(),
    )


def _some(count: int, share: float, rng: np.random.Generator) -> Ints:
    """A share of so many rows, but at least one (where there is one)."""
    return rng.choice(count, min(count, max(1, round(count * share))), replace=False)


def _seconds(seconds: Floats) -> pl.Expr:
    return pl.lit(pl.Series((seconds * 1e6).astype(np.int64))).cast(pl.Duration("us"))
