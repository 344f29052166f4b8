"""Paths to goals: what of each journey leads up to each conversion, and what leads to none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..attribution import Columns, PathTable, firsts
from ..errors import QueryError, UnknownName, nearest
from ..frame import Codes, Flags, Floats, Ints, JourneyFrame
from .params import DAY_US, Filters
from .walks import Walks, goals, require, walk


@dataclass(frozen=True)
class GoalPaths:
    """The paths of some walks: ``P`` of them, in the order of the walks; a path never leaves its walk."""

    walks: Walks  # whole journeys, goals and excluded touchpoints among them
    table: PathTable  # one row per path: one conversion, or one null
    walk: Ints  # [P]
    unvalued: int  # conversions whose value, being in another currency, is left out
    waiting: int  # journeys whose touches after the last goal are left out: they may still lead to one

    @property
    def converting(self) -> Flags:
        """Which paths lead to a goal: [P]."""
        return self.table.conversions > 0


def goal_paths(frame: JourneyFrame, filters: Filters, currency: str | None = None) -> GoalPaths:
    """Cut journeys into paths to goals.

    Each goal ends a path, which holds the touches since the goal before it, or since the journey's start; goals are no
    touches. What comes after the last goal is a path to none (a null path), unless the journey's last touchpoint lies
    within the gap of the data's end: then it may still lead to a goal, and is left out. Lookback counts back from the
    goal, inclusively; of a null path from the journey's last touchpoint. Exclude takes touches out, never goals.
    Nothing is collapsed.

    Args:
        frame: all journeys.
        filters: which journeys, labels, goals, lookback and excluded names.
        currency: of the values that count; needed where goals are paid in several.

    Raises:
        QueryError: there are no goals; goals are paid in several currencies, and none was chosen.
        UnknownName: the parameters name something that the graph does not hold.
    """
    if not (filters.goal or frame.settings.goals):
        raise QueryError(
            "nothing counts as conversion yet: name touchpoints with goal, or set goals in the settings of the graph"
        )
    walks = walk(frame, filters.model_copy(update={"lookback_days": None, "exclude": (), "collapse": False}))
    goal = goals(frame, filters)[walks.touchpoints]
    begins = np.zeros(len(goal), dtype=np.bool_)
    begins[1:] = goal[:-1]
    begins[walks.offsets[:-1]] = True
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(goal))[: len(starts)]
    lengths = ends - starts

    anchor = walks.times[ends - 1]  # the goal, or the journey's last touchpoint
    converts = goal[ends - 1]
    gap_us = frame.settings.gap_us if filters.gap_days is None else round(filters.gap_days * DAY_US)
    waits = ~converts & (frame.data_end - anchor <= gap_us)
    before = np.repeat(anchor, lengths) - walks.times
    touches = np.repeat(~waits, lengths) & ~goal
    if filters.lookback_us is not None:
        touches &= before <= filters.lookback_us
    if filters.exclude:
        require("touchpoint", filters.exclude, frame.name.texts)
        excluded = np.array([text in filters.exclude for text in frame.name.texts], dtype=np.bool_)
        touches &= ~excluded[frame.name.codes[walks.touchpoints]]

    kept = np.flatnonzero(touches)
    counts = np.diff(np.searchsorted(kept, np.append(starts, len(goal))))
    chosen = np.flatnonzero(converts | (counts > 0))
    conversions = converts[chosen].astype(np.float64)
    value, unvalued = _values(frame, filters, walks.touchpoints[ends[chosen] - 1], converts[chosen], currency)
    table = PathTable(
        texts=walks.texts,
        codes=walks.codes[kept],
        offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts[chosen])]),
        conversions=conversions,
        value=value,
        nulls=1 - conversions,
        days=before[kept] / DAY_US,
    )
    walk_of = np.searchsorted(walks.offsets, starts[chosen], side="right") - 1
    return GoalPaths(walks, table, walk_of, unvalued, int(waits.sum()))


@dataclass(frozen=True)
class LedUp:
    """Which labels led up to conversions, and in which walks: ``K`` times, each label once per path."""

    code: Ints  # [K] of the label, the number of labels for ``(none)``
    position: Ints  # [K] among the labels of its path, 0 for ``(none)``
    walk: Ints  # [K] never falling for one code
    user: Codes  # [W] of each walk

    def columns(self, columns: Columns) -> Ints:
        """The column of each: [K]."""
        if not columns.by_position:
            return self.code
        most = int(columns.position.max()) + 1
        return np.searchsorted(columns.code * most + columns.position, self.code * most + self.position)

    def counts(self, columns: Columns) -> tuple[Ints, Ints]:
        """Users and journeys of each column: [C] each."""
        column = self.columns(columns)
        order = np.argsort(column, kind="stable")
        column, walk = column[order], self.walk[order]

        def different(of: Ints | Codes) -> Ints:
            new = np.ones(len(of), dtype=np.bool_)
            new[1:] = (of[1:] != of[:-1]) | (column[1:] != column[:-1])
            return np.bincount(column[new], minlength=len(columns.code))

        return different(self.user[walk]), different(walk)  # walks are ordered by user


def led_up_by(found: GoalPaths) -> LedUp:
    """Which labels led up to conversions in some paths."""
    table = found.table
    order = firsts(table)
    touch = np.flatnonzero(order.first & found.converting[table.path])
    none = np.flatnonzero(found.converting & (table.lengths == 0))
    return LedUp(
        code=np.append(table.codes[touch].astype(np.int64), np.full(len(none), len(table.texts))),
        position=np.append(order.position[touch], np.zeros_like(none)),
        walk=found.walk[np.append(table.path[touch], none)],
        user=found.walks.user,
    )


def _values(
    frame: JourneyFrame, filters: Filters, ends: Ints, converts: Flags, currency: str | None
) -> tuple[Floats, int]:
    """What each path's goal is worth, and how many goals are worth something in another currency.

    Args:
        frame: all journeys.
        filters: which goals.
        ends: the last touchpoint of each path: [P].
        converts: whether that is a goal: [P].
        currency: see :func:`goal_paths`.
    """
    value = np.where(converts, frame.values[ends], 0.0)
    worth = np.flatnonzero(value)
    if not len(worth):
        return value, 0
    paid = frame.detail("currency").gather(ends[worth])
    known = sorted(paid.drop_nulls().unique().to_list())
    if currency is None:
        if len(known) + paid.has_nulls() > 1:
            which = ", ".join(known) + (" and no currency at all" if paid.has_nulls() else "")
            raise QueryError(
                f"goals are paid in {which}, which are never added up; choose one of them with currency={known[0]}"
            )
        return value, 0
    if currency not in known:  # which may be so of the chosen journeys only
        anywhere = frame.detail("currency").filter(pl.Series(goals(frame, filters) & (frame.values != 0)))
        if not (anywhere == currency).any():
            raise UnknownName(f"no goal is paid in {currency!r}{nearest(currency, anywhere.drop_nulls().unique())}")
    other = (paid != currency).fill_null(True).to_numpy()
    value[worth[other]] = 0.0
    return value, int(other.sum())
