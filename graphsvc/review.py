"""The bridge check: which matches should be looked at, because each alone joins two large dense groups."""

from __future__ import annotations

import numpy as np
import polars as pl

LINKS = pl.Schema({"a": pl.String(), "b": pl.String(), "confidence": pl.Float64()})
HELD = pl.Schema({**LINKS, "reason": pl.String()})

#: A group is large with so many members, and dense when it has so much of the links that it could have.
LARGE, DENSE = 7, 1 / 3


def held_back(links: pl.DataFrame) -> pl.DataFrame:
    """The links that alone join two large dense groups, sorted by a and b, each with a reason.

    A *bridge* is a link without which its two ends would not hang together. Without any bridge the links fall into
    *groups*; one is large with at least ``LARGE`` members, and dense with at least ``DENSE`` of the
    n (n - 1) / 2 links that it could have. A bridge is held back when each of its ends hangs together with a large
    dense group by links that are stronger: by links that are no bridges, and bridges of higher confidence (of equal
    ones, the smaller (a, b)). So of a chain of bridges between two such groups the weakest is held, and a small or
    loose group between them keeps its stronger neighbour. What is left holds nothing more back.

    Args:
        links: ``LINKS``, one row per pair.
    """
    import networkx as nx

    held: list[tuple[str, str, float]] = []
    near = _in_large_components(links)
    graph = nx.Graph()
    graph.add_nodes_from(sorted({*near["a"], *near["b"]}))
    graph.add_weighted_edges_from(near.iter_rows())
    bridges = [(min(pair), max(pair)) for pair in nx.bridges(graph)]
    graph.remove_edges_from(bridges)
    groups = nx.utils.UnionFind(graph)
    has_core: dict[str, bool] = {}
    for members in nx.connected_components(graph):
        groups.union(*members)
        ends = sum(degree for _, degree in graph.degree(members))
        dense = len(members) >= LARGE and ends >= DENSE * len(members) * (len(members) - 1)
        has_core[groups[next(iter(members))]] = dense
    weight = {(a, b): confidence for a, b, confidence in near.iter_rows()}
    for a, b in sorted(bridges, key=lambda pair: (-weight[pair], pair)):
        one, other = groups[a], groups[b]
        if has_core[one] and has_core[other]:
            held.append((a, b, weight[a, b]))
        else:
            groups.union(a, b)
            has_core[groups[a]] = has_core[one] or has_core[other]
    sizes = {groups[members[0]]: len(members) for members in map(list, groups.to_sets())} if held else {}
    rows = [(*link, _reason(sizes[groups[link[0]]], sizes[groups[link[1]]])) for link in held]
    return pl.DataFrame(rows, schema=HELD, orient="row").sort("a", "b")


def _reason(*sizes: int) -> str:
    return f"alone joins a group of {min(sizes)} with one of {max(sizes)}"


def _in_large_components(links: pl.DataFrame) -> pl.DataFrame:
    """The links of components that have room for two large groups; most lists have few of them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = pl.concat([links["a"], links["b"]]).unique().sort()
    ends = [names.search_sorted(links[end]).to_numpy() for end in ("a", "b")]
    shape = (len(names), len(names))
    label = connected_components(coo_array((np.ones(links.height), ends), shape=shape), directed=False)[1]
    members = np.bincount(label, minlength=1)[label] if len(names) else np.zeros(0)
    return links.select(LINKS.names()).filter(pl.Series(members[ends[0]] >= 2 * LARGE, dtype=pl.Boolean))
