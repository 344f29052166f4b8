"""Events on their way into a graph are the same, in the same order, whether they wait in memory or on disk."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import polars as pl
from hypothesis import given

from graphsvc.spool import Spool
from graphsvc.tables import EVENTS
from graphsvc.writing import add

from .effort import effort
from .graphs import SALT, assert_same, contents, event, expected, fresh, histories, settings, table

BATCHES = [
    table([event("1", 0, "ad", "cookie:1"), event("2", 1, "visit", "cookie:1", "email:a@x.org")]),
    table([event("3", 2, "buy", "email:a@x.org")]),
    table([event("2", 1, "visit", "cookie:1", "email:a@x.org"), event("1", 0, "chat", "cookie:2")]),
]


def folders(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if path.is_dir()]


def test_many_events_go_to_disk_and_come_back_in_order(tmp_path: Path) -> None:
    with Spool(tmp_path / "graph.duckdb", rows_in_memory=2) as spool:
        for batch in BATCHES:
            spool.add(batch)
        (folder,) = folders(tmp_path)
        assert len(list(folder.glob("*.parquet"))) == 1, "the first three rows went to disk together"
        assert folder.stat().st_mode & 0o077 == 0, "nobody else may read them"
        assert spool.events().collect().equals(pl.concat(BATCHES))
        assert spool.kept(spool.events().head(4)).collect().equals(pl.concat(BATCHES)[:4])
        assert spool.events().collect().equals(pl.concat(BATCHES)), "what was kept took nothing away"
    assert folders(tmp_path) == []


def test_few_events_stay_in_memory(tmp_path: Path) -> None:
    with Spool(tmp_path / "graph.duckdb") as spool:
        spool.add(BATCHES[0])
        assert spool.events().collect().equals(BATCHES[0])
        assert folders(tmp_path) == []


def test_nothing_is_an_empty_table(tmp_path: Path) -> None:
    with Spool(tmp_path / "graph.duckdb") as spool:
        assert spool.events().collect().equals(pl.DataFrame(schema=EVENTS))


def test_two_spools_in_one_place_keep_apart(tmp_path: Path) -> None:
    with (
        Spool(tmp_path / "graph.duckdb", rows_in_memory=0) as one,
        Spool(tmp_path / "graph.duckdb", rows_in_memory=0) as two,
    ):
        one.add(BATCHES[0])
        two.add(BATCHES[1])
        assert (one.events().collect().height, two.events().collect().height) == (2, 1)


def test_what_a_killed_process_left_goes_with_the_next_and_nothing_else_does(tmp_path: Path) -> None:
    leave = "import os, sys; from pathlib import Path; from graphsvc.spool import Spool; from tests.test_spool import *"
    leave += f"; Spool(Path({str(tmp_path / 'graph.duckdb')!r}), rows_in_memory=0).add(BATCHES[0]); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", leave], cwd=Path(__file__).parents[1]).returncode == 9
    (left,) = folders(tmp_path)
    mine = tmp_path / ".graph.duckdb.spool-mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    with Spool(tmp_path / "graph.duckdb", rows_in_memory=0) as spool:
        spool.add(BATCHES[0])
        assert not left.exists()
    assert folders(tmp_path) == [mine]
    assert (mine / "thesis.txt").read_text() == "precious"


@hypothesis.settings(deadline=None, max_examples=effort(25))
@given(rows=histories(), size=st.integers(1, 6), again=st.integers(0, 5))
def test_the_graph_does_not_depend_on_where_events_waited(rows: list[dict[str, Any]], size: int, again: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        store = fresh(str(Path(home, "graph.duckdb")))
        with Spool(Path(home, "graph.duckdb"), rows_in_memory=size) as spool:
            for start in range(0, len(rows), 2):
                spool.add(table(rows[start : start + 2]))
            spool.add(table(rows[:again]))
            added = add(store, spool, {"salt": SALT})
        assert (added.new, added.duplicates) == (len(rows), len(rows[:again]))
        assert_same(contents(store), expected(rows, settings()))
        store.close()


def test_an_interrupted_ingest_leaves_nothing_on_disk(tmp_path: Path) -> None:
    rows = (f"2026-01-01T00:00:00Z,visit,web,{number}\n" for number in range(600_000))
    (tmp_path / "big.csv").write_text("time,name,channel,cookie\n" + "".join(rows))
    command = [sys.executable, "-m", "graphsvc", "ingest", "big.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ingest:
        while not list(tmp_path.glob(".*.spool-*/*.parquet")):
            assert ingest.poll() is None, "it ended before it spooled anything"
            time.sleep(0.01)
        ingest.send_signal(signal.SIGINT)
        assert ingest.wait(60) != 0
    assert folders(tmp_path) == []
