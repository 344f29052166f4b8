"""Feelings, falls and questions by brute force: exact fractions, plain lists, tests straight from scipy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from scipy import stats

from .oracle import Asked, Person, Walked, totals, walk

#: What touchpoints say, by event key: a sentiment as a text such as "-0.2", a question.
Details = Mapping[str, Mapping[str, str]]

#: Some questions: which words they are, and how they are shown.
QUESTIONS: dict[str, tuple[str, str]] = {
    "Where is my parcel?": ("where is my parcel", "Where is my parcel?"),
    "  where is  my PARCEL ?! ": ("where is my parcel", "where is my PARCEL ?!"),
    "where is my parcel": ("where is my parcel", "where is my parcel"),
    "Is it free?": ("is it free", "Is it free?"),
    "is it free…": ("is it free", "is it free..."),
    "¿Is it free?": ("is it free", "¿Is it free?"),
    "I am ann@example.org, is it free?": ("i am [address] is it free", "I am [address] is it free?"),
    "I am bob @ example.com is it free": ("i am [address] is it free", "I am [address] is it free"),
    "Call +49 (30) 123-45 67?": ("call [number]", "Call [number]?"),
    "Call 0301234567": ("call [number]", "Call [number]"),
    "???": ("", "???"),
}


class Said(NamedTuple):
    """A touchpoint that carries a sentiment."""

    walk: int
    user: str
    label: str
    sentiment: Fraction


def feelings(
    people: Sequence[Person],
    asked: Asked,
    details: Details,
    *,
    sort: str,
    top: int,
    min_users: int,
    confidence: float,
) -> dict[str, Any]:
    """Rows, remainder and totals of feelings."""
    walked = walk(people, asked)
    found: list[Said] = []
    touchpoints: Counter[str] = Counter()
    for number, one in enumerate(walked.walks):
        for touch, label in zip(one.touches, one.labels, strict=True):
            touchpoints[label] += 1
            if "sentiment" in details.get(touch.key, {}):
                found.append(Said(number, one.user, label, Fraction(details[touch.key]["sentiment"])))
    groups: dict[str, list[Said]] = defaultdict(list)
    for said in found:
        groups[said.label].append(said)

    def measures(labels: Sequence[str]) -> dict[str, Any]:
        some = [said for said in found if said.label in labels]
        bands = Counter(
            "negative" if 5 * said.sentiment < -1 else "positive" if 5 * said.sentiment > 1 else "neutral"
            for said in some
        )
        low, high = interval(list(by_user(some).values()), confidence)
        return {
            "count": len(some),
            "share": len(some) / len(found),
            "share_of_label": len(some) / sum(touchpoints[label] for label in labels),
            "users": len({said.user for said in some}),
            "journeys": len({said.walk for said in some}),
            **{band: bands[band] for band in ("negative", "neutral", "positive")},
            **{f"share_{band}": bands[band] / len(some) for band in ("negative", "neutral", "positive")},
            "mean": float(mean(list(by_user(some).values()))),
            "low": low,
            "high": high,
        }

    def key(label: str) -> Any:
        return mean(list(by_user(groups[label]).values())) if sort == "saddest" else -len(groups[label])

    ranked = sorted(groups, key=lambda label: (key(label), label))
    ranked = [label for label in ranked if len(by_user(groups[label])) >= min_users][:top]
    rest = [label for label in groups if label not in ranked]
    return {
        "rows": [{"rank": nth, "label": label, **measures([label])} for nth, label in enumerate(ranked, start=1)],
        "other": {"rank": None, "label": None, **measures(rest)} if rest else None,
        "totals": counts(walked, len(found), len(groups)),
    }


def by_user(some: Sequence[Said]) -> dict[str, Fraction]:
    """Each user's own mean."""
    own: dict[str, list[Fraction]] = defaultdict(list)
    for said in some:
        own[said.user].append(said.sentiment)
    return {user: mean(values) for user, values in own.items()}


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def interval(values: Sequence[Fraction], confidence: float) -> tuple[float | None, float | None]:
    """Student's t, cut off at -1 and 1."""
    if len(values) == 1:
        return None, None
    if len(set(values)) == 1:
        return float(values[0]), float(values[0])
    low, high = stats.ttest_1samp([float(value) for value in values], 0).confidence_interval(confidence)
    return max(float(low), -1.0), min(float(high), 1.0)


class Pair(NamedTuple):
    """Two touchpoints of one walk that carry a sentiment, one after the other."""

    walk: int
    user: str
    labels: tuple[str, str]
    before: Fraction
    after: Fraction


