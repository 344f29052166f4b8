"""What is special to the embedded store: one DuckDB file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import hypothesis
import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, given

from graphsvc.commit import commit
from graphsvc.errors import ErasedAlready, ForeignGraph, NewerGraph, StoreBusy, StoreUnavailable
from graphsvc.graph import Graph
from graphsvc.rulings import KEY_VARIABLE
from graphsvc.settings import Settings
from graphsvc.stores import embedded_rows, embedded_schema, open_store
from graphsvc.stores.embedded import EmbeddedStore
from graphsvc.writing import add

from .effort import effort
from .graphs import SALT, assert_same, contents, event, expected, fresh, settings, table

ROWS = [
    event("1", 0, "ad", "cookie:1", channel="search"),
    event("2", 1, "visit", "cookie:1", "email:ann@example.org", value=2.5, currency="EUR"),
    event("3", 2, "buy", "email:ann@example.org", channel="store"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a small graph."""
    path = tmp_path / "graph.duckdb"
    store = EmbeddedStore(path)
    add(store, table(ROWS), {"salt": SALT, "goals": ["buy"]})
    store.close()
    return path


def test_the_file_is_readable_by_plain_duckdb(path: Path) -> None:
    with duckdb.connect(path, read_only=True) as plain:
        assert plain.sql("SELECT key, step, channel FROM touchpoints ORDER BY step").fetchall() == [
            ("1", 1, "search"),
            ("2", 2, "web"),
            ("3", 3, "store"),
        ]
        assert plain.sql("SELECT source, target, seconds FROM next ORDER BY source").fetchall() == [
            ("1", "2", 86400.0),
            ("2", "3", 86400.0),
        ]
        lists = [(["cookie:1"],), (["cookie:1", "email:ann@example.org"],), (["email:ann@example.org"],)]
        assert plain.sql("SELECT identifiers::VARCHAR[] FROM events ORDER BY key").fetchall() == lists
        assert plain.sql("SELECT identifiers FROM touchpoints ORDER BY key").fetchall() == lists
        assert plain.sql("SELECT count(*) FROM via").fetchall() == [(3,)]
        assert plain.sql("SELECT name FROM channels ORDER BY name").fetchall() == [("search",), ("store",), ("web",)]


def test_all_files_are_for_their_owner_only(path: Path) -> None:
    store = open_store(str(path))
    add(store, table([event("4", 3, "visit", "cookie:1")]), {})
    log = path.with_name(path.name + ".wal")
    assert log.exists(), "the commit stands in DuckDB's log first"
    assert [file.stat().st_mode & 0o077 for file in (path, log)] == [0, 0]
    store.close()


def test_a_failed_write_says_why_and_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(str(path))
    before = contents(store)

    def full(*_: object) -> None:
        raise duckdb.IOException("IO Error: Could not write file: No space left on device\nand more")

    with monkeypatch.context() as patched:
        patched.setattr(embedded_rows, "insert", full)
        with pytest.raises(StoreUnavailable, match=r"No space left on device; the graph is as it was before$"):
            add(store, table([event("4", 3, "visit", "cookie:1")]), {})
    assert_same(contents(store), before)
    store.close()


def test_an_erasure_says_what_another_graph_keeps_from_being_written_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")

    def holds_the_value() -> bool:
        return any(b"ann@example.org" in file.read_bytes() for file in path.parent.iterdir())

    with Graph(open_store(str(path))) as graph, Graph(open_store(str(path))) as other:
        report = graph.people.erase("cookie:1")
        assert report.done and graph.status().counts["events"] == other.status().counts["events"] == 0
        held, *always = report.left
        assert "another graph of this process has it open" in held
        assert holds_the_value()
        other.close()
        with pytest.raises(ErasedAlready):
            graph.people.erase("cookie:1")
        assert not holds_the_value(), "erasing once more, as was told, writes the file anew"
        add(graph.store, table(ROWS[:1]), {})
        add(graph.store, table([event("5", 0, "ad", "cookie:5")]), {})
        assert graph.people.erase("cookie:5").left == always


def test_what_the_disk_refuses_when_a_file_is_written_anew_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(str(path))
    monkeypatch.setattr("graphsvc.stores.embedded.quoted", lambda file: f"'{file}/no such folder'")
    with pytest.raises(StoreUnavailable, match=r"still holds what was deleted: .*; make room and erase again$"):
        store.compact()
    assert store.revision() == 1
    store.close()


def test_a_held_file_is_named(path: Path) -> None:
    hold = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusy, match=str(path)):
            open_store(str(path), write=False)
        holder.kill()


def test_several_processes_read_at_once(path: Path) -> None:
    read = f"from graphsvc.stores import open_store; print(open_store({str(path)!r}, write=False).revision())"
    store = open_store(str(path), write=False)
    assert subprocess.check_output([sys.executable, "-c", read], text=True) == "1\n"
    store.close()


