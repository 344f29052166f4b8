"""Small graphs for tests: events in one line, random histories, and an oracle that shares no code with the core."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import networkx as nx
import polars as pl

from graphsvc.settings import Settings
from graphsvc.stores import Store, is_neo4j, open_store
from graphsvc.tables import DERIVED, EVENTS, KEYS, Tables

from . import neo4j_server as servers

SALT = "test-salt-0123456789"
DAY_ONE = datetime(2026, 1, 1)


def event(key: str, at: datetime | int | None, name: str | None, *identifiers: str, **more: Any) -> dict[str, Any]:
    """One row of the events table; a number stands for so many days after 1 January 2026."""
    when = DAY_ONE + timedelta(days=at) if isinstance(at, int) else at
    kind = more.pop("kind", "event")
    channel = more.pop("channel", "web" if kind == "event" else None)
    row = dict.fromkeys(EVENTS.names()) | {"key": key, "kind": kind, "source": "test", "channel": channel}
    return row | {"at": when, "name": name, "identifiers": sorted(identifiers)} | more


def profile(key: str, at: int | None, identifier: str, traits: str) -> dict[str, Any]:
    """A row that tells traits of a person."""
    return event(key, at, None, identifier, kind="profile", traits=traits)


def link(key: str, at: int | None, a: str, b: str) -> dict[str, Any]:
    """A row that declares two identifiers one person."""
    return event(key, at, None, a, b, kind="link", confidence=1.0)


def table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows as an events table."""
    return pl.DataFrame(list(rows), schema=EVENTS)


def settings(**more: Any) -> Settings:
    """Settings whose user keys are the same in every test."""
    return Settings(**{"salt": SALT, **more})


def fresh(url: str) -> Store:
    """An empty store at a URL, whatever a former example left there."""
    if is_neo4j(url):
        servers.empty(servers.Server.given() or _no_server())
    else:
        for path in Path(url).parent.glob(Path(url).name + "*"):
            path.unlink()
    return open_store(url)


def _no_server() -> servers.Server:
    raise AssertionError("the fixture sets NEO4J_URI")


def contents(store: Store) -> dict[str, pl.DataFrame]:
    """All that a graph is, revision apart: every table in order of its key."""
    return ordered(store.tables()) | {"events": pl.concat([pl.DataFrame(schema=EVENTS), *store.events()]).sort("key")}


def ordered(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every derived table in order of its key."""
    return {name: frame.select(DERIVED[name].names()).sort(KEYS[name]) for name, frame in tables.items()}


def assert_same(actual: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    """Two graphs are equal, table by table; says which row is not."""
    for name, table in expected.items():
        if not actual[name].equals(table):
            missing = table.join(actual[name], on=table.columns, how="anti", nulls_equal=True)
            extra = actual[name].join(table, on=table.columns, how="anti", nulls_equal=True)
            raise AssertionError(f"{name} differs\nmissing: {missing.to_dicts()}\nextra: {extra.to_dicts()}")


_identifiers = st.sampled_from(
    [f"{kind}:{i}" for kind in ("cookie", "email", "customer_id", "odd") for i in range(1, 4)]
    + ["email:null", "email:A@x.org", "email: a@x.org", "cookie:0000-0000", "customer_id:N/A"]
)


@st.composite
def histories(draw: st.DrawFn, largest: int = 20) -> list[dict[str, Any]]:
    """Random rows: few people, few days, so that merges, ties and placeholders abound; keys are distinct."""
    rows = []
    for i in range(draw(st.integers(1, largest))):
        identifiers = draw(st.lists(_identifiers, min_size=1, max_size=3, unique=True))
        kind = draw(st.sampled_from(["event"] * 6 + ["profile", "link"]))
        day = draw(st.integers(0, 12))
        if kind == "event":
            rows.append(
                event(
                    f"e{i:02}",
                    day,
                    draw(st.sampled_from(["ad", "visit", "chat", "buy"])),
                    *identifiers,
                    channel=draw(st.sampled_from(["web", "store"])),
                    value=draw(st.sampled_from([None, 1.0, 2.5])),
                    stage=draw(st.sampled_from([None, "own"])),
                    traits=draw(st.sampled_from([None, None, '{"age":30}', '{"age":60,"staff":true}'])),
                )
            )
        elif kind == "profile":
            traits = draw(st.sampled_from(['{"age":41}', '{"region":"north"}', '{"age":60,"region":"süd"}']))
            rows.append(profile(f"p{i:02}", draw(st.sampled_from([None, day])), identifiers[0], traits))
        elif len(identifiers) > 1:
            rows.append(link(f"l{i:02}", draw(st.sampled_from([None, day])), *identifiers[:2]))
    return rows or [event("e00", 0, "ad", "cookie:1")]


rules = st.builds(
    settings,
    goals=st.sampled_from([(), ("buy",), ("buy", "chat")]),
    split=st.sampled_from(["none", "gap", "conversion"]),
    gap_days=st.sampled_from([1.0, 2.0, 30.0]),
    stages=st.sampled_from([{}, {"ad": "awareness", "buy": "purchase"}]),
    exclude=st.sampled_from([{}, {"traits": ["staff = true"]}, {"identifiers": ["email:2*"], "names": ["chat"]}]),
)


def people(rows: Sequence[dict[str, Any]]) -> list[tuple[frozenset[str], list[str]]]:
    """Oracle: for each person the usable identifiers and the keys of the events in order, by networkx."""
    graph = nx.Graph()
    for row in rows:
        usable = [clean for raw in row["identifiers"] if (clean := _clean(raw))]
        nodes = usable or ["event:" + row["key"]]
        graph.add_nodes_from(nodes)
        graph.add_edges_from(itertools.pairwise(nodes))
        graph.nodes[nodes[0]].setdefault("rows", []).append(row)
    found = []
    for component in nx.connected_components(graph):
        owned = [row for node in component for row in graph.nodes[node].get("rows", []) if row["kind"] == "event"]
        owned.sort(key=lambda row: (row["at"], row["key"]))
        identifiers = frozenset(node for node in component if not node.startswith("event:"))
        found.append((identifiers, [row["key"] for row in owned]))
    return found


def _clean(raw: str) -> str | None:
    kind, _, value = raw.partition(":")
    value = value.strip().lower() if kind == "email" else value.strip()
    bare = value.lower()
    return None if bare in ("null", "n/a") or not bare.strip("0-") else f"{kind}:{value}"
