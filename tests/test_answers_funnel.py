"""Funnels: worked examples that a person can check by hand."""

from __future__ import annotations

from typing import Any

import pytest

from graphsvc.answers import ANSWERS, Result, ask
from graphsvc.answers.funnel_params import FunnelStep
from graphsvc.errors import QueryError, UnknownName

from .oracle import Person, Touch
from .people import START_US, frame_of, person

MINUTE = 60_000_000


def at(key: str, *touches: tuple[int, str]) -> Person:
    """Somebody with touchpoints at so many minutes."""
    return Person(
        key,
        {},
        [
            Touch(START_US + minute * MINUTE, f"{key}-{nth:02}", name, "web", "")
            for nth, (minute, name) in enumerate(touches)
        ],
    )


def funnel(people: list[Person], *steps: str, **asked: Any) -> Result[Any]:
    return ask(frame_of(people), "funnel", ANSWERS["funnel"].parse({"step": steps, **asked}))


def counts(found: Result[Any], column: str = "users") -> list[int]:
    return [getattr(row, column) for row in found.rows]


DISCRIMINATING = [at("ann", (60, "A"), (90, "A"), (105, "B"), (135, "C"))]


def test_the_discriminating_case() -> None:
    """A 1:00, A 1:30, B 1:45, C 2:15, window 1 h, A→B→C."""
    first = funnel(DISCRIMINATING, "A", "B", "C", window_hours=1, every_entry=False)
    assert counts(first) == [1, 1, 0]
    again = funnel(DISCRIMINATING, "A", "B", "C", window_hours=1)
    assert counts(again) == [1, 1, 1]
    assert counts(again, "entries") == [2, 2, 1]


def test_any_choice_of_touchpoints_counts_and_not_only_the_first() -> None:
    late = [at("ann", (0, "A"), (10, "B"), (50, "B"), (55, "C"))]
    assert counts(funnel(late, "A", "B", "C <= 10m")) == [1, 1, 1]
    assert counts(funnel(late, "A", "B <= 20m", "C <= 10m")) == [1, 1, 0]


def test_windows_are_inclusive() -> None:
    crowd = [at("ann", (0, "A"), (60, "B"))]
    assert counts(funnel(crowd, "A", "B", window_hours=1)) == [1, 1]
    assert counts(funnel(crowd, "A", "B <= 1h")) == [1, 1]
    assert counts(funnel(crowd, "A", "B <= 59m")) == [1, 0]


def test_strict_asks_for_neighbours_of_what_exclude_leaves() -> None:
    crowd = [person("ann", "A ping B")]
    assert counts(funnel(crowd, "A", "B", order="strict")) == [1, 0]
    assert counts(funnel(crowd, "A", "B", order="strict", exclude=("ping",))) == [1, 1]


def test_what_lies_between_ends_an_attempt_but_removes_nobody() -> None:
    crowd = [person("ann", "A ping B"), person("bob", "A ping A B")]
    assert counts(funnel(crowd, "A", "B", not_between=("ping",))) == [2, 1]
    assert counts(funnel(crowd, "A", "B", not_between=("ping",), every_entry=False)) == [2, 0]


def test_an_optional_step_is_taken_where_it_can_be() -> None:
    crowd = [person("ann", "A chat B"), person("bob", "A B"), person("cat", "A chat")]
    found = funnel(crowd, "A", "chat?", "B")
    assert counts(found) == [3, 2, 2]
    assert [row.optional for row in found.rows] == [False, True, False]
    assert found.rows[2].share_of_previous == pytest.approx(2 / 3)  # of the required step before
    assert counts(found, "stopped") == [0, 1, 0]


def test_more_required_steps_are_better_than_more_steps() -> None:
    crowd = [person("ann", "A x y stop A B")]
    found = funnel(crowd, "A", "x?", "y?", "B", not_between=("stop",))
    assert counts(found) == [1, 0, 0, 1]  # the best attempt is A B, not A x y
    assert counts(found, "entries") == [2, 1, 1, 1]


def test_of_equal_matches_the_earliest_counts() -> None:
    assert counts(funnel([person("ann", "A y x B")], "A", "x?", "y?", "B")) == [1, 0, 1, 1]
    assert counts(funnel([person("ann", "A x y B")], "A", "x?", "y?", "B")) == [1, 1, 1, 1]