def test_what_cannot_be_opened_is_refused_with_a_reason(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no graph at"):
        open_store(str(tmp_path / "nothing.duckdb"), write=False)
    with pytest.raises(StoreUnavailable, match="no folder"):
        open_store(str(tmp_path / "nowhere" / "graph.duckdb"))
    (tmp_path / "text.duckdb").write_text("not a database, but a longer text than a header has bytes" * 100)
    with pytest.raises(StoreUnavailable, match="not a DuckDB file"):
        open_store(str(tmp_path / "text.duckdb"))
    with duckdb.connect(tmp_path / "foreign.duckdb") as foreign:
        foreign.execute("CREATE TABLE mine (i INTEGER)")
    with pytest.raises(ForeignGraph, match="something else"):
        open_store(str(tmp_path / "foreign.duckdb"))
    with duckdb.connect(path) as newer:
        newer.execute("UPDATE graph SET schema = schema + 1")
    with pytest.raises(NewerGraph, match="update graphsvc"):
        open_store(str(path))


def test_an_older_file_is_derived_anew_in_place(path: Path) -> None:
    store = open_store(str(path))
    before = contents(store)
    store.close()
    with duckdb.connect(path) as older:  # a former version that knew less of journeys and nothing of links
        for (index,) in older.execute(
            "SELECT index_name FROM duckdb_indexes() WHERE table_name = 'journeys'"
        ).fetchall():
            older.execute(f"DROP INDEX {index}")
        older.execute("DROP VIEW next; DROP TABLE links; ALTER TABLE journeys DROP times")
        older.execute("UPDATE graph SET schema = 1")
    with pytest.raises(StoreUnavailable, match="open it for writing once"):
        open_store(str(path), write=False)
    store = open_store(str(path))
    assert_same(contents(store), before)
    assert store.status().schema == embedded_schema.SCHEMA
    store.close()


def of_schema_2(path: Path) -> None:
    """Make a file what it was when the identifiers of an event were a list."""
    with duckdb.connect(path) as older:
        older.execute("DROP VIEW touchpoints; DROP INDEX events_key; DROP INDEX events_anchor")
        older.execute("ALTER TABLE events ALTER identifiers TYPE VARCHAR[] USING identifiers::VARCHAR[]")
        older.execute("CREATE INDEX events_key ON events (key); CREATE INDEX events_anchor ON events (anchor)")
        older.execute("CREATE VIEW touchpoints AS SELECT * FROM events")
        older.execute("UPDATE graph SET schema = 2")


def test_a_file_of_schema_2_is_migrated_in_one_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [{**event(f"o{n}", 4, "visit"), "identifiers": list(NASTY[:n]) or None} for n in range(len(NASTY) + 1)]
    store = open_store(str(path))
    add(store, table(odd), {})
    before, revision = contents(store), store.revision()
    store.close()
    of_schema_2(path)
    with pytest.raises(StoreUnavailable, match="older schema 2; open it for writing once"):
        open_store(str(path), write=False)

    def full(*_: object) -> None:
        raise duckdb.IOException("IO Error: No space left on device")

    with monkeypatch.context() as patched, pytest.raises(StoreUnavailable, match="the graph is as it was before"):
        patched.setattr(embedded_schema, "create", full)
        open_store(str(path))
    with pytest.raises(StoreUnavailable, match="older schema 2"):
        open_store(str(path), write=False)
    store = open_store(str(path))
    assert_same(contents(store), before)
    assert (store.status().schema, store.revision()) == (embedded_schema.SCHEMA, revision)
    add(store, table([event("4", 9, "visit", "cookie:1")]), {})
    _, rows = store.query("SELECT identifiers FROM touchpoints WHERE key = '4'", {})
    assert rows == [(["cookie:1"],)]
    store.close()


NASTY = (
    "cookie:",
    "cookie:\0",
    'cookie:"',
    "cookie:', '",
    "cookie:[\\u0041]",
    "cookie:\n\r\t\x1f\x7f",
    "cookie:é😀\u2028",
)
raw_identifiers = st.sampled_from(NASTY) | st.text().map(lambda text: f"cookie:{text}")


@given(
    st.lists(st.none() | st.lists(raw_identifiers, max_size=3, unique=True).map(sorted), min_size=1, max_size=14),
    st.lists(st.integers(1, 8), max_size=3),
)
@hypothesis.settings(
    deadline=None, max_examples=effort(15), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_identifiers_come_back_as_they_came(tmp_path: Path, found: list[list[str] | None], cuts: list[int]) -> None:
    events = [{**event(f"{n:02}", n, "visit"), "identifiers": texts} for n, texts in enumerate(found)]
    rows = table(events)
    store = fresh(str(tmp_path / "graph.duckdb"))
    for size in [*cuts, len(rows)]:  # loaded in bulk, then by commits of few rows and of many
        batch = rows.head(size).filter(~pl.col("key").is_in(contents(store)["events"]["key"].implode()))
        add(store, batch, {"salt": SALT})
        with store.writer() as writer:
            assert writer.stored(batch["key"]).sort("key").equals(batch)
    assert_same(contents(store), expected(events, settings()))
    _, lists = store.query("SELECT identifiers::VARCHAR[] FROM events ORDER BY key", {})
    assert [texts for (texts,) in lists] == found
    store.close()


def test_a_write_knows_what_another_store_of_the_file_wrote(path: Path) -> None:
    one, other = open_store(str(path)), open_store(str(path))
    add(one, table([event("4", 3, "visit", "cookie:1")]), {})
    add(other, table([event("5", 4, "visit", "cookie:1")]), {"goals": ["buy"]})
    with Graph(other) as graph:
        graph.people.decide("different", "cookie:1", "email:ann@example.org")
        with one.writer() as writer, pytest.raises(ZeroDivisionError):
            assert (writer.revision, len(writer.rulings.decisions)) == (4, 1)
            raise ZeroDivisionError
        with one.writer() as writer:
            assert (writer.revision, len(writer.rulings.decisions), writer.has_events()) == (4, 1, True)
    assert one.revision() == 4
    one.close()


def test_two_commits_in_one_write_leave_one_row(path: Path) -> None:
    store = open_store(str(path))
    later = [table([event("4", 3, "visit", "cookie:1", value=value)]) for value in (1.0, 2.0)]
    with store.writer() as writer:
        for rows in later:
            commit(writer, rows, writer.settings or Settings(), writer.rulings.unlocked())
    assert contents(store)["events"].filter(pl.col("key") == "4").equals(later[-1])
    assert store.revision() == 3
    store.close()
