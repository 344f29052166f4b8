"""What an erasure leaves in the files of each engine, looked at byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphsvc.graph import Graph
from graphsvc.rulings import KEY_VARIABLE
from graphsvc.stores import is_neo4j, open_store

from . import neo4j_server as servers
from .graphs import fresh

RAW = ("zaphod.beeblebrox@heart-of-gold.example", "+491709988776", "heartofgold-4711", "two-headed-president")


def holding(files: list[Path]) -> dict[str, list[str]]:
    """Which files hold which raw values."""
    found: dict[str, list[str]] = {}
    for file in files:
        content = file.read_bytes()
        for value in RAW:
            if value.encode() in content or value.encode("utf-16-le") in content:
                found.setdefault(value, []).append(file.name)
    return found


def test_the_files_of_the_store_hold_nothing_of_who_was_erased(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")
    fresh(store_url).close()
    events = tmp_path / "events.csv"
    email, phone, cookie, trait = RAW
    rows = [f"2026-01-{day:02},visit,web,cookie-of-{day},,,other" for day in range(1, 29)]
    rows += [f"2026-02-01,visit,web,{cookie},{email},{phone},{trait}", f"never,visit,web,{cookie},{email},,"]
    events.write_text("time,name,channel,cookie,email,phone,traits.note\n" + "\n".join(rows) + "\n")
    rejects = tmp_path / "rejects.jsonl"
    with Graph(open_store(store_url)) as graph:
        graph.ingest(events, rejects=rejects)
    assert set(holding(files_of(store_url, rejects))) == set(RAW), "they can be found before, so the search works"
    with Graph(open_store(store_url)) as graph:
        report = graph.people.erase(f"email:{email}", rejects=rejects)
    left = holding(files_of(store_url, rejects))
    if is_neo4j(store_url):
        assert left, "should Neo4j learn to forget at once, say so in the docs"
        assert any("transaction logs" in text for text in report.left), "what is left is told"
        assert holding([rejects]) == {}
    else:
        assert left == {}


def files_of(store_url: str, rejects: Path) -> list[Path]:
    """All files of a store that this machine can read."""
    folder = Path(store_url).parent
    if is_neo4j(store_url):
        server = servers.Server.given()
        assert server is not None
        with server.driver() as driver:
            asked = "SHOW SETTINGS 'server.directories.data' YIELD value"
            folder = Path(driver.execute_query(asked, database_="system").records[0]["value"])
    return [file for file in [*folder.rglob("*"), rejects] if file.is_file() and file.stat().st_size < 300_000_000]