def test_who_leaves_out_a_last_optional_step_has_not_stopped() -> None:
    found = funnel([person("ann", "A B"), person("bob", "A B x"), person("cat", "A")], "A", "B", "x?")
    assert counts(found) == [3, 2, 1]
    assert counts(found, "stopped") == [1, 0, 0]


def test_any_order_counts_how_many_different_steps_are_done() -> None:
    crowd = [person("ann", "C B A"), person("bob", "B B"), person("cat", "x")]
    found = funnel(crowd, "A", "B", "C", order="any")
    assert [row.label for row in found.rows] == ["1 of 3", "2 of 3", "3 of 3"]
    assert counts(found) == [2, 1, 1]


def test_an_open_funnel_is_entered_anywhere() -> None:
    crowd = [person("ann", "A B C"), person("bob", "B C"), person("cat", "C")]
    assert counts(funnel(crowd, "A", "B", "C")) == [1, 1, 1]
    assert counts(funnel(crowd, "A", "B", "C", closed=False)) == [1, 2, 3]


def test_what_is_held_stays_the_same_along_a_match() -> None:
    crowd = [person("ann", "A/web B/shop"), person("bob", "A/web B/shop B/web")]
    assert counts(funnel(crowd, "A", "B", hold="channel")) == [2, 1]


def test_either_of_two_labels() -> None:
    crowd = [person("ann", "ad buy"), person("bob", "search buy")]
    assert counts(funnel(crowd, "ad|search", "buy")) == [2, 2]


def test_times_and_what_others_did_instead() -> None:
    crowd = [
        person("ann", "A B", step_hours=1),
        person("bob", "A B", step_hours=3),
        person("cat", "A C"),
        person("dan", "A"),
    ]
    found = funnel(crowd, "A", "B")
    assert (found.rows[1].median_seconds, found.rows[1].p90_seconds) == (2 * 3600, pytest.approx(2.8 * 3600))
    assert found.rows[0].stopped == 2
    assert [(each.label, each.users) for each in found.rows[0].instead] == [("(nothing more)", 1), ("C", 1)]
    assert found.rows[0].open == 2


def test_same_time_touchpoints_go_by_event_key() -> None:
    crowd = [at("ann", (0, "B"), (0, "A"))]  # event keys: the B comes first
    assert counts(funnel(crowd, "A", "B")) == [1, 0]
    assert counts(funnel(crowd, "B", "A")) == [1, 1]


def test_users_stopped_and_complete_are_all_who_entered() -> None:
    crowd = [person("ann", "A B C"), person("bob", "A B"), person("cat", "A"), person("dan", "B C")]
    found = funnel(crowd, "A", "B", "C")
    assert sum(counts(found, "stopped")) + found.rows[-1].users == found.rows[0].users == 3


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"step": ["A"]}, "at least 2 items"),
        ({"step": ["A", ""]}, "a step names a label"),
        ({"step": ["A", "B <= 0h"]}, "'B <= 0h': within_seconds: .* greater than 0"),
        ({"step": ["A", "B <= 99999999d"]}, "within_seconds: .* less than or equal to 3153600000"),
        ({"step": ["A?", "B"]}, "begins with a required step"),
        ({"step": ["A", "B?"]}, "has another one"),
        ({"step": ["A", "B"], "window_hours": 0}, "greater than 0"),
        ({"step": ["A", "B?", "C"], "order": "any"}, "none of them optional"),
        (
            {"step": ["A", '{"label": "B"}']},
            ": labels: Field required; label: there is no such key; did you mean 'labels'",
        ),
        ({"step": ["A", '{"labels": [""]}']}, "labels 1: String should have at least 1 character"),
        ({"step": ["A", "{B"]}, "'{B': Invalid JSON"),
    ],
)
def test_a_funnel_that_cannot_be_asked_is_told_in_words(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        ANSWERS["funnel"].parse(asked)


@pytest.mark.parametrize("text", ["ad", "ad|search?", "buy <= 7d", "chat? <= 90m", "buy <= 1.5s"])
def test_a_step_is_written_as_it_was_read(text: str) -> None:
    assert FunnelStep.parse(text).written == text


def test_an_unknown_step_suggests_a_known_one() -> None:
    with pytest.raises(UnknownName, match="no touchpoint 'crat'; did you mean 'cart'"):
        funnel([person("ann", "ad cart")], "ad", "crat")


def test_nobody_enters() -> None:
    found = funnel([person("ann", "ad cart")], "cart", "ad", segment="age > 3")
    assert counts(found) == [0, 0]
    assert "nothing is left to count; loosen the filters" in found.notes
