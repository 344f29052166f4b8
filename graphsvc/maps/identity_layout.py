"""Where identifiers stand: a pure function of nodes and edges, so that the same graph is the same picture.

Lengths are in pixels at zoom 1, the origin is the middle of the user. The user's own identifiers lie in an oval, drawn
together by their links; identifiers of nobody and of others stand on rings around it, near what they are linked with.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, pairwise
from math import atan2, ceil, cos, hypot, inf, pi, remainder, sin

import networkx as nx
import numpy as np

from .identity_graph import IdentityEdge, IdentityNode

APART = 104.0  # between two identifiers side by side: room for a label
_FLAT = 2.2  # how much nearer they may stand one above the other
WIDE = 1.7  # an oval as wide as a screen
_MARGIN = 58.0  # between the outermost identifiers and the oval
_RING = 84.0  # from the oval to the first ring, and from ring to ring
_EXACT = 60  # up to so many nodes Kamada and Kawai's layout, which shows distances well, is fast
_SEED = 20
_CLEAR = 16.0  # between a line from the outside and identifiers that it does not concern
_GOLDEN = 2.399963  # the golden angle: a direction of its own for each of many


@dataclass(frozen=True)
class Layout:
    """Places by key, the way of each line that is not straight, half the size of the oval, and the place of the mark
    for what is folded.
    """  # fmt: skip

    places: dict[str, tuple[int, int]]
    bends: dict[tuple[str, str], list[tuple[int, int]]]
    oval: tuple[int, int]
    more: tuple[int, int]


def place(nodes: list[IdentityNode], edges: list[IdentityEdge]) -> Layout:
    """Place a user's identifiers and those around."""
    own = [node.key for node in nodes if node.place == "own"]
    points = dict(zip(own, _own(own, edges), strict=True))
    radius = max((hypot(x / WIDE, y) for x, y in points.values()), default=0.0) + _MARGIN
    points |= _around([node.key for node in nodes if node.place != "own"], points, edges, radius)
    outside = points.keys() - set(own)
    bends = {(e.a, e.b): _round(points[e.a], points[e.b]) for e in edges if e.a in outside and e.b in outside}
    furthest = max([radius, *(hypot(x / WIDE, y) for x, y in [*points.values(), *chain(*bends.values())])])
    return Layout(
        places={key: (round(x), round(y)) for key, (x, y) in points.items()},
        bends=bends,
        oval=(round(radius * WIDE), round(radius)),
        more=(round(radius * WIDE * cos(pi / 4)), round(furthest + 30)),
    )


def _own(keys: list[str], edges: list[IdentityEdge]) -> list[tuple[float, float]]:
    """Places inside the oval, in the order of the keys."""
    if len(keys) < 2:
        return [(0.0, 0.0)] * len(keys)
    graph = nx.Graph()
    graph.add_nodes_from(sorted(keys))
    graph.add_edges_from((e.a, e.b) for e in edges if e.verdict != "refused" and e.a in graph and e.b in graph)
    # Parts that nothing joins in the picture (a decision on something folded may) stand side by side.
    graph.add_edges_from(pairwise(min(part) for part in sorted(nx.connected_components(graph), key=min)))
    if len(keys) <= _EXACT:
        raw = nx.kamada_kawai_layout(graph)
    else:
        raw = nx.spring_layout(graph, seed=_SEED, iterations=120, k=2.2 / len(keys) ** 0.5)
    points = np.array([raw[key] for key in keys])
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    reach = np.abs(points).max() or 1.0
    size = APART * 0.5 * len(keys) ** 0.5
    return [(x * WIDE, y) for x, y in _spread(points / reach * size).tolist()]


