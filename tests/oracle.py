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
    touches: list[Touch]


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
                times = [touch.time for touch in kept]
                walks.append(Walk(person.key, labels, times, outcome(journey, data_end, asked), kept))
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
    people: Sequence[Person],
    asked: Asked,
    *,
    where: str,
    steps: int,
    top: int,
    min_count: int,
    around: str | None = None,
) -> dict[str, Any]:
    """Rows, remainder and totals of top paths."""
    walked = walk(people, asked)
    found = []
    for number, one in enumerate(walked.walks):
        if where == "around":
            if around in one.labels:
                at = one.labels.index(around)
                found.append(occurrence(number, one, max(at - steps, 0), at + steps + 1))
            continue
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


KINDS = ("begin", "earlier", "touchpoint", "other", "converted", "open", "dropped", "beyond")


def steps(
    people: Sequence[Person],
    asked: Asked,
    *,
    where: str,
    depth: int,
    top: int,
    min_journeys: int,
    around: str | None = None,
) -> dict[str, Any]:
    """Rows and totals of the steps: what each walk does is written down as a list of (step, kind, label, wait)."""
    walked = walk(people, asked)
    told: list[tuple[int, int, str, str, Fraction | None]] = []
    journeys = 0
    for number, one in enumerate(walked.walks):
        if where == "around" and around not in one.labels:
            continue
        journeys += 1
        steps_of = {
            "start": [nth + 1 for nth in range(len(one.labels))],
            "end": [nth - len(one.labels) for nth in range(len(one.labels))],
            "around": [
                nth - (one.labels.index(around) if around in one.labels else 0) for nth in range(len(one.labels))
            ],
        }[where]
        shown = [nth for nth, step in enumerate(steps_of) if abs(step) <= depth]
        for nth in shown:
            wait = Fraction(one.times[nth] - one.times[nth - 1], 1_000_000) if nth else None
            told.append((number, steps_of[nth], "touchpoint", one.labels[nth], wait))
        if where != "start":
            kind = "begin" if shown[0] == 0 else "earlier"
            told.append((number, steps_of[shown[0]], kind, kind, None))
        kind = one.outcome if shown[-1] == len(one.labels) - 1 else "beyond"
        told.append((number, steps_of[shown[-1]], kind, kind, None))
    groups: dict[tuple[int, str, str], list[tuple[int, Fraction | None]]] = defaultdict(list)
    for number, step, kind, label, wait in told:
        groups[step, kind, label].append((number, wait))
    cells = [place for place in groups if place[1] == "touchpoint"]
    for step in {place[0] for place in cells}:
        ranked = sorted(
            (place for place in cells if place[0] == step), key=lambda place: (-len(groups[place]), place[2])
        )
        kept = [place for place in ranked[:top] if len(groups[place]) >= min_journeys]
        for place in ranked:
            if place not in kept:
                groups[step, "other", "other"] += groups.pop(place)
    at_step = {
        step: sum(len(groups[place]) for place in groups if place[:2] in ((step, "touchpoint"), (step, "other")))
        for step, _, _ in groups
    }
    order = sorted(groups, key=lambda place: (place[0], KINDS.index(place[1]), -len(groups[place]), place[2]))
    rows = []
    for place in order:
        outcomes = [walked.walks[number].outcome for number, _ in groups[place]]
        waits = [wait for _, wait in groups[place] if wait is not None]
        rows.append(
            {
                "step": place[0],
                "kind": place[1],
                "label": place[2],
                "journeys": len(outcomes),
                "users": len({walked.walks[number].user for number, _ in groups[place]}),
                "share": len(outcomes) / journeys,
                "share_of_step": len(outcomes) / at_step[place[0]],
                "median_seconds": quantile(waits, Fraction(1, 2)) if waits else None,
                "converted": outcomes.count("converted"),
                "open": outcomes.count("open"),
                "conversion": outcomes.count("converted") / len(outcomes),
            }
        )
    return {
        "rows": rows,
        "other": None,
        "totals": {**totals(walked, []), "occurrences": journeys, "distinct": len(cells)},
    }


class Step(NamedTuple):
    """One step of a funnel."""

    labels: tuple[str, ...]
    optional: bool = False
    within: float | None = None  # seconds


