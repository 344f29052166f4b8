"""The HTTP service, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from graphsvc.api import Options, create_app, demand_keys
from graphsvc.api.events import MAX_ARRAY
from graphsvc.api.guard import MAX_BODY
from graphsvc.api.keys import Keys
from graphsvc.errors import InputError
from graphsvc.graph import Graph
from graphsvc.stores import is_neo4j, open_store

from .graphs import fresh

ANN = [
    {"time": "2026-01-01T10:00:00Z", "name": "ad", "channel": "search", "identifiers": {"cookie": "c1"}},
    {
        "time": "2026-01-02T10:00:00Z",
        "name": "visit",
        "channel": "website",
        "identifiers": {"cookie": "c1", "email": "ann@example.org"},
        "traits": {"age": 61},
    },
]


@pytest.fixture
def client(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.chdir(tmp_path)  # where jobs wait, of a graph on Neo4j
    with Graph(fresh(store_url)) as graph, TestClient(create_app(graph)) as client:
        yield client


def problem(response: Any, status: int, code: str) -> str:
    """Assert the one shape of every error; its detail."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert (response.status_code, body["status"], body["type"]) == (status, status, f"urn:graphsvc:{code}")
    return str(body["detail"])


def test_from_events_to_answers(client: TestClient) -> None:
    added = client.post(
        "/events", json=[*ANN, {"name": "visit", "channel": "website", "identifiers": {"cookie": "c1"}}]
    )
    assert added.status_code == 200
    body = added.json()
    assert (body["rows"], body["new"], body["revision"]) == (3, 2, 1)
    assert [(each["line"], each["field"]) for each in body["rejects"]] == [(3, "time")]
    assert client.post("/events", json=ANN).json()["duplicates"] == 2

    paths = client.get("/paths", params={"steps": 2}).json()
    assert [(row["path"], row["count"]) for row in paths["rows"]] == [(["ad", "visit"], 1)]
    assert paths["revision"] == 1
    (transition,) = client.get("/transitions").json()["rows"]
    assert (transition["source"], transition["target"], transition["median_seconds"]) == ("ad", "visit", 86400.0)

    key = client.post("/users/lookup", json={"identifier": "email:ann@example.org"}).json()["key"]
    user = client.get(f"/users/{key}/journeys").json()
    assert user["traits"] == {"age": 61}
    assert [touchpoint["name"] for touchpoint in user["journeys"][0]["touchpoints"]] == ["ad", "visit"]


def test_filters_are_query_parameters(client: TestClient) -> None:
    client.post("/events", json=ANN)
    assert client.get("/paths", params={"segment": "age >= 50", "label": "channel"}).json()["rows"][0]["path"] == [
        "search",
        "website",
    ]
    assert client.get("/paths", params={"segment": "age < 50"}).json()["rows"] == []
    assert client.get("/paths", params=[("exclude", "ad"), ("exclude", "visit")]).json()["totals"]["counted"] == 0


def test_frame_and_cypher_give_the_same_rows(client: TestClient, store_url: str) -> None:
    client.post("/events", json=ANN)
    by_cypher = client.get("/paths", params={"via": "cypher"})
    if is_neo4j(store_url):
        assert by_cypher.json() == client.get("/paths", params={"via": "frame"}).json()
    else:
        problem(by_cypher, 422, "cypher-unsupported")


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json() == {"status": "ready", "revision": 0}


def test_before_the_first_event_answers_say_so(client: TestClient) -> None:
    assert "no graph" in problem(client.post("/users/lookup", json={"identifier": "email:a@x.org"}), 404, "not-found")


def test_errors_are_problems_that_say_what_is_allowed(client: TestClient) -> None:
    client.post("/events", json=ANN)
    assert "steps" in problem(client.get("/paths", params={"steps": 0}), 422, "bad-query")
    assert "website" in problem(client.get("/paths", params={"channel": "websit"}), 422, "unknown-name")
    assert "topp" in problem(client.get("/paths", params={"topp": 3}), 422, "bad-query")
    said = problem(client.post("/users/lookup", json={"identifier": "email:eve@example.org"}), 404, "not-found")
    assert "eve" not in said
    problem(client.get("/users/" + "0" * 32 + "/journeys"), 404, "not-found")
    problem(client.get("/nothing"), 404, "http")
    problem(client.post("/events", json={"name": "ad"}), 422, "bad-input")


def test_a_fault_of_ours_is_a_problem_without_data(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any) -> None:
        raise RuntimeError("ann@example.org")

    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        monkeypatch.setattr(graph, "lookup", fault)
        client = TestClient(create_app(graph), raise_server_exceptions=False)
        answered = client.post("/users/lookup", json={"identifier": "email:ann@example.org"})
    assert problem(answered, 500, "fault") == "graphsvc failed (RuntimeError); its log says where"


def test_a_body_has_limits(client: TestClient) -> None:
    as_json = {"Content-Type": "application/json"}
    too_long = client.post("/events", content=b" " * (MAX_ARRAY + 1), headers=as_json)
    assert "JSON lines" in problem(too_long, 413, "too-large")
    for path in ("/users/lookup", "/erase", "/sign-in", "/people"):
        problem(client.post(path, content=b" " * (MAX_BODY + 1), headers=as_json), 413, "too-large")
    assert client.post("/match", content=b" " * (MAX_BODY + 1), headers=as_json).status_code == 422


