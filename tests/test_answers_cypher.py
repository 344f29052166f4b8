"""Answers by Cypher on a real Neo4j: the same as from the frame, whatever is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graphsvc.answers import ANSWERS, Filters, PathsParams, Result, ask
from graphsvc.answers.cypher import ask_cypher
from graphsvc.errors import CypherUnsupported, StoreBusy, UnknownName
from graphsvc.frame import JourneyFrame
from graphsvc.questions import Questions
from graphsvc.stores import Store, open_store
from graphsvc.stores.statements import statement
from graphsvc.tables import EVENTS
from graphsvc.writing import add

from . import neo4j_server as servers
from . import people, questions
from .effort import effort
from .oracle import Person
from .people import person


def events_of(crowd: Sequence[Person]) -> pl.DataFrame:
    """The crowd's touchpoints as stored rows, the traits on each person's first."""
    rows = [
        {
            "key": f"{one.key}-{touch.key}",
            "kind": "event",
            "source": "tests",
            "at": datetime(1970, 1, 1) + timedelta(microseconds=touch.time),
            "name": touch.name,
            "channel": touch.channel,
            "stage": touch.stage or None,
            "identifiers": [f"customer_id:{one.key}"],
            "traits": json.dumps(one.traits, sort_keys=True) if one.traits and nth == 0 else None,
        }
        for one in crowd
        for nth, touch in enumerate(one.touches)
    ]
    return pl.DataFrame([{**dict.fromkeys(EVENTS), **row} for row in rows], schema=EVENTS)


def graph_of(url: str, crowd: Sequence[Person], **proposed: Any) -> Store:
    """An opened store that holds the crowd."""
    store = open_store(url, write=True)
    add(store, events_of(crowd), proposed)
    return store


def same(store: Store, frame: JourneyFrame, name: str, given: dict[str, Any]) -> None:
    """Both ways count the same; floats up to rounding."""
    params = ANSWERS[name].parse(given)
    by_cypher, by_frame = ask_cypher(store, name, params).model_dump(), ask(frame, name, params).model_dump()
    rows = zip(
        [*by_cypher.pop("rows"), by_cypher.pop("other")], [*by_frame.pop("rows"), by_frame.pop("other")], strict=True
    )
    for ours, theirs in rows:
        assert ours == (theirs and {key: _near(value) for key, value in theirs.items()})
    assert by_cypher == by_frame


def _near(value: Any) -> Any:
    return pytest.approx(value) if isinstance(value, float) else value


@st.composite
def asked_of(draw: st.DrawFn, crowd: Sequence[Person], split: str) -> tuple[str, dict[str, Any]]:
    """A question that Neo4j can answer by itself."""
    asked = draw(people.filters(crowd)) | {"split": draw(st.sampled_from([None, split]))}
    if split == "gap":
        asked["gap_days"] = None
    if split == "conversion":
        asked["goal"] = ()
    name = draw(st.sampled_from(sorted(questions.OWN)))
    labels = questions.labels_of(crowd, asked["label"])
    own = questions.funnel(labels, cypher=True) if name == "funnel" else questions.OWN[name](labels)
    return name, asked | draw(own)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Person], dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    crowd, stored = draw(people.crowds(most=12)), draw(people.settings)
    return crowd, stored, [draw(asked_of(crowd, str(stored["split"]))) for _ in range(60)]


@settings(
    max_examples=effort(6),  # graphs; each answers many questions, as loading it takes longest
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(cases())
def test_cypher_counts_as_the_frame(neo4j_url: str, neo4j_server: servers.Server, case: Any) -> None:
    crowd, stored, asked = case
    servers.empty(neo4j_server)
    store = graph_of(neo4j_url, crowd, **stored)
    frame = store.frame()
    for name, question in asked:
        same(store, frame, name, question)
    store.close()


@pytest.fixture
def shop(neo4j_url: str) -> Iterator[Store]:
    crowd = [
        person("ann", "ad/insta site cart buy/shop", age=60, key="gold"),
        person("bob", "ad/insta site cart", age=50),
        person("cat", "site cart site cart buy", age=30),
        person("eve", "ad/insta site", start_hours=24 * 40),
    ]
    store = graph_of(neo4j_url, crowd, goals=["buy"], segments={"older": "age >= 50", "gold key": "key = gold"})
    yield store
    store.close()


def test_a_worked_example(shop: Store) -> None:
    found = ask_cypher(shop, "paths", PathsParams(steps=2, top=1))
    first, other = found.rows[0], found.other
    assert (first.path, first.count, first.share, first.converted, first.open) == (["ad", "site"], 3, 0.75, 1, 1)
    assert other is not None
    assert (other.rank, other.path, other.count, other.users, other.median_seconds) == (None, [], 1, 1, 3600)


@pytest.mark.parametrize("segment", ["older", "age < 55 or key = gold", "key = gold", "age = sixty", "missing = 1"])
def test_segments(shop: Store, segment: str) -> None:
    same(shop, shop.frame(), "transitions", {"segment": segment})


def test_segments_of_any_name_are_combined(shop: Store) -> None:
    same(shop, shop.frame(), "paths", {"segment": "older", "by": ["gold key", "not older"]})


def test_a_channel_with_a_colon_makes_one_label_per_text(neo4j_url: str) -> None:
    store = graph_of(neo4j_url, [person("p", "click/paid:search buy"), person("q", "search:click/paid buy")])
    for name in ("paths", "transitions", "touches", "steps"):
        same(store, store.frame(), name, {"label": "channel:name"})
    store.close()


def test_ties_order_by_code_point(neo4j_url: str, neo4j_server: servers.Server) -> None:
    names = ["\U0001f600", "\uff61", "z", "\xe9", "Z", "a b"]
    if neo4j_server.version.startswith("5."):  # which compares UTF-16 units: an emoji, two of them, comes before U+FF61
        names.remove("\uff61")
    store = graph_of(neo4j_url, [person(f"p{nth}", f"{name} x") for nth, name in enumerate(names)])
    same(store, store.frame(), "paths", {"steps": 1})
    same(store, store.frame(), "transitions", {})
    store.close()


def test_another_split_is_for_the_frame(shop: Store) -> None:
    with pytest.raises(CypherUnsupported, match="without via=cypher"):
        ask_cypher(shop, "paths", PathsParams(split="conversion"))
    with pytest.raises(CypherUnsupported):
        ask_cypher(shop, "paths", PathsParams(split="gap"))
    same(shop, shop.frame(), "paths", {"split": "none", "gap_days": 60})  # no other journeys, but more of them open


@pytest.mark.parametrize(
    "given", [{"order": "any"}, {"closed": False}, {"hold": "channel"}, {"step": ["ad", "site?", "cart"]}]
)
def test_some_funnels_are_for_the_frame(shop: Store, given: dict[str, Any]) -> None:
    with pytest.raises(CypherUnsupported, match="without via=cypher"):
        ask_cypher(shop, "funnel", ANSWERS["funnel"].parse({"step": ["ad", "cart"], **given}))


@pytest.mark.parametrize(
    "given", [{"channel": ("wbe",)}, {"stage": ("early",)}, {"exclude": ("crat",)}, {"segment": "oldr"}]
)
def test_unknown_names_are_refused_in_the_same_words(shop: Store, given: dict[str, Any]) -> None:
    with pytest.raises(UnknownName) as by_frame:
        ask(shop.frame(), "paths", PathsParams(**given))
    with pytest.raises(UnknownName) as by_cypher:
        ask_cypher(shop, "paths", PathsParams(**given))
    assert str(by_cypher.value) == str(by_frame.value)


def test_an_empty_graph(neo4j_url: str) -> None:
    store = open_store(neo4j_url)
    for name in set(questions.OWN) - {"funnel"}:  # which names touchpoints
        same(store, store.frame(), name, {})
    store.close()


def test_the_statements_cut_journeys_alike() -> None:
    """Cypher has no functions: what chooses and cuts journeys stands in each statement, and must stay the same."""
    counting = ["paths", "transitions", "steps", "funnel", "touches", "matrix", "totals"]
    texts = {name: statement(f"answers/{name}").text for name in counting}
    cuts = {name: text[text.index("MATCH (u:User)") :] for name, text in texts.items()}
    whole = cuts["paths"][: cuts["paths"].index("WITH u, j, labels, times, size(labels)")]
    for name in ("transitions", "steps", "funnel", "touches"):
        assert cuts[name].startswith(whole), name
    assert cuts["matrix"].startswith(whole[: whole.index("WITH u, j,\n  CASE WHEN kept IS NULL")])
    assert cuts["totals"].startswith(whole[: whole.index("WITH u, j, j.times")])


def test_for_want_of_a_frame_one_question_at_a_time_is_counted_by_cypher(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one waits for the frame, and so does one whose graph keeps changing while Neo4j counts."""
    began, go_on, asked = threading.Event(), threading.Event(), []

    def held_up(store: Store, name: str, params: Filters) -> Result[Any]:
        asked.append(name)
        began.set()
        assert go_on.wait(20)
        raise StoreBusy("the graph changed again and again")

    monkeypatch.setattr("graphsvc.questions.ask_cypher", held_up)
    kept = Questions(shop)
    first: list[Result[Any]] = []
    other = threading.Thread(target=lambda: first.append(kept.ask("paths", {"steps": 2}, "auto")))
    other.start()
    assert began.wait(20)
    frame = shop.frame()
    assert kept.ask("transitions", {}, "auto").rows == ask(frame, "transitions", ANSWERS["transitions"].parse({})).rows
    assert asked == ["paths"]
    go_on.set()
    other.join()
    assert first[0].rows == ask(frame, "paths", PathsParams(steps=2)).rows
    kept.close()