def _spread(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Push what is too near apart, a little at a time; before the oval is stretched."""
    metric = np.array([WIDE, _FLAT])
    stretched = points * metric
    turn = np.arange(len(points)) * _GOLDEN
    stretched = stretched + 0.01 * np.column_stack([np.cos(turn), np.sin(turn)])
    for _ in range(150):
        gap = stretched[:, None, :] - stretched[None, :, :]
        distance = np.hypot(gap[..., 0], gap[..., 1])
        np.fill_diagonal(distance, np.inf)
        push = np.clip(APART - distance, 0, None) / 2
        if not push.any():
            break
        stretched = stretched + (gap / distance[..., None] * push[..., None] * 0.55).sum(axis=1)
    return np.asarray(stretched / metric)


def _around(
    keys: list[str], inside: dict[str, tuple[float, float]], edges: list[IdentityEdge], radius: float
) -> dict[str, tuple[float, float]]:
    """Places on the rings: each identifier in the direction of those that it is linked with."""
    pulled: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for edge in edges:
        for mine, other in ((edge.a, edge.b), (edge.b, edge.a)):
            if mine not in inside and other in inside:
                x, y = inside[other]
                pulled[mine].append((x / WIDE, y))
    wanted = {}
    for i, key in enumerate(sorted(keys)):
        x, y = sum(x for x, _ in pulled[key]), sum(y for _, y in pulled[key])
        angle = atan2(y, x) if hypot(x, y) > 1 else i * _GOLDEN % (2 * pi) - pi
        wanted[key] = _clear(angle, radius + _RING, pulled[key], list(inside.values()))
    order = sorted(keys, key=lambda key: (wanted[key], key))
    rings = 1
    while sum(_holds(radius, ring) for ring in range(rings)) < len(order):
        rings += 1
    places = {}
    for ring in range(rings):
        on_ring = order[ring::rings]
        step = 2 * pi / max(_holds(radius, ring), len(on_ring))
        away = radius + _RING * (ring + 1)
        for key, angle in zip(on_ring, _kept_apart([wanted[key] for key in on_ring], step), strict=True):
            places[key] = (away * WIDE * cos(angle), away * sin(angle))
    return places


def _clear(angle: float, away: float, ends: list[tuple[float, float]], inside: list[tuple[float, float]]) -> float:
    """The direction nearest to one from which lines to some ends pass by all other identifiers."""
    others = np.array([(x / WIDE, y) for x, y in inside])
    best, clearest = angle, -1.0
    for turn in (0, 0.08, -0.08, 0.16, -0.16, 0.24, -0.24, 0.32, -0.32) if ends else ():
        start = np.array([cos(angle + turn), sin(angle + turn)]) * away
        room = inf
        for end in ends:
            line = np.array(end) - start
            past = np.clip((others - start) @ line / (line @ line), 0, 1)
            away_from_line = np.hypot(*(others - start - past[:, None] * line).T)
            away_from_line[np.hypot(*(others - end).T) < 1] = inf  # the end itself
            room = min(room, float(away_from_line.min()))
        if room > clearest + 0.5:
            best, clearest = angle + turn, room
        if clearest >= _CLEAR:
            break
    return best


def _round(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[int, int]]:
    """The way from one identifier outside to another, around the oval: lines through it are for those inside."""
    (x, y), (to_x, to_y) = start, end
    first, span = atan2(y, x / WIDE), remainder(atan2(to_y, to_x / WIDE) - atan2(y, x / WIDE), 2 * pi)
    near, far = hypot(x / WIDE, y), hypot(to_x / WIDE, to_y)
    steps = max(ceil(abs(span) / 0.1), 2)
    way = []
    for i in range(1, steps):
        part = i / steps
        away = near + (far - near) * part + (16 + 24 * abs(span)) * sin(pi * part) ** 0.6  # the longer, the further out
        way.append((round(away * WIDE * cos(first + span * part)), round(away * sin(first + span * part))))
    return way


def _holds(radius: float, ring: int) -> int:
    """How many identifiers a ring has room for."""
    return max(ceil(2 * pi * (radius + _RING * (ring + 1)) / (APART * 0.8)) - 1, 1)


def _kept_apart(angles: list[float], step: float) -> list[float]:
    """Sorted angles moved as little as it takes for neighbours to be a step apart, around the whole ring."""
    if len(angles) * step > 2 * pi * 0.98:
        return [angles[0] + i * 2 * pi / len(angles) for i in range(len(angles))] if angles else []
    moved = np.array(angles)
    for _ in range(400):
        ahead = np.append(moved[1:], moved[:1] + 2 * pi) - moved
        push = np.clip(step - ahead, 0, None) * 0.5
        if not push.any():
            break
        moved = moved - push + np.roll(push, 1)
    return [float(angle) for angle in moved]
