"""The numbers for Prometheus about the journey frame: which revision it holds, how old it is, how large."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from graphsvc.api import create_app
from graphsvc.graph import Graph

from .graphs import fresh
from .test_api import ANN


def numbers(client: TestClient) -> dict[str, float]:
    """The numbers that have no labels."""
    lines = (line.split(" ") for line in client.get("/metrics").text.splitlines() if line.startswith("graphsvc_"))
    return {name.removeprefix("graphsvc_"): float(value) for name, value in lines if "{" not in name}


def test_the_journey_frame_says_its_revision_age_and_size(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        client = TestClient(create_app(graph))  # not started, so that nothing loads the frame beside
        none = numbers(client)
        assert (none["frame_revision"], none["frame_age_seconds"], none["frame_bytes"]) == (0, 0, 0)

        client.get("/paths")
        read = numbers(client)
        assert read["frame_revision"] == read["revision"] == graph.revision()
        assert 0 < read["frame_age_seconds"] < numbers(client)["frame_age_seconds"]
        frame = graph.frame()
        columns = (frame.times, frame.values, frame.name.codes, frame.channel.codes, frame.stage.codes, frame.user)
        assert sum(column.nbytes for column in columns) < read["frame_bytes"] < 10_000
        client.get("/feelings")  # reads a detail of all touchpoints
        assert numbers(client)["frame_bytes"] > read["frame_bytes"]

        graph.add([{**ANN[0], "time": "2026-02-01"}])
        behind = numbers(client)
        assert (behind["frame_revision"], behind["revision"]) == (read["revision"], graph.store.revision())
        client.get("/paths")
        renewed = numbers(client)
        assert renewed["frame_revision"] == behind["revision"] > behind["frame_revision"]
        assert renewed["frame_age_seconds"] < behind["frame_age_seconds"]

        graph.drop_frame()
        assert numbers(client)["frame_bytes"] == 0
