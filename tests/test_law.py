"""The one law: the graph is a pure function of what is stored.

Not of arrival order, batching, duplicates, retries or the store. Each test runs on both stores.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given

from graphsvc.errors import InputError, SettingsConflict, StoreUnavailable
from graphsvc.frame import JourneyFrame
from graphsvc.graph import Graph
from graphsvc.renewal import renewed
from graphsvc.settings import Settings
from graphsvc.stores import Store, is_neo4j, open_store
from graphsvc.writing import add, resolve

from .effort import effort
from .graphs import (
    DAY_ONE,
    SALT,
    assert_same,
    contents,
    event,
    expected,
    fresh,
    histories,
    link,
    profile,
    rules,
    same_frame,
    settings,
    table,
)


def examples(store_url: str = "") -> hypothesis.settings:
    """Many histories where a store is quick, fewer where each commit is a round trip to a server.

    There a failing one is shown as it is: making it small would take many minutes.
    """
    server = is_neo4j(store_url)
    return hypothesis.settings(
        deadline=None,
        max_examples=effort(4 if server else 15),
        phases=[Phase.explicit, Phase.reuse, Phase.generate] if server else list(Phase),
        suppress_health_check=[HealthCheck.too_slow],
    )


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """A history, and the same rows shuffled, some of them twice, in batches."""
    rows = draw(histories())
    again = draw(st.lists(st.sampled_from(rows), max_size=5))
    arriving = draw(st.permutations([*rows, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=5)))
    return rows, [arriving[start:end] for start, end in pairwise([0, *cuts, len(arriving)])]


@pytest.mark.thorough
def test_any_order_batching_and_duplication_give_the_same_graph(store_url: str) -> None:
    @examples(store_url)
    @given(arrivals=arrivals(), rule=rules)
    def check(arrivals: tuple[list[dict[str, Any]], list[list[dict[str, Any]]]], rule: Settings) -> None:
        rows, batches = arrivals
        store = fresh(store_url)
        for batch in batches:
            add(store, table(batch), rule.model_dump())
        assert_same(contents(store), expected(rows, rule))
        store.close()

    check()


@pytest.mark.thorough
def test_a_frame_renewed_by_what_commits_changed_is_the_frame_read_anew(store_url: str) -> None:
    @examples(store_url)
    @given(arrivals=arrivals(), rule=rules, often=st.booleans())
    def check(arrivals: tuple[list[dict[str, Any]], list[list[dict[str, Any]]]], rule: Settings, often: bool) -> None:
        store = fresh(store_url)
        former: JourneyFrame | None = None
        for nth, batch in enumerate(arrivals[1], start=1):
            add(store, table(batch), rule.model_dump())
            if not often and 1 < nth < len(arrivals[1]):
                continue  # several commits at once
            now = store.frame()
            commits = store.recent.between(former.revision, now.revision) if former is not None else None
            if former is not None and former.journeys and former.revision < now.revision:
                assert commits is not None, "every commit after the first load was ours and small"
                made = renewed(former, commits, now.revision, lambda _: pl.Series())
                assert made is None or same_frame(made, now)
            former = now
        store.close()

    check()
    store = fresh(store_url)
    add(store, table([event("a", 1, "ad", "cookie:1"), event("c", 1, "ad", "cookie:2")]), settings().model_dump())
    former = store.frame()
    add(store, table([event("b", 2, "buy", "cookie:1"), event("d", 3, "chat", "cookie:3")]), {})
    commits = store.recent.between(former.revision, store.revision())
    assert commits is not None
    made = renewed(former, commits, store.revision(), lambda _: pl.Series())
    assert made is not None
    assert same_frame(made, store.frame())
    assert made.name.texts == ["ad", "buy", "chat"]
    store.close()


@pytest.mark.thorough
def test_changed_settings_give_the_graph_that_they_would_have_given_from_the_start(store_url: str) -> None:
    @examples(store_url)
    @given(rows=histories(), rule=rules, other=rules)
    def check(rows: list[dict[str, Any]], rule: Settings, other: Settings) -> None:
        store = fresh(store_url)
        add(store, table(rows), rule.model_dump())
        resolve(store, other.model_dump())
        assert_same(contents(store), expected(rows, other))
        revision = store.revision()
        assert resolve(store, other.model_dump()) == revision, "the same settings change nothing"
        store.close()

    check()


@pytest.mark.thorough
def test_replacing_rows_gives_the_graph_of_the_corrected_rows(store_url: str) -> None:
    @examples(store_url)
    @given(rows=histories(), rule=rules, data=st.data())
    def check(rows: list[dict[str, Any]], rule: Settings, data: st.DataObject) -> None:
        other = st.sampled_from([["cookie:1"], ["email:2"], ["odd:1", "odd:2"]])
        chosen = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: row["key"]))
        corrected = [row | {"identifiers": data.draw(other), "source": "new"} for row in chosen]
        store = fresh(store_url)
        add(store, table(rows), rule.model_dump())
        assert add(store, table(corrected), {}, replace=True).replaced == len(corrected)
        now = {row["key"]: row for row in [*rows, *corrected]}
        assert_same(contents(store), expected(list(now.values()), rule))
        store.close()

    check()


@pytest.mark.thorough
def test_copy_there_and_back_is_the_identity(store_url: str, tmp_path: Path) -> None:
    @examples(store_url)
    @given(rows=histories(), rule=rules)
    def check(rows: list[dict[str, Any]], rule: Settings) -> None:
        store = fresh(store_url)
        add(store, table(rows), rule.model_dump())
        before = contents(store)
        away = fresh(str(tmp_path / "away.duckdb"))
        Graph(store).copy_to(away)
        assert_same(contents(away), before)
        store.close()
        back = fresh(store_url)
        Graph(away).copy_to(back)
        assert_same(contents(back), before)
        assert back.head().settings == rule
        away.close()
        back.close()

    check()


# Small histories that a person can check by hand


def journeys(store: Store) -> list[list[str]]:
    """The touchpoint keys of each journey, by start."""
    return store.tables().journeys.sort("started_at", "key")["touchpoints"].to_list()


def test_a_late_link_joins_two_people_and_relinks_their_journeys(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([event("1", 0, "ad", "cookie:1"), event("3", 2, "scan", "loyalty_card:9")]), {"salt": SALT})
    assert journeys(store) == [["1"], ["3"]]
    add(store, table([event("2", 1, "login", "cookie:1", "loyalty_card:9")]), {})
    assert journeys(store) == [["1", "2", "3"]], "the late event stands between them, by its time"
    assert store.status().counts["users"] == 1
    store.close()


def test_an_event_that_arrives_late_may_split_a_journey_at_a_gap_anew(store_url: str) -> None:
    store = fresh(store_url)
    proposed = {"salt": SALT, "split": "gap", "gap_days": 3}
    add(store, table([event("1", 0, "a", "cookie:1"), event("3", 6, "b", "cookie:1")]), proposed)
    assert journeys(store) == [["1"], ["3"]], "six days of silence"
    add(store, table([event("2", 3, "c", "cookie:1")]), {})
    assert journeys(store) == [["1", "2", "3"]], "three days are not longer than the gap"
    store.close()


def test_a_goal_ends_a_journey(store_url: str) -> None:
    store = fresh(store_url)
    rows = [event(str(i), i, name, "cookie:1") for i, name in enumerate(["ad", "buy", "visit", "buy", "visit"])]
    add(store, table(rows), {"salt": SALT, "split": "conversion", "goals": ["buy"]})
    assert journeys(store) == [["0", "1"], ["2", "3"], ["4"]]
    assert store.tables().journeys.sort("key")["converted"].to_list() == [True, True, False]
    store.close()


def test_placeholders_never_link_and_leave_an_anonymous_user_each(store_url: str) -> None:
    store = fresh(store_url)
    values = ["null", " None ", '"guest"', "N/A", "0000-0000", "test@x.org", "[object Object]", "FALSE"]
    rows = [event(f"{i}", 0, "ad", f"customer_id:{value}") for i, value in enumerate(values)]
    add(store, table(rows), {"salt": SALT})
    counts = store.status().counts
    assert (counts["users"], counts["identifiers"], counts["journeys"]) == (len(values), 0, len(values))
    store.close()


def test_traits_are_the_latest_by_event_time_not_by_arrival(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([profile("p2", 5, "email:a@x.org", '{"age":41}')]), {"salt": SALT})
    add(store, table([profile("p1", 2, "email:a@x.org", '{"age":40,"region":"north"}')]), {})
    assert store.tables().users["traits"].to_list() == ['{"age":41,"region":"north"}']
    store.close()


def test_a_declared_link_needs_no_touchpoint(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([event("1", 0, "ad", "cookie:1"), event("2", 1, "buy", "email:a@x.org")]), {"salt": SALT})
    add(store, table([link("l", None, "cookie:1", "email:a@x.org")]), {})
    assert journeys(store) == [["1", "2"]]
    (row,) = store.tables().links.to_dicts()
    assert (row["declared"], row["count"], row["first_seen"]) == (True, 1, None)
    store.close()


def test_of_two_rows_with_one_event_key_the_same_one_stays_whichever_came_first(store_url: str) -> None:
    kept = []
    rows = [event("1", 0, "ad", "cookie:1"), event("1", 1, "visit", "cookie:2")]
    for first, second in (rows, rows[::-1]):
        store = fresh(store_url)
        add(store, table([first]), {"salt": SALT})
        assert add(store, table([second]), {}).conflicts == 1
        kept.append(contents(store))
        store.close()
    assert_same(*kept)


def test_a_stage_said_later_reaches_the_touchpoints_that_are_there(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([event("1", 0, "ad", "cookie:1")]), {"salt": SALT})
    add(store, table([event("2", 1, "visit", "cookie:2")]), {"stages": {"ad": "awareness"}})
    assert store.tables().journeys.sort("key")["stages"].to_list() == [["awareness"], [""]]
    store.close()


def test_excluded_people_keep_their_rows_but_leave_no_touchpoints(store_url: str) -> None:
    store = fresh(store_url)
    rows = [event("1", 0, "ad", "email:bob@brand.example"), event("2", 0, "ad", "email:ann@x.org")]
    add(store, table(rows), {"salt": SALT, "exclude": {"identifiers": ["email:*@brand.example"]}})
    assert journeys(store) == [["2"]]
    assert store.status().counts["events"] == 2
    add(store, table([event("3", 1, "chat", "email:ann@x.org", "email:bob@brand.example")]), {})
    assert journeys(store) == [], "whoever is one person with staff is staff"
    resolve(store, settings().model_dump())
    assert journeys(store) == [["1", "2", "3"]], "the rule gone, all come back"
    store.close()


def test_forgotten_events_stay_forgotten(store_url: str) -> None:
    store = fresh(store_url)
    rows = [event("1", 0, "ad", "cookie:1"), event("2", 5, "visit", "cookie:1"), event("3", 9, "buy", "cookie:1")]
    add(store, table(rows), {"salt": SALT})
    assert Graph(store).forget(rows[1]["at"]) == 1
    assert journeys(store) == [["2", "3"]]
    assert add(store, table(rows), {}).forgotten == 1, "a replay brings them not back"
    assert journeys(store) == [["2", "3"]]
    store.close()


def test_the_revision_rises_with_each_change_and_only_then(store_url: str) -> None:
    store = fresh(store_url)
    assert store.revision() == 0
    first = add(store, table([event("1", 0, "ad", "cookie:1")]), {"salt": SALT}).revision
    assert add(store, table([event("1", 0, "ad", "cookie:1")]), {}).revision == first
    second = add(store, table([event("2", 1, "ad", "cookie:1")]), {}).revision
    assert (first, second) == (1, 2)
    store.close()
    again = open_store(store_url)
    assert again.revision() == second
    assert is_neo4j(store_url) or again.status().store.startswith("DuckDB")
    again.close()


def test_what_is_forgotten_can_be_remembered_by_nobody(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([event("1", 0, "ad", "cookie:1"), event("2", 9, "buy", "cookie:1")]), {"salt": SALT})
    resolve(store, {"retain_from": DAY_ONE + timedelta(days=5)})
    for earlier in (None, DAY_ONE):
        with pytest.raises(InputError, match="forgotten for good"):
            resolve(store, {"retain_from": earlier})
    resolve(store, {"goals": ["buy"]})
    assert add(store, table([event("1", 0, "ad", "cookie:1")]), {}).forgotten == 1
    store.close()


def test_an_emptied_graph_keeps_its_settings(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([event("1", 0, "ad", "cookie:1")]), {"salt": SALT, "goals": ["buy"]})
    revision = resolve(store, {"retain_from": DAY_ONE + timedelta(days=5)})
    with pytest.raises(SettingsConflict):
        add(store, table([event("2", 9, "buy", "cookie:1")]), {"goals": ["other"]})
    assert add(store, table([]), {}).revision == revision, "nothing was added, so nothing changed"
    assert add(store, table([event("2", 9, "buy", "cookie:1")]), {"goals": ["buy"]}).new == 1
    store.close()


def test_a_graph_opened_for_reading_refuses_to_write(store_url: str) -> None:
    store = fresh(store_url)
    add(store, table([event("1", 0, "ad", "cookie:1")]), {"salt": SALT})
    store.close()
    reading = open_store(store_url, write=False)
    with pytest.raises(StoreUnavailable, match="for reading only"):
        add(reading, table([event("2", 1, "ad", "cookie:1")]), {})
    reading.close()
