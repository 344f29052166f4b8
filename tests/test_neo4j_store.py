"""What is special to Neo4j: its statements, its graph, its lock, its loads, its errors."""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from itertools import count, pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples

from graphsvc.core import Derived
from graphsvc.errors import (
    ForeignGraph,
    GraphLoading,
    GraphMoved,
    GraphsvcError,
    NewerGraph,
    QueryError,
    StoreError,
    StoreUnavailable,
)
from graphsvc.rulings import Rulings
from graphsvc.settings import Settings
from graphsvc.stores import SCHEMA, open_store
from graphsvc.stores.neo4j import Neo4jStore
from graphsvc.stores.neo4j_door import Door
from graphsvc.stores.neo4j_runner import Runner, Transaction
from graphsvc.stores.statements import StatementFileError, names, parse, statement
from graphsvc.tables import Tables
from graphsvc.writing import add, resolve

from . import neo4j_server as servers
from .effort import effort
from .graphs import (
    SALT,
    assert_same,
    contents,
    event,
    expected,
    fresh,
    histories,
    link,
    profile,
    rules,
    same_frame,
    settings,
    table,
)


@pytest.fixture
def store(neo4j_url: str) -> Any:
    store = Neo4jStore(neo4j_url)
    yield store
    store.close()


def asked(server: servers.Server, text: str, **parameters: Any) -> list[Any]:
    """Rows past graphsvc."""
    with server.driver() as driver:
        return [record.values() for record in driver.execute_query(text, parameters, database_=server.database).records]


ANN = [
    event("1", 0, "ad", "cookie:1", channel="search", stage="awareness"),
    event("2", 2, "visit", "cookie:1", "email:ann@example.org", properties='{"page":"/"}'),
    event("3", 5, "buy", "email:ann@example.org", channel="store", value=20.0, currency="EUR"),
    profile("p", 1, "email:ann@example.org", '{"age":41,"key":"x","region":"north","sizes":[38,40]}'),
]

# The statements


def test_every_statement_compiles_without_a_word_from_the_server(
    neo4j_server: servers.Server, store: Neo4jStore
) -> None:
    """No deprecation, no cartesian product, no unbounded way."""
    add(store, table(ANN), {"salt": SALT, "stages": {"buy": "purchase"}})
    said = {}
    with neo4j_server.driver() as driver, driver.session(database=neo4j_server.database) as session:
        for name in names():
            text = statement(name).text
            taken = dict.fromkeys(re.findall(r"\$(\w+)", text))
            summary = session.run(f"EXPLAIN {text}", taken).consume()
            said[name] = [status.status_description for status in summary.gql_status_objects if status.is_notification]
    assert {name: words for name, words in said.items() if words} == {}
    assert len(said) > 50


def test_a_statement_file_must_say_what_it_is(tmp_path: Any) -> None:
    file = tmp_path / "users.cypher"
    for text, line, why in [
        ("MATCH (u) RETURN u", 1, "first line"),
        ("// name: read/other\n// Users.\nRETURN 1", 1, "first line"),
        ("// name: read/users\nRETURN 1", 2, "say what"),
        ("// name: read/users\n// Users.\n", 3, "no statement"),
        ("// name: read/users\n// Users.\nRETURN $k", 2, r"\$k"),
        ("// name: read/users\n// Users.\n//   $k  integer\nRETURN 1", 3, r"\$k"),
    ]:
        file.write_text(text, encoding="utf-8")
        with pytest.raises(StatementFileError, match=rf"users\.cypher:{line}: .*{why}"):
            parse(file, "read/users")
    with pytest.raises(KeyError):
        statement("read/nothing")


# The graph


