"""Top paths: worked examples, and the frame against the oracle."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.answers import PathsParams, Result, ask
from graphsvc.errors import UnknownName
from graphsvc.frame import Label

from . import oracle, people
from .effort import effort
from .people import frame_of, person

# Four people; the latest touchpoint of all (eve's) ends the data.
ANN = person("ann", "ad site cart buy", age=60)
BOB = person("bob", "ad site cart", age=50)
CAT = person("cat", "site cart site cart buy", age=30)
EVE = person("eve", "ad site", start_hours=24 * 40, age=20)
SHOP = [ANN, BOB, CAT, EVE]


def top(found: Result[Any]) -> list[tuple[str, int]]:
    return [(" > ".join(row.path), row.count) for row in found.rows]


def remainder(found: Result[Any]) -> Any:
    assert found.other is not None
    return found.other


def asked(**given: Any) -> Result[Any]:
    return ask(frame_of(SHOP, goals=("buy",)), "paths", PathsParams(**given))


def test_from_the_start_a_journey_has_one_path() -> None:
    found = asked(steps=2)
    assert top(found) == [("ad > site", 3), ("site > cart", 1)]
    assert [row.share for row in found.rows] == [0.75, 0.25]
    assert found.other is None


def test_conversion_keeps_open_journeys_in_its_denominator() -> None:
    first = asked(steps=2).rows[0]  # ann converted, bob dropped off, eve is still open
    assert (first.journeys, first.converted, first.open) == (3, 1, 1)
    assert first.conversion == pytest.approx(1 / 3)


def test_a_journey_shorter_than_the_path_keeps_its_whole_path() -> None:
    assert top(asked(steps=4)) == [
        ("ad > site", 1),
        ("ad > site > cart", 1),
        ("ad > site > cart > buy", 1),
        ("site > cart > site > cart", 1),
    ]


def test_to_the_end() -> None:
    assert top(asked(where="end", steps=2)) == [("cart > buy", 2), ("ad > site", 1), ("site > cart", 1)]


def test_runs_overlap() -> None:
    found = asked(where="run", steps=2)
    assert top(found) == [("site > cart", 4), ("ad > site", 3), ("cart > buy", 2), ("cart > site", 1)]
    first = found.rows[0]
    assert (first.users, first.journeys, first.share) == (3, 3, 0.4)  # cat walks it twice


def test_a_whole_short_journey_is_one_run() -> None:
    assert top(asked(where="run", steps=3))[0] == ("ad > site > cart", 2)
    assert ("ad > site", 1) in top(asked(where="run", steps=3))


def test_the_remainder_makes_shares_add_up() -> None:
    found = asked(where="run", steps=2, top=1)
    assert found.rows[0].share + remainder(found).share == pytest.approx(1)
    assert (remainder(found).rank, remainder(found).path) == (None, [])
    assert (remainder(found).count, remainder(found).users, remainder(found).journeys) == (6, 4, 4)
    assert found.totals.occurrences == 10
    assert found.totals.distinct == 4
    assert "3 more rows, 60.0% of all, are summed up as other" in found.notes


def test_rarer_paths_than_the_minimum_go_into_the_remainder() -> None:
    found = asked(where="run", steps=2, min_count=3)
    assert top(found) == [("site > cart", 4), ("ad > site", 3)]
    assert remainder(found).count == 3


def test_median_seconds_from_first_to_last_touchpoint() -> None:
    slow = [person("p", "a b", step_hours=1), person("q", "a b", step_hours=4), person("r", "a")]
    rows = ask(frame_of(slow), "paths", PathsParams()).rows
    assert [(row.path, row.median_seconds) for row in rows] == [(["a", "b"], 2.5 * 3600), (["a"], 0)]


def test_ranks_tie_by_text() -> None:
    crowd = [person("p", "order fast"), person("q", "order #2"), person("r", "order")]
    crowd[1] = crowd[1]._replace(touches=[crowd[1].touches[0]._replace(name="order #2"), *crowd[1].touches[1:]])
    assert [text for text, _ in top(ask(frame_of(crowd), "paths", PathsParams()))] == [
        "order",
        "order #2 > #2",
        "order > fast",
    ]


def test_filters_choose_journeys_and_never_cut_touchpoints_out() -> None:
    crowd = [person("p", "ad/insta site buy/shop"), person("q", "ad/insta site")]
    found = ask(frame_of(crowd), "paths", PathsParams(channel=("shop",)))
    assert top(found) == [("ad > site > buy", 1)]
    assert found.totals.chosen == 1
    assert "the filters choose 1 of 2 journeys" in found.notes


def test_excluded_touchpoints_are_cut_out_and_emptied_journeys_are_told() -> None:
    crowd = [person("p", "ping ad ping site"), person("q", "ping ping")]
    found = ask(frame_of(crowd), "paths", PathsParams(exclude=("ping",)))
    assert top(found) == [("ad > site", 1)]
    assert (found.totals.chosen, found.totals.counted) == (2, 1)
    assert "1 of the 2 chosen journeys hold nothing but excluded touchpoints" in found.notes
    found = ask(frame_of([person("r", "ad 960 ping")]), "paths", PathsParams(exclude=("ping",), lookback_days=1))
    assert "1 of the 1 chosen journeys hold nothing but excluded touchpoints within the lookback" in found.notes


def test_collapse_comes_after_exclude_and_keeps_the_first_of_a_run() -> None:
    crowd = [person("p", "site ping site buy")]
    row = ask(frame_of(crowd), "paths", PathsParams(exclude=("ping",), collapse=True)).rows[0]
    assert row.path == ["site", "buy"]
    assert row.median_seconds == 3 * 3600  # from the first of the two visits


def test_lookback_counts_back_from_the_last_touchpoint_even_if_that_is_excluded() -> None:
    crowd = [person("p", "ad site 48 cart ping")]
    found = ask(frame_of(crowd), "paths", PathsParams(lookback_days=1, exclude=("ping",)))
    assert top(found) == [("cart", 1)]


def test_another_split_than_the_stored_one() -> None:
    frame = frame_of(SHOP, goals=("buy",))  # stored: one journey each
    shopping = [person("p", "ad buy ad site buy 48 ad")]
    assert top(ask(frame, "paths", PathsParams(split="conversion")))[0] == ("ad > site", 1)
    again = ask(frame_of(shopping, goals=("buy",)), "paths", PathsParams(split="conversion"))
    assert top(again) == [("ad", 1), ("ad > buy", 1), ("ad > site > buy", 1)]
    by_gap = ask(frame_of(shopping, goals=("buy",)), "paths", PathsParams(split="gap", gap_days=1))
    assert top(by_gap) == [("ad", 1), ("ad > buy > ad > site", 1)]


def test_limits_are_inclusive() -> None:
    day = frame_of([person("p", "a 24 b", step_hours=0), person("q", "c", start_hours=48)])  # silences of one day
    assert top(ask(day, "paths", PathsParams(split="gap", gap_days=1))) == [("a > b", 1), ("c", 1)]
    assert ask(day, "paths", PathsParams(gap_days=1)).totals.open == 2
    assert top(ask(day, "paths", PathsParams(lookback_days=1))) == [("a > b", 1), ("c", 1)]
    assert top(ask(day, "paths", PathsParams(since=people.START))) == [("a > b", 1), ("c", 1)]
    assert top(ask(day, "paths", PathsParams(until=people.START + timedelta(days=2)))) == [("a > b", 1)]


def test_times_with_an_offset_are_understood() -> None:
    east = datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))  # midnight UTC
    assert asked(since=east).totals.chosen == 4
    assert asked(since=east + timedelta(seconds=1)).totals.chosen == 1


def test_labels() -> None:
    crowd = [person("p", "ad/insta buy/shop")]
    expected: dict[Label, list[str]] = {
        "name": ["ad", "buy"],
        "channel": ["insta", "shop"],
        "stage": ["(no stage)", "(no stage)"],
        "channel:name": ["insta:ad", "shop:buy"],
    }
    for label, path in expected.items():
        assert ask(frame_of(crowd), "paths", PathsParams(label=label)).rows[0].path == path


def test_segments_by_name_and_by_predicate() -> None:
    frame = frame_of(SHOP, segments={"older": "age >= 50"})
    assert ask(frame, "paths", PathsParams(segment="older")).totals.chosen == 2
    assert ask(frame, "paths", PathsParams(segment="age < 25 or age = 30")).totals.chosen == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"channel": ("wbe",)}, "no channel 'wbe'; did you mean 'web'?"),
        ({"stage": ("early",)}, "no stage 'early'"),
        ({"exclude": ("crat",)}, "no touchpoint 'crat'; did you mean 'cart'?"),
        ({"segment": "oldr"}, "no segment is named 'oldr'; did you mean 'older'?"),
    ],
)
def test_unknown_names_suggest_known_ones(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownName) as error:
        ask(frame_of(SHOP, segments={"older": "age >= 50"}), "paths", PathsParams(**given))
    assert says in str(error.value)


def test_a_channel_with_a_colon_makes_no_second_label_of_the_same_text() -> None:
    frame = frame_of([person("p", "click/paid:search"), person("q", "search:click/paid")])
    params = PathsParams(label="channel:name", where="around", around="paid:search:click", steps=1)
    assert top(ask(frame, "paths", params)) == [("paid:search:click", 2)]


def test_nothing_left_to_count() -> None:
    found = asked(segment="age > 100")
    assert (found.rows, found.other) == ([], None)
    assert "nothing is left to count; loosen the filters" in found.notes
    assert not any(math.isnan(value) for value in found.totals.model_dump().values())


def test_an_empty_graph() -> None:
    found = ask(frame_of([]), "paths", PathsParams(where="run"))
    assert (found.rows, found.other, found.data_end) == ([], None, None)
    assert found.notes == ["the graph holds no journeys yet"]


def test_many_labels_and_long_paths_do_not_overflow() -> None:
    labels = [f"step {number}" for number in range(5_000)]
    crowd = [
        oracle.Person(
            f"user {number}",
            {},
            [
                oracle.Touch(nth, f"{number}-{nth:02}", labels[(number // 2 * 30 + nth) % 5_000], "web", "")
                for nth in range(30)
            ],
        )
        for number in range(200)
    ]
    found = ask(frame_of(crowd), "paths", PathsParams(where="start", steps=20, top=1_000))
    assert found.totals.distinct == 100
    assert {row.count for row in found.rows} == {2}
    assert found.rows[0].path == min(row.path for row in found.rows)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[oracle.Person], dict[str, Any], dict[str, Any], dict[str, Any]]:
    crowd = draw(people.crowds())
    own = {
        "steps": draw(st.integers(1, 5)),
        "top": draw(st.integers(1, 6)),
        "min_count": draw(st.sampled_from([1, 1, 2, 3])),
    }
    return crowd, draw(people.settings), draw(people.filters(crowd)), own


@settings(max_examples=effort(100), deadline=None)
@given(cases())
def test_the_frame_counts_as_the_oracle(case: Any) -> None:
    crowd, stored, filters, own = case
    frame, question = frame_of(crowd, **stored), people.asked(filters, stored)
    for where in ("start", "end", "run"):
        found = ask(frame, "paths", PathsParams(where=where, **filters, **own))
        people.same(found, oracle.paths(crowd, question, where=where, **own))
