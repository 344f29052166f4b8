"""What graphsvc (or a plain script in its place) does once, timed: ``python -m bench.steps NAME JSON``.

Each step runs in a child of its own, so that its peak memory is its own; it prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from . import identity_steps, load, neo4j_steps, service_steps

Said = dict[str, Any]


def generate(folder: str, events: int) -> Said:
    """Write the example's files and mappings."""
    from graphsvc.example import generate as generate_example

    example = generate_example(Path(folder), events=events, seed=1)
    files, mappings = ([str(path) for path in paths.values()] for paths in (example.files, example.mappings))
    return {"files": files, "mappings": mappings, "events": example.events, "people": example.people}


def ingest(url: str, files: list[str], mappings: list[str], rejects: str) -> Said:
    """From files to journeys in a graph that is opened, written and closed."""
    from graphsvc.graph import open as open_graph
    from graphsvc.ingest import load_mapping

    began = time.perf_counter()
    read = [load_mapping(Path(path)) for path in mappings]
    with open_graph(url) as graph:
        report = graph.ingest(files, read, rejects=rejects)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "rows": report.rows, "new": report.new, "rejected": report.rejected}


def duckdb_load(target: str, files: list[str], mappings: list[str]) -> Said:
    """The same files by DuckDB alone."""
    from .duckdb_load import load

    began = time.perf_counter()
    rows = load(Path(target), [Path(file) for file in files], [Path(path) for path in mappings])
    return {"seconds": time.perf_counter() - began, "rows": rows}


def copy(source: str, target: str) -> Said:
    """A graph from one store into another: the target's writing, without any reading of files."""
    from graphsvc.graph import open as open_graph
    from graphsvc.stores import open_store

    with open_graph(source, write=False) as graph:
        store = open_store(target)
        began = time.perf_counter()
        graph.copy_to(store)
        seconds = time.perf_counter() - began
        store.close()
    return {"seconds": seconds}


def export_journeys(url: str, folder: str) -> Said:
    """Our journeys for the peers (see ``contestants``), and identifiers to look up and to go on with."""
    import polars as pl

    from graphsvc.settings import Settings
    from graphsvc.stores import open_store

    store = open_store(url, write=False)
    tables, settings = store.tables(), store.head().settings or Settings()
    store.close()
    ages = tables.users.select(user="key", age=pl.col("traits").str.json_path_match("$.age").cast(pl.Float64))
    journeys = tables.journeys.sort("user", "started_at", "key").join(
        ages, on="user", how="left", maintain_order="left"
    )
    recent = pl.col("ended_at").max() - pl.col("ended_at") <= pl.duration(microseconds=settings.gap_us)
    flat = (
        journeys.select(
            journey=pl.int_range(pl.len()),
            user=pl.col("user").rle_id().cast(pl.Int64),
            converted="converted",
            open=~pl.col("converted") & recent,
            age="age",
            name="names",
            channel="channels",
            time=pl.col("times").cast(pl.List(pl.Datetime("us"))),
            step=pl.int_ranges(1, pl.col("steps") + 1),
            steps="steps",
        )
        .explode("name", "channel", "time", "step")
        .with_columns(last=pl.col("step") == pl.col("steps"))
        .select("journey", "user", "age", "step", "last", "time", "name", "channel", "converted", "open")
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    flat.write_parquet(Path(folder, "journeys.parquet"))
    with_journeys = tables.identifiers.join(journeys.select("user").unique(), on="user", how="semi").sort("key")
    sample = with_journeys["key"].sample(min(20_000, len(with_journeys)), seed=1).to_list()
    last = journeys["ended_at"].max()
    Path(folder, "identifiers.json").write_text(json.dumps({"keys": sample, "last": str(last)}), encoding="utf-8")
    return {"touchpoints": len(flat), "journeys": len(journeys), "names": flat["name"].n_unique()}


def batches(url: str, folder: str, rows: int, runs: int) -> Said:
    """Add batches of new events of known people (one in ten with a new cookie) to a graph that is there."""
    from datetime import datetime

    from graphsvc.graph import open as open_graph

    known = json.loads(Path(folder, "identifiers.json").read_text(encoding="utf-8"))
    last = datetime.fromisoformat(known["last"])
    seconds = []
    with open_graph(url) as graph:
        for run in range(runs):
            file = Path(folder, f"batch-{run}.jsonl")
            with file.open("w", encoding="utf-8") as out:
                for row in range(rows):
                    kind, value = known["keys"][(run * rows + row) % len(known["keys"])].split(":", 1)
                    identifiers = {kind: value} | ({"cookie": f"new-{run}-{row}"} if row % 10 == 0 else {})
                    at = last + timedelta(seconds=run * rows + row)
                    event = {"time": at.isoformat(), "name": "product_view", "channel": "website"}
                    print(json.dumps(event | {"event_id": f"b{run}-{row}", "identifiers": identifiers}), file=out)
            began = time.perf_counter()
            report = graph.ingest([file])
            seconds.append(time.perf_counter() - began)
            if report.new != rows:
                raise RuntimeError(f"only {report.new} of {rows} events were new")
    return {"seconds": seconds}


def users(url: str, folder: str, count: int) -> Said:
    """Look up users by one identifier each, with all their journeys."""
    from graphsvc.graph import open as open_graph

    keys = json.loads(Path(folder, "identifiers.json").read_text(encoding="utf-8"))["keys"][:count]
    seconds, steps = [], 0
    with open_graph(url, write=False) as graph:
        graph.user(graph.lookup(keys[0]))  # opens connections
        for key in keys:
            began = time.perf_counter()
            user = graph.user(graph.lookup(key))
            seconds.append(time.perf_counter() - began)
            steps += sum(journey.steps for journey in user.journeys)
    return {"seconds": seconds, "steps": steps / len(keys)}


def frame(url: str, runs: int) -> Said:
    """Build the journey frame."""
    from graphsvc.stores import open_store

    store = open_store(url, write=False)
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        built = store.frame()
        seconds.append(time.perf_counter() - began)
    store.close()
    return {"seconds": seconds, "touchpoints": len(built.times)}


def opened(url: str) -> Said:
    """Only open the store: what a process of ours takes before it does anything."""
    from graphsvc.stores import open_store

    store = open_store(url, write=False)
    counts = store.status().counts
    store.close()
    return counts


def export_import(url: str, folder: str) -> Said:
    """Files for Neo4j's own import, and its command line."""
    from graphsvc.export import neo4j_import
    from graphsvc.stores import open_store

    store = open_store(url, write=False)
    began = time.perf_counter()
    command = neo4j_import(store, Path(folder))
    seconds = time.perf_counter() - began
    store.close()
    return {"seconds": seconds, "command": command}


STEPS: dict[str, Callable[..., Said]] = {
    step.__name__: step
    for step in (
        generate,
        ingest,
        duckdb_load,
        copy,
        export_journeys,
        batches,
        users,
        frame,
        opened,
        export_import,
        service_steps.answering,
        load.load,
        identity_steps.resolution,
        identity_steps.single_events,
        identity_steps.hub_file,
        identity_steps.add_file,
        identity_steps.growth,
        neo4j_steps.admin_import,
        neo4j_steps.graph_size,
        neo4j_steps.dump,
        neo4j_steps.plain_create,
    )
}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](**json.loads(sys.argv[2]))))