def falls(
    people: Sequence[Person], asked: Asked, details: Details, *, top: int, min_users: int, skip_silent: bool
) -> dict[str, Any]:
    """Rows, remainder and totals of falls."""
    walked = walk(people, asked)
    found: list[Pair] = []
    for number, one in enumerate(walked.walks):
        steps = [
            (label, Fraction(told["sentiment"]) if "sentiment" in told else None)
            for label, told in (
                (label, details.get(touch.key, {})) for label, touch in zip(one.labels, one.touches, strict=True)
            )
        ]
        if skip_silent:
            steps = [step for step in steps if step[1] is not None]
        for (source, before), (target, after) in pairwise(steps):
            if before is not None and after is not None:
                found.append(Pair(number, one.user, (source, target), before, after))
    groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in found:
        groups[pair.labels].append(pair)
    changes = {
        labels: list(by_user([Said(0, one.user, "", one.after - one.before) for one in some]).values())
        for labels, some in groups.items()
    }
    family = [labels for labels in groups if len(changes[labels]) >= min_users]
    p_values = [wilcoxon(changes[labels]) for labels in family]
    q_values = stats.false_discovery_control(p_values).tolist() if family else []
    tests = {labels: {"p_value": p, "q_value": q} for labels, p, q in zip(family, p_values, q_values, strict=True)}

    def measures(some: Sequence[Pair]) -> dict[str, Any]:
        before, after = (
            float(mean(list(by_user([Said(0, one.user, "", getattr(one, side)) for one in some]).values())))
            for side in ("before", "after")
        )
        return {
            "count": len(some),
            "share": len(some) / len(found),
            "users": len({one.user for one in some}),
            "journeys": len({one.walk for one in some}),
            "fell": sum(one.after < one.before for one in some),
            "before": before,
            "after": after,
            "change": after - before,
        }

    ranked = sorted(
        (labels for labels in family if mean(changes[labels]) < 0), key=lambda one: (mean(changes[one]), one)
    )
    rows = [
        {"rank": nth, "source": labels[0], "target": labels[1], **measures(groups[labels]), **tests[labels]}
        for nth, labels in enumerate(ranked[:top], start=1)
    ]
    rest = [one for one in found if one.labels not in ranked[:top]]
    nobody = dict.fromkeys(("rank", "source", "target", "p_value", "q_value"))
    return {
        "rows": rows,
        "other": {**nobody, **measures(rest)} if rest else None,
        "totals": counts(walked, len(found), len(groups)),
    }


def wilcoxon(changes: Sequence[Fraction]) -> float:
    moved = [float(change) for change in changes if change]
    return float(stats.wilcoxon(moved).pvalue) if moved else 1.0


class Question(NamedTuple):
    """A question that somebody asks."""

    walk: int
    user: str
    label: str
    words: str
    shown: str


def questions(
    people: Sequence[Person], asked: Asked, details: Details, *, at: Sequence[str], top: int, min_users: int
) -> dict[str, Any]:
    """Rows, remainder and totals of questions."""
    walked = walk(people, asked)
    found = [
        Question(number, one.user, label, *QUESTIONS[details[touch.key]["question"]])
        for number, one in enumerate(walked.walks)
        for touch, label in zip(one.touches, one.labels, strict=True)
        if "question" in details.get(touch.key, {}) and (not at or label in at)
    ]
    groups: dict[str, list[Question]] = defaultdict(list)
    for one in found:
        groups[one.words].append(one)

    def measures(some: Sequence[Question]) -> dict[str, Any]:
        return {
            "count": len(some),
            "share": len(some) / len(found),
            "users": len({one.user for one in some}),
            "journeys": len({one.walk for one in some}),
        }

    def spelling(some: Sequence[Question]) -> str:
        spellings = Counter(one.shown for one in some)
        return min(spellings, key=lambda shown: (-spellings[shown], shown))

    def labels(some: Sequence[Question]) -> list[dict[str, Any]]:
        users = {label: len({one.user for one in some if one.label == label}) for label in {one.label for one in some}}
        return [{"label": one, "users": users[one]} for one in sorted(users, key=lambda one: (-users[one], one))[:5]]

    ranked = sorted(groups, key=lambda words: (-len(groups[words]), words))
    ranked = [words for words in ranked if len({one.user for one in groups[words]}) >= min_users][:top]
    rows = [
        {
            "rank": nth,
            "question": spelling(groups[words]),
            **measures(groups[words]),
            "labels": labels(groups[words]),
        }
        for nth, words in enumerate(ranked, start=1)
    ]
    rest = [one for one in found if one.words not in ranked]
    return {
        "rows": rows,
        "other": {"rank": None, "question": None, **measures(rest), "labels": []} if rest else None,
        "totals": counts(walked, len(found), len(groups)),
    }


def counts(walked: Walked, occurrences: int, distinct: int) -> dict[str, int]:
    return {**totals(walked, []), "occurrences": occurrences, "distinct": distinct}
