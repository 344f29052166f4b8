"""What the pages of all pictures share: template, policy, inert data, vis-network's script, and pyvis's options."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

if TYPE_CHECKING:
    from pyvis.network import Network

_VIS = "lib/vis-9.1.2/vis-network.min.js"


def page(template: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any, **values: Any) -> str:
    """A page that needs nothing but itself; equal values give equal pages.

    Its policy lets it run exactly the scripts and the style that it brings, by their hashes, and load nothing. Data
    stand in a block that browsers do not run, and reach the page as text only.

    Args:
        template: name of an asset that extends ``base.html.j2``.
        styles: names of assets, joined in this order.
        scripts: names of assets, run in this order after vis-network.
        data: what the scripts read.
        values: what the template shows.
    """
    style = "".join(asset(name) for name in ("base.css", "page.css", *styles))
    texts = [_vis_network(), *(asset(name) for name in ("common.js", *scripts))]
    return (
        _environment()
        .get_template(template)
        .render(policy=policy(style, texts), style=style, scripts=texts, data=_inert(data), **values)
    )


def network(*, directed: bool) -> Network:
    """An empty pyvis network whose nodes stay where they are put."""
    from pyvis.network import Network  # loads IPython: half a second that only a picture should cost

    net = Network(directed=directed, cdn_resources="in_line")
    net.toggle_physics(False)
    return net


def options() -> dict[str, Any]:
    """What vis-network is told: draw and let readers pan and zoom; all else is the page's."""
    return {
        "autoResize": False,  # the page sets the size, and then the view
        "physics": False,
        "layout": {"improvedLayout": False},
        "nodes": {"chosen": False, "physics": False, "fixed": True},
        "edges": {"chosen": False, "hidden": True, "smooth": False},
        "interaction": {
            "dragNodes": False,
            "dragView": True,
            "hover": False,
            "selectable": False,
            "keyboard": False,
            "zoomSpeed": 0.6,
        },
    }


def as_text(parameters: dict[str, Any]) -> str:
    """Parameters as a footer shows them."""
    return json.dumps(parameters, ensure_ascii=False, sort_keys=True)[1:-1]


def policy(style: str, scripts: Sequence[str] = ()) -> str:
    """A Content-Security-Policy that allows this style and these scripts, and nothing else from anywhere."""
    allowed = f"script-src {' '.join(map(_hash, scripts))}; " if scripts else ""
    return f"default-src 'none'; {allowed}style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _inert(data: Any) -> str:
    """JSON that cannot end the block it stands in, whatever the labels say."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def asset(name: str) -> str:
    """A file of ``maps/assets``; lines end alike on every system."""
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _vis_network() -> str:
    """vis-network as pyvis ships it, without the pointer to a source map that browsers would look for."""
    text = resources.files("pyvis").joinpath(_VIS).read_text(encoding="utf-8").replace("\r\n", "\n")
    return "\n".join(line for line in text.split("\n") if not line.startswith("//# sourceMappingURL="))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
