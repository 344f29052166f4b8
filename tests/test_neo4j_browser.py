"""What Neo4j Browser loads: each statement of it runs on the real server and finds something in the example graph."""

from __future__ import annotations

import html
import re
import sys
import threading
import zipfile
from pathlib import Path
from subprocess import run
from urllib.request import Request, urlopen

import graphsvc
from graphsvc import neo4j_browser as browser
from graphsvc.example import generate
from graphsvc.ingest import load_mapping

from . import neo4j_server as servers

LABELS = {"User", "Identifier", "Journey", "Touchpoint", "Channel", "Record", "Decision", "Erasure"}
TYPES = {"HAS", "TOOK", "STARTS", "NEXT", "VIA", "SEEN_WITH"}


def guided() -> dict[str, list[str]]:
    """The statements of the guide by the heading they stand under."""
    _, *slides = re.split(r"^== ", browser.guide().read_text(encoding="utf-8"), flags=re.MULTILINE)
    listing = re.compile(r"^\[source,cypher\]\n----\n(.*?);\n----$", re.DOTALL | re.MULTILINE)
    return {slide.splitlines()[0]: listing.findall(slide) for slide in slides}


def test_each_statement_finds_something_in_the_example(
    neo4j_server: servers.Server, neo4j_url: str, tmp_path: Path
) -> None:
    example = generate(tmp_path, events=1_000, seed=1)
    with graphsvc.open(neo4j_url) as graph:
        graph.ingest([*example.files.values()], [load_mapping(path) for path in example.mappings.values()])
    statements = {path.name: path.read_text(encoding="utf-8").rstrip(";\n") for path in browser.saved()}
    for heading, said in guided().items():
        statements |= {f"{heading} ({number})": text for number, text in enumerate(said, start=1)}
    with neo4j_server.driver() as driver, driver.session(database=neo4j_server.database) as session:
        found = {name: len(list(session.run(text))) for name, text in statements.items()}
        known = {row["label"] for row in session.run("CALL db.labels() YIELD label")}
    assert [name for name, rows in found.items() if not rows] == []
    assert len(found) >= 24
    assert known >= LABELS - {"Decision", "Erasure"}


def test_the_guide_has_eight_steps_with_a_statement_each() -> None:
    steps = guided()
    assert [heading.split(".")[0] for heading in steps] == list("12345678")
    assert all(steps.values())


def test_saved_statements_have_titles_and_take_no_parameters() -> None:
    """A favourite's title is its first comment line; a parameter would have to be set before a click works."""
    titles = [path.read_text(encoding="utf-8").splitlines()[0] for path in browser.saved()]
    assert all(re.match(r"// [A-Z].{1,30}\?$", title) for title in titles), "what the drawer has room for"
    assert len(set(titles)) == len(titles) >= 12
    assert not any("$" in path.read_text(encoding="utf-8") for path in browser.saved())


def test_the_style_names_each_label_and_relationship_type() -> None:
    rules = re.findall(r"^(node|relationship)(?:\.(\w+))? \{\n((?:  [\w-]+: [^;\n]+;\n)+)\}$", text := _style(), re.M)
    assert {name for kind, name, _ in rules if kind == "node" and name} == LABELS
    assert {name for kind, name, _ in rules if kind == "relationship" and name} == TYPES
    assert text.count("{\n") == len(rules), "each rule is well formed"


def _style() -> str:
    return browser.style().read_text(encoding="utf-8")


def test_setup_tells_paths_that_exist_and_packs_the_statements(tmp_path: Path) -> None:
    said = run([sys.executable, "-m", "graphsvc", "neo4j-setup"], capture_output=True, text=True, check=True).stdout
    paths = [Path(line.split(": ")[1]) for line in said.splitlines() if line[:1].strip()]
    assert [path.name for path in paths] == ["guide.adoc", "saved", "style.grass"]
    assert all(path.exists() for path in paths)
    browser.write_zip(tmp_path / "saved.zip")
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        assert archive.namelist() == [f"graphsvc/{path.name}" for path in browser.saved()]


def test_the_guide_as_html_holds_the_same_statements() -> None:
    page = browser.guide_html()
    assert page.count("<slide ") == 8
    statements = re.findall(r"<pre [^>]+>(.*?);?</pre>", page, re.DOTALL)
    assert [html.unescape(text) for text in statements] == [text for said in guided().values() for text in said]
    words = html.unescape(re.sub("<pre.*?</pre>|<[^>]+>", "", page, flags=re.DOTALL))
    assert "graphsvc calls those open, and" in words, "no mark of AsciiDoc is left"
    assert not re.search(r"`|----|\[source|^=", words, re.MULTILINE)


def test_the_guide_is_served_to_a_page_of_another_origin() -> None:
    """A browser asks first whether it may: Neo4j Browser sends headers of its own."""
    with browser.server(0) as running:
        threading.Thread(target=running.serve_forever).start()
        asked = Request(f"http://localhost:{running.server_port}/guide.adoc", method="OPTIONS")
        with urlopen(asked) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Headers"] == "*"
        with urlopen(f"http://localhost:{running.server_port}/guide.html") as answer:
            assert answer.read().decode() == browser.guide_html()
        with urlopen(f"http://localhost:{running.server_port}/guide.adoc") as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.read() == browser.guide().read_bytes()
        running.shutdown()
