"""Attribution by brute force, in plain Python: written from the definitions, not from the code.

Slow, and shares nothing with graphsvc.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from . import oracle
from .oracle import DAY, Asked, Person

Credit = dict[Any, float]
NONE = "(none)"

RULES = ("first", "last", "last_non_direct", "linear", "time_decay", "u_shaped", "j_shaped", "inverse_j")
PARTS = {"u_shaped": (40, 20, 40), "j_shaped": (20, 20, 60), "inverse_j": (60, 20, 20)}


class Path(NamedTuple):
    """What led up to one goal, or to none."""

    user: str
    journey: int
    labels: tuple[str, ...]
    days: tuple[Fraction, ...]  # before the goal
    converted: bool
    value: Fraction


def paths(people: Sequence[Person], asked: Asked, worth: Mapping[str, float] | None = None) -> list[Path]:
    """The paths of all chosen journeys.

    Args:
        people: with all touchpoints.
        asked: journeys, goals, label, lookback and exclude; ``collapse`` is of no concern here.
        worth: value of a touchpoint by key.
    """
    data_end = max((touch.time for person in people for touch in person.touches), default=0)
    found: list[Path] = []
    number = 0
    for person in sorted(people, key=lambda person: person.key):
        for journey in oracle.split(sorted(person.touches), asked):
            if not oracle.is_chosen(person, journey, asked):
                continue
            number += 1
            pending: list[oracle.Touch] = []
            for touch in journey:
                if touch.name in asked.goals:
                    value = Fraction((worth or {}).get(touch.key, 0))
                    found.append(_path(person, number, pending, touch.time, asked, True, value))
                    pending = []
                else:
                    pending.append(touch)
            last = journey[-1].time
            if pending and data_end - last > asked.gap_days * DAY:
                null = _path(person, number, pending, last, asked, False, Fraction(0))
                if null.labels:
                    found.append(null)
    return found


def _path(
    person: Person,
    journey: int,
    touches: Sequence[oracle.Touch],
    end: int,
    asked: Asked,
    converted: bool,
    value: Fraction,
) -> Path:
    kept = [
        touch
        for touch in touches
        if touch.name not in asked.exclude
        and (asked.lookback_days is None or end - touch.time <= asked.lookback_days * DAY)
    ]
    labels = tuple(oracle.label_of(touch, asked.label) for touch in kept)
    return Path(person.key, journey, labels, tuple(Fraction(end - t.time, DAY) for t in kept), converted, value)


def credits(
    found: Sequence[Path],
    model: str,
    *,
    by_value: bool = False,
    collapse: bool = False,
    order: int = 1,
    half_life_days: float = 7.0,
    direct: Sequence[str] = ("direct",),
) -> Credit:
    """What a model credits to each label that occurs, and to ``(none)`` where something has no label."""
    earned = {path: float(path.value) if by_value else float(path.converted) for path in found}
    given: dict[Any, float] = defaultdict(float)
    for path in found:
        for label in path.labels:
            given[label] += 0
    if model == "shapley_ordered":
        given.clear()
    if any(not path.labels for path in found):
        given[NONE] += sum(earned[path] * 1 for path in found if not path.labels)
    held = [path for path in found if path.labels]
    if model in RULES:
        for path in held:
            labels, days = _collapsed(path) if collapse else (path.labels, path.days)
            for label, part in zip(labels, parts(model, labels, days, half_life_days, direct), strict=True):
                given[label] += part * earned[path]
    elif model == "markov":
        effects = removal_effects(held, order)
        total = sum(effects.values())
        for label, effect in effects.items():
            if total:
                given[label] += effect / total * sum(earned[path] for path in held)
    elif model == "shapley":
        for label, value in shapley(held, earned).items():
            given[label] += value
    else:
        for place, value in shapley_ordered(held, earned).items():
            given[place] += value
    return dict(given)


def _collapsed(path: Path) -> tuple[list[str], list[Fraction]]:
    labels: list[str] = []
    days: list[Fraction] = []
    for label, day in zip(path.labels, path.days, strict=True):
        if not labels or labels[-1] != label:
            labels.append(label)
            days.append(day)
    return labels, days


def parts(
    model: str, labels: Sequence[str], days: Sequence[Fraction], half_life_days: float, direct: Sequence[str]
) -> list[float]:
    """What each touch of one path is given."""
    count = len(labels)
    if model == "first":
        chosen = 0
    elif model == "last":
        chosen = count - 1
    elif model == "last_non_direct":
        chosen = max((nth for nth in range(count) if labels[nth] not in direct), default=count - 1)
    elif model == "linear":
        return [1 / count] * count
    elif model == "time_decay":
        raw = [0.5 ** (float(day) / half_life_days) for day in days]
        return [one / sum(raw) for one in raw]
    else:
        start, middle, end = PARTS[model]
        if count == 1:
            return [1.0]
        if count == 2:
            return [start / (start + end), end / (start + end)]
        return [start / 100, *[middle / 100 / (count - 2)] * (count - 2), end / 100]
    return [float(nth == chosen) for nth in range(count)]


def states_of(labels: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Tuples of neighbouring labels, equal neighbours once; a short path is one state."""
    if len(labels) < order:
        return [tuple(labels)]
    states: list[tuple[str, ...]] = []
    for nth in range(len(labels) - order + 1):
        state = tuple(labels[nth : nth + order])
        if not states or states[-1] != state:
            states.append(state)
    return states


