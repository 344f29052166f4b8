"""Measurements of writing: from files to a graph."""

from __future__ import annotations

from statistics import median

from .children import Finished
from .context import Bench
from .report import Goal, Section, Table, duration, size, spread, times


def from_files(bench: Bench) -> Section:
    """(a) Files to journeys in a fresh embedded store, beside DuckDB alone."""
    ours, theirs = [], []
    for run in range(bench.runs):
        ours.append(bench.ingested(bench.new("fresh.duckdb"), bench.events))
        theirs.append(
            bench.step("duckdb_load", target=bench.new(f"hand-{run}.duckdb"), **bench.generated(bench.events))
        )
    ratio = min(_seconds(ours)) / min(_seconds(theirs))
    peak = max(finished.peak_mib for finished in ours)
    return Section(
        "From files to journeys, embedded",
        "Reading all files (CSV, JSON lines and Parquet, gzipped, one per source system), resolving who is who, "
        "building journeys, writing a fresh store. DuckDB alone reads the same files with the same time formats and "
        "clean-ups, sorts by user and time and writes one table; it resolves nobody, removes no duplicates and reports "
        "no bad row.",
        goals=[
            Goal("files to journeys, against DuckDB alone", "≤ 8 ×", times(ratio), ratio <= 8),
            Goal("memory for it", "< 2 GiB", size(peak), peak < 2_048),
        ],
        tables=[
            Table(
                ["", "ratio", "time", "peak memory"],
                [
                    ["graphsvc", times(ratio), spread(_seconds(ours)), size(peak)],
                    ["DuckDB alone", times(1), spread(_seconds(theirs)), size(max(f.peak_mib for f in theirs))],
                ],
            )
        ],
    )


def sizes(bench: Bench) -> Section:
    """(g) 0.1, 1 and 10 million events."""
    rows, peak = [], 0.0
    for events in (bench.events // 10, bench.events, bench.events * 10):
        path = bench.new(f"size-{events}.duckdb")
        done = bench.ingested(path, events)
        mib = path.stat().st_size / 1024**2
        frame = bench.step("frame", url=path, runs=1)
        peak = max(done.peak_mib, frame.peak_mib)
        rows.append(
            [
                f"{events:,} events",
                duration(done.said["seconds"]),
                f"{done.said['rows'] / done.said['seconds']:,.0f}",
                size(done.peak_mib),
                size(mib),
                duration(frame.said["seconds"][0]),
                size(frame.peak_mib),
            ]
        )
        path.unlink()
    return Section(
        "Growing tenfold and again",
        "The same from files to journeys at three sizes, then the journey frame of it in another process.",
        goals=[Goal(f"memory for {bench.events * 10:,} events", "< 8 GiB", size(peak), peak < 8_192)],
        tables=[Table(["", "ingest", "rows per second", "peak", "file", "frame", "peak with frame"], rows)],
    )


def into_neo4j(bench: Bench) -> Section:
    """(b) Files to journeys in a fresh Neo4j, beside plain UNWIND … CREATE of the same graph."""
    ours, copied, plain = [], [], []
    elements = 0
    dumped = bench.new("dump")
    for run in range(bench.neo4j_runs):
        with bench.fresh_neo4j() as env:
            ours.append(bench.ingested(env["NEO4J_URI"], bench.events, env))
            if run == 0:
                held = bench.step("graph_size", env).said
                elements = held["nodes"] + held["relationships"]
                bench.step("dump", env, folder=dumped)
        with bench.fresh_neo4j() as env:
            copied.append(bench.step("copy", env, source=bench.store, target=env["NEO4J_URI"]))
        with bench.fresh_neo4j() as env:
            plain.append(bench.step("plain_create", env, folder=dumped))
    created = plain[0].said["nodes"] + plain[0].said["relationships"]
    base = created / min(_seconds(plain))
    rates = {name: elements / min(_seconds(done)) for name, done in (("ours", ours), ("copied", copied))}
    return Section(
        "From files to journeys, Neo4j",
        f"The same files into a fresh database through the driver: {held['nodes']:,} nodes and "
        f"{held['relationships']:,} relationships. `graphsvc copy` writes the same graph from an embedded store. The "
        "plain script has the very same nodes, relationships and properties ready in memory and only writes: "
        "constraints, then `UNWIND $rows … CREATE`, nodes first, 10,000 rows at a time from one session.",
        goals=[
            Goal(
                "nodes + relationships per second into Neo4j, files read and resolved too, against plain UNWIND",
                "≥ 1.2 ×",
                times(rates["ours"] / base),
                rates["ours"] >= 1.2 * base,
            )
        ],
        tables=[
            Table(
                ["", "ratio", "nodes + relationships per second", "time", "peak memory (client)"],
                [
                    _rate_row("graphsvc ingest, from files on", rates["ours"], base, ours),
                    _rate_row("graphsvc copy, from an embedded store", rates["copied"], base, copied),
                    _rate_row("plain UNWIND … CREATE, writing only", base, base, plain),
                ],
            )
        ],
        notes=[] if created == elements else [f"**The plain graph has {created:,} elements, ours {elements:,}.**"],
    )


def by_import(bench: Bench) -> Section:
    """(c) Files for neo4j-admin, and its import."""
    folder = bench.new("import")
    written = bench.step("export_import", url=bench.store, folder=folder)
    held = sum(file.stat().st_size for file in folder.iterdir()) / 1024**2
    done = bench.step("admin_import", command=written.said["command"], neo4j_version=bench.neo4j_version)
    imported = f"{done.said['nodes']:,} nodes, {done.said['relationships']:,} relationships"
    return Section(
        "Neo4j's own import",
        "`graphsvc export --neo4j-import` on the embedded store, then the command that it prints, on a fresh database.",
        tables=[
            Table(
                ["", "time", "what"],
                [
                    ["graphsvc export", duration(written.said["seconds"]), f"{size(held)} of files"],
                    ["neo4j-admin database import full", duration(done.said["seconds"]), imported],
                ],
            )
        ],
    )


def second_batch(bench: Bench) -> Section:
    """(d) A second batch of 1,000 events on top."""
    rows, goals = [], []
    limits = {"embedded": 1.0, "Neo4j": 3.0}
    for name, url, env in list(bench.stores()):  # Neo4j's graph is copied before either takes a batch
        done = bench.step("batches", env, url=url, folder=bench.exported, rows=1_000, runs=max(bench.runs, 5))
        seconds = done.said["seconds"]
        rows.append([name, spread(seconds), duration(max(seconds)), duration(seconds[0]), size(done.peak_mib)])
        what, reached = f"1,000 more events, {name}", median(seconds) < limits[name]
        goals.append(Goal(what, f"< {limits[name]:.0f} s", spread(seconds), reached))
    return Section(
        "A second batch",
        "Files of 1,000 new events of known people, one in ten with a cookie that links to them, on top of "
        f"{bench.events:,}; each file is added to what the ones before left.",
        goals=goals,
        tables=[Table(["", "time", "longest", "first", "peak memory"], rows)],
    )


def _rate_row(name: str, rate: float, base: float, done: list[Finished]) -> list[str]:
    peak = max(finished.peak_mib for finished in done)
    return [name, times(rate / base), f"{rate:,.0f}", spread(_seconds(done)), size(peak)]


def _seconds(done: list[Finished]) -> list[float]:
    return [finished.said["seconds"] for finished in done]
