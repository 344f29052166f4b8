"""A user's identifiers as one HTML page: our own template around vis-network's script and the graph's data."""

from __future__ import annotations

from datetime import datetime
from math import cos, pi, sin
from typing import TYPE_CHECKING

from ..rules import DEFAULT_TYPES
from ..version import __version__
from . import shell
from .identity_graph import IdentityEdge, IdentityGraph, IdentityNode
from .identity_layout import Layout, place
from .shell import options, page
from .words import NONE, counted, number

if TYPE_CHECKING:
    from pyvis.network import Network

NODE_FACTS = ("Type", "Belongs to", "First seen", "Last seen", "Links accepted", "Links refused")
EDGE_FACTS = (
    "Verdict", "Events", "First seen", "Last seen", "Sources", "Confidence", "Declared", "Decision",
)  # fmt: skip

#: How many colours the style has: Okabe and Ito's, but for vermilion, which marks what was refused.
_COLOURS = 7
_MORE = ":more:"


def _regular(corners: int, turn: float = 0.0) -> list[tuple[float, float]]:
    return [
        (round(sin(turn + 2 * pi * i / corners), 3), round(-cos(turn + 2 * pi * i / corners), 3))
        for i in range(corners)
    ]


def _star() -> list[tuple[float, float]]:
    return [(round(x * r, 3), round(y * r, 3)) for (x, y), r in zip(_regular(10), [1.2, 0.52] * 5, strict=True)]


