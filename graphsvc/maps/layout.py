"""Where everything in a journey map stands: a pure function of the flow, so that the same flow is the same picture.

Lengths are in pixels at zoom 1. Steps are columns from left to right; a node is a bar as high as its journeys. The
touchpoints of all steps share a band in the middle. Journeys that leave after a step do so towards the next column:
converted ones up to a lane above the band, open and dropped ones down to lanes below it. Bars of one lane stand on one
line, so that their heights compare like those of a bar chart.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf

from ..answers.flow import Flow, FlowEdge, FlowNode

PITCH = 158.0  # from one column to the next
BAR = 14.0  # width of a bar
ALL = 220.0  # height of a bar that holds all journeys
LABEL = 31.0  # height that a label of two lines needs
GAP = 6.0  # between two nodes of a column
LANE_GAP = 20.0  # between the band and the lanes
HEADING = 42.0  # above everything: the heads of the columns
THINNEST = 1.5  # of a bar
_SWEEPS = 4


@dataclass(frozen=True)
class Bar:
    """A node's place: the centre of its bar."""

    x: float
    y: float
    height: float
    column: int


@dataclass(frozen=True)
class Ribbon:
    """An edge's place: the middles of its two ends."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float


@dataclass(frozen=True)
class _Lane:
    top: float
    bottom: float


@dataclass(frozen=True)
class Layout:
    """Places of all nodes and edges of a flow, in its order."""

    bars: list[Bar]
    ribbons: list[Ribbon]
    columns: int
    width: float
    height: float


def place(flow: Flow, like: Flow | None = None) -> Layout:
    """Place a flow. Bars do not overlap, and each has room for its label to the right.

    A label keeps its rank from top to bottom in all steps, so that eyes find it again: the mean of where it would
    stand in each step for few ribbons to cross.

    Args:
        flow: what to place.
        like: take the ranks of labels from this flow, so that layers can be compared; labels that it lacks go below.
    """
    scale = ALL / max(flow.totals.counted, 1)
    heights = {node.id: max(node.journeys * scale, THINNEST) for node in flow.nodes}
    columns = _columns(flow)
    lanes = _lanes(columns, heights)
    ranks = _label_heights(like or flow)
    centres = _end_centres(columns, heights, lanes)
    for nodes in columns:
        stack = [node for node in nodes if _lane(node) == "band"]
        stack.sort(key=lambda node: (node.kind == "other", ranks.get(node.label, inf)))
        centres |= _stack(stack, heights, lanes["band"])
    bars = {
        node.id: Bar(x=column * PITCH, y=centres[node.id], height=heights[node.id], column=column)
        for column, nodes in enumerate(columns)
        for node in nodes
    }
    return Layout(
        bars=[bars[node.id] for node in flow.nodes],
        ribbons=_ribbons(flow.edges, bars, scale),
        columns=len(columns),
        width=len(columns) * PITCH,
        height=max(lane.bottom for lane in lanes.values()),
    )


def _columns(flow: Flow) -> list[list[FlowNode]]:
    """The nodes of each column: touchpoints at their step, ends one further."""
    columns: dict[int, list[FlowNode]] = defaultdict(list)
    for node in flow.nodes:
        columns[node.step - (node.kind in ("touchpoint", "other"))].append(node)
    return [columns[column] for column in range(max(columns, default=-1) + 1)]


def _lane(node: FlowNode) -> str:
    return node.kind if node.kind in ("converted", "open", "dropped") else "band"


def _lanes(columns: list[list[FlowNode]], heights: dict[str, float]) -> dict[str, _Lane]:
    """The band and the lanes that are needed, from top to bottom."""
    needed = {"band": LABEL}
    for nodes in columns:
        for lane in {_lane(node) for node in nodes}:
            height = _stacked([heights[node.id] for node in nodes if _lane(node) == lane])
            needed[lane] = max(needed.get(lane, LABEL), height)
    lanes = {}
    top = HEADING
    for lane in ("converted", "band", "open", "dropped"):
        if lane in needed:
            lanes[lane] = _Lane(top, top + needed[lane])
            top += needed[lane] + LANE_GAP
    return lanes


def _stacked(heights: list[float]) -> float:
    return sum(max(height, LABEL) for height in heights) + GAP * (len(heights) - 1)


def _label_heights(flow: Flow) -> dict[str, float]:
    """Where each label would stand, on average over the steps, for few ribbons to cross.

    The touchpoints of each step are sorted by the mean height of what leads to them, then of what follows, and so on
    to and fro. Ranks by journeys break ties.
    """
    heights = {node.id: node.journeys * ALL / max(flow.totals.counted, 1) for node in flow.nodes}
    columns = _columns(flow)
    lanes = _lanes(columns, heights)
    centres = _end_centres(columns, heights, lanes)
    stacks = [[node for node in nodes if _lane(node) == "band"] for nodes in columns]
    for stack in stacks:
        centres |= _stack(stack, heights, lanes["band"])
    sources: dict[str, list[tuple[str, int]]] = defaultdict(list)
    targets: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for edge in flow.edges:
        sources[edge.target].append((edge.source, edge.journeys))
        targets[edge.source].append((edge.target, edge.journeys))
    for sweep in range(_SWEEPS):
        neighbours, order = (sources, stacks) if sweep % 2 == 0 else (targets, stacks[::-1])
        for stack in order:
            wanted = {node.id: _mean(neighbours[node.id], centres, centres[node.id]) for node in stack}
            stack.sort(key=lambda node: (node.kind == "other", wanted[node.id]))
            centres |= _stack(stack, heights, lanes["band"])
    by_label: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for node in (node for stack in stacks for node in stack):
        by_label[node.label].append((node.id, node.journeys))
    return {label: _mean(nodes, centres, 0.0) for label, nodes in by_label.items()}


def _end_centres(columns: list[list[FlowNode]], heights: dict[str, float], lanes: dict[str, _Lane]) -> dict[str, float]:
    """Centres of the ends: converted ones stand on the bottom line of their lane, the others hang from the top line."""
    centres = {}
    for node in (node for nodes in columns for node in nodes if _lane(node) != "band"):
        half, lane = heights[node.id] / 2, lanes[_lane(node)]
        centres[node.id] = lane.bottom - half if node.kind == "converted" else lane.top + half
    return centres


def _mean(neighbours: list[tuple[str, int]], centres: dict[str, float], alone: float) -> float:
    """Mean centre of the neighbours, by journeys; its own centre where it has none."""
    journeys = sum(weight for _, weight in neighbours)
    return sum(centres[node] * weight for node, weight in neighbours) / journeys if journeys else alone


def _stack(nodes: list[FlowNode], heights: dict[str, float], band: _Lane) -> dict[str, float]:
    """Centres of a column's touchpoints, from top to bottom."""
    centres = {}
    top = (band.top + band.bottom - _stacked([heights[node.id] for node in nodes])) / 2
    for node in nodes:
        slot = max(heights[node.id], LABEL)
        centres[node.id] = top + slot / 2
        top += slot + GAP
    return centres


def _ribbons(edges: list[FlowEdge], bars: dict[str, Bar], scale: float) -> list[Ribbon]:
    """The edges, stacked along the bars that they leave and enter: in = out, so that they fill both."""
    starts, ends = [0.0] * len(edges), [0.0] * len(edges)
    left = {node: bar.y - bar.height / 2 for node, bar in bars.items()}
    entered = dict(left)
    for i in sorted(range(len(edges)), key=lambda i: bars[edges[i].target].y):
        starts[i] = left[edges[i].source]
        left[edges[i].source] += edges[i].journeys * scale
    for i in sorted(range(len(edges)), key=lambda i: bars[edges[i].source].y):
        ends[i] = entered[edges[i].target]
        entered[edges[i].target] += edges[i].journeys * scale
    return [
        Ribbon(
            x1=bars[edge.source].x + BAR / 2,
            y1=starts[i] + edge.journeys * scale / 2,
            x2=bars[edge.target].x - BAR / 2,
            y2=ends[i] + edge.journeys * scale / 2,
            width=edge.journeys * scale,
        )
        for i, edge in enumerate(edges)
    ]
