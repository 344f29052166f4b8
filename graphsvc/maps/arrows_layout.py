"""Where labels and the arrows between them stand: a pure function of the arrows, so that the same are the same picture.

Lengths are in pixels at zoom 1. Labels stand in columns from left to right, by how far along they come (their trophic
level, MacKay, Johnson and Sansom 2020: the heights that make most arrows rise by one), mended so that heavy arrows lead
to the next column. Arrows leave and enter boxes at
their facing sides; one that passes a column has a slot of its own there, so that it runs through no box.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np

from .room import Room

BOX = 118.0  # width of a label's box
LEAST = 46.0  # height that a label of two lines needs
BETWEEN = 68.0  # from one column's boxes to those of the next
GAP = 24.0  # between two boxes of a column
SLOT = 7.0  # between two arrows that pass a column
LOOP = 30.0  # above a box whose label follows itself
_PORT = 3.0  # between two arrows at a side
_MOST_COLUMNS = 7
_SWEEPS = 6

Ints = np.ndarray[Any, np.dtype[np.int64]]
Weights = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Arrow:
    """A connection of two labels: how much it weighs, how wide it is drawn, what is written beside it."""

    source: str
    target: str
    weight: float
    width: float
    word: str


@dataclass(frozen=True)
class Box:
    """A label's place: the centre of its box."""

    x: float
    y: float
    height: float
    column: int


@dataclass(frozen=True)
class Layout:
    """Places of labels and, in the order given, of arrows: curves, whether they go back, where their words are."""

    boxes: dict[str, Box]
    curves: list[list[float]]
    back: list[bool]
    words: list[tuple[float, float] | None]
    width: float
    height: float


@dataclass
class _Item:
    """What stands in a column: a label, or the slot of an arrow that passes."""

    label: str | None
    height: float
    above: float = 0.0  # room for a loop
    y: float = 0.0


def place(arrows: Sequence[Arrow]) -> Layout:
    """Place labels and arrows. Boxes do not overlap, and no arrow runs through the box of another label."""
    columns_of = _columns(arrows)
    looping = {arrow.source for arrow in arrows if arrow.source == arrow.target}
    heights = _heights(arrows, columns_of)
    items = {label: _Item(label, heights[label], LOOP if label in looping else 0.0) for label in columns_of}
    columns: list[list[_Item]] = [[] for _ in range(max(columns_of.values(), default=-1) + 1)]
    for label in columns_of:
        columns[columns_of[label]].append(items[label])
    routes = _routes(arrows, items, columns_of, columns)
    _order(columns, routes, arrows)
    height = _settle(columns)
    boxes = {
        label: Box(_centre(column), items[label].y, heights[label], column) for label, column in columns_of.items()
    }
    curves = _curves(arrows, routes, boxes, columns_of)
    return Layout(
        boxes=boxes,
        curves=curves,
        back=[columns_of[arrow.target] < columns_of[arrow.source] for arrow in arrows],
        words=_words(arrows, curves, boxes.values()),
        width=max([len(columns) * (BOX + BETWEEN) - BETWEEN, *(x + 6 for curve in curves for x in curve[::2])]),
        height=max(height, LEAST),
    )


def _centre(column: int) -> float:
    return BOX / 2 + column * (BOX + BETWEEN)


def _columns(arrows: Sequence[Arrow]) -> dict[str, int]:
    """The column of each label, labels in order of their level, then by weight, then as texts."""
    labels = sorted({end for arrow in arrows for end in (arrow.source, arrow.target)})
    if not labels:
        return {}
    at = {label: i for i, label in enumerate(labels)}
    weights = np.zeros((len(labels), len(labels)))
    for arrow in arrows:
        if arrow.source != arrow.target:
            weights[at[arrow.source], at[arrow.target]] += arrow.weight
    into, out = weights.sum(axis=0), weights.sum(axis=1)
    laplacian = np.diag(into + out) - weights - weights.T
    levels: Weights = np.asarray(np.linalg.lstsq(laplacian, into - out, rcond=None)[0]).round(6)
    order = sorted(range(len(labels)), key=lambda i: (levels[i], -(into[i] + out[i]), labels[i]))
    count = min(_MOST_COLUMNS, len(labels))
    risen = (levels - levels.min()) / (float(np.ptp(levels)) or 1.0)
    found = [_mended((low + risen * (count - low) * 0.999).astype(int), weights, order) for low in range(count)]
    columns = min(found, key=lambda columns: _cost(columns, weights))
    used = {column: nth for nth, column in enumerate(sorted(set(columns.tolist())))}
    return {labels[i]: used[int(columns[i])] for i in order}


