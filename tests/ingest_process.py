"""A process that adds events to a graph in batches: ``python -m tests.ingest_process URL PARQUET BATCHES``.

Tests kill it, and run two of them at once. It says ``ready`` before it writes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl

from graphsvc.stores import open_store
from graphsvc.writing import add

from .graphs import settings


def start(url: str, events: Path, batches: int = 1) -> subprocess.Popen[str]:
    """Start one, and wait until it is about to write."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ingest_process", url, str(events), str(batches)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for its good end."""
    process.communicate(timeout=120)
    assert process.returncode == 0


def main(url: str, path: str, batches: str) -> None:
    """Add the events of a Parquet file, in order, in so many batches."""
    events = pl.read_parquet(path)
    rows = -(-len(events) // int(batches))
    print("ready", flush=True)
    store = open_store(url)
    for start in range(0, len(events), rows):
        add(store, events[start : start + rows], settings(goals=["buy"]).model_dump())
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
