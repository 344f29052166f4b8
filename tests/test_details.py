"""Details of touchpoints, loaded when a question needs them, on both stores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import graphsvc
from graphsvc import questions
from graphsvc.answers import ask
from graphsvc.errors import GraphMoved, UnknownName
from graphsvc.graph import Graph

RECORDS = [
    {
        "event_id": f"e{nth}",
        "time": f"2026-01-0{1 + nth}T10:00:00Z",
        "name": name,
        "channel": "web",
        "identifiers": {"customer_id": who},
        **said,
    }
    for nth, (who, name, said) in enumerate(
        [
            (
                "ann",
                "chat",
                {"sentiment": -0.5, "question": "Where is my parcel?", "properties": {"page": "/help", "n": 2}},
            ),
            ("bob", "buy", {"value": 10, "currency": "EUR", "cost": 0.5}),
            ("ann", "buy", {"value": 5, "currency": "GBP"}),
            ("bob", "chat", {"sentiment": 0.25, "question": "where is my parcel", "properties": {"page": "/cart"}}),
        ]
    )
]


@pytest.fixture
def graph(store_url: str) -> Iterator[Graph]:
    with graphsvc.open(store_url) as opened:
        opened.add(RECORDS)
        opened.resolve({"goals": ["buy"]})
        yield opened


def test_details_stand_beside_their_touchpoints(graph: Graph) -> None:
    frame = graph.frame()
    names = [frame.name.texts[code] for code in frame.name.codes]
    rows = zip(
        frame.detail("key"),
        names,
        frame.detail("sentiment"),
        frame.detail("question"),
        frame.detail("currency"),
        frame.detail("cost"),
        frame.detail("properties.page"),
        frame.detail("properties.n"),
        strict=True,
    )
    assert sorted(rows) == [
        ("e0", "chat", -0.5, "Where is my parcel?", None, None, "/help", "2"),
        ("e1", "buy", None, None, "EUR", 0.5, None, None),
        ("e2", "buy", None, None, "GBP", None, None, None),
        ("e3", "chat", 0.25, "where is my parcel", None, None, "/cart", None),
    ]


def test_a_detail_that_there_is_not(graph: Graph) -> None:
    with pytest.raises(UnknownName, match="did you mean 'sentiment'"):
        graph.frame().detail("sentimant")


def test_a_frame_of_a_former_graph_says_so_and_the_graph_asks_again(graph: Graph) -> None:
    former = graph.frame()
    graph.add([{**RECORDS[0], "event_id": "e9", "time": "2026-01-09T10:00:00Z"}])
    with pytest.raises(GraphMoved):
        former.detail("sentiment")
    assert graph.ask("feelings", {"min_users": 1}).rows[0].count == 3


def test_answers_may_be_some_seconds_old_where_that_is_allowed(graph: Graph) -> None:
    graph.allow_age(3600)
    graph.frame()
    former = graph.paths()
    graph.add([{**RECORDS[0], "event_id": "e9", "time": "2026-01-09T10:00:00Z"}])
    assert graph.paths(steps=2).revision == graph.paths().revision == former.revision
    assert graph.ask("feelings", {"min_users": 1}).rows[0].count == 3, "details are those of today: all is read anew"
    assert graph.paths(steps=3).revision == graph.revision() > former.revision
    graph.allow_age(0)
    graph.add([{**RECORDS[0], "event_id": "e10", "time": "2026-01-10T10:00:00Z"}])
    assert graph.paths().revision > former.revision + 1


def test_what_many_ask_at_once_is_counted_once(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def slow(*asked: Any) -> Any:
        counted.append(asked)
        time.sleep(0.1)
        return ask(*asked)

    monkeypatch.setattr(questions, "ask", slow)
    with ThreadPoolExecutor(8) as many:
        found = list(many.map(lambda _: graph.ask("steps", {"depth": 2}, via="frame").revision, range(8)))
    assert len(set(found)) == len(counted) == 1


def test_an_answer_within_its_age_is_given_at_once_and_renewed_beside(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(questions, "time", SimpleNamespace(monotonic=lambda: now[0]))
    graph.allow_age(10)
    former = graph.ask("steps", {"depth": 2}, via="frame").revision
    graph.add([{**RECORDS[0], "event_id": "e9", "time": "2026-01-09T10:00:00Z"}])
    now[0] += 8.5  # the revision is looked up again, the answer may still be given
    assert graph.ask("steps", {"depth": 2}, via="frame").revision == former
    for _ in range(500):  # until what goes on beside is done
        if (found := graph.ask("steps", {"depth": 2}, via="frame").revision) == former + 1:
            return
        time.sleep(0.01)
    raise AssertionError(f"still {found}")


def test_questions_feelings_and_values_on_both_stores(graph: Graph) -> None:
    asked = graph.ask("questions", {"min_users": 1}).rows
    assert [(row.question, row.count) for row in asked] == [("Where is my parcel?", 2)]
    with pytest.raises(graphsvc.GraphsvcError, match="EUR, GBP"):
        graph.attribution()
    credited = graph.attribution(currency="EUR", model=["last"])
    assert sum(row.value for row in credited.rows) == 10
    held = graph.funnel("chat", "buy", hold="properties.page")
    assert [row.users for row in held.rows] == [2, 0]  # no purchase has a page
