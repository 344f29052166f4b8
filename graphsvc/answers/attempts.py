"""Attempts at a funnel: how far each entry gets, by any increasing choice of touchpoints that meets all limits.

A *pattern* is the steps that a match holds, in order; a *chain* of a pattern is a choice of touchpoints for them. For
each pattern the touchpoints that can begin a chain are found backwards, from the last step to the first: a touchpoint
begins a chain if the first touchpoint after it that begins a chain of the rest lies within reach. It is enough to look
at that first one: of two chains that start in order but end crosswise, the earlier start can go over to the other
chain where they cross, so a later start never ends earlier. For the same reason the chain of first choices ends
earliest of all, which is all that a window over the whole funnel asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby, permutations
from typing import Literal

import numpy as np

from ..frame import Flags, Ints
from .walks import Walks

Order = Literal["strict", "sequence", "any"]
Pattern = tuple[int, ...]


@dataclass(frozen=True)
class Limits:
    """What a match must meet; windows are inclusive."""

    strict: bool  # only neighbours match
    window_us: int | None  # from the entry to any touchpoint of the match
    within_us: Sequence[int | None]  # by step: from the touchpoint matched before
    breaking: Ints  # touchpoints that must not lie between two matched ones, in order
    held: Ints | None  # [M] what must stay the same along a match, below 0 where there is nothing; None: no matter


@dataclass(frozen=True)
class Attempts:
    """``E`` entries, by touchpoint, each with its best match over ``K`` rows."""

    entry: Ints  # [E] index into the walks' touchpoints
    walk: Ints  # [E]
    at: Ints  # [E, K] the touchpoint matched in each row, -1 where none is
    required: Ints  # [E] required steps in the match
    steps: Ints  # [E] steps in the match


@dataclass(frozen=True)
class _Chain:
    """The touchpoints that begin a chain of a pattern, in matching order."""

    at: Ints  # places in matching order
    end: Ints  # time at which the chain of first choices ends
    onward: Ints  # row of the next touchpoint in the chain of the rest


class Matcher:
    """Finds the chains of patterns in walks; a chain is kept, as the patterns share their ends."""

    def __init__(self, walks: Walks, matching: Sequence[Flags], limits: Limits) -> None:
        """Prepare.

        Args:
            walks: the journeys.
            matching: by step, the touchpoints that match it: [M] each.
            limits: what a match must meet.
        """
        self.walks, self.limits = walks, limits
        walk_of = np.repeat(np.arange(len(walks), dtype=np.int64), walks.lengths)
        every = np.arange(len(walk_of), dtype=np.int64)
        # Matching order: by walk and held value, then as in the walk. Without a held value that is the walks' own.
        self.place = every if limits.held is None else np.lexsort((every, limits.held, walk_of))
        held = np.zeros_like(every) if limits.held is None else limits.held[self.place]
        self._walk = walk_of[self.place]
        self._times = walks.times[self.place]
        self._group = np.cumsum((np.diff(self._walk, prepend=-1) != 0) | (np.diff(held, prepend=-1) != 0))
        self._starts = [np.flatnonzero(flags[self.place] & (held >= 0)) for flags in matching]
        self._chains: dict[Pattern, _Chain] = {}
        self._walk_of = walk_of

    @cached_property
    def _next_breaking(self) -> Ints:
        """The first breaking touchpoint after each touchpoint, by place: [M]."""
        after = np.append(self.limits.breaking, len(self.place))
        return after[np.searchsorted(self.limits.breaking, self.place, side="right")]

    def chain(self, pattern: Pattern) -> _Chain:
        """The chains of a pattern."""
        if pattern not in self._chains:
            self._chains[pattern] = self._chain(pattern)
        return self._chains[pattern]

    def _chain(self, pattern: Pattern) -> _Chain:
        at = self._starts[pattern[0]]
        if len(pattern) == 1:
            return _Chain(at, self._times[at], np.full(len(at), -1, dtype=np.int64))
        rest = self.chain(pattern[1:])
        if not len(rest.at):
            return _Chain(at[:0], at[:0], at[:0])
        onward = np.searchsorted(rest.at, at, side="right")
        reached = onward < len(rest.at)
        at, onward = at[reached], onward[reached]
        after = rest.at[onward]
        near = self._group[after] == self._group[at]
        within = self.limits.within_us[pattern[1]]
        if within is not None:
            near &= self._times[after] - self._times[at] <= within
        if self.limits.strict:
            near &= self.place[after] == self.place[at] + 1
        if len(self.limits.breaking):
            near &= self._next_breaking[at] >= self.place[after]
        return _Chain(at[near], rest.end[onward[near]], onward[near])

    def matches(self, pattern: Pattern) -> Ints:
        """The touchpoints of the match of each entry that reaches the end of a pattern: [entries, steps]."""
        chain = self.chain(pattern)
        row = np.arange(len(chain.at))
        if self.limits.window_us is not None:
            row = np.flatnonzero(chain.end - self._times[chain.at] <= self.limits.window_us)
        found = np.empty((len(row), len(pattern)), dtype=np.int64)
        for nth in range(len(pattern)):
            chain = self.chain(pattern[nth:])
            found[:, nth] = self.place[chain.at[row]]
            row = chain.onward[row]
        return found

    def attempts(self, patterns: Iterable[tuple[Pattern, Pattern, int]], rows: int) -> Attempts:
        """The best match of every entry: most required steps, then most steps, then the earliest touchpoints.

        Args:
            patterns: each with the rows in which its touchpoints stand, and how many required steps it has.
            rows: how many there are.
        """
        best: list[Ints] = []
        ranks: list[Ints] = []
        entered = np.zeros(len(self.place), dtype=np.bool_)  # has a match already, and patterns come from the best on
        by_rank = sorted(patterns, key=_rank, reverse=True)
        for rank, equal in groupby(by_rank, key=_rank):
            found = [(self.matches(pattern), columns) for pattern, columns, _ in equal]
            chosen = np.concatenate([at for at, _ in found])
            which = np.repeat(np.arange(len(found)), [len(at) for at, _ in found])
            new = np.flatnonzero(~entered[chosen[:, 0]])
            if len(found) > 1:
                new = new[np.lexsort(tuple(chosen[new, nth] for nth in reversed(range(rank[1]))))]
                new = new[np.flatnonzero(np.diff(chosen[new, 0], prepend=-1))]
            entered[chosen[new, 0]] = True
            at = np.full((len(new), rows), -1, dtype=np.int64)
            for nth, (_, columns) in enumerate(found):
                own = np.flatnonzero(which[new] == nth)
                at[own[:, None], columns] = chosen[new[own]]
            best.append(at)
            ranks.append(np.broadcast_to(rank, (len(new), 2)))
        every = np.concatenate(best) if best else np.empty((0, rows), dtype=np.int64)
        entry = np.where(every < 0, len(self.place), every).min(axis=1, initial=len(self.place))
        order = np.argsort(entry)
        rank_of = np.concatenate(ranks)[order] if ranks else np.empty((0, 2), dtype=np.int64)
        return Attempts(entry[order], self._walk_of[entry[order]], every[order], rank_of[:, 0], rank_of[:, 1])


def _rank(pattern: tuple[Pattern, Pattern, int]) -> tuple[int, int]:
    return pattern[2], len(pattern[0])


def patterns(optional: Sequence[bool], order: Order, *, closed: bool) -> Iterable[tuple[Pattern, Pattern, int]]:
    """The patterns that a match may have, with the row of each of its steps and its number of required steps.

    In any order row ``i`` tells that ``i + 1`` different steps are done. Else a step has its own row, and a match
    holds every required step between its first and its last; closed, it begins with the first step.
    """
    steps = range(len(optional))
    if order == "any":
        for length in range(1, len(optional) + 1):
            for chosen in permutations(steps, length):
                yield chosen, tuple(range(length)), length
        return
    for first in [0] if closed else steps:
        for last in range(first, len(optional)):
            between = range(first + 1, last)
            needed = [step for step in between if not optional[step]]
            extra = [step for step in between if optional[step]]
            for many in range(len(extra) + 1):
                for some in combinations(extra, many):
                    pattern = tuple(sorted({first, last, *needed, *some}))
                    yield pattern, pattern, sum(not optional[step] for step in pattern)


def first_entries(attempts: Attempts) -> Attempts:
    """The first entry of each walk."""
    return taken(attempts, np.flatnonzero(np.diff(attempts.walk, prepend=-1)))


def best_by(attempts: Attempts, of: Ints) -> Attempts:
    """The best attempt of each owner: most required steps, then most steps, then the earliest.

    Args:
        attempts: of one or many owners.
        of: the owner of each attempt, such as its user: [E].
    """
    order = np.lexsort((attempts.entry, -attempts.steps, -attempts.required, of))
    return taken(attempts, np.sort(order[np.flatnonzero(np.diff(of[order], prepend=-1))]))


def taken(attempts: Attempts, which: Ints) -> Attempts:
    """Some of the attempts."""
    return Attempts(
        attempts.entry[which],
        attempts.walk[which],
        attempts.at[which],
        attempts.required[which],
        attempts.steps[which],
    )
