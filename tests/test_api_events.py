"""``POST /events`` in all its forms, and the jobs that large bodies become."""

from __future__ import annotations

import gzip
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from graphsvc.api import Options, create_app, jobs
from graphsvc.errors import InputError, StoreBusy, StoreError
from graphsvc.graph import Graph

from .graphs import fresh
from .test_api import ANN, problem

LINES = "".join(json.dumps(event) + "\n" for event in ANN)
CSV = (
    "time,name,channel,identifiers.cookie,identifiers.email,traits.age\n"
    "2026-01-01T10:00:00Z,ad,search,c1,,\n"
    "2026-01-02T10:00:00Z,visit,website,c1,ann@example.org,61\n"
)
BODIES = {"application/json": json.dumps(ANN), "application/x-ndjson": LINES, "text/csv; charset=utf-8": CSV}
MAPPING = """
source = "shop"
files = ["shop_*.csv"]
columns = { time = "when", name = "what" }
constants = { channel = "store" }
identifiers = { email = "mail" }
"""
ASYNC = {"Content-Type": "application/x-ndjson", "Prefer": "respond-async"}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "shop.toml").write_text(MAPPING)
    return Options(jobs=tmp_path / "jobs", mappings=tmp_path / "mappings", max_body=100_000)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        yield graph


@pytest.fixture
def client(graph: Graph, options: Options) -> Iterator[TestClient]:
    with TestClient(create_app(graph, options)) as client:
        yield client


def post(client: TestClient, body: Any, media: str, **more: Any) -> Any:
    return client.post("/events", content=body, headers={"Content-Type": media}, params=more)


