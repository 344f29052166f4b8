"""The command line, as a person uses it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from graphsvc import cli
from graphsvc.answers import ANSWERS
from graphsvc.errors import StoreUnavailable
from graphsvc.stores import is_neo4j

from .command import graphsvc

EVENTS = """time,name,channel,email,cookie,value,currency
2026-01-01T10:00:00Z,ad,search,,c1,,
2026-01-02T10:00:00Z,visit,website,ann@example.org,c1,,
2026-01-03T10:00:00Z,buy,store,ann@example.org,,30,EUR
2026-01-01T12:00:00Z,ad,search,bob@example.org,,,
"""
MAPPING = '[settings]\ngoals = ["buy"]\n'


@pytest.fixture
def shop(tmp_path: Path, store_url: str) -> tuple[Path, str]:
    """A folder with one ingested file, and the URL of its store."""
    (tmp_path / "events.csv").write_text(EVENTS)
    (tmp_path / "plain.toml").write_text(PLAIN + MAPPING)
    graphsvc("ingest", "events.csv", "-m", "plain.toml", "--store", store_url, cwd=tmp_path)
    return tmp_path, store_url


PLAIN = """[columns]
time = "time"
name = "name"
channel = "channel"
value = "value"
currency = "currency"
[identifiers]
email = "email"
cookie = "cookie"
"""


def test_ingest_counts_what_came_and_again_adds_nothing(tmp_path: Path, store_url: str) -> None:
    (tmp_path / "events.csv").write_text(EVENTS + "yesterday,ad,search,eve@example.org,,,\n")
    first = json.loads(graphsvc("ingest", "events.csv", "--store", store_url, "--json", cwd=tmp_path))
    assert (first["rows"], first["new"], first["rejected"], first["revision"]) == (5, 4, 1, 1)
    reject = json.loads(Path(tmp_path, first["rejects_file"]).read_text())
    assert (Path(reject["file"]).name, reject["line"], reject["field"]) == ("events.csv", 6, "time")
    again = json.loads(graphsvc("ingest", "events.csv", "--store", store_url, "--json", cwd=tmp_path))
    assert (again["new"], again["duplicates"], again["revision"]) == (0, 4, 1)
    assert len(Path(tmp_path, first["rejects_file"]).read_text().splitlines()) == 1


def test_paths_and_transitions_as_json(shop: tuple[Path, str]) -> None:
    folder, store = shop
    paths = json.loads(graphsvc("paths", "--json", "--store", store, cwd=folder))
    assert [(row["path"], row["count"], row["converted"]) for row in paths["rows"]] == [
        (["ad"], 1, 0),
        (["ad", "visit", "buy"], 1, 1),
    ]
    transitions = json.loads(graphsvc("transitions", "--json", "--store", store, cwd=folder))
    assert [(row["source"], row["target"], row["median_seconds"]) for row in transitions["rows"]] == [
        ("ad", "visit", 86400.0),
        ("visit", "buy", 86400.0),
    ]


def test_tables_are_for_people(shop: tuple[Path, str]) -> None:
    folder, store = shop
    shown = graphsvc("paths", "--store", store, cwd=folder)
    assert "ad › visit › buy" in shown
    assert "50.0%" in shown
    assert "2 journeys of 2 users, 1 converted" in shown


def test_a_user_is_found_by_any_identifier(shop: tuple[Path, str]) -> None:
    folder, store = shop
    by_cookie = json.loads(graphsvc("user", "cookie:c1", "--json", "--store", store, cwd=folder))
    by_email = json.loads(graphsvc("user", "Ann@Example.org", "--json", "--store", store, cwd=folder))
    assert by_cookie == by_email
    (journey,) = by_email["journeys"]
    assert [touchpoint["name"] for touchpoint in journey["touchpoints"]] == ["ad", "visit", "buy"]
    assert (journey["outcome"], journey["value"], journey["currency"]) == ("converted", 30.0, "EUR")


def test_status_tells_what_the_graph_holds(shop: tuple[Path, str]) -> None:
    folder, store = shop
    now = json.loads(graphsvc("status", "--json", "--store", store, cwd=folder))
    assert now["counts"] == {
        "events": 4,
        "users": 2,
        "identifiers": 3,
        "links": 1,
        "journeys": 2,
        "touchpoints": 4,
        "channels": 3,
        "decisions": 0,
        "erasures": 0,
    }
    assert now["settings"]["goals"] == ["buy"]
    assert "salt" not in now["settings"], "with the salt, user keys could be guessed"
    assert str(now["data_to"]).startswith("2026-01-03")


def test_a_query_from_a_file(shop: tuple[Path, str]) -> None:
    folder, store = shop
    text = (
        "MATCH (t:Touchpoint) WHERE t.name = $name RETURN count(t) AS n"
        if is_neo4j(store)
        else "SELECT count(*) AS n FROM touchpoints WHERE name = $name"
    )
    (folder / "count.query").write_text(text)
    given = ("query", "count.query", "-p", "name=ad", "--store", store)
    assert json.loads(graphsvc(*given, "--json", cwd=folder)) == [{"n": 2}]
    (folder / "write.query").write_text("MATCH (n) DETACH DELETE n" if is_neo4j(store) else "DELETE FROM events")
    assert graphsvc("query", "write.query", "--store", store, cwd=folder, code=2).startswith("bad-query")


def test_a_map_is_one_file(shop: tuple[Path, str]) -> None:
    folder, store = shop
    graphsvc("map", "--out", "map.html", "--store", store, cwd=folder)
    page = (folder / "map.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "ann@example.org" not in page


def test_copy_resolve_and_forget(shop: tuple[Path, str]) -> None:
    folder, store = shop
    assert "4 events of 2 users" in graphsvc("copy", store, "copy.duckdb", cwd=folder)
    assert graphsvc("copy", store, "copy.duckdb", cwd=folder, code=4).startswith("target-not-empty")
    (folder / "settings.toml").write_text('split = "conversion"\ngoals = ["visit"]\n')
    assert "journeys: 2 → 3" in graphsvc("resolve", "--settings", "settings.toml", "--store", store, cwd=folder)
    assert graphsvc("forget", "--before", "2026-01-02", "--store", store, cwd=folder) == "2 events forgotten\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ingest", "missing.csv"], 2, "missing.csv"),
        (["ingest", "events.csv", "-m", "missing.toml"], 2, "missing.toml"),
        (["paths", "--steps", "0"], 2, "steps"),
        (["paths", "--segment", "nobody"], 2, "nobody"),
        (["transitions", "--channel", "webs"], 2, "website"),
        (["paths", "--via", "cypher"], 2, "Cypher"),
        (["user", "email:nobody@example.org"], 3, "nobody"),
        (["paths", "--store", "missing.duckdb"], 4, "missing.duckdb"),
        (["serve", "--host", "0.0.0.0"], 2, "GRAPHSVC_API_KEY"),
        (["query", "missing.cypher"], 2, "missing.cypher"),
    ],
)
def test_an_error_is_one_line_that_names_the_cause(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    graphsvc("ingest", "events.csv", cwd=tmp_path)
    line = graphsvc(*words, cwd=tmp_path, code=code)
    assert said in line
    assert "nobody@example.org" not in line, "an identifier has no place in an error"


def test_an_error_ends_the_process_with_its_code_and_one_line(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "graphsvc", "paths", "--store", "nowhere.duckdb"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (StoreUnavailable.exit_code, "")
    assert done.stderr.startswith("store-unavailable: there is no graph at nowhere.duckdb")
    assert done.stderr.count("\n") == 1


def test_every_command_has_help_with_an_example() -> None:
    whole = typer.main.get_command(cli.commands())
    found = list(each_command("graphsvc", whole))
    assert len(found) > 60
    for name, command in found:
        assert name in str(command.help).partition("Example")[2], f"{name} shows no example"


def each_command(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """All commands below a command, groups left out."""
    for word, below in getattr(command, "commands", {}).items():
        yield from each_command(f"{name} {word}", below)
    if not hasattr(command, "commands"):
        yield name, command


def test_a_first_word_leads_to_the_module_that_has_the_command() -> None:
    whole: Any = cli.commands()
    modules = {each.name or each.callback.__name__: each.callback.__module__ for each in whole.registered_commands}
    for group in whole.registered_groups:
        modules[group.name] = group.typer_instance.registered_commands[0].callback.__module__
    for word in ANSWERS:
        assert modules.pop(word) == "graphsvc.cli.answers"
    told = {word: f"graphsvc.cli.{module}" for module, words in cli._MODULES.items() for word in words}
    assert {word.replace("_", "-"): module for word, module in modules.items()} == told


def test_serve_answers_until_it_is_ended(shop: tuple[Path, str]) -> None:
    folder, store = shop
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "graphsvc", "serve", "--store", store, "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as service:
        try:
            found = _eventually(f"http://127.0.0.1:{port}/paths?steps=1")
        finally:
            service.terminate()
    assert [(row["path"], row["count"]) for row in found["rows"]] == [(["ad"], 2)]


def _eventually(url: str) -> Any:
    """The JSON behind a URL, once its server is up."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"{url} never answered")