class Attempt(NamedTuple):
    """One entry with its best match: for each row the index of the touchpoint matched, or nothing."""

    walk: int
    at: dict[int, int]
    worth: tuple[int, int, tuple[int, ...]]  # required steps, steps, touchpoints (negative: the earliest is best)


@dataclass(frozen=True)
class Funnel:
    """What is asked of a funnel."""

    steps: Sequence[Step]
    order: str = "sequence"
    every_entry: bool = True
    closed: bool = True
    window: float | None = None  # seconds
    not_between: Sequence[str] = ()
    hold: str | None = None


def matches(walk: Walk, entry: int, asked: Funnel) -> list[list[tuple[int, int]]]:
    """Every match that begins at a touchpoint, as (step, touchpoint) pairs: all increasing choices are tried."""
    found = []

    def next_steps(done: list[tuple[int, int]]) -> list[int]:
        if asked.order == "any":
            return [nth for nth in range(len(asked.steps)) if nth not in [step for step, _ in done]]
        following = []
        for nth in range(done[-1][0] + 1, len(asked.steps)):
            following.append(nth)
            if not asked.steps[nth].optional:
                break
        return following

    def held(touch: Touch) -> str:
        return {"channel": touch.channel, "stage": touch.stage, "name": touch.name}[asked.hold] if asked.hold else "-"

    def go(done: list[tuple[int, int]]) -> None:
        found.append(done)
        last = done[-1][1]
        for step in next_steps(done):
            for at in range(last + 1, len(walk.labels)):
                if walk.labels[at] not in asked.steps[step].labels:
                    continue
                within = asked.steps[step].within
                if within is not None and walk.times[at] - walk.times[last] > within * 1_000_000:
                    continue
                if asked.window is not None and walk.times[at] - walk.times[entry] > asked.window * 1_000_000:
                    continue
                if asked.order == "strict" and at != last + 1:
                    continue
                if any(walk.labels[between] in asked.not_between for between in range(last + 1, at)):
                    continue
                if held(walk.touches[at]) != held(walk.touches[entry]) or not held(walk.touches[at]):
                    continue
                go([*done, (step, at)])

    first = [0] if asked.closed and asked.order != "any" else range(len(asked.steps))
    for step in first:
        if walk.labels[entry] in asked.steps[step].labels and held(walk.touches[entry]):
            go([(step, entry)])
    return found


def attempts(walked: Walked, asked: Funnel) -> list[Attempt]:
    """Every entry with its best match."""
    entries = []
    for number, one in enumerate(walked.walks):
        for entry in range(len(one.labels)):
            best = None
            for match in matches(one, entry, asked):
                required = sum(not asked.steps[step].optional for step, _ in match)
                worth = (required, len(match), tuple(-at for _, at in match))
                rows = {row if asked.order == "any" else step: at for row, (step, at) in enumerate(match)}
                if best is None or worth > best.worth:
                    best = Attempt(number, rows, worth)
            if best is not None:
                entries.append(best)
                if not asked.every_entry:
                    break
    return entries


