"""Answers by brute force, in plain Python lists and dicts: written from the definitions, not from the code.

Nothing here is fast and nothing is shared with graphsvc: where both agree, both read the definitions alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

DAY = 86_400_000_000  # microseconds


class Touch(NamedTuple):
    """One touchpoint."""

    time: int  # microseconds since 1970
    key: str
    name: str
    channel: str
    stage: str  # "" where it has none


class Person(NamedTuple):
    """One user with all touchpoints, in any order."""

    key: str
    traits: Mapping[str, Any]
    touches: Sequence[Touch]


@dataclass(frozen=True)
class Asked:
    """What is asked, with everything spelled out that a graph's settings would fill in."""

    goals: Sequence[str] = ()
    split: str = "none"
    gap_days: float = 30.0
    member: Callable[[Mapping[str, Any]], bool] = lambda traits: True  # of the segment
    channel: Sequence[str] = ()
    stage: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    label: str = "name"
    collapse: bool = False
    exclude: Sequence[str] = ()
    lookback_days: float | None = None


class Walk(NamedTuple):
    """What is left of one journey."""

    user: str
    labels: list[str]
    times: list[int]
    outcome: str  # converted | open | dropped


class Walked(NamedTuple):
    """All walks, and how many journeys there were before."""

    walks: list[Walk]
    journeys: int
    chosen: int


def walk(people: Sequence[Person], asked: Asked) -> Walked:
    """Split, lookback, exclude, collapse; filters choose whole journeys."""
    data_end = max((touch.time for person in people for touch in person.touches), default=0)
    walks, journeys, chosen = [], 0, 0
    for person in sorted(people, key=lambda person: person.key):
        for journey in split(sorted(person.touches), asked):
            journeys += 1
            if not is_chosen(person, journey, asked):
                continue
            chosen += 1
            kept = cut_down(journey, asked)
            if kept:
                labels = [label_of(touch, asked.label) for touch in kept]
                walks.append(
                    Walk(person.key, labels, [touch.time for touch in kept], outcome(journey, data_end, asked))
                )
    return Walked(walks, journeys, chosen)


def split(touches: Sequence[Touch], asked: Asked) -> list[list[Touch]]:
    journeys: list[list[Touch]] = []
    for touch in touches:
        if not journeys:
            begins = True
        elif asked.split == "gap":
            begins = touch.time - journeys[-1][-1].time > asked.gap_days * DAY
        elif asked.split == "conversion":
            begins = journeys[-1][-1].name in asked.goals
        else:
            begins = False
        if begins:
            journeys.append([])
        journeys[-1].append(touch)
    return journeys


def is_chosen(person: Person, journey: Sequence[Touch], asked: Asked) -> bool:
    return (
        asked.member(person.traits)
        and (not asked.channel or any(touch.channel in asked.channel for touch in journey))
        and (not asked.stage or any((touch.stage or "(no stage)") in asked.stage for touch in journey))
        and (asked.since is None or journey[0].time >= since_1970(asked.since))
        and (asked.until is None or journey[0].time < since_1970(asked.until))
    )


def cut_down(journey: Sequence[Touch], asked: Asked) -> list[Touch]:
    kept = list(journey)
    if asked.lookback_days is not None:
        kept = [touch for touch in kept if journey[-1].time - touch.time <= asked.lookback_days * DAY]
    kept = [touch for touch in kept if touch.name not in asked.exclude]
    if asked.collapse:
        runs: list[Touch] = []
        for touch in kept:
            if not runs or label_of(runs[-1], asked.label) != label_of(touch, asked.label):
                runs.append(touch)
        kept = runs
    return kept


def outcome(journey: Sequence[Touch], data_end: int, asked: Asked) -> str:
    if any(touch.name in asked.goals for touch in journey):
        return "converted"
    return "open" if data_end - journey[-1].time <= asked.gap_days * DAY else "dropped"


def label_of(touch: Touch, label: str) -> str:
    stage = touch.stage or "(no stage)"
    return {
        "name": touch.name,
        "channel": touch.channel,
        "stage": stage,
        "channel:name": f"{touch.channel}:{touch.name}",
    }[label]


def since_1970(time: datetime) -> int:
    return round((time - datetime(1970, 1, 1)).total_seconds() * 1_000_000)


class Found(NamedTuple):
    """One occurrence of a path."""

    walk: int
    labels: tuple[str, ...]
    seconds: Fraction


