"""A placed picture: nodes, lines and headings with their places and all that is said of them, and its page.

Transitions, funnels, comparisons, timelines and matrices are scenes; each kind counts, places and words its own, and
this module makes the pyvis network and the page of any of them. Lengths are in pixels at zoom 1.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from . import shell
from .picture import Footer, Picture

Align = Literal["left", "center", "right"]
#: How a node is drawn: a box around its text, a bar or a dot with its text beside it, a shaded cell, the end of a
#: journey, or a box with a broken rim for what is summed up.
Look = Literal["box", "bar", "cell", "dot", "end", "more"]


@dataclass(frozen=True)
class Text:
    """A text's place: its middle height, the side that it is aligned to, and how much room it has."""

    dx: float = 0.0  # from the node's centre
    dy: float = 0.0
    align: Align = "center"
    room: float = 120.0
    lines: int = 2  # of the label at most


@dataclass(frozen=True)
class Node:
    """Something with a place that can be pointed at."""

    id: str
    x: float  # of its centre
    y: float
    width: float
    height: float
    look: Look
    tint: str  # name of a colour of the style
    label: str
    caption: str
    where: str  # said beside the label in the details
    facts: list[tuple[str, str]]
    text: Text = field(default_factory=Text)
    strength: float = 1.0  # of the tint, 0 to 1
    heading: str = ""  # of the details; the label unless given


@dataclass(frozen=True)
class Line:
    """A connection of two nodes: along cubic curves, or a band between two levels."""

    source: str
    target: str
    width: float
    tint: str
    facts: list[tuple[str, str]]
    curve: list[float] = field(default_factory=list)  # x, y, then two controls and an end for each cubic
    band: list[float] = field(default_factory=list)  # left, right, y of its top, left, right, y of its bottom
    dashed: bool = False
    arrow: bool = True
    text: str = ""  # beside it
    at: tuple[float, float] | None = None  # where


@dataclass(frozen=True)
class Heading:
    """A text that belongs to a place, not to a node."""

    x: float
    y: float
    text: str
    caption: str = ""
    align: Align = "left"
    room: float = 160.0
    lines: int = 1


@dataclass(frozen=True)
class Area:
    """A ground that lies under everything."""

    left: float
    top: float
    right: float
    bottom: float
    tint: str = "panel"


@dataclass(frozen=True)
class Sign:
    """A line of the legend: what a look or a line stands for."""

    look: str  # a look, ``line``, ``dashed``, or the name of an end's mark
    tint: str
    text: str


@dataclass(frozen=True)
class Table:
    """The same data as rows of texts; ``exact`` holds the numbers behind them, None where there is none."""

    name: str
    columns: Sequence[str]
    rows: list[list[tuple[str, Any]]]


@dataclass(frozen=True)
class Scene:
    """All that a page draws and says."""

    about: str
    headline: str
    figures: list[tuple[str, str]]  # number, name
    alt: str  # said of the picture as a whole
    hint: str
    nodes: list[Node]
    lines: list[Line]
    legend: list[Sign]
    tables: list[Table]
    notes: list[str]
    width: float
    height: float
    headings: list[Heading] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    warning: str = ""  # above all, where the picture is of one person


class ScenePicture(Picture):
    """A data twin that is drawn as a scene."""

    footer: Footer

    @abstractmethod
    def scene(self) -> Scene:
        """Everything in its place."""

    def html(self) -> str:
        """The picture as one HTML page that needs nothing but itself: no network, no other file."""
        return render(self)


def render(picture: ScenePicture) -> str:
    """The page of a scene. Beside what is drawn it holds the twin itself."""
    scene = picture.scene()
    drawn = network(scene)
    data = {
        "options": shell.options(),
        "width": round(scene.width, 2),
        "height": round(scene.height, 2),
        "nodes": drawn.nodes,
        "edges": drawn.edges,
        "headings": [_rounded(asdict(each)) for each in scene.headings],
        "areas": [_rounded(asdict(each)) for each in scene.areas],
        "twin": picture.model_dump(mode="json"),
    }
    return shell.page(
        "scene.html.j2",
        styles=["scene.css"],
        scripts=["scene_paint.js", "stage.js", "scene.js"],
        data=data,
        title=picture.title,
        scene=scene,
        footer=picture.footer,
        parameters=shell.as_text(picture.footer.parameters),
    )


def network(scene: Scene) -> Any:
    """The scene as a pyvis network, placed and without physics; the page paints it (shape ``custom``)."""
    net = shell.network(directed=True)
    for node in scene.nodes:
        given = _rounded(asdict(node))
        net.add_node(given.pop("id"), shape="custom", **given)
    for line in scene.lines:
        given = _rounded(asdict(line))
        net.add_edge(given.pop("source"), given.pop("target"), **given)
    return net


def _rounded(given: Any) -> Any:
    """Lengths to a hundredth of a pixel, in nested data too: more digits only make the page larger."""
    if isinstance(given, float):
        return round(given, 2)
    if isinstance(given, dict):
        return {name: _rounded(value) for name, value in given.items()}
    return [_rounded(value) for value in given] if isinstance(given, list | tuple) else given