def funnel(people: Sequence[Person], filters: Asked, *, asked: Funnel) -> dict[str, Any]:
    """Rows and totals of a funnel."""
    walked = walk(people, filters)
    every = attempts(walked, asked)
    by_journey: dict[int, Attempt] = {}
    by_user: dict[str, Attempt] = {}
    for one in every:  # in order of time, so that of equals the earlier stays
        user = walked.walks[one.walk].user
        if one.walk not in by_journey or one.worth[:2] > by_journey[one.walk].worth[:2]:
            by_journey[one.walk] = one
        if user not in by_user or one.worth[:2] > by_user[user].worth[:2]:
            by_user[user] = one
    nested = asked.closed or asked.order == "any"
    final = max(nth for nth, step in enumerate(asked.steps) if not step.optional)
    rows: list[dict[str, Any]] = []
    before = 0
    for nth, step in enumerate(asked.steps):
        if nested:
            users = sum(nth in one.at for one in by_user.values())
            journeys = sum(nth in one.at for one in by_journey.values())
        else:
            users = len({walked.walks[one.walk].user for one in every if nth in one.at})
            journeys = len({one.walk for one in every if nth in one.at})
        waits = [
            Fraction(
                walked.walks[one.walk].times[one.at[nth]]
                - max(walked.walks[one.walk].times[one.at[row]] for row in one.at if row < nth),
                1_000_000,
            )
            for one in by_journey.values()
            if nth in one.at and min(one.at) < nth
        ]
        stopped = [one for one in by_user.values() if max(one.at) == nth and final not in one.at]
        did: dict[str, int] = defaultdict(int)
        for one in stopped:
            labels = walked.walks[one.walk].labels[max(one.at.values()) + 1 :]
            did[labels[0] if labels else "(nothing more)"] += 1
        rows.append(
            {
                "step": nth + 1,
                "label": f"{nth + 1} of {len(asked.steps)}" if asked.order == "any" else " | ".join(step.labels),
                "optional": step.optional,
                "users": users,
                "journeys": journeys,
                "entries": sum(nth in one.at for one in every),
                "share": users / len(by_user) if by_user else 0.0,
                "share_of_previous": users / before if nth and nested and before else None,
                "median_seconds": quantile(waits, Fraction(1, 2)) if waits else None,
                "p90_seconds": quantile(waits, Fraction(9, 10)) if waits else None,
                "stopped": len(stopped),
                "open": sum(walked.walks[one.walk].outcome == "open" for one in stopped),
                "instead": [
                    {"label": label, "users": count}
                    for label, count in sorted(did.items(), key=lambda each: (-each[1], each[0]))[:5]
                ],
            }
        )
        before = before if step.optional else users
    return {
        "rows": rows,
        "other": None,
        "totals": {**totals(walked, []), "occurrences": len(every), "distinct": len(asked.steps)},
    }


def touches(people: Sequence[Person], asked: Asked, *, top: int) -> dict[str, Any]:
    """Rows, remainder and totals of first and last touches."""
    walked = walk(people, asked)
    sides = {"first": [one.labels[0] for one in walked.walks], "last": [one.labels[-1] for one in walked.walks]}
    present = {label for labels in sides.values() for label in labels}
    ranked = sorted(present, key=lambda label: (-sides["first"].count(label), -sides["last"].count(label), label))

    def measures(labels: Sequence[str]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for side, ends in sides.items():
            some = [one for one, label in zip(walked.walks, ends, strict=True) if label in labels]
            outcomes = [one.outcome for one in some]
            told[side] = len(some)
            told[f"{side}_share"] = len(some) / len(walked.walks)
            told[f"{side}_users"] = len({one.user for one in some})
            told[f"{side}_converted"] = outcomes.count("converted")
            told[f"{side}_open"] = outcomes.count("open")
            told[f"{side}_conversion"] = outcomes.count("converted") / len(some) if some else None
        return told

    rows = [{"rank": rank, "label": label, **measures([label])} for rank, label in enumerate(ranked[:top], start=1)]
    other = {"rank": None, "label": None, **measures(ranked[top:])} if ranked[top:] else None
    counts = {**totals(walked, []), "occurrences": len(walked.walks), "distinct": len(present)}
    return {"rows": rows, "other": other, "totals": counts}


def matrix(people: Sequence[Person], asked: Asked) -> dict[str, Any]:
    """Rows and totals of channel and stage."""
    walked = walk(people, asked)
    found = [
        (touch.channel, touch.stage or "(no stage)", one.user, number)
        for number, one in enumerate(walked.walks)
        for touch in one.touches
    ]
    everybody = {user for _, _, user, _ in found}
    rows = []
    for channel, stage in sorted({(channel, stage) for channel, stage, _, _ in found}):
        some = [one for one in found if one[:2] == (channel, stage)]
        rows.append(
            {
                "channel": channel,
                "stage": stage,
                "count": len(some),
                "share": len(some) / len(found),
                "users": len({user for _, _, user, _ in some}),
                "share_of_users": len({user for _, _, user, _ in some}) / len(everybody),
                "journeys": len({number for _, _, _, number in some}),
            }
        )
    return {
        "rows": rows,
        "other": None,
        "totals": {**totals(walked, []), "occurrences": len(found), "distinct": len(rows)},
    }


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
