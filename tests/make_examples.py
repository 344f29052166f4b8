"""Make the pictures anew that the project shows: ``python -m tests.make_examples``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from graphsvc.api import create_app
from graphsvc.example import generate
from graphsvc.graph import Graph
from graphsvc.graph import open as open_graph
from graphsvc.ingest import load_mapping
from graphsvc.maps.kinds import KINDS

from .browser import launched
from .serving import serving

ROOT = Path(__file__).parents[1]
VISUALIZATIONS = ROOT / "visualizations"
MAP = VISUALIZATIONS / "journey-map.html"
PICTURE = ROOT / "docs" / "journey-map.png"
#: The way through the pages that docs/pages.md tells: each picture's name, where it is taken, and how much is shown.
PAGES = {
    "overview": ("/?segment=older", 920),
    "first-and-last": ("/explore/touches?segment=older#part-1", 820),
    "journeys": ("/explore/touches/journeys?segment=older&row=1&column=first", 600),
    "funnel": (
        "/explore/funnel?segment=older&step=checkout&step=delivery_costs&step=payment&step=purchase#part-1",
        690,
    ),
}
SCREENSHOTS = ROOT / "docs" / "pages"
#: A made-up person who is met at an event, buys in the store, and asks the support.
_PERSON = "customer_id:C9270761022"
_SALT = "salt of the example pictures"  # so that user keys are the same each time


def example_graph(folder: Path) -> Graph:
    """The graph of the example events that ``graphsvc demo`` makes."""
    example = generate(folder / "example", events=20_000, seed=1)
    mappings = [load_mapping(path) for path in example.mappings.values()]
    salted = mappings[0].model_copy(update={"settings": {**mappings[0].settings, "salt": _SALT}})
    graph = open_graph(folder / "example.duckdb")
    graph.ingest([*example.files.values()], [salted, *mappings[1:]])
    return graph


def example_pictures(graph: Graph) -> dict[Path, str]:
    """The pages that stand in ``visualizations/``: one of each kind."""
    asked: dict[str, dict[str, Any]] = {
        "funnel": {
            "step": ["product_view", "add_to_cart", "checkout", "delivery_costs?", "payment", "purchase"],
        },
        "comparison": {"a": "older", "b": "younger"},
        "timeline": {"user": graph.lookup(_PERSON)},
        "identity": {"identifier": _PERSON},
    }
    return {VISUALIZATIONS / f"{kind}-map.html": graph.map(kind, **asked.get(kind, {})).html() for kind in KINDS}


def screenshots(graph: Graph, browser: Browser) -> list[Path]:
    """Take the pictures of pages that docs/pages.md shows."""
    SCREENSHOTS.mkdir(exist_ok=True)
    taken = []
    with serving(create_app(graph)) as address:
        opened = browser.new_page(viewport={"width": 1200, "height": 920}, device_scale_factor=0.75)
        for name, (path, height) in PAGES.items():
            opened.goto(f"{address}{path}", wait_until="networkidle")
            if opened.locator("iframe").count():
                opened.frame_locator("iframe").locator("canvas").wait_for()
                opened.wait_for_timeout(1_000)  # a frame is painted when it pleases
            taken.append(SCREENSHOTS / f"{name}.png")
            at = opened.evaluate("window.scrollY")
            opened.screenshot(path=taken[-1], clip={"x": 0, "y": at, "width": 1200, "height": height}, full_page=True)
    return taken


def main() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as folder, example_graph(Path(folder)) as graph, launched() as browser:
        pages = example_pictures(graph)
        for path, page in pages.items():
            path.write_text(page, encoding="utf-8", newline="\n")
        opened = browser.new_page(viewport={"width": 1440, "height": 860}, device_scale_factor=1)
        opened.goto(MAP.as_uri())
        opened.screenshot(path=PICTURE)
        taken = screenshots(graph, browser)
    print(*(path.relative_to(ROOT) for path in (*pages, PICTURE, *taken)))


if __name__ == "__main__":
    main()
