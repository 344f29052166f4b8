"""Killed at any moment and run again, an ingest ends in the same graph; two at once end in the right one."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from graphsvc.errors import GraphLoading, StoreBusy
from graphsvc.stores import Store, is_neo4j, open_store
from graphsvc.writing import add

from . import ingest_process
from .effort import thorough
from .graphs import assert_same, contents, event, expected, fresh, settings, table

RULES = settings(goals=["buy"])


def life(people: int, pairs: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows of some people, two at a time: whole pairs are what every committed graph holds of a person."""
    return [
        event(
            f"{person:04}-{pair:02}-{half}", pair, ("visit", "buy")[half], f"cookie:{person}", f"email:p{person}@x.org"
        )
        for pair in range(start, start + pairs)
        for person in range(people)
        for half in (0, 1)
    ]


def whole(rows: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """The graph of all rows."""
    return expected(rows, RULES)


@pytest.mark.thorough
@pytest.mark.parametrize("former", [0, 2], ids=["first load", "later batches"])
def test_a_killed_ingest_run_again_ends_in_the_same_graph(store_url: str, tmp_path: Path, former: int) -> None:
    people = 40 if is_neo4j(store_url) else 150  # there a load of so many takes as long
    rows = life(people, pairs=12)
    table(rows).write_parquet(tmp_path / "events.parquet")
    store = fresh(store_url)
    if former:
        add(store, table(life(people, pairs=former)), RULES.model_dump())
    store.close()
    cut_short = 0
    for delay in (0.05, 0.15, 0.3, 0.5) if thorough() else (0.15, 0.5):
        process = ingest_process.start(store_url, tmp_path / "events.parquet", batches=4 if former else 1)
        time.sleep(delay)
        process.kill()
        process.wait()
        cut_short += process.returncode != 0
    assert cut_short, "no attempt was cut short: the test shows nothing"
    ingest_process.finish(ingest_process.start(store_url, tmp_path / "events.parquet", batches=4))
    store = open_store(store_url)
    assert_same(contents(store), whole(rows))
    store.close()


class Reader(threading.Thread):
    """Reads whole frames, over and over, and keeps what was torn about any."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True)
        self.store, self.torn, self.revisions = store, list[str](), list[int]()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                frame = self.store.frame()
            except (GraphLoading, StoreBusy):  # said, not shown torn
                continue
            self.revisions.append(frame.revision)
            steps = frame.offsets[1:] - frame.offsets[:-1]
            if (steps % 2).any():
                self.torn.append(f"revision {frame.revision}: half a pair")
            if len(frame.users) != frame.journeys:
                self.torn.append(f"revision {frame.revision}: {frame.journeys} journeys of {len(frame.users)} users")


def test_two_writers_with_readers_beside_them_end_in_the_right_graph(store_url: str, tmp_path: Path) -> None:
    people = 15 if is_neo4j(store_url) else 40
    early, late = life(people, pairs=6), life(people, pairs=6, start=6)
    store = fresh(store_url)
    add(store, table(early[: 2 * people]), RULES.model_dump())
    readers = [Reader(store) for _ in range(2)]
    for reader in readers:
        reader.start()
    if is_neo4j(store_url):  # processes of their own; a DuckDB file has one writing process
        for name, rows in (("early", early), ("late", late)):
            table(rows).write_parquet(tmp_path / f"{name}.parquet")
        both = [ingest_process.start(store_url, tmp_path / f"{name}.parquet", batches=6) for name in ("early", "late")]
        for process in both:
            ingest_process.finish(process)
    else:
        writers = [threading.Thread(target=_in_batches, args=(store, rows)) for rows in (early, late)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    for reader in readers:
        reader.stop.set()
        reader.join()
        assert not reader.torn, reader.torn[0]
        assert reader.revisions == sorted(reader.revisions)
    assert any(len(set(reader.revisions)) > 1 for reader in readers), "no reader saw the graph change"
    assert_same(contents(store), whole(early + late))
    store.close()


def _in_batches(store: Store, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 80):
        add(store, table(rows[start : start + 80]), {})
