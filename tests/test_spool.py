"""Events on their way into a graph are the same, in the same order, whether they wait in memory or on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import polars as pl
from hypothesis import given

from graphsvc.spool import Spool
from graphsvc.tables import EVENTS
from graphsvc.writing import add

from .graphs import SALT, assert_same, contents, event, fresh, histories, settings, table
from .test_law import expected

BATCHES = [
    table([event("1", 0, "ad", "cookie:1"), event("2", 1, "visit", "cookie:1", "email:a@x.org")]),
    table([event("3", 2, "buy", "email:a@x.org")]),
    table([event("2", 1, "visit", "cookie:1", "email:a@x.org"), event("1", 0, "chat", "cookie:2")]),
]


def test_many_events_go_to_disk_and_come_back_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "waiting"
    with Spool(folder, rows_in_memory=2) as spool:
        for batch in BATCHES:
            spool.add(batch)
        assert len(list(folder.iterdir())) == 1, "the first three rows went to disk together"
        assert folder.stat().st_mode & 0o077 == 0, "nobody else may read them"
        assert spool.events().collect().equals(pl.concat(BATCHES))
    assert not folder.exists()


def test_few_events_stay_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "waiting"
    with Spool(folder) as spool:
        spool.add(BATCHES[0])
        assert spool.events().collect().equals(BATCHES[0])
        assert not folder.exists()


def test_nothing_is_an_empty_table(tmp_path: Path) -> None:
    with Spool(tmp_path / "waiting") as spool:
        assert spool.events().collect().equals(pl.DataFrame(schema=EVENTS))


def test_what_a_killed_ingest_left_goes_with_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "waiting"
    Spool(folder, rows_in_memory=0).add(BATCHES[0])  # and no end
    assert folder.exists()
    with Spool(folder) as spool:
        assert len(spool.events().collect()) == 0
    assert not folder.exists()


def test_a_folder_of_somebody_else_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.parquet").write_text("precious")
    with Spool(tmp_path, rows_in_memory=0) as spool:
        spool.add(BATCHES[0])
        assert spool.events().collect().equals(BATCHES[0])
    assert [file.name for file in tmp_path.iterdir()] == ["mine.parquet"]


@hypothesis.settings(deadline=None, max_examples=25)
@given(rows=histories(), size=st.integers(1, 6), again=st.integers(0, 5))
def test_the_graph_does_not_depend_on_where_events_waited(rows: list[dict[str, Any]], size: int, again: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        store = fresh(str(Path(home, "graph.duckdb")))
        with Spool(Path(home, "waiting"), rows_in_memory=size) as spool:
            for start in range(0, len(rows), 2):
                spool.add(table(rows[start : start + 2]))
            spool.add(table(rows[:again]))
            added = add(store, spool, {"salt": SALT})
        assert (added.new, added.duplicates) == (len(rows), len(rows[:again]))
        assert_same(contents(store), expected(rows, settings()))
        store.close()
