"""The tour that ``make demo`` gives: example events, their graph, two answers and a picture."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from .answers.flow import FlowParams
from .cli import show, show_answers
from .errors import InputError
from .example import generate
from .graph import Graph
from .graph import open as open_graph
from .ingest import load_mapping
from .maps import journey_map
from .stores import is_neo4j


def run(store: str, folder: Path, picture: Path, *, events: int = 20_000, seed: int = 1) -> None:
    """Make example events, ingest them, print the top paths and transitions, and draw the journey map.

    Args:
        store: URL of the store; the demo begins a new graph there.
        folder: where the example files go.
        picture: HTML file of the map.
        events: about how many events.
        seed: of the example; the same seed makes the same files.

    Raises:
        InputError: the store holds a graph already.
    """
    say = show.console.print
    started = time.perf_counter()
    with open_graph(store) as graph:
        if graph.status().counts["events"]:
            raise InputError(f"{store} holds a graph already; the demo begins a new one: name another --store")
        say(f"[bold]1[/]  {events:,} example events of a clothing brand, one file per system, into {folder}/ …")
        example = generate(folder, events=events, seed=seed)
        say(f"[bold]2[/]  reading {len(example.files)} files into {store} …")
        report = graph.ingest([*example.files.values()], [load_mapping(path) for path in example.mappings.values()])
        show.ingested(report)
        say("\n[bold]3[/]  what people do first, and what follows what\n")
        show_answers.answer(graph.paths(top=10))
        say()
        show_answers.answer(graph.transitions(top=10))
        say("\n[bold]4[/]  the journey map …")
        _draw(graph, picture)
    say(f"done in {time.perf_counter() - started:.0f} s\n")
    _what_next(store, picture)


def _draw(graph: Graph, picture: Path) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    segments = tuple(graph.settings().segments)
    journey_map(graph.frame(), FlowParams(), segments=segments).save(picture)


def _what_next(store: str, picture: Path) -> None:
    option = "" if store == "journeys.duckdb" else f" --store {store}"
    program = "graphsvc" if shutil.which("graphsvc") else sys.argv[0]
    say = show.console.print
    say(f"Open [bold]{picture}[/] in a browser. Then try:")
    for line in (
        f"graphsvc paths --where end --segment older{option}",
        f"graphsvc report --out report.html{option}   # what to do, for the manager",
        f"graphsvc funnel --step add_to_cart --step delivery_costs --step payment --step purchase{option}",
        f"graphsvc status{option}",
        f"graphsvc serve{option}   # in a browser: http://127.0.0.1:8000",
        "graphsvc ingest --guess YOUR_FILE.csv > mapping.toml   # your own data",
    ):
        say(f"  {line.replace('graphsvc', program, 1)}", markup=False)
    if is_neo4j(store):
        say("In Neo4j Browser, try the statements in cypher/explore/.")
