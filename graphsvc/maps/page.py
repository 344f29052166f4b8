"""The journey map as one HTML page: our own template around vis-network's script and the layers' data."""

from __future__ import annotations

from typing import Any

from ..answers.flow import Flow
from .flow_map import JourneyMap
from .layout import BAR, PITCH, Layout, place
from .network import EDGE_FACTS, NODE_FACTS, edge_facts, network, node_facts
from .shell import as_text, options, page
from .words import KIND_NAMES, counted, headline, number, percent, plural

_SCRIPTS = ("paint.js", "backdrop.js", "stage.js", "picture.js", "page.js")


def render(journey_map: JourneyMap) -> str:
    """The page of a journey map. Equal maps give equal pages."""
    first = next(iter(journey_map.layers.values()))
    layers = [_layer(name, flow, place(flow, like=first)) for name, flow in journey_map.layers.items()]
    data = {
        "options": options(),
        "bar": BAR,
        "pitch": PITCH,
        "nodeFacts": NODE_FACTS,
        "edgeFacts": EDGE_FACTS,
        "layers": layers,
    }
    return page(
        "page.html.j2",
        styles=[],
        scripts=_SCRIPTS,
        data=data,
        title=journey_map.title,
        about=_about(journey_map),
        layers=layers,
        tables=[_tables(name, flow) for name, flow in journey_map.layers.items()],
        node_facts=NODE_FACTS,
        edge_facts=EDGE_FACTS,
        kind_names=KIND_NAMES,
        channels=sorted({c for flow in journey_map.layers.values() for node in flow.nodes for c in node.channels}),
        depth=max((node.step for flow in journey_map.layers.values() for node in flow.nodes), default=1),
        footer=journey_map.footer,
        parameters=as_text(journey_map.footer.parameters),
    )


def _layer(name: str, flow: Flow, layout: Layout) -> dict[str, Any]:
    """What the page draws and says of one layer."""
    drawn = network(flow, layout)
    reaching: dict[int, int] = {}
    for node in flow.nodes:
        if node.kind in ("touchpoint", "other"):
            reaching[node.step] = reaching.get(node.step, 0) + node.journeys
    return {
        "name": name,
        "headline": headline(flow),
        "outcomes": _outcomes(flow),
        "columns": [
            {"x": (step - 1) * PITCH, "title": f"Step {step}", "caption": counted(journeys, "journey")}
            for step, journeys in sorted(reaching.items())
        ],
        "width": layout.width,
        "height": round(layout.height, 2),
        "nodes": drawn.nodes,
        "edges": drawn.edges,
    }


def _outcomes(flow: Flow) -> list[dict[str, Any]]:
    """How all journeys of a layer end, those that go on past the last step included."""
    totals = flow.totals
    dropped = totals.counted - totals.converted - totals.open
    ends = {"converted": totals.converted, "open": totals.open, "dropped": dropped} if totals.counted else {}
    return [
        {"kind": "all", "name": plural("journey", totals.counted), "journeys": number(totals.counted), "share": ""},
        {"kind": "all", "name": plural("user", totals.users), "journeys": number(totals.users), "share": ""},
        *(
            {
                "kind": kind,
                "name": KIND_NAMES[kind].lower(),
                "journeys": number(journeys),
                "share": percent(journeys / totals.counted),
            }
            for kind, journeys in ends.items()
        ),
    ]


def _tables(name: str, flow: Flow) -> dict[str, Any]:
    """The rows of a layer's tables: each number as text and in full."""
    by_id = {node.id: node for node in flow.nodes}
    return {
        "name": name,
        "notes": flow.notes,
        "nodes": [{"node": node, "facts": node_facts(node)} for node in flow.nodes],
        "edges": [
            {"edge": edge, "source": by_id[edge.source], "target": by_id[edge.target], "facts": edge_facts(edge)}
            for edge in flow.edges
        ],
    }


def _about(journey_map: JourneyMap) -> str:
    """What is counted, in a line below the title."""
    asked, footer = journey_map.footer.parameters, journey_map.footer
    what = {"name": "touchpoints", "channel": "channels", "stage": "stages", "channel:name": "channels and touchpoints"}
    parts = [f"The {what[asked['label']]} of the first {asked['depth']} steps"]
    if asked.get("segment"):
        parts.append(f"segment {asked['segment']}")
    return " · ".join([*parts, footer.period] if footer.period else parts)