def test_the_map_is_a_page(client: TestClient) -> None:
    client.post("/events", json=ANN)
    page = client.get("/map")
    assert page.headers["content-type"].startswith("text/html")
    assert "ann@example.org" not in page.text


def test_openapi_describes_each_answer(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {
        "/events",
        "/paths",
        "/transitions",
        "/users/lookup",
        "/users/{key}/journeys",
        "/healthz",
        "/readyz",
    } <= set(paths)
    described = {each["name"]: each for each in paths["/paths"]["get"]["parameters"]}
    assert {"segment", "steps", "via", "collapse"} <= set(described)
    assert all(each.get("description") for each in described.values())
    assert paths["/paths"]["get"]["operationId"] == "paths"


def test_the_manual_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "/static-offline-docs/" in page
    assert "http://" not in page
    assert "https://" not in page


def test_with_a_key_each_request_must_bring_it(tmp_path: Any) -> None:
    with (
        Graph(fresh(str(tmp_path / "g.duckdb"))) as graph,
        TestClient(create_app(graph, Options(keys=Keys.of(admin="open sesame")))) as client,
    ):
        problem(client.get("/paths"), 401, "unauthorized")
        problem(client.get("/paths", headers={"X-API-Key": "wrong"}), 401, "unauthorized")
        assert client.get("/paths", headers={"X-API-Key": "open sesame"}).status_code == 200
        for path in ("/healthz", "/docs", "/static-offline-docs/swagger-ui.css"):
            assert client.get(path).status_code == 200


def test_without_a_key_only_this_machine_is_served(tmp_path: Any) -> None:
    with Graph(fresh(str(tmp_path / "g.duckdb"))) as graph, TestClient(create_app(graph)) as client:
        assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
    with pytest.raises(InputError, match="GRAPHSVC_API_KEY"):
        demand_keys("0.0.0.0", Keys())
    demand_keys("0.0.0.0", Keys.of(read="secret"))
    demand_keys("127.0.0.1", Keys())


def test_a_service_follows_what_others_write(client: TestClient, store_url: str) -> None:
    client.post("/events", json=ANN)
    before = client.get("/paths", params={"steps": 1}).json()
    if is_neo4j(store_url):  # another process may; an embedded file is held by the service
        with Graph(open_store(store_url)) as other:
            other.add([{**ANN[0], "time": "2026-02-01T10:00:00Z", "identifiers": {"email": "b@example.org"}}])
        client.get("/transitions")  # whoever finds the frame stale has it loaded anew
    after = client.get("/paths", params={"steps": 1}).json()
    more = int(is_neo4j(store_url))
    assert after["revision"] == before["revision"] + more
    assert sum(row["count"] for row in after["rows"]) == 1 + more


def test_every_counting_answer_and_what_is_behind_it(client: TestClient) -> None:
    client.post("/events", json=ANN)
    funnel = client.get("/funnel", params=[("step", "ad"), ("step", "visit <= 2d")]).json()
    assert [row["users"] for row in funnel["rows"]] == [1, 1]
    steps = client.get("/steps", params={"where": "end", "depth": 1}).json()
    assert [(row["kind"], row["label"]) for row in steps["rows"]][-1] == ("open", "open")
    assert client.get("/touches").json()["rows"][0]["label"] == "search"
    assert {row["channel"] for row in client.get("/matrix").json()["rows"]} == {"search", "website"}
    behind = client.get("/touches/journeys", params={"row": 1, "column": "first"}).json()
    assert (behind["number"], behind["shown"][0]["path"]) == (1, ["search", "website"])
    problem(client.get("/funnel", params={"step": "ad"}), 422, "bad-query")
    problem(client.get("/paths/journeys", params={"row": 9}), 422, "bad-query")


def test_the_report(client: TestClient) -> None:
    client.post("/events", json=ANN)
    assert client.get("/report").json()["figures"]["users"] == 1
    page = client.get("/report", params={"format": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "ann@example.org" not in page.text
    problem(client.get("/report", params={"rate": 2}), 422, "bad-query")


def test_segments_and_comparisons(client: TestClient) -> None:
    bob = [{**event, "identifiers": {"cookie": "c2"}, "traits": {"age": 30}} for event in ANN]
    client.post("/events", json=[*ANN, *bob])
    assert client.put("/segments/older", json={"predicate": "age >= 50"}).json() == {"revision": 2}
    assert client.get("/segments").json() == {"older": "age >= 50"}
    compared = client.get("/paths/compare", params={"a": "older", "b": "not older"}).json()
    assert (compared["a"]["users"], compared["b"]["users"], compared["rows"][0]["test"]) == (1, 1, "fisher")
    problem(client.get("/paths/compare", params={"a": "older", "b": "age > 3"}), 422, "bad-query")
    problem(client.put("/segments/bad", json={"predicate": "age >="}), 422, "bad-query")
    assert client.delete("/segments/older").json() == {"revision": 3}
    problem(client.delete("/segments/older"), 422, "unknown-name")
