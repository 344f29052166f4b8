"""Conformance: worked examples by hand, the brute force of the oracle, expected journeys in files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphsvc.answers import ANSWERS, Result, ask
from graphsvc.answers.conformance import (
    ConformanceParams,
    ConformanceRow,
    count_conformance,
)
from graphsvc.answers.expected import ExpectedStep, expected_journey
from graphsvc.errors import CypherUnsupported, QueryError, UnknownName

from . import oracle_conformance as brute
from . import people, questions
from .contract import drills_down
from .effort import effort
from .oracle import Person
from .people import frame_of, person
from .test_answers_docs import people_of

CONFORMANCE = ANSWERS["conformance"]
PAGE = (Path(__file__).parents[1] / "docs" / "conformance.md").read_text(encoding="utf-8")
#: Somebody who knows all labels, long after the others, whose journeys are over by then, or long before them.
LATER, BEFORE = (person("zoe", "a b c x y", start_hours=24 * days) for days in (100, -100))
THEN = {"since": "2024-01-01", "until": "2024-02-01"}


def conformance(crowd: list[Person], *step: str, **asked: Any) -> Result[ConformanceRow]:
    return count_conformance(frame_of(crowd), ConformanceParams(step=step, **asked))


def outcome(walk: str, *step: str, over: bool = True) -> str:
    """How one journey is judged."""
    found = conformance([person("ann", walk), LATER if over else BEFORE], *step, **THEN)
    (kind,) = [row.kind for row in found.rows if row.kind != "step" and row.journeys]
    return kind


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        ("a b c", "conforming"),
        ("x a y b z c x", "conforming"),  # what is outside the model is passed over
        ("a c", "deviating"),  # b is skipped
        ("a b", "deviating"),  # c is not reached
        ("x", "deviating"),
        ("b a c", "deviating"),  # a is out of order
        ("a b c c", "deviating"),  # c is repeated
        ("a b a c", "deviating"),
    ],
)
def test_each_way_to_deviate(walk: str, expected: str) -> None:
    assert outcome(walk, "a", "b", "c") == expected


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        ("a b", "undecided"),  # only the end is lacking
        ("a", "undecided"),
        ("x", "undecided"),  # nothing yet, and nothing wrong
        ("a b c", "conforming"),
        ("a c", "deviating"),  # what is skipped cannot be mended
        ("b a", "deviating"),
        ("a a", "deviating"),
    ],
)
def test_an_open_journey_that_lacks_only_its_end_is_undecided(walk: str, expected: str) -> None:
    assert outcome(walk, "a", "b", "c", over=False) == expected


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        ("a b c", "conforming"),
        ("a c", "conforming"),
        ("a b b c", "deviating"),
        ("a c b", "deviating"),
        ("a", "deviating"),
    ],
)
def test_an_optional_step_may_be_left_out(walk: str, expected: str) -> None:
    assert outcome(walk, "a", "b?", "c") == expected


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        ("a b b c", "conforming"),
        ("a b c b", "deviating"),  # all of a repeatable step are judged: this b comes after c
        ("a a b c", "deviating"),
        ("a c", "deviating"),
    ],
)
def test_a_repeatable_step_may_come_again_but_in_its_place(walk: str, expected: str) -> None:
    assert outcome(walk, "a", "b+", "c") == expected


def test_a_second_occurrence_out_of_place_is_repeated_and_not_out_of_order() -> None:
    row = conformance([person("ann", "a b a")], "a", "b").rows[3]
    assert (row.repeated, row.out_of_order) == (1, 0)


def test_an_optional_repeatable_step_and_either_of_two() -> None:
    for walk, expected in (("x c", "conforming"), ("y b b c", "conforming"), ("x y c", "deviating")):
        assert outcome(walk, "x|y", "b+?", "c") == expected
        assert outcome(walk, "x|y", "b?+", "c") == expected


def test_a_journey_leaves_at_its_first_step_that_goes_wrong() -> None:
    crowd = [person("ann", "b a a"), person("bob", "a c"), person("cat", "a b c c"), LATER]
    found = conformance(crowd, "a", "b", "c", **THEN)
    assert [row.left for row in found.rows[3:]] == [1, 1, 1]
    assert [row.journeys for row in found.rows[:3]] == [0, 0, 3]


def test_same_time_touchpoints_go_by_event_key() -> None:
    crowd = [person("ann", "a b", step_hours=0), person("bob", "b a", step_hours=0)]
    assert [row.journeys for row in conformance(crowd, "a", "b").rows[:3]] == [1, 0, 1]


def test_filters_shape_what_is_judged() -> None:
    crowd = [person("ann", "a a ping b", age=60), person("bob", "b a", age=20)]
    assert conformance(crowd, "a", "b", collapse=True).rows[0].journeys == 1
    assert conformance(crowd, "a", "b", segment="age < 50").rows[2].journeys == 1
    assert conformance(crowd, "a", "b", lookback_days=1.5 / 24).rows[0].journeys == 0
    assert (
        conformance(crowd, "a", "b", exclude=("b",)).rows[1].journeys == 1
    )  # nothing of b is left: only the end lacks


def test_nothing_left_to_count() -> None:
    found = conformance([person("ann", "a b")], "a", "b", since="2030-01-01")
    assert [(row.journeys, row.share, row.conversion) for row in found.rows] == [(0, 0.0, None)] * 5
    assert "nothing is left to count; loosen the filters" in found.notes


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Person], dict[str, Any], dict[str, Any]]:
    crowd = draw(people.crowds())
    filters = draw(people.filters(crowd))
    labels = draw(st.permutations(questions.labels_of(crowd, filters["label"])))
    assume(len(labels) >= 2)
    steps, used = [], 0
    for _ in range(draw(st.integers(2, 4))):
        taken = labels[used : used + draw(st.sampled_from([1, 1, 2]))]
        used += len(taken)
        if taken:
            steps.append("|".join(taken) + draw(st.sampled_from(["", "", "?", "+", "+?"])))
    assume(len(steps) >= 2 and not all(step.endswith("?") for step in steps))
    return crowd, draw(people.settings), {**filters, "step": steps}


def model_of(steps: list[str]) -> list[brute.Expected]:
    return [brute.Expected(tuple(step.rstrip("+?").split("|")), "?" in step, "+" in step) for step in steps]


@settings(max_examples=effort(120), deadline=None)
@given(case=cases())
def test_the_frame_counts_as_the_oracle(case: tuple[list[Person], dict[str, Any], dict[str, Any]]) -> None:
    crowd, stored, asked = case
    found = count_conformance(frame_of(crowd, **stored), CONFORMANCE.parse(asked))  # type: ignore[arg-type]
    people.same(found, brute.conformance(crowd, people.asked(asked, stored), model=model_of(asked["step"])))


@settings(max_examples=effort(50), deadline=None)
@given(case=cases())
def test_every_number_drills_down(case: tuple[list[Person], dict[str, Any], dict[str, Any]]) -> None:
    crowd, stored, asked = case
    drills_down(CONFORMANCE, frame_of(crowd, **stored), CONFORMANCE.parse(asked))


@settings(max_examples=effort(50), deadline=None)
@given(case=cases())
def test_the_parts_make_the_whole(case: tuple[list[Person], dict[str, Any], dict[str, Any]]) -> None:
    crowd, stored, asked = case
    frame = frame_of(crowd, **stored)
    found = count_conformance(frame, CONFORMANCE.parse(asked))  # type: ignore[arg-type]
    (conforming, undecided, deviating), steps = found.rows[:3], found.rows[3:]
    assert conforming.journeys + undecided.journeys + deviating.journeys == found.totals.counted
    assert undecided.journeys == undecided.open == sum(row.waiting for row in steps)
    assert deviating.journeys == sum(row.left for row in steps)
    assert {row.journeys + row.skipped + row.not_reached for row in steps} == {found.totals.counted}
    required = [text for text in asked["step"] if not text.endswith("?")]
    if len(required) >= 2:  # whoever conforms goes through the funnel of the required steps
        given = {**asked, "step": [text.rstrip("+") for text in required]}
        assert conforming.journeys <= ask(frame, "funnel", ANSWERS["funnel"].parse(given)).rows[-1].journeys


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "Field required"),
        ({"step": ["a"]}, "at least 2 items"),
        ({"step": ["a", ""]}, "a step names a label"),
        ({"step": ["a", "b|"]}, "a step names a label"),
        ({"step": ["a", "b", "a?"]}, "'a' is named twice"),
        ({"step": ["a", "b|a"]}, "'a' is named twice"),
        ({"step": ["a?", "b?"]}, "every step is optional"),
        ({"step": ["a", '{"labels": ["b"], "optionl": true}']}, "no such key; did you mean 'optional'"),
        ({"step": ["a", "{b"]}, "Invalid JSON"),
    ],
)
def test_a_journey_that_cannot_be_expected_is_told_in_words(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        CONFORMANCE.parse(asked)


def test_an_unknown_label_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no touchpoint 'cort'; did you mean 'cart'"):
        conformance([person("ann", "ad cart")], "ad", "cort?")
    with pytest.raises(UnknownName, match="no channel 'ad'"):
        conformance([person("ann", "ad cart")], "ad", "cart", label="channel")


def test_neo4j_is_not_asked() -> None:
    with pytest.raises(CypherUnsupported, match="without via=cypher"):
        CONFORMANCE.statement(ConformanceParams(step=("a", "b")))


# Expected journeys in files.

FILE = """
[[step]]
labels = ["search ad", "instagram ad"]

