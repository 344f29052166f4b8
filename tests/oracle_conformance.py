"""Conformance by brute force: every pair of touchpoints is looked at, as the definitions say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .oracle import Asked, Person, Walk, totals, walk


class Expected(NamedTuple):
    """One step of the expected journey."""

    labels: tuple[str, ...]
    optional: bool = False
    repeatable: bool = False


class Verdict(NamedTuple):
    """What one walk does of the expected journey: the numbers of steps by column, and its outcome."""

    at: dict[str, set[int]]
    outcome: str


def judge(one: Walk, model: Sequence[Expected]) -> Verdict:
    at: dict[str, set[int]] = {
        name: set() for name in ("journeys", "skipped", "not_reached", "repeated", "out_of_order", "left", "waiting")
    }
    places = [[nth for nth, label in enumerate(one.labels) if label in step.labels] for step in model]
    for nth, step in enumerate(model):
        if places[nth]:
            at["journeys"].add(nth)
        elif any(places[nth + 1 :]):
            at["skipped"].add(nth)
        else:
            at["not_reached"].add(nth)
        if len(places[nth]) > 1 and not step.repeatable:
            at["repeated"].add(nth)
        for later in range(nth + 1, len(model)):
            if any(mine > its for mine in judged(places[nth], step) for its in judged(places[later], model[later])):
                at["out_of_order"].add(nth)
    required = {nth for nth, step in enumerate(model) if not step.optional}
    broken = at["repeated"] | at["out_of_order"] | (at["skipped"] & required)
    lacking = at["not_reached"] & required
    if not broken and not lacking:
        return Verdict(at, "conforming")
    if not broken and one.outcome == "open":
        at["waiting"] = {min(lacking)}
        return Verdict(at, "undecided")
    at["left"] = {min(broken | lacking)}
    return Verdict(at, "deviating")


def judged(places: Sequence[int], step: Expected) -> Sequence[int]:
    """Order is judged on first occurrences, of repeatable steps on all."""
    return places if step.repeatable else places[:1]


def conformance(people: Sequence[Person], asked: Asked, *, model: Sequence[Expected]) -> dict[str, Any]:
    """Rows and totals: the three outcomes, then the steps."""
    walked = walk(people, asked)
    verdicts = [judge(one, model) for one in walked.walks]
    every = list(enumerate(verdicts))

    def measures(mine: Sequence[int], at: dict[str, int]) -> dict[str, Any]:
        outcomes = [walked.walks[number].outcome for number in mine]
        return {
            "journeys": len(mine),
            "users": len({walked.walks[number].user for number in mine}),
            "share": len(mine) / len(verdicts) if verdicts else 0.0,
            "converted": outcomes.count("converted"),
            "open": outcomes.count("open"),
            "conversion": outcomes.count("converted") / len(mine) if mine else None,
            **at,
        }

    columns = ("skipped", "not_reached", "repeated", "out_of_order", "left", "waiting")
    rows = []
    for kind in ("conforming", "undecided", "deviating"):
        mine = [number for number, verdict in every if verdict.outcome == kind]
        at = {name: sum(bool(verdicts[number].at[name]) for number in mine) for name in columns}
        shown = {"kind": kind, "step": None, "label": kind, "optional": False, "repeatable": False}
        rows.append({**shown, **measures(mine, at)})
    for nth, step in enumerate(model):
        mine = [number for number, verdict in every if nth in verdict.at["journeys"]]
        at = {name: sum(nth in verdict.at[name] for verdict in verdicts) for name in columns}
        marks = {"optional": step.optional, "repeatable": step.repeatable}
        rows.append({"kind": "step", "step": nth + 1, "label": " | ".join(step.labels), **marks, **measures(mine, at)})
    counts = {**totals(walked, []), "occurrences": len(verdicts), "distinct": len(model)}
    return {"rows": rows, "other": None, "totals": counts}
