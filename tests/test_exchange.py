"""A graph leaves as Parquet, GraphML, networkx and polars, and comes back from Parquet the same."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import networkx as nx
import polars as pl
import pytest
from hypothesis import given, settings

from graphsvc import parquet_files
from graphsvc.errors import ErasureKeyMissing, InputError, NewerGraph, NotFound, StoreBusy, TargetNotEmpty
from graphsvc.graph import Graph
from graphsvc.graph import open as open_graph
from graphsvc.network import write_graphml
from graphsvc.rulings import KEY_VARIABLE
from graphsvc.settings import Settings
from graphsvc.stores import SCHEMA
from graphsvc.tables import DERIVED, STORED
from graphsvc.writing import add

from .command import graphsvc
from .effort import effort
from .graphs import SALT, assert_same, contents, event, fresh, histories, link, profile, rules, table
from .test_docs import blocks, commands
from .test_law import examples

ROWS = [
    event("1", 0, "ad\x1f<&>", "cookie:1", channel="search", stage="awareness"),
    event("2", 2, "visit", "cookie:1", "email:ann@example.org", properties='{"page":"/"}'),
    event("3", 5, "buy", "email:ann@example.org", channel="store", value=20.0, currency="EUR"),
    event("4", 5, "visit", "email:bob@example.org", sentiment=-0.5, question="Where?"),
    profile("p", 1, "email:ann@example.org", '{"age":41,"label":"x","sizes":[38,40]}'),
    profile("q", 1, "email:bob@example.org", '{"age":"forty"}'),
    link("l", 1, "email:bob@example.org", "customer_id:7"),
]
SETTINGS = {"salt": SALT, "goals": ["buy"], "stages": {"buy": "purchase"}}


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    with open_graph(tmp_path / "graph.duckdb") as graph:
        add(graph.store, table(ROWS), SETTINGS)
        yield graph


# Parquet


@pytest.mark.thorough
def test_what_was_exported_is_imported_the_same(store_url: str, tmp_path: Path) -> None:
    number = iter(range(1_000))

    @settings(examples(store_url), max_examples=effort(4))
    @given(rows=histories(), rule=rules)
    def check(rows: list[dict[str, Any]], rule: Settings) -> None:
        store = fresh(store_url)
        add(store, table(rows), rule.model_dump())
        before, folder = contents(store), tmp_path / str(next(number))
        assert parquet_files.write(store, folder) == 1
        store.close()
        back = fresh(store_url)
        assert parquet_files.read(folder, back) == 1
        assert_same(contents(back), before)
        assert back.head().settings == rule
        back.close()

    check()


def test_decisions_and_erasures_come_along(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a secret of sixteen letters")
    graph.people.decide("different", "cookie:1", "email:ann@example.org", reason="a shared laptop")
    graph.people.erase("email:bob@example.org")
    parquet_files.write(graph.store, tmp_path / "out")
    with open_graph(tmp_path / "back.duckdb") as back:
        with monkeypatch.context() as without, pytest.raises(ErasureKeyMissing):
            without.delenv(KEY_VARIABLE)
            parquet_files.read(tmp_path / "out", back.store)
        parquet_files.read(tmp_path / "out", back.store)
        assert_same(contents(back.store), contents(graph.store))
        assert back.settings() == graph.settings()
        assert add(back.store, table([ROWS[3]]), {}).erased == 1, "and goes on refusing who was erased"


def test_the_files_are_plain_tables_for_their_owner_only(graph: Graph, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    parquet_files.write(graph.store, folder)
    assert {file.name for file in folder.iterdir()} == {"manifest.json"} | {
        f"{name}.parquet" for name in (*STORED, *DERIVED)
    }
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    for name, held in graph.to_polars().items():
        assert pl.read_parquet(folder / f"{name}.parquet").sort(held.columns[0]).equals(held.sort(held.columns[0]))


@pytest.mark.parametrize(
    ("spoil", "error", "why"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), InputError, "not to its end"),
        (lambda folder: (folder / "manifest.json").write_text("[1"), InputError, "no JSON"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": "x"}'), InputError, "is not of"),
        (lambda folder: (folder / "users.parquet").unlink(), InputError, "users.parquet is missing"),
        (lambda folder: (folder / "events.parquet").write_bytes(b"PAR1"), InputError, "its content changed"),
        (lambda folder: _said(folder, schema=SCHEMA + 1), NewerGraph, "update graphsvc"),
        (lambda folder: _said(folder, schema=SCHEMA - 1), InputError, "no exports"),
        (lambda folder: _said(folder, settings={"split": "odd"}), InputError, "settings that do not validate"),
    ],
)
def test_a_folder_that_is_not_whole_and_ours_is_refused(
    graph: Graph, tmp_path: Path, spoil: Any, error: type[Exception], why: str
) -> None:
    folder = tmp_path / "out"
    parquet_files.write(graph.store, folder)
    spoil(folder)
    with open_graph(tmp_path / "back.duckdb") as back:
        with pytest.raises(error, match=why):
            parquet_files.read(folder, back.store)
        assert back.store.revision() == 0


def _said(folder: Path, **other: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | other))


def test_a_store_that_holds_events_is_refused(graph: Graph, tmp_path: Path) -> None:
    parquet_files.write(graph.store, tmp_path / "out")
    with pytest.raises(TargetNotEmpty):
        parquet_files.read(tmp_path / "out", graph.store)
    with pytest.raises(InputError, match="not empty"):
        parquet_files.write(graph.store, tmp_path / "out")
    with open_graph(tmp_path / "nothing.duckdb") as nothing, pytest.raises(NotFound):
        parquet_files.write(nothing.store, tmp_path / "other")


def test_a_graph_that_moves_while_it_is_written_leaves_no_manifest(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph.store, "revision", lambda: 7)
    with pytest.raises(StoreBusy):
        parquet_files.write(graph.store, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


# networkx and GraphML


def test_networkx_holds_the_graph_that_the_docs_draw(graph: Graph) -> None:
    drawn = graph.to_networkx()
    user = graph.lookup("email:ann@example.org")
    assert {data["type"] for _, data in drawn.nodes(data=True)} == {
        "User", "Identifier", "Journey", "Touchpoint", "Channel"
    }  # fmt: skip
    edges = {(a, b, data["type"]) for a, b, data in drawn.edges(data=True)}
    assert {
        (f"User:{user}", "Identifier:cookie:1", "HAS"),
        (f"User:{user}", "Journey:1", "TOOK"),
        ("Journey:1", "Touchpoint:1", "STARTS"),
        ("Touchpoint:1", "Touchpoint:2", "NEXT"),
        ("Touchpoint:2", "Touchpoint:3", "NEXT"),
        ("Touchpoint:3", "Channel:store", "VIA"),
        ("Identifier:cookie:1", "Identifier:email:ann@example.org", "SEEN_WITH"),
    } <= edges
    assert len(edges) == 4 + 2 + 2 + 2 + 4 + 2
    assert drawn.nodes[f"User:{user}"]["age"] == 41
    assert drawn.nodes[f"User:{user}"]["user_label"] == "x", "a trait gives way to a word of ours"
    assert drawn.nodes["Identifier:cookie:1"]["identifier_value"] == "1"
    touchpoint = drawn.nodes["Touchpoint:3"]
    assert (touchpoint["label"], touchpoint["at"], touchpoint["stage"]) == ("buy", datetime(2026, 1, 6), "purchase")
    assert "question" not in touchpoint
    assert drawn.edges["Touchpoint:1", "Touchpoint:2", 0]["seconds"] == 2 * 86_400


def test_graphml_is_read_back_with_one_type_for_each_attribute(graph: Graph, tmp_path: Path) -> None:
    file = tmp_path / "graph.graphml"
    write_graphml(graph.store, file)
    read, drawn = nx.read_graphml(file), graph.to_networkx()
    assert set(read) == set(drawn)
    assert sorted(read.edges()) == sorted(drawn.edges())
    user = f"User:{graph.lookup('email:ann@example.org')}"
    assert (read.nodes[user]["age"], read.nodes[user]["excluded"]) == ("41", False), "one user's age is a text"
    assert read.nodes["Touchpoint:1"]["name"] == "ad\\u001f<&>", "what XML cannot hold"
    assert read.nodes["Touchpoint:3"]["at"] == "2026-01-06T00:00:00"
    assert read.nodes["Touchpoint:2"]["identifiers"] == "cookie:1; email:ann@example.org"
    assert read.nodes["Touchpoint:3"]["value"] == 20.0
    assert file.stat().st_mode & 0o777 == 0o600
    declared = [line for line in file.read_text().splitlines() if "<key " in line]
    named = [(line.split('for="')[1].split('"')[0], line.split('attr.name="')[1].split('"')[0]) for line in declared]
    assert len(named) == len(set(named)) > 20


def test_polars_gives_every_table_with_its_schema(graph: Graph) -> None:
    tables = graph.to_polars()
    assert {name: table.schema for name, table in tables.items()} == {**STORED, **DERIVED}
    assert len(tables["events"]) == len(ROWS)


# On the command line


def test_export_asks_for_one_form(tmp_path: Path) -> None:
    said = graphsvc("export", "--parquet", "a", "--graphml", "b", cwd=tmp_path, code=2)
    assert said.endswith("one of --parquet, --graphml, --neo4j-import")


# As the document says


def test_the_document_runs(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph.close()
    (tmp_path / "graph.duckdb").rename(tmp_path / "journeys.duckdb")
    for line in commands("docs/exchange.md"):
        script = re.sub(r"^graphsvc", f"{shlex.quote(sys.executable)} -m graphsvc", line)
        done = subprocess.run(script, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    (block,) = blocks("docs/exchange.md", "python")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(block, found)
    assert len(found["touchpoints"]) == 4
    assert_same(
        contents(open_graph(tmp_path / "again.duckdb").store), contents(open_graph(tmp_path / "journeys.duckdb").store)
    )
