"""Does the report find stories where there are none? ``python -m tests.story_free --sets 200``

Each set is an example world without a story (``Story.untold()``), generated, ingested and reported on. The share of
sets with any finding may be at most the accepted rate and two standard errors above.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from graphsvc.example import Story, generate
from graphsvc.graph import Graph
from graphsvc.graph import open as open_graph
from graphsvc.ingest import load_mapping
from graphsvc.report import Report, report

RATE = 0.05
SIZES = (2_000, 3_000, 4_000)
FIRST_SEED = 1_000


def world(folder: Path, *, events: int, seed: int, story: Story) -> Graph:
    """The graph of an example world, through its files."""
    example = generate(folder / "example", events=events, seed=seed, story=story)
    graph = open_graph(folder / "graph.duckdb")
    graph.ingest([*example.files.values()], [load_mapping(path) for path in example.mappings.values()])
    return graph


def reported(seed: int, events: int, story: Story | None = None) -> Report:
    """The report on a world of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), events=events, seed=seed, story=story or Story.untold()) as graph,
    ):
        return report(graph, rate=RATE)


def story_free(
    sets: int, *, first: int = FIRST_SEED, sizes: tuple[int, ...] = SIZES, processes: int = 1
) -> Iterator[Report]:
    """Reports on story-free sets, in order."""
    seeds = range(first, first + sets)
    events = [sizes[seed % len(sizes)] for seed in seeds]
    if processes == 1:
        yield from map(reported, seeds, events)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(reported, seeds, events)


def most_allowed(sets: int, rate: float = RATE) -> float:
    """The greatest share of sets with a finding: the rate and two standard errors."""
    return rate + 2 * float((rate * (1 - rate) / sets) ** 0.5)


def main() -> int:
    """Count sets with a finding; 1 if there are too many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--events", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    found, tests = 0, 0
    reports = story_free(given.sets, first=given.first_seed, sizes=tuple(given.events), processes=given.processes)
    for number, one in enumerate(reports, start=1):
        found += bool(one.findings)
        tests += sum(looked.tests for looked in one.looked)
        for finding in one.findings:
            print(f"seed {given.first_seed + number - 1}: q {finding.q_value:.3g} {finding.sentence}", flush=True)
        if number % 20 == 0 or number == given.sets:
            print(
                f"{number} sets, {tests / number:.0f} tests each, {found} with a finding ({found / number:.1%})",
                flush=True,
            )
    allowed = most_allowed(given.sets)
    print(f"{found / given.sets:.2%} of {given.sets} sets have a finding; allowed are {allowed:.2%}")
    return int(found / given.sets > allowed)


if __name__ == "__main__":
    sys.exit(main())
