"""Make the pictures anew that the project shows: ``python -m tests.make_examples``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from graphsvc.example import generate
from graphsvc.graph import Graph
from graphsvc.graph import open as open_graph
from graphsvc.ingest import load_mapping
from graphsvc.maps import journey_map

from .browser import launched

ROOT = Path(__file__).parents[1]
MAP = ROOT / "visualizations" / "journey-map.html"
PICTURE = ROOT / "docs" / "journey-map.png"


def example_graph(folder: Path) -> Graph:
    """The graph of the example events that ``graphsvc demo`` makes."""
    example = generate(folder / "example", events=20_000, seed=1)
    graph = open_graph(folder / "example.duckdb")
    graph.ingest([*example.files.values()], [load_mapping(path) for path in example.mappings.values()])
    return graph


def example_map(graph: Graph) -> str:
    """The map that stands in ``visualizations/``."""
    return journey_map(graph.frame(), segments=tuple(graph.settings().segments)).html()


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory() as folder, example_graph(Path(folder)) as graph:
        MAP.write_text(example_map(graph), encoding="utf-8")
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 860}, device_scale_factor=1)
        page.goto(MAP.as_uri())
        page.screenshot(path=PICTURE)
    print(MAP.relative_to(ROOT), PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
