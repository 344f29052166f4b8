"""Attempts at a funnel: how far each entry gets, by any increasing choice of touchpoints that meets all limits.

A *pattern* is the steps that a match holds, in order; a *chain* of a pattern is a choice of touchpoints for them. For
each pattern the touchpoints that can begin a chain are found backwards, from the last step to the first: a touchpoint
begins a chain if the first touchpoint after it that begins a chain of the rest lies within reach. It is enough to look
at that first one: of two chains that start in order but end crosswise, the earlier start can go over to the other
chain where they cross, so a later start never ends earlier. For the same reason the chain of first choices ends
earliest of all, which is all that a window over the whole funnel asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
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
    at: Ints  # [E, K] the touchpoint matched in each row, -1 where none is; columns lie contiguous
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
        self.limits = limits
        self._walk = walks.walk_of
        self._times = walks.times
        #: Places in matching order: by walk and held value, then as in the walk; without a held value, as they are.
        self.place: Ints | None = None
        self._group = self._walk
        if limits.held is not None:
            self.place = np.lexsort((np.arange(len(self._walk)), limits.held, self._walk))
            held = limits.held[self.place]
            walk = self._walk[self.place]
            self._group = np.cumsum((np.diff(walk, prepend=-1) != 0) | (np.diff(held, prepend=-1) != 0))
            self._times = walks.times[self.place]
            matching = [flags[self.place] & (held >= 0) for flags in matching]
        self._starts = [np.flatnonzero(flags) for flags in matching]
        self._chains: dict[Pattern, _Chain] = {}  # of ends of patterns, which patterns share

    def _placed(self, at: Ints) -> Ints:
        """Where some places in matching order lie in the walks."""
        return at if self.place is None else self.place[at]

    def _next_breaking(self, at: Ints) -> Ints:
        """The first breaking touchpoint after some touchpoints of the walks."""
        after = np.append(self.limits.breaking, len(self._walk))
        found: Ints = after[np.searchsorted(self.limits.breaking, at, side="right")]
        return found

    def _entries(self, steps: Collection[int], every: bool) -> tuple[Ints, Ints]:
        """The touchpoints that enter by one of some steps, unless ``every`` the first of each walk only; their walks:
        [E] each.
        """  # fmt: skip
        if len(steps) == 1:
            (entry,) = (self._placed(self._starts[step]) for step in steps)
            entry = entry if self.place is None else np.sort(entry)
        else:
            enters = np.zeros(len(self._walk), dtype=np.bool_)
            for step in steps:
                enters[self._placed(self._starts[step])] = True
            entry = np.flatnonzero(enters)
        walk = self._walk[entry]
        first = slice(None) if every else _begins(walk)
        return entry[first], walk[first]

    def _rest(self, pattern: Pattern) -> _Chain:
        """The chains of the end of a pattern, from all touchpoints."""
        if pattern not in self._chains:
            self._chains[pattern] = self._chain(pattern, self._starts[pattern[0]])
        return self._chains[pattern]

    def _chain(self, pattern: Pattern, at: Ints) -> _Chain:
        """The chains of a pattern from some of the places that match its first step."""
        if len(pattern) == 1:
            return _Chain(at, self._times[at], np.full(len(at), -1, dtype=np.int64))
        rest = self._rest(pattern[1:])
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
            near &= self._placed(after) == self._placed(at) + 1
        if len(self.limits.breaking):
            near &= self._next_breaking(self._placed(at)) >= self._placed(after)
        return _Chain(at[near], rest.end[onward[near]], onward[near])

    def _matches(self, pattern: Pattern, entries: Ints) -> Ints:
        """The touchpoints of the match of each entry that reaches the end of a pattern: [matches, steps].

        Args:
            pattern: what to match.
            entries: places that match its first step.
        """
        chain = self._chain(pattern, entries)
        row = np.arange(len(chain.at))
        if self.limits.window_us is not None:
            row = np.flatnonzero(chain.end - self._times[chain.at] <= self.limits.window_us)
        found = np.empty((len(row), len(pattern)), dtype=np.int64, order="F")
        for nth in range(len(pattern)):
            if nth:
                chain = self._rest(pattern[nth:])
            found[:, nth] = self._placed(chain.at[row])
            row = chain.onward[row]
        return found

    def attempts(self, patterns: Iterable[tuple[Pattern, Pattern, int]], rows: int, *, every: bool) -> Attempts:
        """The best match of each entry: most required steps, then most steps, then the earliest touchpoints.

        Args:
            patterns: each with the rows in which its touchpoints stand, and how many required steps it has.
            rows: how many there are.
            every: take every entry of a walk, not its first one only.
        """
        by_rank = sorted(patterns, key=_rank, reverse=True)
        places = {pattern[0]: self._starts[pattern[0]] for pattern, _, _ in by_rank}
        entry, walk = self._entries(places, every)
        if len(places) == 1 and self.place is None:
            places = dict.fromkeys(places, entry)
        number = np.empty(len(self._walk), dtype=np.int32)  # of entries
        number[entry] = np.arange(len(entry))
        open_ = np.zeros(len(self._walk), dtype=np.bool_)  # entries without a match as yet: [M]
        open_[entry] = True
        at = np.full((len(entry), rows), -1, dtype=np.int64, order="F")
        required, steps = (np.zeros(len(entry), dtype=np.int64) for _ in range(2))
        for rank, equal in groupby(by_rank, key=_rank):
            places = {step: starts[open_[self._placed(starts)]] for step, starts in places.items()}
            found = [(self._matches(pattern, places[pattern[0]]), columns) for pattern, columns, _ in equal]
            if len(found) > 1:
                found = _earliest(found)
            for chosen, columns in found:
                row = number[chosen[:, 0]]
                for column, place in enumerate(columns):
                    at[row, place] = chosen[:, column]
                required[row], steps[row] = rank
                open_[chosen[:, 0]] = False
        return Attempts(entry, walk, at, required, steps)


def _earliest(found: list[tuple[Ints, Pattern]]) -> list[tuple[Ints, Pattern]]:
    """Of the matches of several patterns of one length, each [matches, steps], the earliest of each entry."""
    every = np.concatenate([matches for matches, _ in found])
    which = np.repeat(np.arange(len(found)), [len(matches) for matches, _ in found])
    order = np.lexsort(tuple(every[:, step] for step in reversed(range(every.shape[1]))))
    first = order[_begins(every[order, 0])]
    return [(every[first[which[first] == nth]], columns) for nth, (_, columns) in enumerate(found)]


def _begins(of: Ints) -> Flags:
    """Where another owner begins than the one before."""
    begins = np.ones(len(of), dtype=np.bool_)
    np.not_equal(of[1:], of[:-1], out=begins[1:])
    return begins


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


def best_by(attempts: Attempts, of: Ints) -> Attempts:
    """The best attempt of each owner: most required steps, then most steps, then the earliest.

    Args:
        attempts: of one or many owners, in order of their owners.
        of: the owner of each attempt, such as its user, not falling: [E].
    """
    begins = np.flatnonzero(_begins(of))
    if len(begins) == len(of):
        return attempts
    worth = attempts.required * (attempts.at.shape[1] + 1) + attempts.steps
    owner = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(of)))
    good = np.flatnonzero(worth == np.maximum.reduceat(worth, begins)[owner])
    which = good[_begins(owner[good])]
    return Attempts(
        attempts.entry[which],
        attempts.walk[which],
        np.stack([touched[which] for touched in attempts.at.T]).T,
        attempts.required[which],
        attempts.steps[which],
    )
