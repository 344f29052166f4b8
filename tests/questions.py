"""Random questions of every answer, as parameters and as what the oracle counts for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from . import oracle, people
from .oracle import Person


def labels_of(crowd: Sequence[Person], label: str) -> list[str]:
    return sorted({oracle.label_of(touch, label) for one in crowd for touch in one.touches})


@st.composite
def paths(draw: st.DrawFn, labels: list[str]) -> dict[str, Any]:
    where = draw(st.sampled_from(["start", "end", "run", "around"]))
    around = draw(st.sampled_from(labels)) if where == "around" else None
    own = {"top": draw(st.integers(1, 8)), "min_count": draw(st.sampled_from([1, 1, 2, 3]))}
    return {"where": where, "around": around, "steps": draw(st.integers(1, 5)), **own}


@st.composite
def transitions(draw: st.DrawFn, labels: list[str]) -> dict[str, Any]:
    return {"top": draw(st.integers(1, 8)), "min_count": draw(st.sampled_from([1, 1, 2, 3]))}


@st.composite
def steps(draw: st.DrawFn, labels: list[str]) -> dict[str, Any]:
    where = draw(st.sampled_from(["start", "end", "around"]))
    around = draw(st.sampled_from(labels)) if where == "around" else None
    own = {"top": draw(st.integers(1, 4)), "min_journeys": draw(st.sampled_from([1, 1, 2]))}
    return {"where": where, "around": around, "depth": draw(st.integers(1, 4)), **own}


@st.composite
def funnel(draw: st.DrawFn, labels: list[str], *, cypher: bool = False) -> dict[str, Any]:
    order = draw(st.sampled_from(["sequence", "sequence", "strict"] + ([] if cypher else ["any"])))
    count = draw(st.integers(2, 3 if order == "any" else 4))
    texts: list[str] = []
    for nth in range(count):
        required = sum(not text.split(" <= ")[0].endswith("?") for text in texts)
        text = "|".join(draw(st.lists(st.sampled_from(labels), min_size=1, max_size=2, unique=True)))
        if nth > 0 and (nth < count - 1 or required > 1) and order != "any" and not cypher and draw(st.booleans()):
            text += "?"
        if draw(st.integers(0, 2)) == 0:
            text += draw(st.sampled_from([" <= 12h", " <= 24h", " <= 2d", " <= 1s"]))
        texts.append(text)
    return {
        "step": texts,
        "order": order,
        "every_entry": draw(st.booleans()),
        "closed": cypher or draw(st.booleans()),
        "window_hours": draw(st.sampled_from([None, None, 12.0, 36.0, 72.0])),
        "not_between": draw(st.sampled_from([(), (), (labels[0],), (labels[-1],)])),
        "hold": None if cypher else draw(st.sampled_from([None, None, "channel", "stage", "name"])),
    }


@st.composite
def touches(draw: st.DrawFn, labels: list[str]) -> dict[str, Any]:
    return {"top": draw(st.integers(1, 5))}


def matrix(labels: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.just({})


OWN: dict[str, Callable[..., st.SearchStrategy[dict[str, Any]]]] = {
    "paths": paths,
    "transitions": transitions,
    "steps": steps,
    "funnel": funnel,
    "touches": touches,
    "matrix": matrix,
}


def expected(name: str, given: dict[str, Any], crowd: Sequence[Person], stored: dict[str, Any]) -> dict[str, Any]:
    """What the oracle counts for a question."""
    shared = {"segment", "by", "goal"} | set(people.FILTERS)
    own = {key: value for key, value in given.items() if key not in shared}
    asked = people.asked(given, stored)
    if name == "funnel":
        own["steps"] = [_step(text) for text in own.pop("step")]
        hours = own.pop("window_hours")
        own["window"] = None if hours is None else hours * 3_600
        return oracle.funnel(crowd, asked, asked=oracle.Funnel(**own))
    counted: dict[str, Any] = getattr(oracle, name)(crowd, asked, **own)
    return counted


def _step(text: str) -> oracle.Step:
    labels, _, within = text.partition(" <= ")
    seconds = float(within[:-1]) * {"s": 1, "h": 3_600, "d": 86_400}[within[-1]] if within else None
    return oracle.Step(tuple(labels.removesuffix("?").split("|")), labels.endswith("?"), seconds)
