"""Attribution: worked examples, every model against the oracle, Markov and Shapley against their definitions."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import graphsvc
from graphsvc.answers import ANSWERS, ask
from graphsvc.answers.attribution import AttributionParams, attribution_members, count_attribution
from graphsvc.answers.result import Result
from graphsvc.attribution import MODELS, NONE, Drawn, Model, Options, PathTable, attribute, intervals, path_table
from graphsvc.attribution import markov as solving
from graphsvc.core import journeys
from graphsvc.errors import InputError, QueryError, UnknownColumn, UnknownName
from graphsvc.frame import JourneyFrame, aligned, build
from graphsvc.settings import Settings

from . import attribution_oracle as brute
from . import people
from .effort import effort
from .oracle import Asked, Person
from .people import person, touchpoints_of

PAGE = Path(__file__).parents[1] / "docs" / "attribution.md"
Given = dict[tuple[str, int | None], float]


def table(*rows: tuple[Any, ...], columns: Sequence[str] = ("path", "conversions", "nulls")) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=list(columns), orient="row", strict=False)


def credits(paths: pl.DataFrame, model: Model, column: str = "conversions", **options: Any) -> dict[str, float]:
    """Credit by label, of a table of paths."""
    found = attribute(paths, [model], **options)
    return dict(zip(found["label"], found[column], strict=True))


def frame_of(
    crowd: Sequence[Person], worth: Mapping[str, tuple[float, str | None]] | None = None, **stored: Any
) -> JourneyFrame:
    """The journey frame of some people, some of whose touchpoints (by key) are worth something in a currency."""
    chosen = Settings(salt="of the tests", **stored)
    paid = worth or {}
    schema = {"key": pl.String, "value": pl.Float64, "currency": pl.String}
    values = pl.DataFrame([(key, *pair) for key, pair in paid.items()], schema=schema, orient="row")
    touchpoints = touchpoints_of(crowd).drop("value", "currency").join(values, on="key", how="left")
    built = journeys.build(touchpoints, chosen)
    traits = {"key": [one.key for one in crowd], "traits": [json.dumps(one.traits) for one in crowd]}
    return build(
        built,
        pl.DataFrame(traits, schema={"key": pl.String, "traits": pl.String}),
        revision=1,
        settings=chosen,
        data_end=max((touch.time for one in crowd for touch in one.touches), default=0),
        load=lambda name: aligned(built, values.select("key", name), name),
    )


def asked(crowd: Sequence[Person], worth: Mapping[str, tuple[float, str | None]] | None = None, **given: Any) -> Any:
    """The answer about people whose goal is ``buy`` and whose journeys are all over."""
    later = person("zoe", "later", start_hours=24 * 400)
    return count_attribution(frame_of([*crowd, later], worth, goals=("buy",)), AttributionParams(**given))


def by_label(found: Result[Any], model: Model = "linear", column: str = "conversions") -> dict[str, float]:
    return {row.label: getattr(row, column) for row in found.rows if row.model == model and row.users}


# One path: what each rule gives to each touch.

FOUR = table(("a > b > c > d", 10, 0))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", [10, 0, 0, 0]),
        ("last", [0, 0, 0, 10]),
        ("last_non_direct", [0, 0, 0, 10]),
        ("linear", [2.5, 2.5, 2.5, 2.5]),
        ("u_shaped", [4, 1, 1, 4]),
        ("j_shaped", [2, 1, 1, 6]),
        ("inverse_j", [6, 1, 1, 2]),
        ("shapley", [2.5, 2.5, 2.5, 2.5]),
    ],
)
def test_a_rule_by_hand(model: Model, expected: list[float]) -> None:
    assert credits(FOUR, model) == pytest.approx(dict(zip("abcd", expected, strict=True)))


@pytest.mark.parametrize(("model", "ends"), [("u_shaped", (5, 5)), ("j_shaped", (2.5, 7.5)), ("inverse_j", (7.5, 2.5))])
def test_without_a_middle_the_ends_keep_their_proportion(model: Model, ends: tuple[float, float]) -> None:
    assert credits(table(("a > b", 10, 0)), model) == pytest.approx({"a": ends[0], "b": ends[1]})
    assert credits(table(("a", 10, 0)), model) == {"a": 10}


def test_repeats_count() -> None:
    assert credits(table(("a > b > a", 3, 0)), "linear") == pytest.approx({"a": 2, "b": 1})
    assert credits(table(("a > b > a", 10, 0)), "u_shaped") == pytest.approx({"a": 8, "b": 2})


def test_last_non_direct_passes_over_direct_unless_all_are() -> None:
    paths = table(("ad > mail > direct > direct", 4, 0), ("direct > direct", 1, 0))
    assert credits(paths, "last_non_direct") == {"mail": 4, "direct": 1, "ad": 0}
    assert credits(paths, "last_non_direct", direct=["direct", "mail"]) == {"ad": 4, "direct": 1, "mail": 0}


def test_time_decay_halves_with_each_half_life() -> None:
    paths = table((["a", "b", "c"], 7, [14.0, 7.0, 0.0]), columns=("path", "conversions", "days"))
    assert credits(paths, "time_decay") == pytest.approx({"a": 1, "b": 2, "c": 4})
    assert credits(paths, "time_decay", half_life_days=14)["a"] == pytest.approx(7 * 0.5 / (0.5 + 0.5**0.5 + 1))


def test_time_decay_of_touches_long_ago_is_no_nan() -> None:
    paths = table((["a", "b"], 1, [9e5, 9e5]), columns=("path", "conversions", "days"))
    assert credits(paths, "time_decay") == {"a": 0.5, "b": 0.5}


# Markov


def test_markov_by_hand() -> None:
    # start → a 2/3, b 1/3; a → b 1/2, null 1/2; b → conversion. P = 2/3; without a 1/3, without b 0.
    paths = table(("a > b", 1, 0), ("a", 0, 1), ("b", 1, 0))
    assert credits(paths, "markov") == pytest.approx({"a": 2 / 3, "b": 4 / 3})


def test_markov_looks_at_nulls() -> None:
    # Without nulls all that reaches b converts, and a starts every path. A thousand nulls that start at b, and b is
    # hardly worth reaching from a.
    kind, harsh = (credits(table(("a > b", 10, 0), ("a", 10, 0), ("b", 0, nulls)), "markov") for nulls in (0, 1_000))
    assert kind == pytest.approx({"a": 20 / 1.5, "b": 10 / 1.5})
    assert harsh["a"] == pytest.approx(20 * (1 - 1_000 / 1_010 / 2) / (1.5 - 1_000 / 1_010 / 2))


def test_markov_tuples_are_cut_before_neighbours_become_one() -> None:
    # a a b of order 2: (a, a) → (a, b). Were runs collapsed first, it would be the one state (a, b).
    chain = solving.chain(path_table(table(("a > a > b", 1, 0))), 2)
    assert chain.holds.tolist() == [[0, 0], [0, 1]]
    # a a a: (a, a) twice is one state; a path shorter than the order is one state.
    assert solving.chain(path_table(table(("a > a > a", 1, 0))), 2).holds.tolist() == [[0, 0]]
    assert solving.chain(path_table(table(("a > b", 1, 0))), 4).holds.tolist() == [[0, 1, -1, -1]]


def test_markov_of_higher_order_remembers() -> None:
    # From b on, only those who came by a convert. Order 1 cannot see that; of order 2, c leads nowhere.
    paths = table(("a > b", 10, 0), ("c > b", 0, 10))
    assert credits(paths, "markov")["c"] > 0
    assert credits(paths, "markov", order=2) == pytest.approx({"a": 5, "b": 5, "c": 0})


def test_a_chain_that_never_converts_gives_nothing() -> None:
    for model in MODELS:
        if model != "time_decay":
            found = attribute(table(("a > b", 0, 3), ("b", 0, 1)), [model])
            assert found["conversions"].to_list() == [0.0] * len(found)


tables = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcde"), min_size=1, max_size=8).map(" > ".join),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=effort(60), deadline=None)
@given(tables, st.integers(1, 4))
def test_all_ways_to_solve_the_chain_agree(rows: list[tuple[str, int, int]], order: int) -> None:
    paths = path_table(table(*rows))
    chain = solving.chain(paths, order)
    weights = chain.weigh(paths.conversions, paths.nulls)
    dense = solving.removal_effects(chain, *weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "DENSE_STATES", 0)
        walked = solving.removal_effects(chain, *weights)
        patch.setattr(solving, "MOST_STEPS", 0)
        factorised = solving.removal_effects(chain, *weights)
    assert walked == pytest.approx(dense, abs=1e-12)
    assert factorised == pytest.approx(dense, abs=1e-12)


@settings(max_examples=effort(60), deadline=None)
@given(tables, st.integers(1, 4))
def test_markov_against_a_dense_matrix_of_all_states(rows: list[tuple[str, int, int]], order: int) -> None:
    spelled = [
        brute.Path("", 0, tuple(path.split(" > ")), (), converted, 0)  # type: ignore[arg-type]
        for path, conversions, nulls in rows
        for converted in [True] * conversions + [False] * nulls
    ]
    expected = brute.credits(spelled, "markov", order=order)
    found = credits(table(*rows), "markov", order=order)
    assert {label: value for label, value in found.items() if value > 1e-9} == pytest.approx(
        {label: value for label, value in expected.items() if value > 1e-9}
    )


# Shapley


def test_shapley_splits_a_path_over_its_distinct_labels() -> None:
    assert credits(table(("a > b > a > a", 6, 0), ("b", 1, 9)), "shapley") == pytest.approx({"a": 3, "b": 4})


def test_ordered_shapley_tells_when_a_label_came_in() -> None:
    found = attribute(table(("a > a > b", 6, 0), ("b > a", 2, 0)), ["shapley_ordered"])
    assert found.select("label", "position", "conversions").rows() == [
        ("a", 1, 3.0),
        ("b", 2, 3.0),
        ("a", 2, 1.0),
        ("b", 1, 1.0),
    ]


# Tables of paths


def test_a_path_without_labels_credits_none() -> None:
    paths = table(("a", 2, 0), ("", 3, 7), (" ", 1, 0))
    for model in MODELS:
        if model != "time_decay":
            assert credits(paths, model) == {"a": 2, NONE: 4}


def test_labels_as_lists_or_as_text() -> None:
    as_text = pl.DataFrame({"path": ["a > b", "b", ""], "conversions": [2, 1, 1], "value": [10.0, 5.0, 2.0]})
    as_lists = as_text.with_columns(path=pl.Series([["a", "b"], ["b"], []]))
    assert attribute(as_text).equals(attribute(as_lists))
    assert credits(as_text, "last", "value") == {"a": 0, "b": 15, NONE: 2}


def test_equal_paths_are_one_and_the_order_of_rows_makes_no_difference() -> None:
    rows = [("a > b", 1, 2), ("b > c > a", 3, 1), ("a > b", 2, 0), ("c", 1, 4), ("b", 2, 2)]
    assert attribute(table(*rows)).equals(attribute(table(*reversed(rows))))
    assert len(path_table(table(*rows))) == 4


def test_without_days_all_models_but_time_decay() -> None:
    assert set(attribute(FOUR)["model"]) == set(MODELS) - {"time_decay"}
    with pytest.raises(QueryError, match="needs times"):
        attribute(FOUR, ["time_decay"])


def test_an_empty_table() -> None:
    empty = attribute(pl.DataFrame({"path": [], "conversions": []}))
    assert set(empty["label"]) <= {NONE}
    assert empty["conversions"].sum() == 0


@pytest.mark.parametrize(
    ("columns", "error", "says"),
    [
        ({"path": ["a"]}, UnknownColumn, "needs a column 'conversions'"),
        ({"path": ["a"], "conversions": [1], "null": [1]}, UnknownColumn, "did you mean 'nulls'?"),
        ({"path": ["a", "b"], "conversions": [1, -1]}, InputError, "conversions in row 2 of the table of paths is neg"),
        ({"path": ["a"], "conversions": [float("nan")]}, InputError, "conversions in row 1 .* is no finite number"),
        ({"path": ["a"], "conversions": [None]}, InputError, "is no finite number"),
        ({"path": ["a"], "conversions": ["many"]}, InputError, "must hold numbers"),
        ({"path": ["a"], "conversions": [1], "nulls": [-1]}, InputError, "nulls in row 1 .* is negative"),
        ({"path": ["a"], "conversions": [1], "value": [float("inf")]}, InputError, "value in row 1"),
        ({"path": ["a"], "conversions": [0], "value": [3.0]}, InputError, "'a' has a value but no conversions"),
        ({"path": ["a", None], "conversions": [1, 1]}, InputError, "path in row 2 .* is missing"),
        ({"path": ["a >  > b"], "conversions": [1]}, InputError, "path in row 1 .* holds an empty label"),
        ({"path": [["a", None]], "conversions": [1]}, InputError, "holds an empty label"),
        ({"path": [1], "conversions": [1]}, InputError, "must hold texts or lists of labels"),
        ({"path": ["a"], "conversions": [1], "days": [[1.0, 2.0]]}, InputError, "has not one number per label"),
        ({"path": ["a"], "conversions": [1], "days": [[-1.0]]}, InputError, "zero or more"),
        ({"path": ["a"], "conversions": [1], "days": [3]}, InputError, "must hold lists of numbers"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(columns: Any, error: type[InputError], says: str) -> None:
    with pytest.raises(error, match=says):
        attribute(pl.DataFrame(columns))


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"models": ["linnear"]}, UnknownName, "did you mean 'linear'?"),
        ({"order": 5}, QueryError, "1 to 4"),
        ({"half_life_days": 0}, QueryError, "above 0"),
    ],
)
def test_options_out_of_range_are_refused(given: Any, error: type[QueryError], says: str) -> None:
    with pytest.raises(error, match=says):
        attribute(FOUR, **given)


def test_it_is_offered_by_the_package() -> None:
    assert graphsvc.attribute is attribute


# From journeys to paths


def test_each_goal_ends_a_path_and_is_no_touch_itself() -> None:
    found = asked([person("ann", "x/tv x/mail buy/shop x/web buy/shop buy/shop")])
    assert by_label(found) == pytest.approx({"tv": 0.5, "mail": 0.5, "web": 1, NONE: 1})
    assert found.totals.occurrences == 3
    assert "1 of the 3 conversions have no touchpoint before them, and credit (none)" in found.notes


def test_paths_never_cross_journeys() -> None:
    crowd = [person("ann", "x/tv 480 buy/shop")]  # 20 days of silence
    assert by_label(asked(crowd)) == {"tv": 1}
    assert by_label(asked(crowd, split="gap", gap_days=10)) == {NONE: 1}


def test_lookback_counts_back_from_the_goal_inclusively() -> None:
    # tv 2 days, web 1 day before the goal; then a day passes until the journey ends.
    crowd = [person("ann", "x/tv 24 x/web 24 buy/shop 24 x/mail", step_hours=0)]
    assert by_label(asked(crowd, lookback_days=2)) == {"tv": 0.5, "web": 0.5}
    assert by_label(asked(crowd, lookback_days=1.5)) == {"web": 1}
    assert by_label(asked(crowd, lookback_days=0.5)) == {NONE: 1}


def test_what_leads_to_no_goal_is_a_null_path_unless_it_may_still() -> None:
    over = [person("ann", "x/tv buy/shop x/web"), person("bob", "x/tv x/mail")]
    found = asked(over)  # zoe's touchpoint, 400 days later, is still open
    assert "markov weighs 2 paths without a goal against 1 with one" in found.notes
    running = count_attribution(frame_of(over, goals=("buy",)), AttributionParams())  # the data end with them
    assert not any(note.startswith("markov") for note in running.notes)
    assert "2 journeys may still lead to a goal: what they hold since their last one is left out" in running.notes
    assert {row.label for row in running.rows} == {"tv"}


def test_exclude_takes_touches_out_but_never_a_goal() -> None:
    crowd = [person("ann", "ping/web ad/tv ping/web buy/shop")]
    assert by_label(asked(crowd, exclude=("ping",))) == {"tv": 1}
    assert by_label(asked(crowd, exclude=("ping", "ad"))) == {NONE: 1}
    assert by_label(asked(crowd, exclude=("buy",))) == pytest.approx({"web": 2 / 3, "tv": 1 / 3})


def test_collapse_counts_a_run_once_but_not_in_markov() -> None:
    crowd = [person("ann", "x/tv y/tv x/web buy/shop")]
    assert by_label(asked(crowd)) == pytest.approx({"tv": 2 / 3, "web": 1 / 3})
    assert by_label(asked(crowd, collapse=True)) == pytest.approx({"tv": 1 / 2, "web": 1 / 2})
    plain, collapsed = (asked(crowd, collapse=collapse, model=("markov",), order=2) for collapse in (False, True))
    assert plain.rows == collapsed.rows


def test_other_goals_and_labels_than_the_usual() -> None:
    crowd = [person("ann", "ad/tv cart/web buy/web")]
    assert by_label(asked(crowd, goal=("cart",))) == {"tv": 1}
    assert by_label(asked(crowd, label="name")) == {"ad": 0.5, "cart": 0.5}
    assert by_label(asked(crowd, label="channel:name")) == {"tv:ad": 0.5, "web:cart": 0.5}


def test_users_and_journeys_are_those_with_a_conversion_behind_the_label() -> None:
    crowd = [
        person("ann", "x/tv x/web buy/shop x/tv buy/shop"),
        person("bob", "x/web buy/shop"),
        person("cat", "x/tv x/web"),  # never converts
    ]
    found = asked(crowd, model=("first",))
    assert {row.label: (row.conversions, row.users, row.journeys) for row in found.rows} == {
        "tv": (2, 1, 1),
        "web": (1, 2, 2),  # of ann's first purchase it is given nothing
    }


# Values, spend

PAID = {"ann-02": (30.0, "EUR"), "bob-01": (10.0, "EUR")}
BUYERS = [person("ann", "x/tv x/web buy/shop"), person("bob", "x/web buy/shop")]


def test_value_is_credited_beside_conversions() -> None:
    found = asked(BUYERS, PAID, model=("linear",))
    assert [(row.label, row.conversions, row.value, row.share) for row in found.rows] == [
        ("web", 1.5, 25, 0.75),
        ("tv", 0.5, 15, 0.25),
    ]
    assert [row.share for row in asked(BUYERS, PAID, model=("linear",), by_value=True).rows] == [0.625, 0.375]


def test_spend_gives_cost_per_conversion_and_return() -> None:
    found = asked(BUYERS, PAID, model=("linear",), spend=("web=5", "shop=7"))
    assert {row.label: (row.spend, row.cost_per_conversion, row.roas) for row in found.rows} == {
        "web": (5, pytest.approx(5 / 1.5), 5),
        "tv": (None, None, None),
        "shop": (7, None, 0),  # nothing came of it
    }


def test_spend_and_currency_are_of_the_whole_not_of_its_segments() -> None:
    eu, us = (person(key, "x/web buy/shop", where=key) for key in ("eu", "us"))
    frame = frame_of([eu, us], {"eu-01": (30.0, "EUR"), "us-01": (10.0, "USD")}, goals=("buy",))
    given = {"model": ["linear"], "spend": ["web=100"], "currency": "EUR", "by": ["where = eu", "where = us"]}
    found = ask(frame, "attribution", ANSWERS["attribution"].parse(given))
    rows = [
        (row.value, row.spend, row.cost_per_conversion, row.roas)
        for one in [found, *found.segments]
        for row in one.rows
    ]
    assert rows == [(30, 100, 50, 0.3), (30, None, None, None), (0, None, None, None)]
    assert "what was spent is not told apart by segment: the rows of segments have no spend" in found.notes


def test_return_on_spend_needs_values() -> None:
    found = asked(BUYERS, model=("linear",), spend=("web=5", "tv=0"))
    assert {row.label: (row.cost_per_conversion, row.roas) for row in found.rows} == {
        "web": (pytest.approx(5 / 1.5), None),
        "tv": (0, None),
    }


def test_currencies_are_never_added_up() -> None:
    mixed = PAID | {"bob-01": (10.0, "USD")}
    with pytest.raises(QueryError, match=r"goals are paid in EUR, USD, which are never added up; .* currency=EUR"):
        asked(BUYERS, mixed)
    found = asked(BUYERS, mixed, currency="USD")
    assert by_label(found, column="value") == {"web": 10, "tv": 0}
    assert by_label(found) == {"web": 1.5, "tv": 0.5}
    assert "1 conversions paid in another currency than USD count without value" in found.notes
    with pytest.raises(QueryError, match="EUR and no currency at all"):
        asked(BUYERS, PAID | {"bob-01": (10.0, None)})
    with pytest.raises(UnknownName, match="no goal is paid in 'CHF'"):
        asked(BUYERS, mixed, currency="CHF")


# Intervals


def test_the_same_seed_gives_the_same_intervals() -> None:
    crowd = [person(f"p{n}", "x/tv x/web buy/shop" if n % 3 else "x/web x/tv") for n in range(30)]
    once, again, other = (asked(crowd, rounds=50, seed=seed).rows for seed in (1, 1, 2))
    assert once == again
    assert [row.low for row in once] != [row.low for row in other]
    assert all(row.low <= row.conversions <= row.high for row in once)


def test_users_are_drawn_not_paths() -> None:
    # Of two users one converts ten times: a draw holds them 0, 1 or 2 times, never 3 conversions.
    crowd = [person("ann", "x/tv buy/shop " * 10), person("bob", "x/tv")]
    later = frame_of(crowd, goals=("buy",))
    row = count_attribution(later, AttributionParams(model=("linear",), rounds=300)).rows[0]
    assert (row.conversions, row.low, row.high) == (10, 0, 20)


def test_intervals_are_as_wide_as_the_binomial_says() -> None:
    users = 400
    rows = np.arange(users) % 2  # every other one converts
    ones = rows.astype(np.float64)
    spread = PathTable(["a"], np.zeros(users, np.int32), np.arange(users + 1), ones, 2 * ones, 1 - ones)
    drawn = Drawn(np.arange(users), users, 2_000, 0)
    found = intervals(spread, ["linear", "markov"], Options(), drawn)
    by_value = intervals(spread, ["linear"], Options(), drawn, by_value=True)
    for model in ("linear", "markov"):
        assert found[model].high[0] - found[model].low[0] == pytest.approx(2 * 1.96 * 10, rel=0.1)
    assert by_value["linear"].high == pytest.approx(2 * found["linear"].high)


def test_markov_intervals_against_a_plain_bootstrap() -> None:
    walks = ["x/a x/b buy", "x/a", "x/b buy", "x/a x/c x/b", "x/c buy x/a x/b", "x/b x/a buy x/c"]
    crowd = [person(f"p{n:02}", walks[(n * n + n // 7) % len(walks)]) for n in range(60)]
    found = asked(crowd, model=("markov",), rounds=1_000)
    own: dict[str, list[brute.Path]] = defaultdict(list)
    for path in brute.paths([*crowd, person("zoe", "x", start_hours=9_600)], Asked(goals=("buy",), label="channel")):
        own[path.user].append(path)
    rng = np.random.default_rng(5)
    sample = [
        brute.credits([path for n in rng.integers(61, size=61) for path in own[f"p{n:02}"]], "markov")
        for _ in range(1_000)
    ]
    for row in found.rows:
        low, high = np.quantile([one.get(row.label, 0) for one in sample], [0.025, 0.975])
        assert row.low == pytest.approx(low, abs=0.08 * (high - low))
        assert row.high == pytest.approx(high, abs=0.08 * (high - low))


# Bad questions


def test_no_goals_at_all() -> None:
    with pytest.raises(QueryError, match="nothing counts as conversion yet"):
        count_attribution(frame_of(BUYERS), AttributionParams())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"goal": ("bye",)}, "no touchpoint 'bye'; did you mean 'buy'?"),
        ({"exclude": ("y",)}, "no touchpoint 'y'"),
        ({"direct": ("wep",)}, "no channel 'wep'; did you mean 'web'?"),
        ({"spend": ("webb=3",)}, "no channel 'webb'; did you mean 'web'?"),
    ],
)
def test_unknown_names_suggest_known_ones(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownName) as error:
        asked(BUYERS, **given)
    assert says in str(error.value)


@pytest.mark.parametrize("spend", [("web",), ("web=much",), ("web=-1",), ("web=nan",), ("=3",), ("web=1", "web=2")])
def test_a_spend_that_cannot_be_read(spend: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match=r"label=amount|two amounts"):
        AttributionParams(spend=spend)


def test_nothing_to_credit() -> None:
    for found in (asked([person("ann", "x/tv")]), asked(BUYERS, segment="age > 100")):
        assert all(row.conversions == row.share == 0 for row in found.rows)
        assert "none of the counted journeys holds a goal: there is nothing to credit" in found.notes
    assert count_attribution(frame_of([], goals=("buy",)), AttributionParams(rounds=5)).rows == []


# Against the oracle, on random crowds

Case = tuple[list[Person], dict[str, Any], dict[str, Any], dict[str, tuple[float, str | None]], dict[str, Any]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    crowd = draw(people.crowds())
    stored = {**draw(people.settings), "goals": ("buy",)}
    goals = {touch.key for one in crowd for touch in one.touches if touch.name in ("buy", "ende")}
    worth: dict[str, tuple[float, str | None]] = {
        key: (draw(st.sampled_from([0.0, 1.0, 2.5, 40.0])), "EUR") for key in sorted(goals)
    }
    own: dict[str, Any] = {
        "order": draw(st.integers(1, 3)),
        "half_life_days": draw(st.sampled_from([0.5, 7.0])),
        "by_value": draw(st.booleans()),
    }
    return crowd, stored, draw(people.filters(crowd)), worth, own


@settings(max_examples=effort(80), deadline=None)
@given(cases())
def test_every_model_credits_as_the_oracle(case: Case) -> None:
    crowd, stored, filters, worth, own = case
    frame = frame_of(crowd, worth, **stored)
    found = count_attribution(frame, AttributionParams(**filters, **own, model=MODELS))
    question = people.asked(filters, stored)
    paths = brute.paths(crowd, question, {key: value for key, (value, _) in worth.items()})
    options = {"order": own["order"], "half_life_days": own["half_life_days"], "collapse": filters["collapse"]}
    for model in MODELS:
        rows = [row for row in found.rows if row.model == model]
        for by_value, column in ((False, "conversions"), (True, "value")):
            expected = brute.credits(paths, model, by_value=by_value, **options)
            given = {((row.label, row.position) if row.position else row.label): getattr(row, column) for row in rows}
            assert given.keys() >= {place for place, credit in expected.items() if credit > 1e-9}
            assert given == pytest.approx({place: expected.get(place, 0) for place in given}, abs=1e-9)
            total = sum(float(path.value) if by_value else float(path.converted) for path in paths)
            assert sum(given.values()) == pytest.approx(total)
            if by_value == own["by_value"] and total:
                assert sum(row.share for row in rows) == pytest.approx(1)
        for row in rows:
            assert (row.users, row.journeys) == brute.behind(paths, row.label, row.position)
    assert found.totals.occurrences == sum(path.converted for path in paths)
    assert found.totals.distinct == len({path.labels for path in paths if path.converted})


@settings(max_examples=effort(30), deadline=None)
@given(cases())
def test_each_row_drills_down_to_the_journeys_that_it_counts(case: Case) -> None:
    crowd, stored, filters, worth, own = case
    frame, params = frame_of(crowd, worth, **stored), AttributionParams(**filters, **own)
    rows = count_attribution(frame, params).rows
    behind = attribution_members(frame, params)
    counted = behind.columns["journeys"]
    for number, row in enumerate(rows):
        walks = np.unique(counted.walk[counted.row == number])
        assert (len(np.unique(behind.walks.user[walks])), len(walks)) == (row.users, row.journeys)


@settings(max_examples=effort(15), deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_makes_no_difference(case: Case, random: Any) -> None:
    crowd, stored, filters, worth, own = case
    params = AttributionParams(**filters, **own, rounds=3)
    shuffled = [one._replace(touches=random.sample(one.touches, len(one.touches))) for one in crowd]
    random.shuffle(shuffled)
    frames = [frame_of(some, worth, **stored) for some in (crowd, shuffled)]
    once, again = (count_attribution(frame, params).model_dump() for frame in frames)
    assert once == again


# The documents


def test_what_the_page_says_is_so() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        exec(block, names)
    told = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \|", page, re.MULTILINE)
    assert [model for model, *_ in told] == [model for model in MODELS if model != "shapley_ordered"]
    for model, tv, search in told:
        assert credits(names["paths"], model) == pytest.approx({"tv": float(tv), "search": float(search)})
    ordered = attribute(names["paths"], ["shapley_ordered"]).filter(pl.col("label") == "search")
    assert sorted(ordered.select("position", "conversions").rows()) == [(1, 3.0), (2, 3.0)]