def removal_effects(held: Sequence[Path], order: int) -> dict[str, float]:
    """By a dense matrix over all states, start, conversion and null among them."""
    moves: Counter[tuple[Any, Any]] = Counter()
    for path in held:
        walk = ["start", *states_of(path.labels, order), "conversion" if path.converted else "null"]
        moves.update(pairwise(walk))
    labels = sorted({label for path in held for label in path.labels})
    whole = _conversion(moves, None)
    if not whole:
        return dict.fromkeys(labels, 0.0)
    return {label: 1 - _conversion(moves, label) / whole for label in labels}


def _conversion(moves: Mapping[tuple[Any, Any], int], removed: str | None) -> float:
    places = sorted({place for move in moves for place in move} | {"start", "conversion", "null"}, key=repr)
    at = {place: number for number, place in enumerate(places)}
    leaving: Counter[Any] = Counter()
    for (source, _), count in moves.items():
        leaving[source] += count
    matrix = np.eye(len(places))
    for (source, target), count in moves.items():
        if removed is not None and isinstance(target, tuple) and removed in target:
            target = "null"
        matrix[at[source], at[target]] -= count / leaving[source]
    reached = np.zeros(len(places))
    reached[at["conversion"]] = 1
    return float(np.linalg.solve(matrix, reached)[at["start"]])


def shapley(held: Sequence[Path], earned: Mapping[Path, float]) -> dict[str, float]:
    """By the definition: marginal contributions to all subsets of labels."""
    labels = sorted({label for path in held for label in path.labels})

    @cache
    def v(subset: frozenset[str]) -> float:
        return sum(earned[path] for path in held if subset.issuperset(path.labels))

    n = len(labels)
    values = {}
    for label in labels:
        others = [other for other in labels if other != label]
        values[label] = sum(
            factorial(size)
            * factorial(n - size - 1)
            / factorial(n)
            * (v(frozenset(some) | {label}) - v(frozenset(some)))
            for size in range(n)
            for some in combinations(others, size)
        )
    return values


def shapley_ordered(held: Sequence[Path], earned: Mapping[Path, float]) -> dict[tuple[str, int], float]:
    """For each set S of labels, its paths' earnings over |S| to each of its labels, by the place where it came in."""
    values: dict[tuple[str, int], float] = defaultdict(float)
    for path in held:
        entered = list(dict.fromkeys(path.labels))
        for place, label in enumerate(entered, start=1):
            values[label, place] += earned[path] / len(set(path.labels))
    return dict(values)


def behind(found: Sequence[Path], label: str, position: int | None) -> tuple[int, int]:
    """Users and journeys with a conversion that a label led up to."""
    some = [
        path
        for path in found
        if path.converted
        and (not path.labels if label == NONE else label in path.labels)
        and (position is None or list(dict.fromkeys(path.labels))[position - 1 : position] == [label])
    ]
    return len({path.user for path in some}), len({(path.user, path.journey) for path in some})
