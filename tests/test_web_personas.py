"""The page of personas: it shows its form at once, and finds them when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from graphsvc.answers import personas
from graphsvc.api import create_app
from graphsvc.frame import JourneyFrame
from graphsvc.graph import Graph

from .graphs import fresh
from .test_web_compare import events

ASKED = {"clusters": "2", "asked": "yes"}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with Graph(fresh(str(tmp_path_factory.mktemp("personas") / "graph.duckdb"))) as graph:
        graph.add(events())
        yield graph


@pytest.fixture(scope="module")
def client(graph: Graph) -> Iterator[TestClient]:
    with TestClient(create_app(graph)) as client:
        yield client


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What clusters were looked for."""
    asked: list[Any] = []
    cluster = personas._cluster

    def noted(frame: JourneyFrame, params: personas.PersonasParams) -> Any:
        asked.append(params)
        return cluster(frame, params)

    monkeypatch.setattr(personas, "_cluster", noted)
    personas._last.clear()
    return asked


def test_the_page_waits_until_somebody_asks(client: TestClient, found: list[Any]) -> None:
    page = client.get("/explore/personas?segment=age+%3E+0")
    assert page.status_code == 200 and found == []
    assert 'value="age &gt; 0"' in page.text and '<button name="asked" value="yes">Find them</button>' in page.text
    assert "<table" not in page.text and "etag" not in page.headers
    assert client.get("/explore/personas?clusters=1&asked=yes").status_code == 422
    assert client.get("/explore/personas?clusters=1").status_code == 422 and found == []


def test_one_question_and_its_journeys_are_clustered_once(client: TestClient, found: list[Any]) -> None:
    page = client.get("/explore/personas", params=ASKED).text
    assert page.count('<th scope="row">') == 2 and len(found) == 1
    assert "/explore/personas/table.csv?clusters=2" in page and 'href="/personas?clusters=2"' in page
    link = "/explore/personas/journeys?clusters=2&amp;row=1&amp;column=users"
    assert link in page
    behind = client.get(link.replace("&amp;", "&")).text
    assert 'href="/explore/personas?clusters=2&amp;asked=yes">Who are they?' in behind and len(found) == 1
    assert client.get("/explore/personas/table.csv?clusters=2").status_code == 200 and len(found) == 1


def test_saved_personas_are_shown_meanwhile(graph: Graph, client: TestClient) -> None:
    graph.save_personas({"clusters": 2})
    graph.name_segment("persona-like", "persona = 1")  # a segment of somebody's own
    page = client.get("/explore/personas").text
    assert '<a href="/?segment=persona-1"><bdi>persona-1</bdi></a>, <a href="/?segment=persona-2">' in page
    assert "persona-like</bdi></a>" not in page
    assert client.get("/?segment=persona-1").status_code == 200
