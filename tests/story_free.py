"""Does the report find stories where there are none, and those that are there?

``python -m tests.story_free --sets 200``: each set is an example world without a story (``Story.untold()``), generated,
ingested and reported on. The share of sets with any finding may be at most the accepted rate and two standard errors
above; the command fails if it is greater.

``python -m tests.story_free --sets 8 --events 40000 --told 0.7``: worlds that tell all stories, each factor to the
power of 0.7 (1: as strong as by default); counts how often each is found, and how many findings speak of gender or
region, on which nothing depends.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import partial
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


def told(strength: float) -> Story:
    """All stories, each factor to this power: 0 tells none, 1 as strongly as by default."""
    return Story(**{field.name: getattr(Story(), field.name) ** strength for field in fields(Story)})


def reports(
    sets: int, story: Story, *, first: int = FIRST_SEED, sizes: tuple[int, ...] = SIZES, processes: int = 1
) -> Iterator[Report]:
    """Reports on worlds of their own, in order; sizes in events are taken in turn."""
    seeds = range(first, first + sets)
    events = [sizes[number % len(sizes)] for number in range(sets)]
    if processes == 1:
        yield from map(partial(_reported, story), seeds, events)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(partial(_reported, story), seeds, events)


def _reported(story: Story, seed: int, events: int) -> Report:
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), events=events, seed=seed, story=story) as graph:
        return report(graph, rate=RATE)


def stories_in(found: Report) -> set[str]:
    """Which of the planted stories a report tells, by the names of their factors."""
    stories = set()
    for one in found.findings:
        groups = one.a.name, one.b.name
        if one.about == "first touch" and groups == ("older", "younger") and " offline" in one.sentence:
            stories.add("older_offline")
        if one.about == "first touch" and groups == ("younger", "older") and "instagram" in one.sentence:
            stories.add("younger_instagram")
        if one.category == "weakness" and one.a.name == "users at delivery_costs":
            stories.add("delivery_leaves")
        if one.category == "opportunity" and one.a.name == "people who have used chatbot":
            stories.add("chat_buys")
        if one.category == "inefficiency" and "support_answer" in one.sentence:
            stories.add("late_answer_repeats")
    return stories


def most_allowed(sets: int, rate: float = RATE) -> float:
    """The greatest share of story-free sets with a finding: the rate and two standard errors."""
    return rate + 2 * float((rate * (1 - rate) / sets) ** 0.5)


def main() -> int:
    """Count; 1 if too many story-free sets have a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--events", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--told", type=float, metavar="STRENGTH", help="tell all stories this strongly")
    given = parser.parse_args()
    story = Story.untold() if given.told is None else told(given.told)
    asked = reports(given.sets, story, first=given.first_seed, sizes=tuple(given.events), processes=given.processes)
    return (
        _count_told(given.sets, asked) if given.told is not None else _count_free(given.sets, given.first_seed, asked)
    )


def _count_free(sets: int, first: int, asked: Iterator[Report]) -> int:
    found = tests = 0
    for number, one in enumerate(asked, start=1):
        found += bool(one.findings)
        tests += sum(looked.tests for looked in one.looked)
        for finding in one.findings:
            print(f"seed {first + number - 1}: q {finding.q_value:.3g} {finding.sentence}", flush=True)
        if number % 20 == 0 or number == sets:
            print(f"{number} sets, {tests / number:.0f} tests each, {found} with a finding", flush=True)
    allowed = most_allowed(sets)
    print(f"{found / sets:.2%} of {sets} sets have a finding; allowed are {allowed:.2%}")
    return int(found / sets > allowed)


def _count_told(sets: int, asked: Iterator[Report]) -> int:
    stories: Counter[str] = Counter({field.name: 0 for field in fields(Story)})
    findings = false = 0
    for number, one in enumerate(asked, start=1):
        stories.update(stories_in(one))
        findings += len(one.findings)
        false += sum("gender" in finding.sentence or "region" in finding.sentence for finding in one.findings)
        print(f"{number} sets: {dict(stories)}; {findings} findings, {false} of them on gender or region", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
