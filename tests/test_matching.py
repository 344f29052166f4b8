"""Matches of a list of people become links of the graph, on both stores: added, replaced, reviewed, withdrawn."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from graphsvc import matching
from graphsvc.errors import InputError
from graphsvc.graph import Graph
from graphsvc.match import Matched
from graphsvc.review import HELD, LINKS

from .graphs import assert_same, contents, event, fresh
from .test_people import put, users

PEOPLE = pl.DataFrame(
    {
        "identifier": ["loyalty_card:1", "customer_id:1", "loyalty_card:2"],
        "first_name": ["Ann", "Anne", "Bob"],
        "last_name": ["Smith-Jones", "Smith-Jones", "Miller"],
        "birth_date": ["1980-04-03", "1980-04-03", "1955-12-24"],
        "postcode": ["10115", "10115", "80331"],
    }
)


@pytest.fixture
def graph(store_url: str) -> Iterator[Graph]:
    with Graph(fresh(store_url)) as graph:
        yield graph


def test_a_match_joins_and_a_later_one_of_the_same_list_takes_its_place(graph: Graph) -> None:
    put(graph, event("1", 0, "buy", "customer_id:1"), event("2", 1, "scan", "loyalty_card:1"))
    before = contents(graph.store)
    made = graph.people.match(PEOPLE, name="till")
    assert (made.records, made.links, made.review, made.former) == (3, 1, 0, 0)
    assert users(graph) == [["customer_id:1", "loyalty_card:1"]]
    (row,) = graph.store.tables().links.to_dicts()
    assert row["sources"] == ["match:till"] and 0.9 <= row["confidence"] < 1 and not row["declared"]
    revision = graph.store.revision()
    assert graph.people.match(PEOPLE, name="till").revision == revision, "the same again changes nothing"
    assert graph.people.match(PEOPLE[:1], name="till").former == 1
    assert_same(contents(graph.store), before)


def test_a_match_can_be_withdrawn(graph: Graph) -> None:
    put(graph, event("1", 0, "buy", "customer_id:1"), event("2", 1, "scan", "loyalty_card:1"))
    graph.people.match(PEOPLE, name="till")
    graph.people.withdraw("customer_id:1", "loyalty_card:1", reason="twins")
    assert users(graph) == [["customer_id:1"], ["loyalty_card:1"]]


def test_what_is_held_back_joins_nobody_until_somebody_decides(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    put(graph, event("1", 0, "buy", "customer_id:1"), event("2", 1, "scan", "loyalty_card:1"))
    held = pl.DataFrame([("customer_id:1", "loyalty_card:1", 0.97, "joins 8 and 9")], schema=HELD, orient="row")
    monkeypatch.setattr(matching, "match", lambda *_, **__: Matched(LINKS.to_frame(), held, []))
    assert graph.people.match(PEOPLE, name="till").review == 1
    assert users(graph) == [["customer_id:1"], ["loyalty_card:1"]]
    (waiting,) = graph.people.review()
    assert (waiting.a, waiting.b, waiting.confidence) == ("customer_id:1", "loyalty_card:1", 0.97)
    assert graph.people.explain(waiting.a, waiting.b).answer == (
        "They are two people: the match waits for somebody to decide."
    )
    graph.people.decide("same", waiting.a, waiting.b)
    assert graph.people.review() == []
    assert users(graph) == [["customer_id:1", "loyalty_card:1"]]


def test_a_list_without_identifiers_is_refused_and_nothing_is_written(graph: Graph) -> None:
    put(graph, event("1", 0, "buy", "customer_id:1"))
    revision = graph.store.revision()
    with pytest.raises(InputError, match="identifier"):
        graph.people.match(PEOPLE.drop("identifier"), name="till")
    assert graph.store.revision() == revision
