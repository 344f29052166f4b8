"""The demo tells the same story on both stores; on Neo4j without the journey frame, which only the picture needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from graphsvc import demo
from graphsvc.stores import is_neo4j
from graphsvc.stores.neo4j import Neo4jStore

from .graphs import fresh


def test_the_demo_runs_on_each_store(
    store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(store_url).close()
    picture = tmp_path / "pictures" / "map.html"
    if is_neo4j(store_url):

        def never(_: Any) -> None:
            raise AssertionError("the frame is switched off")

        monkeypatch.setattr(Neo4jStore, "frame", never)
        monkeypatch.setattr(demo, "_draw", lambda _, path: path.parent.mkdir())
    demo.run(store_url, tmp_path / "demo", picture, events=2_000)
    said = capsys.readouterr().out
    for told in (
        r"rows of 12 files: \d,\d\d\d new events",
        r"instagram_ad_view › ",
        "transitions",
        " serve --store ",
        "map.html",
    ):
        assert re.search(told, said), f"{told} is missing in:\n{said}"
    assert is_neo4j(store_url) or "<html" in picture.read_text(encoding="utf-8")
