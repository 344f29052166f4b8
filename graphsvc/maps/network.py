"""A flow as a pyvis network: nodes and edges with their places and with all that the page says about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answers.flow import Flow, FlowEdge, FlowNode
from . import shell
from .layout import Layout
from .words import KIND_NAMES, duration, number, percent

if TYPE_CHECKING:
    from pyvis.network import Network

#: Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = {
    "touchpoint": "#0072B2",
    "other": "#999999",
    "converted": "#009E73",
    "open": "#E69F00",
    "dropped": "#D55E00",
    "beyond": "#CC79A7",
}

NODE_FACTS = (
    "Journeys",
    "Users",
    "Of all journeys",
    "Of this step",
    "Median since the step before",
    "Converted",
    "Still open",
    "Channels",
)
EDGE_FACTS = ("Journeys", "Users", "Share of source", "Median gap")


def network(flow: Flow, layout: Layout) -> Network:
    """Build the network of one layer, placed.

    Nodes are drawn by the page (shape ``custom``), at the places that the layout gives them, without physics. Beside
    pyvis's own fields each carries its measures, for the filters, and ``facts``: the measures as texts, in the order
    of ``NODE_FACTS`` and ``EDGE_FACTS``.
    """
    net = shell.network(directed=True)
    for node, bar in zip(flow.nodes, layout.bars, strict=True):
        net.add_node(
            node.id,
            label=_label(node),
            shape="custom",
            color=COLOURS[node.kind],
            x=round(bar.x, 2),
            y=round(bar.y, 2),
            height=round(bar.height, 2),
            kind=node.kind,
            step=node.step,
            column=bar.column,
            journeys=node.journeys,
            channels=list(node.channels),
            caption=_caption(node),
            where=_where(node),
            facts=node_facts(node),
        )
    for edge, place in zip(flow.edges, layout.ribbons, strict=True):
        net.add_edge(
            edge.source,
            edge.target,
            width=round(place.width, 2),
            ribbon=[round(end, 2) for end in (place.x1, place.y1, place.x2, place.y2)],
            journeys=edge.journeys,
            facts=edge_facts(edge),
        )
    return net


def node_facts(node: FlowNode) -> list[str]:
    """The measures of a node as texts."""
    return [
        number(node.journeys),
        number(node.users),
        percent(node.share),
        percent(node.share_of_step),
        duration(node.median_seconds),
        f"{number(node.converted)} ({percent(node.conversion)})",
        number(node.open),
        ", ".join(f"{channel} {number(journeys)}" for channel, journeys in node.channels.items()) or "–",
    ]


def edge_facts(edge: FlowEdge) -> list[str]:
    """The measures of an edge as texts."""
    return [
        number(edge.journeys),
        number(edge.users),
        percent(edge.share_of_source),
        duration(edge.median_seconds),
    ]


def _label(node: FlowNode) -> str:
    return node.label if node.kind == "touchpoint" else KIND_NAMES[node.kind]


def _caption(node: FlowNode) -> str:
    if node.kind in ("touchpoint", "other"):
        return f"{number(node.journeys)} · {percent(node.share)}"
    return f"{number(node.journeys)} · {percent(node.share_of_step)} of step {node.step}"


def _where(node: FlowNode) -> str:
    return f"step {node.step}" if node.kind in ("touchpoint", "other") else f"after step {node.step}"
