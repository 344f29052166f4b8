"""The Markov chain of paths, and what is lost when a label is removed from it (Anderl et al. 2016), solved exactly.

A state is a tuple of ``k`` neighbouring labels (a window that slides by one touch); equal neighbours are one state, and
a path shorter than ``k`` is one state. Each path starts, moves through its states, and ends in conversion or in null;
a move's probability is its share of all moves that leave its state. The *removal effect* of a label is the share of
conversions that is lost when every state that holds it leads to null.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..frame import Codes, Floats, Ints
from .paths import PathTable, added

#: Chains of up to so many states are solved by one dense inverse, whatever the number of labels.
DENSE_STATES = 500

#: A larger chain is walked for at most so many steps; one in which more than rounding is then still under way is
#: factorised once per label. (Factors of these chains fill up: 4,096 states of order 4 over 8 labels have 3 million
#: entries, growing with the square of the states.)
MOST_STEPS = 5_000

_LARGEST = np.iinfo(np.int64).max
_ROUNDING = 2.0**-53
_LABELS_AT_ONCE = 64


@dataclass(frozen=True)
class Chain:
    """The states of a table of paths and the moves between them, before they are weighed.

    ``S`` states, ``E`` different moves (``S`` as a source is the start), ``X`` moves in all of ``P`` paths.
    """

    labels: int
    holds: Codes  # [S, k] labels of each state, -1 beyond those of a short path
    source: Ints  # [E]
    target: Ints  # [E]
    move: Ints  # [X] row among the different moves
    path: Ints  # [X] whose move it is
    final: Ints  # [P] last state of each path, -1 where it has no touches

    @property
    def states(self) -> int:
        """Number of states."""
        return len(self.holds)

    @cached_property
    def held(self) -> list[Ints]:
        """The states that hold each label: [labels]."""
        state = np.repeat(np.arange(self.states, dtype=np.int64), self.holds.shape[1])
        label = self.holds.ravel().astype(np.int64)
        pairs = np.unique((label * self.states + state)[label >= 0])
        ends = np.searchsorted(pairs, np.arange(1, self.labels) * self.states)
        return [held % self.states for held in np.split(pairs, ends)]

    def weigh(self, conversions: Floats, nulls: Floats) -> tuple[Floats, Floats]:
        """How often each different move was made, [E], and how often each state was the last before conversion, [S].

        Args:
            conversions: of each path: [P].
            nulls: of each path: [P].
        """
        moves = added((conversions + nulls)[self.path], self.move, len(self.source))
        held = np.flatnonzero(self.final >= 0)
        return moves, added(conversions[held], self.final[held], self.states)


def chain(table: PathTable, order: int) -> Chain:
    """The chain of some paths.

    Args:
        table: of paths, not collapsed.
        order: labels of a state, from 1.
    """
    begins = _windows(table, order)
    path = table.path[begins]
    number, below = _numbered(table, begins, order)
    changes = np.ones(len(begins), dtype=np.bool_)
    changes[1:] = (number[1:] != number[:-1]) | (path[1:] != path[:-1])
    begins, path, number = begins[changes], path[changes], number[changes]
    present, state = _ranks(number, below)

    example = np.empty(len(present), dtype=np.int64)
    example[state] = begins
    at = example[:, None] + np.arange(order)
    inside = at < table.offsets[1:][table.path[example]][:, None]
    holds = np.where(inside, table.codes[np.where(inside, at, 0)], -1).astype(np.int32)

    states = len(present)
    former = np.empty(len(state), dtype=np.int64)
    former[1:] = state[:-1]
    starts = np.ones(len(path), dtype=np.bool_)
    starts[1:] = path[1:] != path[:-1]
    former[starts] = states
    moves, move = _ranks(former * max(states, 1) + state, (states + 1) * max(states, 1))
    final = np.full(len(table), -1, dtype=np.int64)
    final[path] = state  # of states of one path the last one stays
    return Chain(len(table.texts), holds, moves // max(states, 1), moves % max(states, 1), move, path, final)


def removal_effects(chain: Chain, moves: Floats, ends: Floats) -> Floats:
    """The share of conversions that is lost without each label: [labels]; zeros where nothing converts.

    Args:
        chain: the chain.
        moves: weight of each different move: [E].
        ends: weight of conversions after each state: [S].
    """
    if ends.sum() <= 0:
        return np.zeros(chain.labels)
    # What enters a state leaves it again: to another state, to conversion or to null.
    entered = added(moves, chain.target, chain.states)
    left = np.where(entered > 0, entered, 1.0)
    starts = chain.source == chain.states
    inner, begun = ~starts, chain.target[starts]
    source, target = chain.source[inner], chain.target[inner]
    start = added(moves[starts], begun, chain.states) / moves[starts].sum()
    solved = _Solved(chain, source, target, moves[inner] / left[source], start, ends / left)
    return solved.dense() if chain.states <= DENSE_STATES else solved.walked()


@dataclass(frozen=True)
class _Solved:
    """An absorbing chain: ``P = start (I − Q)⁻¹ R``."""

    chain: Chain
    source: Ints
    target: Ints
    share: Floats  # the entries of Q: of what leaves the source, what goes to the target
    start: Floats  # [S] of the paths, those that start in each state
    converts: Floats  # [S] R: of what leaves each state, what goes to conversion

    def dense(self) -> Floats:
        """Removal effects by the inverse.

        What is lost without a label is what would still convert of the paths that come to one of its states ``D``.
        They come there first at each state with probabilities ``f``, and ``f N[D, D] = start N[:, D]``, where
        ``N = (I − Q)⁻¹`` holds the expected visits (Kemeny and Snell 1960, chapter 3).
        """
        states = self.chain.states
        stays = np.eye(states)
        stays[self.source, self.target] -= self.share
        visits = np.linalg.inv(stays)
        converts, arrives = visits @ self.converts, self.start @ visits
        lost = np.zeros(self.chain.labels)
        for label, held in enumerate(self.chain.held):
            if len(held):
                come_first = np.linalg.solve(visits[np.ix_(held, held)].T, arrives[held])
                lost[label] = come_first @ converts[held]
        return self._shares(lost / (self.start @ converts))

    def walked(self) -> Floats:
        """Removal effects by walking all paths at once, step by step, until nothing but rounding is under way."""
        import scipy.sparse as sparse  # here: most questions need none of it, and it takes long to import

        states, held = self.chain.states, self.chain.held
        q = sparse.csr_array((self.share, (self.target, self.source)), shape=(states, states))
        effects = np.zeros(len(held))
        for begin in range(0, len(held), _LABELS_AT_ONCE):
            some = held[begin : begin + _LABELS_AT_ONCE]
            # One column with nothing removed, then one per label, in which whoever comes to its states is lost.
            lost = np.concatenate(some), np.repeat(np.arange(1, 1 + len(some)), [len(rows) for rows in some])
            inside = np.repeat(self.start[:, None], 1 + len(some), axis=1)
            converted = np.zeros(1 + len(some))
            for _ in range(MOST_STEPS):
                inside[lost] = 0.0
                converted += self.converts @ inside
                if inside[:, 0].sum() <= _ROUNDING * converted[0]:
                    break
                inside = q @ inside
            else:
                return self.factorised()
            effects[begin : begin + len(some)] = 1.0 - converted[1:] / converted[0]
        return self._shares(effects)

    def factorised(self) -> Floats:
        """Removal effects by a sparse factorisation of what is left without each label."""
        import scipy.sparse as sparse
        from scipy.sparse.linalg import splu

        states = self.chain.states
        q = sparse.csr_array((self.share, (self.source, self.target)), shape=(states, states))
        stays = (sparse.eye_array(states, format="csr") - q).tocsr()

        def converted(kept: Ints) -> float:
            factors = splu(stays[kept][:, kept].tocsc(), permc_spec="MMD_AT_PLUS_A")
            return float(self.start[kept] @ factors.solve(self.converts[kept]))

        every = np.arange(states)
        without = [np.setdiff1d(every, held, assume_unique=True) for held in self.chain.held]
        converting = np.array([converted(kept) if len(kept) else 0.0 for kept in without])
        return self._shares(1.0 - converting / converted(every))

    @staticmethod
    def _shares(effects: Floats) -> Floats:
        """Effects without what rounding adds to those of 0."""
        return np.where(effects > 1e-12, effects, 0.0)


def _windows(table: PathTable, order: int) -> Ints:
    """Where each tuple of labels begins: every touch with enough behind it, and the first of a shorter path."""
    behind = np.repeat(table.offsets[1:], table.lengths) - np.arange(len(table.codes))
    fits = behind >= order
    fits[table.offsets[:-1][table.lengths > 0]] = True
    return np.flatnonzero(fits)


def _numbered(table: PathTable, begins: Ints, order: int) -> tuple[Ints, int]:
    """A number for each tuple, equal where the tuples are, and a bound above all of them."""
    base, end = len(table.texts) + 1, table.offsets[1:][table.path[begins]]
    number = np.zeros(len(begins), dtype=np.int64)
    below = 1
    for nth in range(order):
        if below > _LARGEST // base:
            present, number = np.unique(number, return_inverse=True)
            below = len(present)
        at = begins + nth
        inside = at < end
        number = number * base + np.where(inside, table.codes[np.where(inside, at, 0)] + 1, 0)
        below *= base
    return number, below


def _ranks(number: Ints, below: int) -> tuple[Ints, Ints]:
    """The different numbers, in order, and each number's place among them; all are from 0 to below a bound."""
    if below > max(4 * len(number), 1_000):
        return np.unique(number, return_inverse=True)
    here = np.zeros(below, dtype=np.bool_)  # a table of all numbers is faster than sorting
    here[number] = True
    place = np.cumsum(here) - 1
    return np.flatnonzero(here), place[number]