[[step]]
labels = ["really?"]

[[step]]
labels = ["product page"]
repeatable = true
"""


def test_a_file_says_the_same_as_texts(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(FILE)
    steps = expected_journey(tmp_path / "model.toml")
    assert steps == ("search ad|instagram ad", '{"labels":["really?"]}', "product page+")
    assert ConformanceParams(step=steps).steps == [
        ExpectedStep(labels=("search ad", "instagram ad")),
        ExpectedStep(labels=("really?",)),
        ExpectedStep(labels=("product page",), repeatable=True),
    ]


@given(
    labels=st.lists(st.text('a |?+{}"', min_size=1), min_size=1, max_size=2),
    optional=st.booleans(),
    repeatable=st.booleans(),
)
def test_every_step_can_be_written(labels: list[str], optional: bool, repeatable: bool) -> None:
    step = ExpectedStep(labels=tuple(labels), optional=optional, repeatable=repeatable)
    assert ExpectedStep.parse(step.written) == step


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, r"model\.toml cannot be read: No such file"),
        ("step = = 1", r"model\.toml: .*line 1"),
        ("", r"model\.toml: step: Field required"),
        ("[[steps]]\nlabels = ['a']", r"steps: there is no such key; did you mean 'step'"),
        ("[[step]]\nlabels = ['a']", r"step: .*at least 2 items"),
        (
            "[[step]]\nlabels = ['a']\n[[step]]\nlabel = 'b'",
            r"step 2, labels: Field required; step 2, label: there is no",
        ),
        ("[[step]]\nlabels = ['a']\n[[step]]\nlabels = ['a']", r"model\.toml: 'a' is named twice"),
        ("[[step]]\nlabels = ['a']\n[[step]]\nlabels = 'b'", r"step 2, labels: .*valid tuple"),
        ("[[step]]\nlabels = ['a']\n[[step]]\nlabels = ['b']\noptional = 'maybe'", r"step 2, optional: .*boolean"),
    ],
)
def test_a_file_that_says_no_journey_is_told_by_name(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "model.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(QueryError, match=says):
        expected_journey(path)


# The page.


def test_the_example_of_the_page(tmp_path: Path) -> None:
    (crowd,) = re.findall(r"^```people\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (file,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (shown,) = re.findall(r"^```conformance\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (options,) = re.findall(r"^graphsvc conformance (--step .*)$", PAGE, re.MULTILINE)
    (tmp_path / "expected.toml").write_text(file)
    steps = expected_journey(tmp_path / "expected.toml")
    assert list(steps) == shlex.split(options)[1::2]
    found = count_conformance(frame_of(people_of(crowd), goals=("buy",)), ConformanceParams(step=steps))
    header, *lines = shown.splitlines()
    columns = header.split()[:-1]
    assert [[*(str(getattr(row, name)) for name in columns), row.label] for row in found.rows] == [
        line.split(None, len(columns)) for line in lines
    ]


def test_every_column_is_explained() -> None:
    for column in set(ConformanceRow.model_fields):
        assert f"`{column}`" in PAGE, column
