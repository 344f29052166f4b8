"""Transitions: worked examples, and the frame against the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.answers import TransitionsParams, ask
from graphsvc.answers.result import Result

from . import oracle, people
from .effort import effort
from .people import frame_of, person

SHOP = [
    person("ann", "ad site cart buy"),
    person("bob", "ad site site cart"),
    person("cat", "site cart site cart"),
    person("dan", "ad"),
]


def asked(**given: Any) -> Result[Any]:
    return ask(frame_of(SHOP), "transitions", TransitionsParams(**given))


def remainder(found: Result[Any]) -> Any:
    assert found.other is not None
    return found.other


def pairs(found: Result[Any]) -> list[tuple[str, str, int]]:
    return [(row.source, row.target, row.count) for row in found.rows]


def test_neighbouring_pairs() -> None:
    found = asked()
    assert pairs(found) == [
        ("site", "cart", 4),
        ("ad", "site", 2),
        ("cart", "buy", 1),
        ("cart", "site", 1),
        ("site", "site", 1),
    ]
    first = found.rows[0]
    assert (first.users, first.journeys) == (3, 3)  # cat makes it twice
    assert (first.share, first.share_of_source) == (pytest.approx(4 / 9), 0.8)
    assert [row.loop for row in found.rows] == [False, False, False, False, True]
    assert found.other is None


def test_a_single_touchpoint_counts_as_a_journey_but_makes_no_transition() -> None:
    totals = asked().totals
    assert (totals.counted, totals.occurrences, totals.distinct) == (4, 9, 5)


def test_the_remainder_makes_shares_add_up() -> None:
    found = asked(top=2)
    assert remainder(found).source is remainder(found).target is remainder(found).share_of_source is None
    assert (remainder(found).count, remainder(found).users) == (3, 3)
    assert sum(row.share for row in found.rows) + remainder(found).share == pytest.approx(1)
    assert asked(min_count=2).other == found.other


def test_collapse_leaves_no_loops() -> None:
    assert not any(row.loop for row in asked(collapse=True).rows)


def test_exclude_makes_neighbours() -> None:
    found = asked(exclude=("cart",))
    assert pairs(found) == [("ad", "site", 2), ("site", "site", 2), ("site", "buy", 1)]


def test_quantiles_interpolate_linearly() -> None:
    waits = [person(f"p{hours}", "a b", step_hours=hours) for hours in (1, 2, 3, 4, 10)]
    row = ask(frame_of(waits), "transitions", TransitionsParams()).rows[0]
    assert row.median_seconds == 3 * 3600
    assert row.p90_seconds == pytest.approx((4 + 0.6 * 6) * 3600)


def test_a_journey_never_passes_into_another() -> None:
    crowd = [person("p", "ad buy ad"), person("q", "site")]
    found = ask(frame_of(crowd, goals=("buy",)), "transitions", TransitionsParams(split="conversion"))
    assert pairs(found) == [("ad", "buy", 1)]


def test_nothing_follows_anything() -> None:
    found = ask(frame_of([person("p", "ad")]), "transitions", TransitionsParams())
    assert (found.rows, found.other) == ([], None)
    assert "what is asked about occurs in none of the 1 counted journeys" in found.notes


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[oracle.Person], dict[str, Any], dict[str, Any], dict[str, Any]]:
    crowd = draw(people.crowds())
    own = {"top": draw(st.integers(1, 8)), "min_count": draw(st.sampled_from([1, 1, 2, 3]))}
    return crowd, draw(people.settings), draw(people.filters(crowd)), own


@settings(max_examples=effort(100), deadline=None)
@given(cases())
def test_the_frame_counts_as_the_oracle(case: Any) -> None:
    crowd, stored, filters, own = case
    found = ask(frame_of(crowd, **stored), "transitions", TransitionsParams(**filters, **own))
    people.same(found, oracle.transitions(crowd, people.asked(filters, stored), **own))
