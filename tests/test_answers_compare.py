"""Comparisons: by hand, against statsmodels' formulas, and what cannot be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from graphsvc.answers import ANSWERS, Comparison, ask, compared
from graphsvc.answers.significance import corrected, proportions
from graphsvc.errors import QueryError, UnknownName

from . import people, questions
from .effort import effort
from .oracle import Person
from .people import frame_of, person


def crowd(older: int, younger: int, *, buying: tuple[int, int]) -> list[Person]:
    """So many older and younger people, the first few of each buying."""
    walks = [("old", 60, older, buying[0]), ("young", 20, younger, buying[1])]
    return [
        person(f"{key}{nth:03}", "ad buy" if nth < buyers else "ad", age=age)
        for key, age, count, buyers in walks
        for nth in range(count)
    ]


def side_by_side(people: list[Person], name: str = "paths", **asked: Any) -> Comparison:
    how = {"a": "age >= 50", "b": "age < 50", "rate": 0.05, "confidence": 0.95}
    how |= {key: asked.pop(key) for key in ("a", "b", "rate", "confidence") if key in asked}
    return compared(frame_of(people), name, ANSWERS[name].parse(asked), **how)  # type: ignore[arg-type]


def test_two_shares_by_hand() -> None:
    """60 of 100 against 40 of 100: pooled 0.5, z = 0.2 / sqrt(0.25 · 0.02) = 2.828."""
    found = side_by_side(crowd(100, 100, buying=(60, 40)))
    row = next(row for row in found.rows if row.what == "ad > buy")
    assert (row.users_a, row.of_a, row.users_b, row.of_b, row.test) == (60, 100, 40, 100, "z")
    z = 0.2 / np.sqrt(0.5 * 0.5 * 2 / 100)
    assert row.p_value == pytest.approx(2 * stats.norm.sf(z))
    reach = stats.norm.ppf(0.975) * np.sqrt(0.6 * 0.4 / 100 * 2)
    assert [row.low, row.high] == pytest.approx([0.2 - reach, 0.2 + reach])
    # Two tests with one p value: the one path is the other's complement; times that are all the same are no test.
    assert [row.time_p_value for row in found.rows] == [None, None]
    assert row.q_value == pytest.approx(row.p_value)
    assert row.significant


def test_small_samples_are_said_to_be_small() -> None:
    found = side_by_side(crowd(6, 6, buying=(5, 1)))
    row = next(row for row in found.rows if row.what == "ad > buy")
    assert row.test == "fisher"
    assert row.p_value == pytest.approx(stats.fisher_exact([[5, 1], [1, 5]]).pvalue)
    assert any("small" in note for note in found.notes)


def test_a_user_in_both_segments_is_an_error() -> None:
    with pytest.raises(QueryError, match="10 users are in both"):
        side_by_side(crowd(10, 10, buying=(1, 1)), a="age >= 50", b="age > 55")


def test_periods_leave_out_users_of_both_and_say_so() -> None:
    both = person("both", "ad 2400 ad buy")
    early, late = person("early", "ad buy"), person("late", "ad", start_hours=2400)
    frame = frame_of([both, early, late], split="gap", gap_days=30)
    sides = {"a": "..2024-02-01", "b": "2024-02-01..", "rate": 0.05, "confidence": 0.95}
    found = compared(frame, "paths", ANSWERS["paths"].parse({}), **sides)  # type: ignore[arg-type]
    assert (found.a.users, found.b.users) == (1, 1)
    assert found.notes[0] == "1 users have journeys in both periods and are left out"


def test_times_are_compared_by_each_users_median() -> None:
    slow = [person(f"s{nth}", "a b", step_hours=10 + nth, age=60) for nth in range(8)]
    fast = [person(f"f{nth}", "a b", step_hours=1 + nth / 10, age=20) for nth in range(8)]
    row = side_by_side(slow + fast, "transitions").rows[0]
    assert [row.median_seconds_a, row.median_seconds_b] == pytest.approx([13.5 * 3600, 1.35 * 3600])
    assert row.time_p_value == pytest.approx(stats.mannwhitneyu(range(8, 16), range(8)).pvalue)
    assert row.time_significant
    assert not row.significant  # all of both do it


def test_times_that_are_all_the_same_are_told_but_not_tested() -> None:
    crowd = [person(f"{age}{nth}", "open buy", age=age) for age in (60, 20) for nth in range(3)]
    row = side_by_side([*crowd, person("one", "open chat", age=60)], "transitions", top=2).rows[0]
    assert (row.what, row.median_seconds_a, row.median_seconds_b) == ("open > buy", 3_600, 3_600)
    assert (row.time_p_value, row.time_q_value, row.time_significant) == (None, None, None)
    row = side_by_side([*crowd, person("one", "open chat", age=60)], "transitions", top=2).rows[1]
    assert (row.what, row.median_seconds_a, row.median_seconds_b) == ("open > chat", 3_600, None)


def test_steps_of_a_funnel_are_compared_among_those_who_enter() -> None:
    people = crowd(100, 100, buying=(60, 40)) + [person(f"no{nth}", "x", age=60) for nth in range(50)]
    found = side_by_side(people, "funnel", step=["ad", "buy"])
    assert [(row.of_a, row.of_b) for row in found.rows] == [(150, 100), (100, 100)]
    assert (found.rows[1].share_a, found.rows[1].share_b) == (0.6, 0.4)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"a": "age > 90"}, "no journeys to compare"),
        ({"a": "2024-01-01..2024-03-01", "b": "2024-02-01.."}, "overlap"),
        ({"a": "2024-01-01..", "b": "age < 50"}, "is no period"),
        ({"a": "2024-13-01..", "b": "..2024-01-01"}, "is no period"),
        ({"rate": 0.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_compared(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        side_by_side(crowd(10, 10, buying=(1, 1)), **asked)


def test_an_unknown_segment() -> None:
    with pytest.raises(UnknownName):
        side_by_side(crowd(10, 10, buying=(1, 1)), a="oldr")


@pytest.mark.parametrize("name", ["paths", "transitions", "steps", "funnel"])
@settings(max_examples=effort(60), deadline=None)
@given(data=st.data())
def test_each_side_counts_as_the_answer_for_that_segment(name: str, data: st.DataObject) -> None:
    """With nothing folded away, the users on a side are those that the answer counts for its segment alone."""
    people_of = data.draw(people.crowds(most=8))
    filters = data.draw(people.filters(people_of)) | {"segment": None}
    own = data.draw(questions.OWN[name](questions.labels_of(people_of, filters["label"])))
    own |= {key: 50 for key in ("top",) if key in own} | {key: 1 for key in ("min_count", "min_journeys") if key in own}
    frame, params = frame_of(people_of, goals=("buy",)), ANSWERS[name].parse({**filters, **own})
    sides = {"a": "age >= 50", "b": "age < 50"}
    try:
        found = compared(frame, name, params, rate=0.05, confidence=0.95, **sides)
    except QueryError as error:
        assert "no journeys to compare" in str(error)
        return
    for side, segment in sides.items():
        alone = ask(frame, name, params.model_copy(update={"segment": segment}))
        assert getattr(found, side).users == alone.totals.users
        expected = {_what(row): row.users for row in alone.rows}
        for row in found.rows:
            assert getattr(row, f"users_{side}") == expected.get(row.what, 0)
    tested = sum(row.time_p_value is not None for row in found.rows) + len(found.rows)
    p_values = [p for row in found.rows for p in (row.p_value, row.time_p_value) if p is not None]
    q_values = [q for row in found.rows for q in (row.q_value, row.time_q_value) if q is not None]
    assert len(p_values) == len(q_values) == tested
    if p_values:
        assert sorted(q_values) == pytest.approx(sorted(stats.false_discovery_control(p_values)))


def _what(row: Any) -> str:
    if hasattr(row, "path"):
        return " > ".join(row.path)
    if hasattr(row, "source"):
        return f"{row.source} > {row.target}"
    return f"step {row.step}{': ' if getattr(row, 'kind', 'touchpoint') == 'touchpoint' else ', '}{_said(row)}"


def _said(row: Any) -> str:
    outcomes = {"converted": "left converted", "open": "left open", "dropped": "left dropped"}
    others = {"other": "rarer labels", "begin": "begin", "earlier": "come from earlier steps"}
    kinds = {**outcomes, **others, "beyond": "go on to later steps"}
    return str(kinds.get(getattr(row, "kind", ""), row.label))


def buyers(key: str, age: int, channel: str, count: int) -> list[Person]:
    return [person(f"{key}{nth:02}", f"ad/{channel} buy/shop", age=age) for nth in range(count)]


def test_shares_of_credit_by_hand() -> None:
    """Older: 15 of 20 by search; younger: 5 of 20. Dealt out at random that is rare; by how much, SciPy agrees."""
    crowd = [
        *buyers("a", 60, "search", 15),
        *buyers("b", 60, "insta", 5),
        *buyers("c", 20, "search", 5),
        *buyers("d", 20, "insta", 15),
    ]
    frame = frame_of(crowd, goals=("buy",))
    asked = ANSWERS["attribution"].parse({"model": ("linear",), "rounds": 1_999})
    found = compared(frame, "attribution", asked, a="age >= 50", b="age < 50", rate=0.05, confidence=0.95)
    row = next(row for row in found.rows if row.what == "linear: search")
    assert (row.users_a, row.users_b, row.share_a, row.share_b) == (15, 5, 0.75, 0.25)
    exact = stats.fisher_exact([[15, 5], [5, 15]]).pvalue  # of this statistic the permutation test is Fisher's
    assert row.p_value == pytest.approx(exact, abs=0.004)
    assert row.significant
    assert row.low < 0.5 < row.high
    again = compared(frame, "attribution", asked, a="age >= 50", b="age < 50", rate=0.05, confidence=0.95)
    assert again == found


def test_no_two_rows_are_called_the_same() -> None:
    """An event that is called like an outcome is none; positions of one label are told apart."""
    crowd = [person(f"{age}{nth}", f"{walk} open", age=age) for age in (60, 20) for nth, walk in enumerate(["a", "b"])]
    found = [row.what for row in side_by_side(crowd, "steps", depth=2, top=1).rows]
    assert found == ["step 1: a", "step 1, rarer labels", "step 2: open", "step 2, left open"]
    crowd = [
        person(f"{age}{nth}", walk, age=age)
        for age in (60, 20)
        for nth, walk in enumerate(["ad/web ad/mail buy", "ad/mail ad/web buy"])
    ]
    asked = ANSWERS["attribution"].parse({"model": ["shapley_ordered"], "rounds": 9})
    sides = {"a": "age >= 50", "b": "age < 50", "rate": 0.05, "confidence": 0.95}
    found = [row.what for row in compared(frame_of(crowd, goals=("buy",)), "attribution", asked, **sides).rows]  # type: ignore[arg-type]
    assert sorted(found) == [
        f"shapley_ordered, position {position}: {label}" for position in (1, 2) for label in ("mail", "web")
    ]


def test_equal_groups_earn_alike() -> None:
    crowd = [
        *buyers("a", 60, "search", 10),
        *buyers("b", 60, "insta", 10),
        *buyers("c", 20, "search", 10),
        *buyers("d", 20, "insta", 10),
    ]
    asked = ANSWERS["attribution"].parse({})
    sides = {"a": "age >= 50", "b": "age < 50", "rate": 0.05, "confidence": 0.95}
    found = compared(frame_of(crowd, goals=("buy",)), "attribution", asked, **sides)  # type: ignore[arg-type]
    assert {row.p_value for row in found.rows} == {1.0}
    assert all(row.difference == pytest.approx(0) for row in found.rows)


@settings(max_examples=effort(60), deadline=None)
@given(st.integers(20, 400), st.integers(20, 400), st.data())
def test_shares_are_tested_as_statsmodels_does(of_a: int, of_b: int, data: st.DataObject) -> None:
    users_a, users_b = data.draw(st.integers(10, of_a - 10)), data.draw(st.integers(10, of_b - 10))
    found = proportions(users_a, users_b, of_a, of_b, 0.95)
    if found["test"] == "z":
        assert found["p_value"] == pytest.approx(proportions_ztest([users_a, users_b], [of_a, of_b])[1])
    low, high = confint_proportions_2indep(users_a, of_a, users_b, of_b, method="wald", compare="diff")
    assert [found["low"], found["high"]] == pytest.approx([max(low, -1), min(high, 1)])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_many_tests_are_corrected_as_statsmodels_does(p_values: list[float]) -> None:
    assert corrected(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])
