"""Answers agree where they speak of the same thing: each identity is a property of random graphs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.answers import ANSWERS, ask
from graphsvc.frame import JourneyFrame

from . import people, questions
from .effort import effort
from .people import frame_of

ALL = {"top": 1_000}


@st.composite
def cases(draw: st.DrawFn) -> tuple[JourneyFrame, dict[str, Any], list[str]]:
    crowd = draw(people.crowds())
    filters = draw(people.filters(crowd))
    stored: dict[str, Any] = draw(people.settings)
    return frame_of(crowd, **stored), filters, questions.labels_of(crowd, filters["label"])


def rows(frame: JourneyFrame, name: str, **asked: Any) -> list[Any]:
    return list(ask(frame, name, ANSWERS[name].parse(asked)).rows)


@settings(max_examples=effort(100), deadline=None)
@given(cases(), st.data())
def test_a_strict_funnel_of_two_is_the_transition(case: Any, data: st.DataObject) -> None:
    """A strict two-step funnel A→B with A≠B, every entry, no window: the transition's users and journeys."""
    frame, filters, labels = case
    if len(labels) < 2:
        return
    source, target = data.draw(st.lists(st.sampled_from(labels), min_size=2, max_size=2, unique=True))
    second = rows(frame, "funnel", step=[source, target], order="strict", **filters)[1]
    pairs = rows(frame, "transitions", **ALL, **filters)
    pair = next((row for row in pairs if (row.source, row.target) == (source, target)), None)
    assert (second.users, second.journeys, second.entries) == (
        (pair.users, pair.journeys, pair.count) if pair else (0, 0, 0)
    )
    assert second.median_seconds == (pytest.approx(_first_median(frame, filters, source, target)) if pair else None)


def _first_median(frame: JourneyFrame, filters: dict[str, Any], source: str, target: str) -> float:
    """The median over each journey's first such pair: what a funnel times."""
    from graphsvc.answers.params import Filters
    from graphsvc.answers.walks import walk

    walks = walk(frame, Filters(**filters))
    waits = []
    for begin, end in zip(walks.offsets[:-1].tolist(), walks.offsets[1:].tolist(), strict=True):
        texts = [walks.texts[code] for code in walks.codes[begin:end].tolist()]
        for nth in range(len(texts) - 1):
            if (texts[nth], texts[nth + 1]) == (source, target):
                waits.append((walks.times[begin + nth + 1] - walks.times[begin + nth]) / 1e6)
                break
    waits.sort()
    middle = len(waits) // 2
    return float(waits[middle] if len(waits) % 2 else (waits[middle - 1] + waits[middle]) / 2)


@settings(max_examples=effort(100), deadline=None)
@given(cases(), st.integers(1, 6))
def test_who_is_at_a_step_has_a_journey_of_so_many_steps(case: Any, k: int) -> None:
    """Journeys at step k = journeys with k or more touchpoints = those whose path of k steps is that long."""
    frame, filters, _ = case
    at_step = rows(frame, "steps", depth=6, top=50, **filters)
    there = sum(row.journeys for row in at_step if row.step == k and row.kind in ("touchpoint", "other"))
    of_length = [row for row in rows(frame, "paths", steps=k, **ALL, **filters) if len(row.path) == k]
    assert there == sum(row.journeys for row in of_length)


@settings(max_examples=effort(100), deadline=None)
@given(cases(), st.sampled_from(["start", "end", "around"]), st.data())
def test_what_comes_into_a_step_leaves_it(case: Any, where: str, data: st.DataObject) -> None:
    """Of steps k and k + 1: at k + 1 are those at k who did not leave after k, and those who begin there."""
    frame, filters, labels = case
    around = data.draw(st.sampled_from(labels)) if where == "around" else None
    found = rows(frame, "steps", where=where, around=around, depth=3, top=2, **filters)

    def of(step: int, *kinds: str) -> int:
        return sum(row.journeys for row in found if row.step == step and row.kind in kinds)

    steps = sorted({row.step for row in found})
    for step in steps:
        come = of(step, "begin", "earlier") if where != "start" else (of(1, "touchpoint", "other") if step == 1 else 0)
        stay = of(step - 1, "touchpoint", "other") - of(step - 1, "converted", "open", "dropped", "beyond")
        assert of(step, "touchpoint", "other") == stay + come
    left = sum(of(step, "converted", "open", "dropped", "beyond") for step in steps)
    assert (
        left
        == ask(
            frame, "steps", ANSWERS["steps"].parse({"where": where, "around": around, "depth": 3, "top": 2, **filters})
        ).totals.occurrences
    )


@settings(max_examples=effort(100), deadline=None)
@given(cases())
def test_first_and_last_touches_are_paths_of_one_step(case: Any) -> None:
    frame, filters, _ = case
    touches = rows(frame, "touches", **ALL, **filters)
    for where in ("start", "end"):
        side = {"start": "first", "end": "last"}[where]
        ones = {row.path[0]: row for row in rows(frame, "paths", where=where, steps=1, **ALL, **filters)}
        for row in touches:
            path = ones.get(row.label)
            told = [getattr(row, f"{side}{name}") for name in ("", "_users", "_converted", "_open", "_conversion")]
            if path is None:
                assert told == [0, 0, 0, 0, None]
            else:
                counts = [path.count, path.users, path.converted, path.open]
                assert told == [*counts, pytest.approx(path.conversion)]


@settings(max_examples=effort(100), deadline=None)
@given(cases())
def test_the_first_step_of_a_closed_funnel_is_whoever_has_it(case: Any) -> None:
    """Entries of A are its touchpoints: of all runs of one step."""
    frame, filters, labels = case
    ones = {row.path[0]: row for row in rows(frame, "paths", where="run", steps=1, **ALL, **filters)}
    first = rows(frame, "funnel", step=[labels[0], labels[-1]], **filters)[0]
    one = ones.get(labels[0])
    assert (first.users, first.journeys, first.entries) == ((one.users, one.journeys, one.count) if one else (0, 0, 0))


@settings(max_examples=effort(60), deadline=None)
@given(cases())
def test_touchpoints_of_the_matrix_are_all_touchpoints(case: Any) -> None:
    frame, filters, _ = case
    cells = rows(frame, "matrix", **filters)
    ones = rows(frame, "paths", where="run", steps=1, **ALL, **filters)
    assert sum(row.count for row in cells) == sum(row.count for row in ones)
    assert sum(row.share for row in cells) == pytest.approx(1 if cells else 0)