def in_chunks(client: TestClient, chunks: list[bytes], media: str) -> int:
    """The status of a body that comes in chunks and does not tell its length."""
    status: list[int] = []
    left = iter(chunks)
    scope = {
        **{"type": "http", "method": "POST", "path": "/events", "query_string": b"", "root_path": "", "scheme": "http"},
        **{"headers": [(b"host", b"testserver"), (b"content-type", media.encode())], "client": ("testclient", 1)},
    }

    async def receive() -> dict[str, Any]:
        chunk = next(left, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    anyio.run(client.app, scope, receive, send)
    return status[0]


def ended(client: TestClient, url: str) -> dict[str, Any]:
    for _ in range(200):
        job: dict[str, Any] = client.get(url).json()
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


@pytest.mark.parametrize("media", BODIES)
def test_each_form_makes_the_same_events(client: TestClient, graph: Graph, tmp_path: Path, media: str) -> None:
    taken = post(client, BODIES[media], media).json()
    assert (taken["rows"], taken["new"], taken["rejected"], taken["revision"]) == (2, 2, 0, 1)
    again = post(client, gzip.compress(BODIES[media].encode()) if "json" not in media else BODIES[media], media).json()
    assert (again["new"], again["duplicates"], again["revision"]) == (0, 2, 1)
    with Graph(fresh(str(tmp_path / "other.duckdb"))) as other:
        other.add(ANN)
        assert other.status().counts == graph.status().counts
        assert other.paths(steps=2).rows == graph.paths(steps=2).rows
    assert list((tmp_path / "jobs").iterdir()) == [], "nothing of a body is left"


def test_json_and_json_lines_give_the_same_keys(client: TestClient) -> None:
    assert post(client, BODIES["application/json"], "application/json").json()["new"] == 2
    assert post(client, LINES, "application/x-ndjson").json()["duplicates"] == 2


def test_each_bad_record_is_named_and_not_quoted(client: TestClient, tmp_path: Path) -> None:
    nameless = {**ANN[0], "name": None, "identifiers": {"email": "eve@example.org"}}
    strange = {**ANN[0], "age": 3}
    body = [ANN[0], nameless, strange, 7, ANN[1]]
    as_json = post(client, json.dumps(body), "application/json")
    assert [(each["line"], each["field"]) for each in as_json.json()["rejects"]] == [(2, "name"), (3, "age"), (4, None)]
    assert as_json.json()["rejected"] == 3 and "eve@" not in as_json.text
    lines = "".join(json.dumps(each) + "\n" for each in body) + '{"broken\n'
    as_lines = post(client, lines, "application/x-ndjson").json()
    assert [each["line"] for each in as_lines["rejects"]] == [2, 3, 4, 6]
    table = post(client, CSV + "2026,,web,c1,,\nonly one\n", "text/csv").json()
    assert [each["line"] for each in table["rejects"]] == [4, 5]
    assert not any("eve@" in path.read_text(errors="ignore") for path in tmp_path.rglob("*reject*"))


def test_a_body_that_cannot_be_read_is_a_problem_without_a_path(client: TestClient, tmp_path: Path) -> None:
    post(client, LINES, "application/x-ndjson")
    for body, media in [
        ("{", "application/json"),
        ("[" * 100_000, "application/json"),
        (b"\xff", "application/json"),
        ("", "text/csv"),
        ("what,when\na,b\n", "text/csv"),
        (b"PK\x03\x04", "text/csv"),
        ("[]", "application/x-ndjson"),
    ]:
        answered = post(client, body, media)
        assert answered.status_code == 422 and str(tmp_path) not in answered.text, answered.text
    problem(post(client, "<a/>", "application/xml"), 415, "unsupported-body")
    problem(client.post("/events", content=b""), 415, "unsupported-body")
    assert post(client, "[]", "application/json").json()["rows"] == 0


def test_a_body_has_a_limit_with_and_without_a_length(client: TestClient, tmp_path: Path) -> None:
    problem(post(client, "x" * 100_001, "text/csv"), 413, "too-large")
    assert in_chunks(client, [b"x" * 10_000] * 11, "text/csv") == 413
    assert in_chunks(client, [line.encode() + b"\n" for line in LINES.splitlines()], "application/x-ndjson") == 200
    assert client.get("/paths", params={"steps": 2}).json()["rows"][0]["path"] == ["ad", "visit"]
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_gzipped_body_may_not_inflate_beyond_measure(client: TestClient) -> None:
    bomb = gzip.compress(LINES.encode() + b"\n" * 3_000_000)
    problem(post(client, bomb, "application/x-ndjson"), 413, "too-large")
    job = ended(client, client.post("/events", content=bomb, headers=ASYNC).headers["location"])
    assert job["error"].startswith("too-large: a gzipped body")
    assert client.get("/status").json()["revision"] == 0


def test_a_mapping_of_the_service_reads_foreign_columns(client: TestClient) -> None:
    table = "when,what,mail,till\n2026-01-01,buy,ann@example.org,3\n"
    taken = post(client, table, "text/csv", mapping="shop").json()
    assert taken["new"] == 1
    as_json = [{"when": "2026-01-02", "what": "visit", "mail": "ann@example.org"}]
    assert post(client, json.dumps(as_json), "application/json", mapping="shop").json()["new"] == 1
    assert client.get("/paths", params={"label": "channel:name", "steps": 2}).json()["rows"][0]["path"] == [
        "store:buy",
        "store:visit",
    ]
    assert "shop" in problem(post(client, table, "text/csv", mapping="shopp"), 404, "not-found")
    problem(post(client, table, "text/csv", mapping="../shop"), 422, "bad-query")


def test_a_large_body_becomes_a_job(graph: Graph, options: Options) -> None:
    with TestClient(create_app(graph, options.model_copy(update={"job_above": 100}))) as client:
        accepted = post(client, LINES + "{}\n", "application/x-ndjson")
        assert (accepted.status_code, accepted.headers["location"]) == (202, f"/jobs/{accepted.json()['id']}")
        job = ended(client, accepted.headers["location"])
        assert (job["state"], job["rows"], job["bytes"], job["bytes_total"]) == (
            "done",
            3,
            len(LINES) + 3,
            len(LINES) + 3,
        )
        assert (job["result"]["new"], [each["line"] for each in job["result"]["rejects"]]) == (2, [3])
        broken = ended(client, client.post("/events", content=b"[]", headers=ASYNC).headers["location"])
        assert broken["state"] == "failed" and broken["error"].startswith("unsupported-file: the body")
        assert [each["id"] for each in client.get("/jobs").json()] == [broken["id"], job["id"]]
        first = client.get("/jobs", params={"limit": 1})
        assert client.get(first.links["next"]["url"]).json() == [job]
        problem(client.get("/jobs/" + "0" * 24), 404, "not-found")
    assert options.jobs
    assert {path.suffix for path in options.jobs.iterdir()} == {".job"}, "bodies are gone"
    assert not any("ann@" in path.read_text() for path in options.jobs.iterdir())


def test_jobs_go_on_after_a_restart(
    graph: Graph, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first service is stopped while its jobs wait; one is caught in the middle of being read."""
    assert options.jobs
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "take_in", lambda *_, **__: (_ for _ in ()).throw(jobs._Stopped))
        with TestClient(create_app(graph, options)) as client:
            urls = [
                client.post("/events", content=body.encode(), headers=ASYNC).headers["location"]
                for body in (LINES, LINES.replace("c1", "c2").replace("ann@", "bob@"))
            ]
            assert client.get("/metrics").text.count("graphsvc_jobs 2.0") == 1
            with pytest.raises(StoreBusy, match="another service"), TestClient(create_app(graph, options)):
                pass
    held = sorted(options.jobs.iterdir())
    assert sorted(path.suffix for path in held) == [".job", ".job", ".jsonl", ".jsonl"]
    assert stat.S_IMODE(options.jobs.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in held} == {0o600}
    (options.jobs / f"{0:024x}.csv").touch()  # of a request that a killed service was receiving
    with TestClient(create_app(graph, options)) as client:
        assert [ended(client, url)["result"]["new"] for url in urls] == [2, 2]
        assert {path.suffix for path in options.jobs.iterdir()} == {".job"}
    with Graph(fresh(str(tmp_path / "other.duckdb"))) as other:
        other.add(ANN)
        other.add(json.loads(json.dumps(ANN).replace("c1", "c2").replace("ann@", "bob@")))
        assert graph.status().counts == other.status().counts


def test_a_folder_of_other_files_is_no_folder_of_jobs(graph: Graph, options: Options) -> None:
    assert options.jobs
    options.jobs.mkdir(mode=0o755)
    (options.jobs / "letters.csv").touch()
    with pytest.raises(InputError, match="other files"), TestClient(create_app(graph, options)):
        pass
    assert (options.jobs / "letters.csv").exists() and stat.S_IMODE(options.jobs.stat().st_mode) == 0o755


def test_a_job_whose_state_cannot_be_written_does_not_end_the_others(
    graph: Graph, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestClient(create_app(graph, options)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(jobs.Jobs, "_change", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
            lost = client.post("/events", content=LINES.encode(), headers=ASYNC).headers["location"]
            assert ended(client, lost)["error"].startswith("fault: graphsvc failed (OSError)")
        done = client.post("/events", content=LINES.encode(), headers=ASYNC).headers["location"]
        assert ended(client, done)["result"]["new"] == 2
        monkeypatch.setattr(jobs, "_MOST_WAITING", 0)
        problem(client.post("/events", content=LINES.encode(), headers=ASYNC), 429, "too-many-requests")
    assert options.jobs
    (options.jobs / f"{0:024x}.job").touch()
    (options.jobs / f"{0:024x}.csv").touch()
    with TestClient(create_app(graph, options)) as client:
        assert ended(client, lost)["result"]["duplicates"] == 2, "what was not taken in is, after a restart"
        assert {path.suffix for path in options.jobs.glob("000000000000000000000000.*")} == {".bad", ".csv"}


def test_a_job_waits_for_a_store_that_is_away(
    client: TestClient, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([StoreError("away"), StoreError("away"), None])
    ingest = graph.ingest

    def sometimes(*given: Any, **more: Any) -> Any:
        if error := next(refusals):
            raise error
        return ingest(*given, **more)

    monkeypatch.setattr(graph, "ingest", sometimes)
    monkeypatch.setattr(jobs, "_PAUSES", (0.01, 0.01))
    job = ended(client, client.post("/events", content=LINES.encode(), headers=ASYNC).headers["location"])
    assert job["result"]["new"] == 2


def test_a_fault_in_a_job_tells_no_data(
    client: TestClient, graph: Graph, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: Any, **__: Any) -> None:
        raise RuntimeError("ann@example.org")

    monkeypatch.setattr(graph, "ingest", fault)
    job = ended(client, client.post("/events", content=LINES.encode(), headers=ASYNC).headers["location"])
    assert (job["state"], job["error"]) == ("failed", "fault: graphsvc failed (RuntimeError)")
    assert "RuntimeError" in caplog.text and "ann@" not in caplog.text