def _mended(columns: Ints, weights: Weights, order: list[int]) -> Ints:
    """Move one label after another to the column where its arrows cost least, until none moves any more."""
    columns = columns.copy()
    most = ceil(len(columns) / _MOST_COLUMNS) + 2
    every = np.arange(_MOST_COLUMNS)
    for _ in range(len(columns)):
        before = columns.copy()
        for i in order:
            cost = _costs(columns - every[:, None]) @ weights[i] + _costs(every[:, None] - columns) @ weights[:, i]
            held = np.bincount(columns, minlength=_MOST_COLUMNS)
            cost[(held >= most) & (every != columns[i])] = np.inf
            if (best := int(np.argmin(np.round(cost, 6)))) != columns[i] and cost[best] < cost[columns[i]] - 1e-6:
                columns[i] = best
        if (columns == before).all():
            break
    return columns


def _costs(ahead: Ints) -> Weights:
    """What arrows cost by how many columns they go ahead: to the next nothing, within one column or back most."""
    return np.where(ahead > 0, 0.3 * (ahead - 1), np.where(ahead == 0, 1.2, 0.9 - 0.2 * ahead))


def _cost(columns: Ints, weights: Weights) -> float:
    return round(float((weights * _costs(columns[None, :] - columns[:, None])).sum()), 6)


def _heights(arrows: Sequence[Arrow], columns: dict[str, int]) -> dict[str, float]:
    """As high as the arrows at the fuller side need."""
    sides: dict[tuple[str, str], float] = defaultdict(float)
    for arrow in arrows:
        if arrow.source == arrow.target:
            continue
        for label, side in zip((arrow.source, arrow.target), _sides(arrow, columns), strict=True):
            sides[label, side] += arrow.width + _PORT
    return {label: max(LEAST, *(sides[label, side] + 12 for side in ("left", "right"))) for label in columns}


def _sides(arrow: Arrow, columns: dict[str, int]) -> tuple[str, str]:
    """The sides that an arrow leaves and enters."""
    ahead = columns[arrow.target] - columns[arrow.source]
    return ("right", "left") if ahead > 0 else ("left", "right") if ahead < 0 else ("right", "right")


def _routes(
    arrows: Sequence[Arrow], items: dict[str, _Item], columns_of: dict[str, int], columns: list[list[_Item]]
) -> list[list[_Item]]:
    """What each arrow goes along: its source, a slot in each column between, its target."""
    routes = []
    for arrow in arrows:
        start, end = columns_of[arrow.source], columns_of[arrow.target]
        between = range(start + 1, end) if start < end else range(start - 1, end, -1)
        slots = []
        for column in between:
            slot = _Item(None, max(arrow.width, 2.0))
            columns[column].append(slot)
            slots.append(slot)
        routes.append([items[arrow.source], *slots, items[arrow.target]])
    return routes


def _order(columns: list[list[_Item]], routes: list[list[_Item]], arrows: Sequence[Arrow]) -> None:
    """Sort each column by the mean height of what it is joined with, to and fro, for few arrows to cross."""
    joined: dict[int, list[tuple[_Item, float]]] = defaultdict(list)
    column_of = {id(item): column for column, items in enumerate(columns) for item in items}
    for route, arrow in zip(routes, arrows, strict=True):
        for one, other in pairwise(route):
            joined[id(one)].append((other, arrow.weight))
            joined[id(other)].append((one, arrow.weight))
    _settle(columns)
    for sweep in range(_SWEEPS):
        for column in range(len(columns)) if sweep % 2 == 0 else reversed(range(len(columns))):
            beside = column - 1 if sweep % 2 == 0 else column + 1
            wanted = {}
            for item in columns[column]:
                near = [(other.y, weight) for other, weight in joined[id(item)] if column_of[id(other)] == beside]
                total = sum(weight for _, weight in near)
                wanted[id(item)] = round(sum(y * weight for y, weight in near) / total if total else item.y, 6)
            columns[column].sort(key=lambda item: wanted[id(item)])
            _settle(columns)