def test_the_graph_reads_as_the_docs_say(neo4j_server: servers.Server, store: Neo4jStore) -> None:
    add(store, table(ANN), {"salt": SALT, "goals": ["buy"], "stages": {"buy": "purchase"}})
    assert asked(
        neo4j_server,
        "MATCH (u:User)-[:TOOK]->(j:Journey)-[:STARTS]->(a)-[ab:NEXT]->(b)-[bc:NEXT]->(c:Touchpoint) "
        "RETURN j.converted, j.value, a.key, ab.seconds, b.key, bc.seconds, c.key, c.stage, c.own_stage, c.step",
    ) == [[True, 20.0, "1", 2 * 86_400.0, "2", 3 * 86_400.0, "3", "purchase", "", 3]]
    assert asked(neo4j_server, "MATCH (t:Touchpoint)-[:VIA]->(c) RETURN t.key, c.name, c.kind ORDER BY t.key") == [
        ["1", "search", "digital"],
        ["2", "web", "digital"],
        ["3", "store", "offline"],
    ]
    assert asked(neo4j_server, "MATCH (u:User) RETURN u.age, u.region, u.trait_key, u.sizes, u.excluded") == [
        [41, "north", "x", "[38, 40]", False]
    ]
    assert asked(neo4j_server, "MATCH (a)-[s:SEEN_WITH]->(b) RETURN a.key, s.count, s.accepted, b.key") == [
        ["cookie:1", 1, True, "email:ann@example.org"]
    ]
    ((at,),) = asked(neo4j_server, "MATCH (t:Touchpoint {key: '2'}) RETURN t.at")
    assert str(at) == "2026-01-03T00:00:00.000000000", "a local datetime, in UTC"
    assert asked(neo4j_server, "MATCH (r:Record) RETURN r.key, r.anchor") == [["p", "email:ann@example.org"]]
    labels = {
        row[0] for row in asked(neo4j_server, "SHOW CONSTRAINTS YIELD labelsOrTypes, type RETURN labelsOrTypes[0]")
    }
    assert labels >= {"Graph", "Commit", "User", "Identifier", "Journey", "Touchpoint", "Record", "Channel"}


def test_traits_and_channels_that_went_away_are_gone(neo4j_server: servers.Server, store: Neo4jStore) -> None:
    add(store, table(ANN), {"salt": SALT})
    add(store, table([ANN[0] | {"channel": "mail"}, ANN[3] | {"traits": '{"age":42}'}]), {}, replace=True)
    assert asked(neo4j_server, "MATCH (u:User) RETURN u.age, u.region, u.trait_key") == [[42, None, None]]
    assert asked(neo4j_server, "MATCH (c:Channel) RETURN c.key, c.kind ORDER BY c.key") == [
        ["mail", "offline"],
        ["store", "offline"],
        ["web", "digital"],
    ]
    add(store, table([ANN[3]]), {"channels": {"web": "offline"}})
    assert asked(neo4j_server, "MATCH (c:Channel {key: 'web'}) RETURN c.kind") == [["offline"]]


def test_times_before_1970_and_far_fractions_of_a_second_survive(store: Neo4jStore) -> None:
    rows = [
        event("1", pl.Series(["1955-11-05T06:15:00.000001"]).str.to_datetime().item(), "ad", "cookie:1"),
        event("2", pl.Series(["2262-01-01T00:00:00.999999"]).str.to_datetime().item(), "ad", "cookie:1"),
    ]
    add(store, table(rows), {"salt": SALT})
    add(store, table([event("3", 0, "ad", "cookie:1")]), {})
    rows.append(event("3", 0, "ad", "cookie:1"))
    assert_same(contents(store), expected(rows, settings()))


@examples(
    deadline=None,
    max_examples=effort(6),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=histories(), rule=rules, other=rules)
def test_lists_and_relationships_tell_the_same(
    neo4j_server: servers.Server, neo4j_url: str, rows: list[dict[str, Any]], rule: Settings, other: Settings
) -> None:
    """Whatever was written in whatever steps: walking the graph gives what the lists say, and nothing more."""
    store = fresh(neo4j_url)
    half = len(rows) // 2
    add(store, table(rows[:half]), rule.model_dump())
    add(store, table(rows[half:]), {})
    resolve(store, other.model_dump())
    journeys = store.tables().journeys
    timed = [zip(keys, times, strict=True) for keys, times in journeys.select("touchpoints", "times").iter_rows()]
    hops = [hop for touchpoints in timed for hop in pairwise(touchpoints)]
    assert sorted(asked(neo4j_server, "MATCH (a)-[n:NEXT]->(b) RETURN a.key, b.key, n.seconds")) == sorted(
        [a, b, (later - earlier) / 1e6] for (a, earlier), (b, later) in hops
    )
    walked = asked(neo4j_server, statement("explore/transitions").text, limit=1_000)
    pairs = Counter(pair for names in journeys["names"].to_list() for pair in pairwise(names))
    assert {(source, target): count for source, target, count, _ in walked} == pairs
    assert sorted(asked(neo4j_server, "MATCH (j:Journey)-[:STARTS]->(t) RETURN j.key, t.key")) == sorted(
        [key, key] for key in journeys["key"]
    )
    assert sorted(asked(neo4j_server, "MATCH (u:User)-[:TOOK]->(j) RETURN u.key, j.key")) == sorted(
        list(row) for row in journeys.select("user", "key").iter_rows()
    )
    stepped = [
        [key, step, stage or None, channel]
        for lists in journeys.select("touchpoints", "stages", "channels").iter_rows()
        for step, (key, stage, channel) in enumerate(zip(*lists, strict=True), 1)
    ]
    found = asked(neo4j_server, "MATCH (t:Touchpoint)-[:VIA]->(c) RETURN t.key, t.step, t.stage, c.key")
    assert sorted(found, key=str) == sorted(stepped, key=str)
    channels = {channel for channels in journeys["channels"].to_list() for channel in channels}
    assert {row[0] for row in asked(neo4j_server, "MATCH (c:Channel) RETURN c.key")} == channels
    store.close()


