"""Ranking and measuring occurrences: runs of touchpoints along walks, grouped by the labels that they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ..frame import Ints
from .result import Totals
from .walks import Walks

_LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Occurrences:
    """``P`` runs of neighbouring touchpoints."""

    walk: Ints  # [P] row in the walks
    first: Ints  # [P] index of its first touchpoint
    length: Ints  # [P] touchpoints, at least 1

    def __len__(self) -> int:
        return len(self.walk)

    def microseconds(self, walks: Walks) -> Ints:
        """From first to last touchpoint: [P]."""
        elapsed: Ints = walks.times[self.first + self.length - 1] - walks.times[self.first]
        return elapsed

    def labels(self, walks: Walks, occurrence: int) -> list[str]:
        """The labels along one of them."""
        first = self.first[occurrence]
        return [walks.texts[code] for code in walks.codes[first : first + self.length[occurrence]]]


@dataclass(frozen=True)
class Leading:
    """The ``k`` most common groups; all other occurrences belong to row ``k``, the remainder."""

    row: Ints  # [P] 0 to k
    examples: Ints  # [k] an occurrence of each
    distinct: int  # groups in all


def numbers(walks: Walks, found: Occurrences, inner: Ints, last: Ints) -> Ints:
    """One number per occurrence, equal where the labels are equal: [P].

    The labels of a run are read as digits, so that numbers order as their digits say; a run that has ended goes on
    with zeros. Where one digit more would overflow, the numbers so far are replaced by their ranks.

    Args:
        walks: the walks.
        found: runs along them.
        inner: digit of each label, from 1, where the run goes on: [labels].
        last: its digit where the run ends: [labels].
    """
    base = int(max(inner.max(initial=0), last.max(initial=0))) + 1
    number = np.zeros(len(found), dtype=np.int64)
    below = 1  # every number so far is smaller
    for step in range(int(found.length.max(initial=0))):
        if below > _LARGEST // base:
            present, number = np.unique(number, return_inverse=True)
            below = len(present)
        codes = walks.codes[np.minimum(found.first + step, len(walks.codes) - 1)]
        digits = inner[codes]
        ends = np.flatnonzero(found.length == step + 1)
        digits[ends] = last[codes[ends]]
        digits[found.length <= step] = 0
        number = number * base + digits
        below *= base
    return number


def leading(number: Ints, top: int, min_count: int) -> Leading:
    """The most common groups of occurrences; among groups of one size, those with the smaller number.

    Args:
        number: of each occurrence, equal within a group: [P].
        top: how many groups at most.
        min_count: groups with fewer occurrences go into the remainder.
    """
    present, counts = np.unique(number, return_counts=True)
    ranked = np.argsort(-counts, kind="stable")[:top]
    ranked = ranked[counts[ranked] >= min_count]
    row = _row_of(number, present[ranked])
    examples = np.empty(len(ranked), dtype=np.int64)
    leads = np.flatnonzero(row < len(ranked))
    examples[row[leads]] = leads
    return Leading(row, examples, len(present))


def _row_of(number: Ints, ranked: Ints) -> Ints:
    """Where each number stands among the ranked ones, their count where it does not: [P]."""
    if not len(ranked):
        return np.zeros(len(number), dtype=np.int64)
    if number.max() < len(number):  # a table of all numbers is small
        table = np.full(len(number), len(ranked), dtype=np.int64)
        table[ranked] = np.arange(len(ranked))
        return table[number]
    order = np.argsort(ranked)
    nearest = np.searchsorted(ranked[order], number)
    nearest[nearest == len(ranked)] = 0
    return np.where(ranked[order][nearest] == number, order[nearest], len(ranked))


def measure(
    walks: Walks, found: Occurrences, row: Ints, quantiles: dict[str, float], *, outcomes: bool = False
) -> dict[int, dict[str, Any]]:
    """Measures of each row that occurs.

    Args:
        walks: the walks.
        found: runs along them.
        row: of each run: [P].
        quantiles: of the seconds from first to last touchpoint, by name, interpolated linearly.
        outcomes: also count the journeys that converted and that are open.
    """
    columns = {"row": row, "walk": found.walk, "user": walks.user[found.walk], "us": found.microseconds(walks)}
    measures = [
        pl.len().alias("count"),
        pl.col("user").n_unique().alias("users"),
        pl.col("walk").n_unique().alias("journeys"),
    ]
    if outcomes:
        columns |= {"converted": walks.converted[found.walk], "open": walks.open[found.walk]}
        measures += [pl.col("walk").filter(outcome).n_unique().alias(outcome) for outcome in ("converted", "open")]
    measures += [
        pl.col("us").quantile(at, interpolation="linear").alias(f"{name}_seconds") for name, at in quantiles.items()
    ]
    by_row = pl.DataFrame(columns).group_by("row").agg(measures)
    if outcomes:
        by_row = by_row.with_columns(conversion=pl.col("converted") / pl.col("journeys"))
    measured = {each.pop("row"): each for each in by_row.iter_rows(named=True)}
    for each in measured.values():
        for name in quantiles:  # divided here: polars would multiply by the reciprocal, which differs in the last bit
            each[f"{name}_seconds"] /= 1e6
    return measured


def totals(walks: Walks, *, occurrences: int, distinct: int) -> Totals:
    """What an answer on these walks was counted on."""
    return Totals(
        journeys=walks.journeys_before,
        chosen=walks.journeys_chosen,
        counted=len(walks),
        users=int(np.count_nonzero(np.diff(walks.user, prepend=-1))),  # walks are ordered by user
        converted=int(walks.converted.sum()),
        open=int(walks.open.sum()),
        occurrences=occurrences,
        distinct=distinct,
    )