def _settle(columns: list[list[_Item]]) -> float:
    """Stack each column around the middle of the highest one. Returns the height of all."""

    def needs(item: _Item) -> float:
        return item.above + item.height + (GAP if item.label is not None else SLOT)

    height = max((sum(map(needs, items)) for items in columns), default=0.0)
    for items in columns:
        top = (height - sum(map(needs, items))) / 2
        for item in items:
            item.y = top + item.above + item.height / 2
            top += needs(item)
    return height


def _curves(
    arrows: Sequence[Arrow], routes: list[list[_Item]], boxes: dict[str, Box], columns: dict[str, int]
) -> list[list[float]]:
    """Each arrow as cubic curves that leave and enter level, from port to port."""
    ports = _ports(arrows, routes, boxes, columns)
    curves = []
    for nth, (arrow, route) in enumerate(zip(arrows, routes, strict=True)):
        source, target = boxes[arrow.source], boxes[arrow.target]
        if arrow.source == arrow.target:
            top, right = source.y - source.height / 2, source.x + BOX / 2
            curves.append([right - 52, top, right - 56, top - 28, right - 10, top - 28, right - 14, top])
            continue
        (x1, y1), (x2, y2) = ports[nth]
        if source.column == target.column:
            out = 34 + min(abs(y2 - y1) / 8, 34)
            curves.append([x1, y1, x1 + out, y1, x2 + out, y2, x2, y2])
            continue
        step = 1 if target.column > source.column else -1
        points = [(x1, y1)]
        for column, slot in enumerate(route[1:-1], start=1):
            centre = _centre(source.column + step * column)
            points += [(centre - step * BOX / 2, slot.y), (centre + step * BOX / 2, slot.y)]
        points.append((x2, y2))
        curve = [x1, y1]
        for (ax, ay), (bx, by) in pairwise(points):
            reach = (bx - ax) / 2
            curve += [ax + reach, ay, bx - reach, by, bx, by]
        curves.append(curve)
    return curves


def _ports(
    arrows: Sequence[Arrow], routes: list[list[_Item]], boxes: dict[str, Box], columns: dict[str, int]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Where each arrow leaves and enters: side by side, in the order of where they come from and go to."""
    at_side: dict[tuple[str, str], list[tuple[float, int, int]]] = defaultdict(list)
    for nth, (arrow, route) in enumerate(zip(arrows, routes, strict=True)):
        if arrow.source == arrow.target:
            continue
        leaves, enters = _sides(arrow, columns)
        at_side[arrow.source, leaves].append((route[1].y, nth, 0))
        at_side[arrow.target, enters].append((route[-2].y, nth, 1))
    found: list[list[tuple[float, float]]] = [[(0.0, 0.0), (0.0, 0.0)] for _ in arrows]
    for (label, side), ends in at_side.items():
        box = boxes[label]
        y = box.y - sum(arrows[nth].width + _PORT for _, nth, _ in ends) / 2
        for _, nth, end in sorted(ends):
            room = arrows[nth].width + _PORT
            found[nth][end] = (box.x + (BOX / 2 if side == "right" else -BOX / 2), y + room / 2)
            y += room
    return [(start, end) for start, end in found]


def _words(
    arrows: Sequence[Arrow], curves: list[list[float]], boxes: Iterable[Box]
) -> list[tuple[float, float] | None]:
    """Where words go, the widest arrows' first, so that none covers another or a box; None where there is no room."""
    room = Room()
    for box in boxes:
        room.take(box.x, box.y, BOX, box.height)
    places: list[tuple[float, float] | None] = [None] * len(arrows)
    for nth in sorted(range(len(arrows)), key=lambda nth: (-arrows[nth].width, nth)):
        places[nth] = room.word(arrows[nth].word, _along(curves[nth]))
    return places


def _along(curve: list[float]) -> list[tuple[float, float]]:
    """Points along the first and the last part of a curve, its middles first."""
    parts = [[*curve[:2], *curve[2:8]], [*curve[-8:-6], *curve[-6:]]]
    return [_point(part, t) for t in (0.5, 0.35, 0.65, 0.25, 0.75) for part in parts]


def _point(cubic: list[float], t: float) -> tuple[float, float]:
    x0, y0, x1, y1, x2, y2, x3, y3 = cubic
    a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3