def paths(
    people: Sequence[Person], asked: Asked, *, where: str, steps: int, top: int, min_count: int
) -> dict[str, Any]:
    """Rows, remainder and totals of top paths."""
    walked = walk(people, asked)
    found = []
    for number, one in enumerate(walked.walks):
        if len(one.labels) <= steps or where == "start":
            begins = [0]
        elif where == "end":
            begins = [len(one.labels) - steps]
        else:
            begins = list(range(len(one.labels) - steps + 1))
        found += [occurrence(number, one, begin, begin + steps) for begin in begins]
    groups = by_labels(found)
    ranked = sorted(groups, key=lambda labels: (-len(groups[labels]), " > ".join(labels)))
    ranked = [labels for labels in ranked if len(groups[labels]) >= min_count][:top]
    rows = [
        {"rank": rank, "path": list(labels), **path_measures(groups[labels], walked, len(found))}
        for rank, labels in enumerate(ranked, start=1)
    ]
    rest = [one for one in found if one.labels not in ranked]
    other = {"rank": None, "path": [], **path_measures(rest, walked, len(found))} if rest else None
    return {"rows": rows, "other": other, "totals": totals(walked, found)}


def transitions(people: Sequence[Person], asked: Asked, *, top: int, min_count: int) -> dict[str, Any]:
    """Rows, remainder and totals of transitions."""
    walked = walk(people, asked)
    found = [
        occurrence(number, one, begin, begin + 2)
        for number, one in enumerate(walked.walks)
        for begin in range(len(one.labels) - 1)
    ]
    groups = by_labels(found)
    ranked = sorted(groups, key=lambda labels: (-len(groups[labels]), labels))
    ranked = [labels for labels in ranked if len(groups[labels]) >= min_count][:top]
    rows = []
    for rank, (source, target) in enumerate(ranked, start=1):
        pair = groups[source, target]
        of_source = len(pair) / sum(one.labels[0] == source for one in found)
        ends = {"source": source, "target": target, "loop": source == target, "share_of_source": of_source}
        rows.append({"rank": rank, **ends, **transition_measures(pair, walked, len(found))})
    rest = [one for one in found if one.labels not in ranked]
    ends = {"source": None, "target": None, "loop": False, "share_of_source": None}
    other = {"rank": None, **ends, **transition_measures(rest, walked, len(found))} if rest else None
    return {"rows": rows, "other": other, "totals": totals(walked, found)}


def occurrence(number: int, walk: Walk, begin: int, end: int) -> Found:
    times = walk.times[begin:end]
    return Found(number, tuple(walk.labels[begin:end]), Fraction(times[-1] - times[0], 1_000_000))


def by_labels(found: Sequence[Found]) -> dict[tuple[str, ...], list[Found]]:
    groups: dict[tuple[str, ...], list[Found]] = defaultdict(list)
    for one in found:
        groups[one.labels].append(one)
    return groups


def measures(some: Sequence[Found], walked: Walked, occurrences: int) -> dict[str, Any]:
    return {
        "count": len(some),
        "share": len(some) / occurrences,
        "users": len({walked.walks[one.walk].user for one in some}),
        "journeys": len({one.walk for one in some}),
        "median_seconds": quantile([one.seconds for one in some], Fraction(1, 2)),
    }


def path_measures(some: Sequence[Found], walked: Walked, occurrences: int) -> dict[str, Any]:
    outcomes = [walked.walks[number].outcome for number in {one.walk for one in some}]
    return {
        **measures(some, walked, occurrences),
        "converted": outcomes.count("converted"),
        "open": outcomes.count("open"),
        "conversion": outcomes.count("converted") / len(outcomes),
    }


def transition_measures(some: Sequence[Found], walked: Walked, occurrences: int) -> dict[str, Any]:
    return {
        **measures(some, walked, occurrences),
        "p90_seconds": quantile([one.seconds for one in some], Fraction(9, 10)),
    }


def totals(walked: Walked, found: Sequence[Found]) -> dict[str, int]:
    outcomes = [one.outcome for one in walked.walks]
    return {
        "journeys": walked.journeys,
        "chosen": walked.chosen,
        "counted": len(walked.walks),
        "users": len({one.user for one in walked.walks}),
        "converted": outcomes.count("converted"),
        "open": outcomes.count("open"),
        "occurrences": len(found),
        "distinct": len({one.labels for one in found}),
    }


def quantile(values: Sequence[Fraction], at: Fraction) -> float:
    """Linear interpolation between the two nearest of the sorted values."""
    ordered = sorted(values)
    place = at * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
