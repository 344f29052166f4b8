"""What holds for every answer: the frame counts as the oracle, every number drills down, segments are filters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.answers import ANSWERS, ask, compared, journeys_behind
from graphsvc.errors import GraphsvcError, QueryError, UnknownName

from . import people, questions
from .contract import drills_down
from .effort import effort
from .people import frame_of, person

COUNTED = sorted(questions.OWN)


@st.composite
def cases(draw: st.DrawFn, name: str) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    crowd = draw(people.crowds())
    filters = draw(people.filters(crowd))
    own = draw(questions.OWN[name](questions.labels_of(crowd, filters["label"])))
    return crowd, draw(people.settings), {**filters, **own}


@pytest.mark.parametrize("name", COUNTED)
@settings(max_examples=effort(120), deadline=None)
@given(data=st.data())
def test_the_frame_counts_as_the_oracle(name: str, data: st.DataObject) -> None:
    crowd, stored, asked = data.draw(cases(name))
    found = ask(frame_of(crowd, **stored), name, ANSWERS[name].parse(asked))
    people.same(found, questions.expected(name, asked, crowd, stored))


@pytest.mark.parametrize("name", COUNTED)
@settings(max_examples=effort(60), deadline=None)
@given(data=st.data())
def test_every_number_drills_down_to_as_many_journeys(name: str, data: st.DataObject) -> None:
    crowd, stored, asked = data.draw(cases(name))
    drills_down(ANSWERS[name], frame_of(crowd, **stored), ANSWERS[name].parse(asked))


@pytest.mark.parametrize("name", COUNTED)
@settings(max_examples=effort(20), deadline=None)
@given(data=st.data())
def test_by_segments_is_the_same_as_asking_for_each(name: str, data: st.DataObject) -> None:
    crowd, stored, asked = data.draw(cases(name))
    frame = frame_of(crowd, **stored, segments={"older": "age >= 50"})
    found = ask(frame, name, ANSWERS[name].parse({**asked, "by": ("older", "not older")}))
    for segment, part in zip(("older", "not older"), found.segments, strict=True):
        both = f"({asked['segment']}) and ({segment})" if asked["segment"] else segment
        alone = ask(frame, name, ANSWERS[name].parse({**asked, "segment": both}))
        assert part.rows == alone.rows
        assert part.totals == alone.totals
    assert found.rows == ask(frame, name, ANSWERS[name].parse(asked)).rows


SHOP = [person("ann", "ad site cart buy", age=60), person("bob", "ad site cart", age=50)]


def test_a_page_of_the_journeys_behind_a_number() -> None:
    params = ANSWERS["paths"].parse({"steps": 1})
    behind = journeys_behind(frame_of(SHOP), "paths", params, row=1, column="journeys", first=1, limit=1)
    assert (behind.number, behind.users) == (2, 2)
    assert [(journey.key, journey.path) for journey in behind.shown] == [("bob-00", ["ad", "site", "cart"])]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"row": 3, "column": "journeys"}, "there is no row 3"),
        ({"row": 1, "column": "sharks"}, "counts no journeys"),
    ],
)
def test_what_cannot_be_drilled_into_is_told(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(GraphsvcError, match=says):
        journeys_behind(frame_of(SHOP), "paths", ANSWERS["paths"].parse({"steps": 1}), **asked)


def test_a_goal_of_the_question_takes_the_place_of_the_graphs() -> None:
    frame = frame_of(SHOP, goals=("buy",))
    assert ask(frame, "paths", ANSWERS["paths"].parse({})).totals.converted == 1
    assert ask(frame, "paths", ANSWERS["paths"].parse({"goal": ("cart",)})).totals.converted == 2
    with pytest.raises(UnknownName, match="no touchpoint 'carr'; did you mean 'cart'"):
        ask(frame, "paths", ANSWERS["paths"].parse({"goal": ("carr",)}))


def test_segments_are_made_of_segments() -> None:
    frame = frame_of(SHOP, segments={"older": "age >= 55", "others": "not older"})
    for segment, users in (("older", 1), ("others", 1), ("older or others", 2), ("older and others", 0)):
        assert ask(frame, "paths", ANSWERS["paths"].parse({"segment": segment})).totals.users == users


@pytest.mark.parametrize("name", ["older people", "age >= 90", "not", "(55+)", 'the "old"', "Omas' & Opas'"])
def test_a_segment_may_have_any_name(name: str) -> None:
    frame = frame_of(SHOP, segments={name: "age >= 55", "all": "age > 0"})
    (part,) = ask(frame, "paths", ANSWERS["paths"].parse({"segment": "all", "by": [name]})).segments
    assert part.totals.users == 1
    params = ANSWERS["paths"].parse({})
    with pytest.raises(QueryError, match="1 users are in both") as refused:
        compared(frame, "paths", params, a="all", b=name, rate=0.05, confidence=0.95)
    found = compared(
        frame, "paths", params, a=str(refused.value).partition("such as ")[2], b=name, rate=0.05, confidence=0.95
    )
    assert (found.a.users, found.b.users) == (1, 1)


@pytest.mark.parametrize("name", ["", " ", "\"'"])
def test_a_name_that_no_predicate_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="quotation marks"):
        frame_of(SHOP, segments={name: "age >= 55"})
