"""The commands that ask, on both stores: every answer, the journeys behind it, comparisons, segments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphsvc.stores import is_neo4j

from .command import graphsvc

MAPPING = """[columns]
time = "time"
name = "name"
channel = "channel"
stage = "stage"
sentiment = "mood"
question = "asked"
[identifiers]
customer_id = "who"
[traits]
age = "age"
[settings]
goals = ["buy"]
[settings.segments]
older = "age >= 50"
"""


def events() -> str:
    """30 older people who buy, 30 younger ones of whom six do."""
    lines = ["time,name,channel,stage,who,age,mood,asked"]
    for nth in range(60):
        older = nth % 2 == 0
        names = ["ad", "cart", "buy"] if older or nth % 10 == 1 else ["ad", "cart"]
        for hour, name in enumerate(names, start=10):
            channel, stage = ("web", "awareness") if name == "ad" else ("store", "purchase")
            mood, asked = {"ad": (0.5, ""), "cart": (0.1, ""), "buy": (-0.5, "Where is it?")}[name]
            who = f"u{nth},{60 if older else 20},{mood},{asked}"
            lines.append(f"2026-01-{1 + nth % 28:02}T{hour}:00:00Z,{name},{channel},{stage},{who}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def shop(tmp_path: Path, store_url: str) -> tuple[Path, str]:
    (tmp_path / "events.csv").write_text(events())
    (tmp_path / "shop.toml").write_text(MAPPING)
    graphsvc("ingest", "events.csv", "-m", "shop.toml", "--store", store_url, cwd=tmp_path)
    return tmp_path, store_url


def test_every_answer_in_words_and_as_json(shop: tuple[Path, str]) -> None:
    folder, store = shop
    (folder / "expected.toml").write_text(
        '[[step]]\nlabels = ["ad"]\n[[step]]\nlabels = ["cart"]\n[[step]]\nlabels = ["buy"]\n'
    )
    (folder / "spend.csv").write_text("label,amount\nweb,72\n")
    asked: list[tuple[list[str], str, float]] = [
        (["funnel", "--step", "ad", "--step", "cart?", "--step", "buy <= 7d"], "users", 60),
        (["attribution", "--model", "linear", "--spend", "@spend.csv"], "conversions", 18),
        (["conformance", "--step", "@expected.toml"], "journeys", 36),
        (["steps", "--depth", "1"], "journeys", 60),
        (["touches"], "first", 60),
        (["matrix"], "users", 60),
        (["feelings"], "users", 36),
        (["questions"], "users", 36),
        (["falls"], "users", 36),
        (["personas", "--clusters", "2"], "users", 36),
        (["paths", "--where", "around", "--around", "cart", "--steps", "1"], "count", 36),
    ]
    table = graphsvc("funnel", "--step", "ad", "--step", "buy", "--by", "older", "--store", store, cwd=folder)
    assert "funnel: older" in table
    assert "cart 24" in table  # what those who stopped did instead
    for words, key, first in asked[:2] if is_neo4j(store) else asked:  # each command starts a process
        found = json.loads(graphsvc(*words, "--json", "--store", store, cwd=folder))
        assert found["rows"][0][key] == first, words
        assert graphsvc(*words, "--store", store, cwd=folder)


def test_the_journeys_behind_a_number(shop: tuple[Path, str]) -> None:
    folder, store = shop
    words = ["journeys", "funnel", "--step", "ad", "--step", "buy", "--column", "stopped", "--identifiers"]
    found = json.loads(graphsvc(*words, "--json", "--store", store, cwd=folder))
    assert (found["number"], found["users"], len(found["shown"])) == (24, 24, 20)
    assert all(journey["identifiers"][0].startswith("customer_id:u") for journey in found["shown"])
    table = graphsvc(*words, "--limit", "2", "--store", store, cwd=folder)
    assert "2 of 24 journeys of 24 users" in table


def test_two_segments_side_by_side(shop: tuple[Path, str]) -> None:
    folder, store = shop
    words = ["compare", "paths", "--a", "older", "--b", "not older"]
    found = json.loads(graphsvc(*words, "--json", "--store", store, cwd=folder))
    row = next(row for row in found["rows"] if row["what"] == "ad > cart > buy")
    assert (row["users_a"], row["users_b"], row["significant"]) == (30, 6, True)
    assert "differs" in graphsvc(*words, "--store", store, cwd=folder)
    credit = ["compare", "attribution", "--model", "last", "--a", "older", "--b", "not older", "--confidence", "0.9"]
    assert json.loads(graphsvc(*credit, "--json", "--store", store, cwd=folder))["confidence"] == 0.9
    said = graphsvc("compare", "paths", "--a", "older", "--b", "age > 3", "--store", store, cwd=folder, code=2)
    assert "30 users are in both" in said


def test_the_report_as_a_page_and_as_json(shop: tuple[Path, str]) -> None:
    folder, store = shop
    said = graphsvc("report", "--out", "report.html", "--store", store, cwd=folder)
    assert "report.html: open it in a browser" in said
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    found = json.loads(graphsvc("report", "--json", "--segment", "older", "--store", store, cwd=folder))
    assert (found["figures"]["users"], found["figures"]["users_converted"]) == (30, 30)
    assert "between 0 and 1" in graphsvc("report", "--rate", "2", "--store", store, cwd=folder, code=2)


def test_segments_are_named_used_and_removed(shop: tuple[Path, str]) -> None:
    folder, store = shop
    graphsvc("segments", "set", "younger", "not older", "--store", store, cwd=folder)
    held = json.loads(graphsvc("segments", "list", "--json", "--store", store, cwd=folder))
    assert held == {"older": "age >= 50", "younger": "not older"}
    found = json.loads(graphsvc("paths", "--segment", "younger", "--json", "--store", store, cwd=folder))
    assert found["totals"]["users"] == 30
    said = graphsvc("segments", "remove", "older", "--store", store, cwd=folder, code=2)
    assert "no segment is named 'older'" in said  # the other one is made of it
    graphsvc("segments", "remove", "younger", "--store", store, cwd=folder)
    graphsvc("segments", "remove", "older", "--store", store, cwd=folder)
    assert json.loads(graphsvc("segments", "list", "--json", "--store", store, cwd=folder)) == {}


def test_a_question_that_cannot_be_asked(shop: tuple[Path, str]) -> None:
    folder, store = shop
    said = graphsvc("funnel", "--step", "ad", "--store", store, cwd=folder, code=2)
    assert "at least 2" in said
    said = graphsvc("funnel", "--step", "ad", "--step", "crat", "--store", store, cwd=folder, code=2)
    assert "did you mean 'cart'" in said
    said = graphsvc("steps", "--where", "around", "--store", store, cwd=folder, code=2)
    assert "around=LABEL" in said