# Whose graph it is


def test_a_foreign_database_is_refused_and_left_alone(neo4j_server: servers.Server, store: Neo4jStore) -> None:
    asked(neo4j_server, "CREATE (:Movie {title: 'Up'})")
    before = asked(neo4j_server, "SHOW CONSTRAINTS YIELD name")
    for act in (store.revision, store.frame, lambda: add(store, table(ANN), {})):
        with pytest.raises(ForeignGraph, match="did not write"):
            act()
    assert asked(neo4j_server, "MATCH (n) RETURN labels(n)") == [[["Movie"]]]
    assert asked(neo4j_server, "SHOW CONSTRAINTS YIELD name") == before


def test_a_newer_graph_is_refused(neo4j_server: servers.Server, store: Neo4jStore) -> None:
    add(store, table(ANN), {"salt": SALT})
    asked(neo4j_server, "MATCH (g:Graph) SET g.schema = $newer", newer=SCHEMA + 1)
    for act in (store.revision, lambda: add(store, table(ANN), {})):
        with pytest.raises(NewerGraph, match=f"schema {SCHEMA + 1}.*update graphsvc"):
            act()


# Loads and commits that die


def test_while_a_first_load_runs_every_read_refuses_and_the_next_writer_waits(store: Neo4jStore) -> None:
    """The load is held up in its middle; a writer that comes meanwhile gets its turn after it."""
    events = table(ANN)
    reached, go_on = threading.Event(), threading.Event()

    class Slow(Derived):
        def tables(self) -> Tables:
            reached.set()
            assert go_on.wait(30)
            return super().tables()

    slow = Slow(events.lazy(), settings())
    loader = threading.Thread(target=lambda: store.load(events.lazy(), slow, settings(), Rulings.none(), expected=0))
    loader.start()
    assert reached.wait(30)
    for act in (store.revision, store.head, store.status, store.frame, store.tables, lambda: list(store.events())):
        with pytest.raises(GraphLoading, match="being loaded"):
            act()
    second = threading.Thread(target=lambda: add(store, table([event("4", 9, "visit", "cookie:1")]), {}))
    second.start()
    time.sleep(0.3)
    assert second.is_alive()
    go_on.set()
    loader.join()
    second.join()
    assert store.revision() == 2
    assert store.tables().journeys["touchpoints"].to_list() == [["1", "2", "3", "4"]]