#: Outlines by type, around the origin; page and picture draw the same ones.
_SHAPES = (
    [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    _regular(4),
    _regular(6, pi / 6),
    _regular(40),
    _regular(3),
    _regular(5),
    _star(),
    _regular(3, pi),
    [(-1.25, -0.6), (1.25, -0.6), (1.25, 0.6), (-1.25, 0.6)],
    [(-0.4, -1), (0.4, -1), (0.4, -0.4), (1, -0.4), (1, 0.4), (0.4, 0.4),
     (0.4, 1), (-0.4, 1), (-0.4, 0.4), (-1, 0.4), (-1, -0.4), (-0.4, -0.4)],
)  # fmt: skip


def render(graph: IdentityGraph) -> str:
    """The page of an identity graph. Equal graphs give equal pages; the policy is that of the journey map."""
    layout = place(graph.nodes, graph.edges)
    marks = _marks({node.type for node in graph.nodes})
    drawn = network(graph, layout, marks)
    data = {
        "options": options(),
        "nodeFacts": NODE_FACTS,
        "edgeFacts": EDGE_FACTS,
        "shapes": _SHAPES,
        "oval": layout.oval,
        "own": _heading(graph),
        "nodes": drawn.nodes,
        "edges": drawn.edges,
    }
    return page(
        "identity.html.j2",
        styles=["identity.css"],
        scripts=["identity_paint.js", "stage.js", "identity.js"],
        data=data,
        title=graph.title,
        headline=_headline(graph),
        notes=_notes(graph),
        marks=marks,
        shapes=[" ".join(f"{7 + 5.2 * x:.1f},{7 + 5.2 * y:.1f}" for x, y in shape) for shape in _SHAPES],
        places={node.place for node in graph.nodes} | {"held" for node in graph.nodes if node.held},
        verdicts={edge.verdict for edge in graph.edges},
        more=graph.more_nodes,
        nodes=[{"node": node, "facts": node_facts(node)} for node in graph.nodes],
        edges=[{"edge": edge, "facts": edge_facts(edge)} for edge in graph.edges],
        node_facts=NODE_FACTS,
        edge_facts=EDGE_FACTS,
        user=graph.user,
        version=__version__,
    )


def network(graph: IdentityGraph, layout: Layout, marks: dict[str, tuple[int, int]]) -> Network:
    """The graph as a pyvis network, placed and without physics; the page paints it (shape ``custom``)."""
    net = shell.network(directed=False)
    for node in graph.nodes:
        x, y = layout.places[node.key]
        shape, colour = marks[node.type]
        net.add_node(
            node.key,
            label=node.value or "(empty)",
            shape="custom",
            x=x,
            y=y,
            kind=node.type,
            mark=shape,
            colour=colour,
            place=node.place,
            held=node.held,
            facts=node_facts(node),
        )
    if graph.more_nodes:
        x, y = layout.more
        label = f"and {number(graph.more_nodes)} more"
        net.add_node(_MORE, label=label, shape="custom", x=x, y=y, kind="", mark=-1, colour=0, place="more", facts=[])
    for edge in graph.edges:
        net.add_edge(
            edge.a,
            edge.b,
            width=_width(edge.count),
            verdict=edge.verdict,
            why=_why(edge),
            bend=layout.bends.get((edge.a, edge.b), []),
            facts=edge_facts(edge),
        )
    return net


def node_facts(node: IdentityNode) -> list[str]:
    """What is told of an identifier, as texts."""
    return [
        node.type,
        _belongs(node),
        _when(node.first_seen),
        _when(node.last_seen),
        number(node.accepted),
        number(node.refused),
    ]


def edge_facts(edge: IdentityEdge) -> list[str]:
    """What is told of a pair, as texts."""
    decision = edge.decision or NONE
    if edge.decision and edge.decided_at:
        decision += f", {_when(edge.decided_at)}"
    if edge.decision_reason:
        decision += f": {edge.decision_reason}"
    verdict = {
        "accepted": "accepted",
        "same": "one person by decision",
        "refused": f"refused: {edge.reason or 'unknown'}",
    }
    return [
        verdict[edge.verdict],
        number(edge.count),
        _when(edge.first_seen),
        _when(edge.last_seen),
        ", ".join(edge.sources) or NONE,
        NONE if edge.confidence is None else f"{edge.confidence:g}",
        "yes" if edge.declared else "no",
        decision,
    ]


def _marks(types: set[str]) -> dict[str, tuple[int, int]]:
    """Shape and colour of each type: those of the default types never change, others take what is left, by name."""
    marks = {kind: (i, i % _COLOURS) for i, kind in enumerate(DEFAULT_TYPES)}
    for i, kind in enumerate(sorted(types - marks.keys())):
        marks[kind] = (i % len(_SHAPES), (i % len(_SHAPES) + 1 + i // len(_SHAPES)) % _COLOURS)
    return {
        kind: marks[kind] for kind in sorted(types, key=lambda kind: (kind not in DEFAULT_TYPES, marks[kind], kind))
    }


def _width(count: int) -> float:
    """Width of a line: 1.5 for one event, about 1.6 more for each ten times as many."""
    return min(1.5 + 0.5 * (max(count, 1).bit_length() - 1), 9.0)


def _why(edge: IdentityEdge) -> str:
    """The word beside a line."""
    return {"accepted": "", "same": "decided", "refused": edge.reason or ""}[edge.verdict]


def _belongs(node: IdentityNode) -> str:
    if node.held:
        return "this user, held by a decision"
    return {
        "own": "this user",
        "shared": "nobody: several people share it",
        "other": f"user {node.user}" if node.user else "somebody else",
    }[node.place]


def _when(at: datetime | None) -> str:
    return NONE if at is None else at.isoformat(sep=" ", timespec="minutes")


def _heading(graph: IdentityGraph) -> str:
    own = sum(node.place == "own" for node in graph.nodes)
    return f"This user: {counted(own, 'identifier')}" if own else ""


def _headline(graph: IdentityGraph) -> str:
    """How many identifiers are one person by how many links, and what was refused."""
    if not graph.nodes:
        return "No identifiers to show."
    own = {node.key for node in graph.nodes if node.place == "own"}
    joined = sum(edge.verdict != "refused" and edge.a in own and edge.b in own for edge in graph.edges)
    shared = sum(node.place == "shared" for node in graph.nodes)
    refused = sum(edge.verdict == "refused" for edge in graph.edges)
    parts = [f"{counted(len(own), 'identifier')} of one user"]
    if joined:
        parts[0] += f", held together by {counted(joined, 'link')}"
    if refused:
        parts.append(f"{counted(refused, 'link')} {'was' if refused == 1 else 'were'} refused")
    if shared:
        parts.append(f"{counted(shared, 'identifier')} {'is' if shared == 1 else 'are'} shared by several people")
    if graph.more_nodes:
        parts.append(f"{counted(graph.more_nodes, 'identifier')} more than can be shown")
    return "; ".join(parts) + "."


def _notes(graph: IdentityGraph) -> list[str]:
    """What is not seen."""
    notes = []
    if graph.more_nodes:
        notes.append(f"{counted(graph.more_nodes, 'identifier')} more than can be read here, those with fewest links.")
    if graph.more_edges:
        notes.append(f"{counted(graph.more_edges, 'link')} more: the weakest, or with an identifier that is not shown.")
    return notes
