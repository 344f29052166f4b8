"""Pictures of a graph are the same on both stores, whichever way their numbers are counted."""

from __future__ import annotations

from itertools import chain
from typing import Any

from graphsvc.graph import Graph
from graphsvc.maps.scene import ScenePicture, network

from .graphs import SALT, fresh

WALKS = ("ad visit cart buy", "ad visit visit", "store visit buy", "ad cart", "store buy", "visit cart buy")
RECORDS = [
    {
        "time": f"2026-01-{1 + 4 * step:02}T10:{person:02}:00Z",
        "name": name,
        "channel": "shop" if name == "store" else "web",
        "stage": "purchase" if name == "buy" else "consideration",
        "identifiers": {"email": f"p{person}@example.org"},
        "traits": {"age": 30 + 10 * person},
    }
    for person, walk in enumerate(WALKS)
    for step, name in enumerate(walk.split())
]


def test_frame_and_cypher_draw_the_same(store_url: str) -> None:
    with Graph(fresh(store_url)) as graph:
        graph.add(RECORDS)
        graph.resolve({"salt": SALT, "goals": ["buy"], "segments": {"older": "age >= 60"}})
        user = graph.lookup("email:p0@example.org")
        asked: dict[str, dict[str, Any]] = {
            "transitions": {"top": 4},
            "funnel": {"step": ["visit", "cart", "buy"]},
            "matrix": {},
            "timeline": {"user": user},
        }
        first = {kind: drawn(graph, kind, given) for kind, given in asked.items()}  # no frame yet: by Cypher on Neo4j
        compared = graph.map("comparison", a="older", b="not older")
        assert isinstance(compared, ScenePicture)
        assert {node.label for node in compared.scene().nodes} == {"ad", "visit", "cart", "buy", "store"}
        graph.frame()
        assert {kind: drawn(graph, kind, given) for kind, given in asked.items()} == first


def drawn(graph: Graph, kind: str, given: dict[str, Any]) -> tuple[Any, ...]:
    """What a picture shows: shares that two ways of counting give may differ in their last bit."""
    picture = graph.map(kind, **given)
    assert isinstance(picture, ScenePicture)
    scene = picture.scene()
    placed = network(scene)
    return placed.nodes, placed.edges, scene.notes, [text for text, _ in chain(*scene.tables[0].rows)]
