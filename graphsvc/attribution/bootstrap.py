"""How sure a credit is: intervals by drawing users anew, with replacement, and crediting what they did.

Users, not paths, are drawn, since what one person does hangs together. A round needs no path: every credit is a sum
over users, or (Markov) comes out of moves that are; so the sums of each user are made once, as a sparse matrix, and a
round adds up those of the users it drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..frame import Codes, Flags, Floats, Ints
from . import markov
from .credit import Model, Options, split, with_effects
from .paths import PathTable

if TYPE_CHECKING:  # it takes long to import, and is imported where it is used
    import scipy.sparse as sparse

#: Rounds are added up together as long as their sums do not fill more than so many numbers.
_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Interval:
    """Between which bounds the credits of one model lie: ``C`` of them, in the model's columns."""

    low: Floats  # [C]
    high: Floats  # [C]


@dataclass(frozen=True)
class Drawn:
    """Whom to draw: ``U`` users, by the paths they took."""

    user: Codes | Ints  # [P] user of each path
    users: int
    rounds: int
    seed: int
    confidence: float = 0.95


def intervals(
    table: PathTable,
    models: Sequence[Model],
    options: Options,
    drawn: Drawn,
    *,
    by_value: bool = False,
    judged: PathTable | None = None,
) -> dict[Model, Interval]:
    """Percentile intervals of what each model credits. The same seed gives the same intervals.

    Args:
        table: of paths, each of one user.
        models: which ones.
        options: of the models.
        drawn: users, rounds (at least 1) and seed.
        by_value: of credited value, not conversions.
        judged: the same paths as the models that look at one path at a time should see them (collapsed, say); by
            default as they are.

    Returns:
        One interval per model, its bounds in the order of the model's credits.
    """
    parts = [_Part.of(table, judged or table, model, options, drawn, by_value) for model in models]
    rng = np.random.default_rng(drawn.seed)
    samples: list[list[Floats]] = [[] for _ in parts]
    width = max([drawn.users, *(part.per_user.shape[0] for part in parts)], default=1)
    at_once = max(1, min(drawn.rounds, _AT_ONCE // max(width, 1)))
    for begin in range(0, drawn.rounds, at_once):
        times = np.stack([_draw(rng, drawn.users) for _ in range(min(at_once, drawn.rounds - begin))], axis=1)
        for part, sample in zip(parts, samples, strict=True):
            sample.extend(part.credits(sums) for sums in (part.per_user @ times).T)
    tail = (1 - drawn.confidence) / 2
    bounds = [np.quantile(np.stack(sample), [tail, 1 - tail], axis=0) for sample in samples]
    return {model: Interval(low, high) for model, (low, high) in zip(models, bounds, strict=True)}


@dataclass(frozen=True)
class Difference:
    """What one model credits to two groups of users, as shares of each group's credits: ``C`` columns."""

    share_a: Floats  # [C]
    share_b: Floats  # [C]
    low: Floats  # [C] of the first share minus the second
    high: Floats  # [C]
    p_value: Floats  # [C]


def differences(
    table: PathTable,
    models: Sequence[Model],
    options: Options,
    drawn: Drawn,
    in_a: Flags,
    *,
    by_value: bool = False,
    judged: PathTable | None = None,
) -> dict[Model, Difference]:
    """Two groups of users side by side in what each model credits. The same seed gives the same.

    The interval comes from drawing the users of each group anew. The p value is that of a permutation test: the users
    are dealt out to two groups of the same sizes at random, and it is the share of such deals, the real one included,
    in which the shares differ as much (Phipson and Smyth 2010: never zero).

    Args:
        table, models, options, by_value, judged: as for :func:`intervals`.
        drawn: users, rounds (at least 1) and seed.
        in_a: which users are in the first group; the others are in the second: [U].
    """
    parts = [_Part.of(table, judged or table, model, options, drawn, by_value) for model in models]
    rng = np.random.default_rng(drawn.seed)
    groups = np.flatnonzero(in_a), np.flatnonzero(~in_a)

    def apart(part: _Part, times_a: Floats, times_b: Floats) -> tuple[Floats, Floats]:
        return _shares(part.credits(part.per_user @ times_a)), _shares(part.credits(part.per_user @ times_b))

    real = [apart(part, in_a.astype(np.float64), (~in_a).astype(np.float64)) for part in parts]
    redrawn: list[list[Floats]] = [[] for _ in parts]
    beyond = [np.zeros(len(share_a)) for share_a, _ in real]
    for _ in range(drawn.rounds):
        dealt = rng.permutation(in_a)
        times = [
            np.bincount(rng.choice(group, len(group)), minlength=drawn.users).astype(np.float64) for group in groups
        ]
        for part, (share_a, share_b), sample, more in zip(parts, real, redrawn, beyond, strict=True):
            again_a, again_b = apart(part, times[0], times[1])
            sample.append(again_a - again_b)
            dealt_a, dealt_b = apart(part, dealt.astype(np.float64), (~dealt).astype(np.float64))
            more += np.abs(dealt_a - dealt_b) >= np.abs(share_a - share_b) - 1e-12
    tail = (1 - drawn.confidence) / 2
    found = {}
    for model, (share_a, share_b), sample, more in zip(models, real, redrawn, beyond, strict=True):
        low, high = np.quantile(np.stack(sample), [tail, 1 - tail], axis=0)
        found[model] = Difference(share_a, share_b, low, high, (1 + more) / (1 + drawn.rounds))
    return found


def _shares(credits: Floats) -> Floats:
    total = credits.sum()
    shares: Floats = credits / total if total > 0 else np.zeros_like(credits)
    return shares


def _draw(rng: np.random.Generator, users: int) -> Floats:
    """How often each user is drawn: [U]."""
    drawn = rng.integers(users, size=users, dtype=np.int32) if users else np.zeros(0, dtype=np.int32)
    return np.bincount(drawn, minlength=users).astype(np.float64)


@dataclass(frozen=True)
class _Part:
    """What one model needs of each user."""

    per_user: sparse.csr_array  # [features, U]
    chain: markov.Chain | None  # of Markov

    @staticmethod
    def of(table: PathTable, judged: PathTable, model: Model, options: Options, drawn: Drawn, by_value: bool) -> _Part:
        """The features of each user: for Markov moves, last states, earnings; for the others their credits."""
        if model == "markov":
            chain = markov.chain(table, options.order)
            ends = np.flatnonzero(chain.final >= 0)
            held = (table.lengths > 0).astype(np.int64)  # 0: none, 1: with touches
            return _Part(
                _stacked(
                    drawn,
                    (chain.move, chain.path, (table.conversions + table.nulls)[chain.path], len(chain.source)),
                    (chain.final[ends], ends, table.conversions[ends], chain.states),
                    (held, np.arange(len(table)), table.measure(by_value=by_value), 2),
                ),
                chain,
            )
        columns, weight = split(judged, model, options)
        measure = judged.measure(by_value=by_value)
        none = np.flatnonzero(judged.lengths == 0)
        last = np.full(len(none), len(columns.code) - 1)
        feature = np.append(columns.of_touch, last)
        path = np.append(judged.path, none)
        amount = np.append(weight * measure[judged.path], measure[none])
        return _Part(_stacked(drawn, (feature, path, amount, len(columns.code))), None)

    def credits(self, sums: Floats) -> Floats:
        """The credits of one round: [C].

        Args:
            sums: of the features over the users drawn.
        """
        if self.chain is None:
            return sums
        moves, states = len(self.chain.source), self.chain.states
        effects = markov.removal_effects(self.chain, sums[:moves], sums[moves : moves + states])
        untouched, touched = sums[moves + states :]
        return with_effects(effects, touched, untouched)


def _stacked(drawn: Drawn, *parts: tuple[Ints, Ints, Floats, int]) -> sparse.csr_array:
    """Features one below the other, summed by user: [features, U].

    Args:
        drawn: whose users.
        parts: feature, path and amount of each entry, and how many features there are.
    """
    import scipy.sparse as sparse

    matrices = []
    for feature, path, amount, features in parts:
        counts = np.flatnonzero(amount)
        place = (feature[counts], drawn.user[path[counts]])
        matrices.append(sparse.csr_array((amount[counts], place), shape=(features, drawn.users)))
    return sparse.vstack(matrices, format="csr")
