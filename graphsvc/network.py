"""A graph for networkx, and as GraphML for what reads that: Gephi, yEd, Cytoscape."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import networkx as nx
import polars as pl

from .export import labelled, one_revision
from .stores import Store

#: Nodes that are no part of the story: rows without a touchpoint, and what was ruled.
_LEFT_OUT = ("Record", "Decision", "Erasure")
#: What NEXT, VIA and HAS say already.
_REPEATED = {"Journey": ["user", "touchpoints", "names", "channels", "stages", "times", "values"], "User": ["traits"]}
#: What tells nodes of a label apart where there is room for a word only; an identifier's value is not for pictures.
_SHOWN = {"Touchpoint": "name", "Channel": "name", "Identifier": "type"}
#: Attributes of every node. An identifier's value is another thing than a touchpoint's, and gives way, too.
_TAKEN = frozenset({"type", "label"})
#: Characters that XML 1.0 cannot hold (its production ``Char``), or, as a carriage return, does not keep.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_networkx(store: Store) -> nx.MultiDiGraph:
    """The users, identifiers, journeys, touchpoints and channels of a graph, as docs/neo4j.md draws them.

    A ``MultiDiGraph``, because ``SEEN_WITH`` may join two identifiers more than once. A node is ``Label:key``; its
    attribute ``type`` is the label, ``label`` a name to show; an edge's ``type`` is that of the relationship. What is
    null in the graph is no attribute. Times are naive UTC datetimes. Profile rows, decisions and erasures are left out,
    and so are a journey's lists.

    Raises:
        NotFound: the store holds no graph.
        StoreBusy: it changed meanwhile.
    """
    graph = nx.MultiDiGraph()
    with one_revision(store) as (revision, settings):
        graph.graph["revision"] = revision
        for name, table in labelled(store, store.tables(), settings):
            kind, *ends = name.split(":")
            if ends:
                graph.add_edges_from(_edges(kind, ends[0], ends[1], table))
            elif (label := kind.split("-")[0]) not in _LEFT_OUT:
                graph.add_nodes_from(_nodes(label, table.drop(_REPEATED.get(label, []), strict=False)))
    return graph


def _nodes(label: str, table: pl.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    shown, taken = _SHOWN.get(label), _TAKEN | {"value"} if label == "Identifier" else _TAKEN
    for row in table.iter_rows(named=True):
        told = {f"{label.lower()}_{name}" if name in taken else name: row[name] for name in row}
        yield f"{label}:{row['key']}", {"type": label, "label": row[shown] if shown else label, **_known(told)}


def _edges(kind: str, source: str, target: str, table: pl.DataFrame) -> Iterator[tuple[str, str, dict[str, Any]]]:
    start, end = table.columns[:2]
    rest = table.drop(start, end)
    for a, b, row in zip(table[start], table[end], rest.iter_rows(named=True), strict=True):
        yield f"{source}:{a}", f"{target}:{b}", {"type": kind, **_known(row)}


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def write_graphml(store: Store, file: Path) -> None:
    """Write a graph as GraphML: every attribute has one type, nothing is nested. It holds personal data.

    Times are ISO 8601 texts, lists are joined by ``; ``. An attribute that is a number here and a text there is text.

    Raises:
        NotFound: the store holds no graph.
        StoreBusy: it changed meanwhile.
    """
    graph = to_networkx(store)
    flat = nx.MultiDiGraph(revision=graph.graph["revision"])
    nodes = _flat([attributes for _, attributes in graph.nodes(data=True)])
    names = {node: _xml(node) for node in graph}
    flat.add_nodes_from(zip(names.values(), nodes, strict=True))
    edges = _flat([attributes for *_, attributes in graph.edges(data=True)])
    for (source, target), attributes in zip(graph.edges(), edges, strict=True):
        flat.add_edge(names[source], names[target], **attributes)
    file.touch(mode=0o600)
    nx.write_graphml_xml(flat, file)  # the same bytes, whether lxml is there or not


def _flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Attributes that are texts, numbers and truth values, each of one type throughout."""
    plain = [{_xml(name): _plain(value) for name, value in row.items()} for row in rows]
    types: dict[str, set[type]] = defaultdict(set)
    for row in plain:
        for name, value in row.items():
            types[name].add(type(value))
    numeric = {name for name, kinds in types.items() if kinds == {int, float}}
    mixed = {name for name, kinds in types.items() if len(kinds) > 1} - numeric

    def cast(name: str, value: Any) -> Any:
        return float(value) if name in numeric else str(value) if name in mixed else value

    return [{name: cast(name, value) for name, value in row.items()} for row in plain]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return _xml("; ".join(map(str, value)))
    return _xml(value) if isinstance(value, str) else value


def _xml(text: str) -> str:
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
