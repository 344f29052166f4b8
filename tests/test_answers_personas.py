"""Personas: groups that are there are found, the same again from the same seed, and are segments of all answers."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import graphsvc
from graphsvc.answers import ANSWERS, Result, ask, journeys_behind
from graphsvc.errors import CypherUnsupported, QueryError

from . import people
from .people import frame_of, person

SHOPPERS = [person(f"s{nth}", "ad/web cart/web buy/web", age=30 + nth % 5, key=f"s{nth}") for nth in range(20)]
VISITORS = [person(f"v{nth}", "visit/store visit/store", age=60 + nth % 5, key=f"v{nth}") for nth in range(30)]


def personas(**asked: Any) -> Result[Any]:
    return ask(frame_of(SHOPPERS + VISITORS, goals=("buy",)), "personas", ANSWERS["personas"].parse(asked))


def test_two_groups_are_found_and_told_apart_with_numbers() -> None:
    found = personas()
    assert [(row.users, row.converted) for row in found.rows] == [(30, 0), (20, 20)]
    store = next(each for each in found.rows[0].differs if each.feature == "share of touchpoints with channel store")
    assert (store.here, store.elsewhere) == (1, 0)
    assert "silhouette" in found.notes[0]
    ages = {each.feature: each.here for each in ask_all(found)}
    assert ages.get("age", 62) == pytest.approx(62)


def ask_all(found: Result[Any]) -> list[Any]:
    return [each for row in found.rows[:1] for each in row.differs]


def test_personas_are_called_by_what_they_have_more_of() -> None:
    ages = [person(f"a{nth}", "a", age=20 + 40 * (nth % 2) + nth / 10) for nth in range(12)]
    often = [person(f"b{nth}", "a " * (2 + 8 * (nth % 2) + nth // 6)) for nth in range(12)]
    kinds = [person(f"c{nth}", "a buy" if nth % 2 else "a a", kind="xy"[nth % 2], staff=nth < 6) for nth in range(12)]
    labels = {
        row.label
        for crowd in (ages, often, kinds)
        for row in ask(frame_of(crowd, goals=("buy",)), "personas", ANSWERS["personas"].parse({"clusters": 2})).rows
    }
    assert labels == {
        "higher age",
        "lower age",
        "more touchpoints, more days from first to last touchpoint",
        "fewer touchpoints, fewer days from first to last touchpoint",
        "more often converted, kind less often x, kind more often y",
        "less often converted, kind more often x, kind less often y",
    }


def test_the_same_seed_finds_the_same() -> None:
    assert personas(seed=3) == personas(seed=3)


@pytest.mark.parametrize("clusters", [4, 12])
def test_as_many_as_asked_for(clusters: int) -> None:
    crowd = [person(f"{nth}", "ad/web " * (nth + 1), age=nth) for nth in range(15)]
    found = ask(frame_of(crowd), "personas", ANSWERS["personas"].parse({"clusters": clusters}))
    assert len(found.rows) == clusters


def test_no_more_personas_than_kinds_of_users() -> None:
    found = personas(clusters=12)  # five ages of each of two kinds
    assert len(found.rows) == 10
    assert "there are 10 personas, not 12: all users are like one of so many" in found.notes


def test_every_number_drills_down() -> None:
    frame, params = frame_of(SHOPPERS + VISITORS, goals=("buy",)), ANSWERS["personas"].parse({})
    for nth, row in enumerate(people.rows_of(ask(frame, "personas", params)), start=1):
        for column in ("users", "journeys", "converted", "open"):
            assert journeys_behind(frame, "personas", params, row=nth, column=column).number == row[column]


def test_no_table_of_users_by_features_stays_in_memory() -> None:
    """What is kept for the drill-down is less than one number for each user and each of 40 channels."""
    users, channels = 2_000, 40
    crowd = [person(f"{nth}", f"ad/{nth % channels} buy/{nth % 7}") for nth in range(users)]
    frame, params = frame_of(crowd), ANSWERS["personas"].parse({"clusters": 2})
    personas(clusters=2)  # imports what it needs
    tracemalloc.start()
    try:
        ask(frame, "personas", params)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < users * channels * 8


@pytest.mark.parametrize(("asked", "users"), [({}, 3), ({"segment": "age > 90"}, 0)])
def test_too_few_users_are_told(asked: dict[str, Any], users: int) -> None:
    with pytest.raises(QueryError, match=f"^{users} users with journeys are too few"):
        ask(frame_of(SHOPPERS[:3]), "personas", ANSWERS["personas"].parse(asked))


def test_there_is_no_cypher() -> None:
    with pytest.raises(CypherUnsupported):
        ANSWERS["personas"].statement(ANSWERS["personas"].parse({}))


def test_personas_become_segments(store_url: str) -> None:
    rng = np.random.default_rng(1)
    records = [
        {
            "time": f"2026-01-{1 + int(rng.integers(0, 20)):02}T10:0{step}:00Z",
            "name": name,
            "channel": channel,
            "identifiers": {"customer_id": f"{channel}-{nth}"},
        }
        for channel, names in (("web", ("ad", "cart", "buy")), ("store", ("visit", "visit")))
        for nth in range(12)
        for step, name in enumerate(names)
    ]
    with graphsvc.open(store_url) as graph:
        graph.add(records)
        saved = graph.save_personas({"clusters": 2})
        assert (saved.users, saved.anonymous) == (24, 0)
        assert graph.segments() == {"persona-1": "persona = 1", "persona-2": "persona = 2"}
        users = [graph.paths(segment=name).totals.users for name in saved.segments]
        assert users == [12, 12]
        assert {row.label for row in graph.touches(segment="persona-1").rows} in ({"web"}, {"store"})
        again = graph.save_personas({"clusters": 2})
        assert graph.status().counts["events"] == len(records) + 24
        assert again.segments == saved.segments
        _replace_all_by_some(graph, len(records))


def _replace_all_by_some(graph: graphsvc.Graph, records: int) -> None:
    """Personas saved of some users leave none of the former numbers and segments, nor are they made of them."""
    unsaved = {each.feature for row in graph.personas(clusters=2).rows for each in row.differs}
    assert not any("persona" in feature for feature in unsaved)
    graph.name_segment("either", "persona-1 or persona-2")
    graph.save_personas({"clusters": 4})
    before = graph.revision()
    saved = graph.save_personas({"clusters": 2, "channel": ["store"]})
    assert saved.revision == graph.revision() == before + 1
    assert graph.segments() == {**saved.segments, "either": "persona-1 or persona-2"}
    assert graph.paths(segment="persona >= 1").totals.users == saved.users == 12
    assert graph.status().counts["events"] == records + 12


def test_what_is_kept_of_personas_does_not_keep_their_frame() -> None:
    frame = frame_of(SHOPPERS + VISITORS, goals=("buy",))
    ask(frame, "personas", ANSWERS["personas"].parse({}))
    seen = weakref.ref(frame)
    del frame
    gc.collect()
    assert seen() is None, "a frame that nobody uses may hold people who were erased"