def test_a_killed_first_load_starts_over(neo4j_url: str, store: Neo4jStore) -> None:
    """A real process is killed between two batches of its load."""
    script = f"""
import os, signal
from graphsvc.stores import neo4j_load
from tests.graphs import *
neo4j_load._BATCH = 2
batches = neo4j_load._batches
def some(*arguments):
    whole, scattered = batches(*arguments)
    def few():
        for count, batch in enumerate(whole):
            if count == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch
    return few(), scattered
neo4j_load._batches = some
from graphsvc.writing import add
add(open_store({neo4j_url!r}), table([event(str(i), i, "ad", f"cookie:{{i}}") for i in range(20)]), {{"salt": SALT}})
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with pytest.raises(GraphLoading):
        store.frame()
    add(store, table(ANN), {"salt": SALT})
    assert_same(contents(store), expected(ANN, settings()))


def test_a_writer_that_dies_within_its_commit_leaves_no_reader_waiting(
    neo4j_server: servers.Server, store: Neo4jStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, table(ANN), {"salt": SALT})
    asked(neo4j_server, "MATCH (c:Commit) SET c.begun = c.begun + 1")
    monkeypatch.setattr("graphsvc.stores.neo4j_door._COMMIT_SECONDS", 0.5)
    assert store.revision() == 1


def test_a_refused_commit_leaves_no_reader_waiting(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, table(ANN), {"salt": SALT})
    before = contents(store)

    def refused(_: Transaction) -> None:
        raise StoreError("the server refused")

    with monkeypatch.context() as patched, pytest.raises(StoreError, match="the server refused"):
        patched.setattr(Transaction, "commit", refused)
        add(store, table([event("9", 9, "visit", "cookie:1")]), {})
    began = time.monotonic()
    assert_same(contents(store), before)
    assert time.monotonic() - began < 20, "readers wait half a minute for a commit that is under way"


def test_a_load_into_a_graph_that_moved_is_refused(store: Neo4jStore) -> None:
    add(store, table(ANN), {"salt": SALT})
    with pytest.raises(GraphMoved):
        derived = Derived(table(ANN).lazy(), settings())
        store.load(table(ANN).lazy(), derived, settings(), Rulings.none(), expected=0)


# Writers and readers at once


def test_a_frame_is_read_while_commits_land(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading of the journeys, or of the users, is followed by a commit: nobody would ever see them at rest."""
    visits = [event(str(day), day, "visit", f"cookie:{day % 3}") for day in range(9)]
    add(store, table([*visits, profile("p", 1, "cookie:1", '{"age":40}')]), {"salt": SALT})
    whole, days = Runner.whole, count(10)

    def meanwhile(runner: Runner, name: str, schema: pl.Schema, **parameters: Any) -> pl.DataFrame:
        found = whole(runner, name, schema, **parameters)
        day = next(days)
        rows = [
            event(f"known-{day}", day, "buy", f"cookie:{day % 3}"),
            event(f"late-{day}", 0, "ad", f"cookie:{day % 3}"),  # begins a journey of another key
            event(f"new-{day}", day, "chat", f"cookie:new-{day}"),
            event(f"joins-{day}", day, "visit", "cookie:0", "cookie:1"),
            profile(f"told-{day}", day, "cookie:2", f'{{"age":{day}}}'),
        ]
        add(store, table(rows), {})
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Runner, "whole", meanwhile)
        followed = store.frame()
    assert followed.revision == 3, "it is of the time after both commits"
    assert same_frame(followed, store.frame())


