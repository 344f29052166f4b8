"""Links that alone hold two parts of a graph together.

The way, told once (Tarjan, "A note on finding the bridges of a graph", 1974): take any spanning tree and number its
nodes so that everything below a node follows it without a gap. A tree edge is a bridge if no other edge leads from
below it to elsewhere: then the smallest and the largest number that edges reach from there lie below it, too. Edges
are looked at all at once, nodes one by one from the leaves up and never by recursion, so that a chain of a million
nodes does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Bridges:
    """Bridges: the row of each edge, and how many nodes its removal leaves at either end."""

    rows: Numbers
    at_a: Numbers
    at_b: Numbers


def bridges(a: Numbers, b: Numbers, size: int) -> Bridges:
    """The bridges of an undirected graph, by row.

    Args:
        a, b: ends of each edge, as numbers below ``size``; a pair may occur more than once, and is no bridge then.
        size: number of nodes. The graph may have many components.
    """
    if not len(a):
        nothing = np.empty(0, dtype=np.int64)
        return Bridges(nothing, nothing, nothing)
    order, parent = _forest(a, b, size)
    below, number, tops = _numbered(order, parent, size)

    # Of the edges between a node and its parent the first one is in the tree; all other edges go round it.
    pair = np.minimum(a, b) * (size + 1) + np.maximum(a, b)
    nodes = np.flatnonzero(parent[:size] < size)
    in_tree = np.minimum(nodes, parent[nodes]) * (size + 1) + np.maximum(nodes, parent[nodes])
    pairs, first = np.unique(pair, return_index=True)
    row_of = np.full(size, -1, dtype=np.int64)
    row_of[nodes] = first[np.searchsorted(pairs, in_tree)]
    round_it = np.ones(len(a), dtype=np.bool_)
    round_it[row_of[nodes]] = False

    smallest, largest = number.copy(), number.copy()
    for near, far in ((a[round_it], b[round_it]), (b[round_it], a[round_it])):
        np.minimum.at(smallest, near, number[far])
        np.maximum.at(largest, near, number[far])
    least, most, above = smallest.tolist(), largest.tolist(), parent.tolist()
    for node in reversed(order.tolist()):
        up = above[node]
        if least[node] < least[up]:
            least[up] = least[node]
        if most[node] > most[up]:
            most[up] = most[node]
    low, high = np.array(least, dtype=np.int64), np.array(most, dtype=np.int64)
    alone = nodes[(low[nodes] >= number[nodes]) & (high[nodes] < number[nodes] + below[nodes])]
    alone = alone[np.argsort(row_of[alone])]
    rows, rest = row_of[alone], below[tops[alone]] - below[alone]
    at_a = a[rows] == alone
    return Bridges(rows, np.where(at_a, below[alone], rest), np.where(at_a, rest, below[alone]))


def _forest(a: Numbers, b: Numbers, size: int) -> tuple[Numbers, Numbers]:
    """A spanning tree below node ``size``, which stands above one node of each component: its nodes from the top down
    without that one, and the parent of each node.
    """  # fmt: skip
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    edges = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(size, size))
    _, label = connected_components(edges, directed=False)
    _, tops = np.unique(label, return_index=True)
    ends = np.append(a, tops), np.append(b, np.full(len(tops), size))
    joined = coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(size + 1, size + 1)).tocsr()
    joined.data[:] = 1  # many parallel edges would add up to nought in eight bits
    order, parent = breadth_first_order(joined, size, directed=False)
    parent = parent.astype(np.int64)
    parent[size] = size
    return order[1:].astype(np.int64), parent


def _numbered(order: Numbers, parent: Numbers, size: int) -> tuple[Numbers, Numbers, Numbers]:
    """For each node: how many nodes its subtree has, its number, and the top of its component."""
    above, downward = parent.tolist(), order.tolist()
    below, number, free, top = [1] * (size + 1), [0] * (size + 1), [1] * (size + 1), list(range(size + 1))
    for node in reversed(downward):
        below[above[node]] += below[node]
    for node in downward:
        up = above[node]
        number[node] = free[up]
        free[up] += below[node]
        free[node] = number[node] + 1
        if up != size:
            top[node] = top[up]
    return (
        np.array(below, dtype=np.int64),
        np.array(number, dtype=np.int64),
        np.array(top, dtype=np.int64),
    )
