"""Files for Neo4j's own import hold the same graph, node by node, that the driver would have written."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from graphsvc.errors import InputError
from graphsvc.export import neo4j_import
from graphsvc.graph import Graph
from graphsvc.stores import open_store
from graphsvc.writing import add

from . import neo4j_server as servers
from .graphs import SALT, assert_same, contents, event, link, profile, table

NASTY = 'two\nlines, "quoted" ; | \\ \x1f ü 🙂 \u202eend'
ROWS = [
    event("one step", 0, "ad", "cookie:lonely"),  # no stage: its list of stages is one empty text
    event("1", 0, NASTY, "cookie:1", channel=" padded ", stage="own", traits='{"age":41,"staff":false}'),
    event("2", 1, "visit", "cookie:1", "email:ann@example.org", properties=json.dumps({"page": NASTY}), question=""),
    event("3", 5, "buy", "email:ann@example.org", channel="store", value=20.0, currency="EUR", sentiment=-0.5),
    event("4", 2, "visit", f"cookie:{NASTY}", cost=0.1, traits='{"age":"forty","utm:source":"x",":ID":"y","key":"z"}'),
    event("5", 3, "visit", "cookie:null"),
    event("6", 3, "hidden", "cookie:1"),
    profile("p", None, "email:ann@example.org", json.dumps({"region": NASTY, "sizes": [38, 40], "score": 0.5})),
    link("l", 1, "email:ann@example.org", "customer_id:7"),
]
SETTINGS = {"salt": SALT, "goals": ["buy"], "stages": {"buy": "purchase"}, "exclude": {"names": ["hidden"]}}


def everything(server: servers.Server) -> list[str]:
    """All nodes and relationships but the commit fence, which a graph has from its first commit on."""

    def told(value: Any) -> Any:
        # The import writes no list of one empty text, as the stages of "one step" are; statements read that from none.
        known = {name: told for name, told in value.items() if told != [""]} if isinstance(value, dict) else value
        return sorted(known.items()) if isinstance(known, dict) else known

    statements = [
        "MATCH (n) WHERE NOT n:Commit RETURN labels(n), properties(n)",
        "MATCH (a)-[r]->(b) RETURN labels(a), a.key, type(r), properties(r), labels(b), b.key",
    ]
    with server.driver() as driver:
        rows = [row.values() for text in statements for row in driver.execute_query(text).records]
    return sorted(repr([told(value) for value in row]) for row in rows)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    store = open_store(str(tmp_path / "graph.duckdb"))
    add(store, table(ROWS), SETTINGS)
    return Graph(store)


def test_an_imported_graph_is_the_same_and_lives_on(
    graph: Graph, neo4j_server: servers.Server, neo4j_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *words = shlex.split(neo4j_import(graph.store, tmp_path / "files"))
    assert program == "neo4j-admin"
    written = open_store(neo4j_url)
    graph.copy_to(written)
    expected = everything(neo4j_server)
    with servers.running(neo4j_server.version or None, brief=True, imports=words) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        assert everything(server) == expected
        imported = open_store(server.uri)
        assert_same(contents(imported), contents(graph.store))
        more = table([event("7", 6, "visit", "customer_id:7"), event("8", 7, "buy", "cookie:lonely")])
        assert add(imported, more, {}).revision == add(graph.store, more, {}).revision
        assert_same(contents(imported), contents(graph.store))
        for question in ("paths", "transitions"):
            for label in ("name", "stage"):
                by_cypher = Graph(imported).ask(question, {"label": label}, via="cypher")
                assert by_cypher.rows == graph.ask(question, {"label": label}).rows
        imported.close()
    written.close()


def test_files_are_written_into_an_empty_folder_only(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "held.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        neo4j_import(graph.store, tmp_path)
