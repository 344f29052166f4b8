"""The journey map as one HTML page: our own template around vis-network's script and the layers' data."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from ..answers.flow import Flow
from .journey_map import JourneyMap
from .layout import BAR, PITCH, Layout, place
from .network import EDGE_FACTS, NODE_FACTS, edge_facts, network, node_facts, options
from .words import KIND_NAMES, counted, headline, number, percent, plural

_SCRIPTS = ("paint.js", "backdrop.js", "picture.js", "page.js")
_VIS = "lib/vis-9.1.2/vis-network.min.js"


def render(journey_map: JourneyMap) -> str:
    """The page of a journey map. Equal maps give equal pages.

    The page's policy lets it run exactly the scripts and the style that it brings, by their hashes, and load nothing.
    Data stand in a block that browsers do not run, and reach the page as text only.
    """
    style = _asset("page.css")
    scripts = [_vis_network(), *(_asset(name) for name in _SCRIPTS)]
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
    return _template().render(
        title=journey_map.title,
        about=_about(journey_map),
        policy=_policy(scripts, style),
        style=style,
        scripts=scripts,
        data=_inert(data),
        layers=layers,
        tables=[_tables(name, flow) for name, flow in journey_map.layers.items()],
        node_facts=NODE_FACTS,
        edge_facts=EDGE_FACTS,
        kind_names=KIND_NAMES,
        channels=sorted({c for flow in journey_map.layers.values() for node in flow.nodes for c in node.channels}),
        depth=max((node.step for flow in journey_map.layers.values() for node in flow.nodes), default=1),
        footer=journey_map.footer,
        parameters=json.dumps(journey_map.footer.parameters, ensure_ascii=False, sort_keys=True)[1:-1],
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
    if footer.first and footer.last:
        first, last = (f"{day.day} {day:%B %Y}" for day in (footer.first, footer.last))
        parts.append(first if first == last else f"{first} to {last}")
    return " · ".join(parts)


def _policy(scripts: Iterable[str], style: str) -> str:
    """A Content-Security-Policy that allows these scripts and this style, and nothing else from anywhere."""
    allowed = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _inert(data: Any) -> str:
    """JSON that cannot end the block it stands in, whatever the labels say."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _vis_network() -> str:
    """vis-network as pyvis ships it, without the pointer to a source map that browsers would look for."""
    text = resources.files("pyvis").joinpath(_VIS).read_text(encoding="utf-8").replace("\r\n", "\n")
    return "\n".join(line for line in text.split("\n") if not line.startswith("//# sourceMappingURL="))


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("page.html.j2"))