def test_two_processes_write_overlapping_people_while_others_read(neo4j_url: str, store: Neo4jStore) -> None:
    """Half of a person's days come from each process; every frame that is read holds whole commits only."""
    add(store, table([event("00", 0, "start", "cookie:0")]), {"salt": SALT})
    people, days = 6, 8
    script = f"""
import sys
from tests.graphs import *
from graphsvc.writing import add
store = open_store(sys.argv[1])
for day in range(int(sys.argv[2]), {days}, 2):
    visits = [event(f"{{day}}-{{p}}", day, "visit", f"cookie:{{p}}", "email:all@example.org") for p in range({people})]
    add(store, table(visits), {{}})
"""
    writers = [subprocess.Popen([sys.executable, "-c", script, neo4j_url, str(mine)]) for mine in (0, 1)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        frame = store.frame()
        assert (len(frame.times) - 1) % people == 0, "a reader saw half a commit"
        assert len(frame.times) == 1 + people * (frame.revision - 1)
        seen.add(frame.revision)
    assert [writer.wait() for writer in writers] == [0, 0]
    rows = [event("00", 0, "start", "cookie:0")]
    rows += [
        event(f"{day}-{p}", day, "visit", f"cookie:{p}", "email:all@example.org")
        for day in range(days)
        for p in range(people)
    ]
    assert store.revision() == 1 + days
    assert_same(contents(store), expected(rows, settings()))
    assert len(seen) > 1


def test_two_first_writers_make_one_graph(neo4j_server: servers.Server, neo4j_url: str) -> None:
    """Neither finds constraints, indexes or a graph."""
    for name, kind in asked(neo4j_server, "SHOW CONSTRAINTS YIELD name RETURN name, 'CONSTRAINT'") + asked(
        neo4j_server,
        "SHOW INDEXES YIELD name, type, owningConstraint WHERE type <> 'LOOKUP' "
        "AND owningConstraint IS NULL RETURN name, 'INDEX'",
    ):
        if name != servers.MARK:
            asked(neo4j_server, f"DROP {kind} {name}")
    rows = [event(str(k), k, "visit", f"cookie:{k % 3}") for k in range(8)]
    failed: list[BaseException] = []

    def write(mine: int) -> None:
        store = open_store(neo4j_url)
        try:
            add(store, table(rows[mine::2]), {"salt": SALT})
        except BaseException as error:
            failed.append(error)
        store.close()

    threads = [threading.Thread(target=write, args=(mine,)) for mine in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    store = open_store(neo4j_url)
    assert store.revision() == 2
    assert_same(contents(store), expected(rows, settings()))
    store.close()
    constraints = {name for (name,) in asked(neo4j_server, "SHOW CONSTRAINTS YIELD name")}
    assert {name.removeprefix("schema/") for name in names("schema") if name.endswith("_key")} <= constraints


# Questions by hand


def test_query_reads_and_refuses_to_write(neo4j_server: servers.Server, store: Neo4jStore) -> None:
    add(store, table(ANN), {"salt": SALT})
    columns, rows = store.query("MATCH (t:Touchpoint {key: $key}) RETURN t, t.at AS at, t.value AS value", {"key": "3"})
    assert list(columns) == ["t", "at", "value"]
    assert rows[0][0]["labels"] == ["Touchpoint"]
    assert (rows[0][1].isoformat(), rows[0][2]) == ("2026-01-06T00:00:00", 20.0)
    columns, rows = store.query("MATCH p = (:Journey)-[:STARTS]->(:Touchpoint) RETURN p, {a: [1]} AS m", {})
    assert [part.get("type") or part["labels"][0] for part in rows[0][0]] == ["Journey", "STARTS", "Touchpoint"]
    for text in ("CREATE (:Touchpoint {key: 'x'})", "MATCH (n) DETACH DELETE n", "DROP CONSTRAINT user_key"):
        with pytest.raises(QueryError):
            store.query(text, {})
    with pytest.raises(QueryError, match="Invalid input"):
        store.query("MATCHH (n) RETURN n", {})
    assert asked(neo4j_server, "MATCH (t:Touchpoint) RETURN count(t)") == [[3]]


# Errors


def test_no_secret_stands_in_an_error_or_a_log(
    neo4j_server: servers.Server, neo4j_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host = neo4j_url.split("://")[1]
    monkeypatch.setenv("NEO4J_PASSWORD", "hunter2hunter2")
    store = open_store(f"bolt://spy:swordfish99@{host}")
    assert store.url == neo4j_url
    with pytest.raises(StoreUnavailable, match="refused the login") as refused:
        store.revision()
    store.close()
    texts = [str(refused.value), repr(store), caplog.text]
    with pytest.raises(StoreUnavailable, match="cannot be reached") as unreachable:
        open_store("bolt://spy:swordfish99@127.0.0.1:1").revision()
    texts.append(str(unreachable.value))
    with pytest.raises(StoreUnavailable, match="no URL"):
        Neo4jStore("ftp://spy:swordfish99@127.0.0.1")
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    monkeypatch.setenv("NEO4J_DATABASE", "elsewhere")
    with pytest.raises(StoreUnavailable, match="no database 'elsewhere'"):
        open_store(neo4j_url).revision()
    for secret in ("swordfish99", "hunter2hunter2", neo4j_server.password):
        assert not [text for text in texts if secret in text]


def test_a_failing_statement_is_named_and_its_data_is_not(store: Neo4jStore) -> None:
    add(store, table(ANN), {"salt": SALT})
    door: Door = store._door
    with pytest.raises(GraphsvcError, match="write/load_channels failed") as failed:
        door.execute("write/load_channels", rows=[{"key": "search", "name": "secret@example.org"}])
    assert "secret" not in str(failed.value)
    assert "search" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_no_revision_without_a_change_and_links_alone_make_one(store: Neo4jStore) -> None:
    assert add(store, table(ANN), {"salt": SALT}).revision == 1
    assert add(store, table(ANN), {}).revision == 1
    assert add(store, table([link("l", None, "cookie:1", "phone:1")]), {}).revision == 2
