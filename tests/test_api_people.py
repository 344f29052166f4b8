"""The endpoints about who is who, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from graphsvc.api import create_app
from graphsvc.graph import Graph
from graphsvc.matching import Matches
from graphsvc.people import People
from graphsvc.rulings import KEY_VARIABLE

from .graphs import assert_same, contents, fresh
from .test_api import problem
from .test_cli_people import BAD_RULES

ANN = [
    {"time": "2026-03-01T09:00:00Z", "name": "login", "identifiers": {"cookie": "c-17", "customer_id": "17"}},
    {"time": "2026-03-02T20:00:00Z", "name": "click", "identifiers": {"cookie": "c-17", "email": "bob@example.org"}},
    {"time": "2026-03-03T18:00:00Z", "name": "buy", "identifiers": {"customer_id": "18", "email": "bob@example.org"}},
    {"time": "2026-03-04T12:00:00Z", "name": "question", "identifiers": {"email": "ann@example.org"}},
    {"time": "2026-03-05T10:00:00Z", "name": "fitting", "identifiers": {"customer_id": "17", "device_id": "till-2"}},
    {"time": "2026-03-05T11:00:00Z", "name": "fitting", "identifiers": {"customer_id": "18", "device_id": "till-2"}},
]
EVENTS: list[dict[str, Any]] = [{**row, "channel": "web"} for row in ANN] + [
    {"kind": "link", "identifiers": {"customer_id": "17", "loyalty_card": "4711"}}
]
TOGETHER = {"a": "email:ann@example.org", "b": "customer_id:17"}
NOBODY = {"a": "email:nobody@example.org", "b": "customer_id:17"}


class Asked(TestClient):
    """A client that keeps the URLs that it asked for."""

    graph: Graph
    urls: list[str]

    def request(self, method: str, url: Any, **more: Any) -> Any:
        answered = super().request(method, url, **more)
        self.urls.append(str(answered.request.url))
        return answered

    def contents(self) -> dict[str, Any]:
        return contents(self.graph.store)


@pytest.fixture
def client(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """The service over the graph of Ann (customer 17) and Bob (customer 18); no URL may hold an identifier."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")
    with Graph(fresh(store_url)) as graph, Asked(create_app(graph)) as client:
        client.graph, client.urls = graph, []
        assert client.post("/events", json=EVENTS).json()["new"] == len(EVENTS)
        yield client
    for url in client.urls:
        assert not any(value in url for row in EVENTS for value in row["identifiers"].values() if len(value) > 2), url


def key_of(client: Asked, identifier: str) -> str:
    return str(client.post("/users/lookup", json={"identifier": identifier}).json()["key"])


def test_the_rules_and_what_others_would_change(client: Asked) -> None:
    held = client.get("/rules").json()
    assert held["rules"]["types"]["customer_id"]["unique"] is True
    assert held["in_words"][0].startswith("customer_id: priority 1")
    before = client.contents()
    foreseen = client.post("/rules/preview", json={"rules": {"types": {"device_id": {"shared_at": 0}}}}).json()
    assert (foreseen["shared_before"], foreseen["shared_after"]) == (1, 0)
    assert foreseen["revision"] == 1
    assert_same(client.contents(), before)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"typos": {}}, "typos"),
        ({"types": {"email": {"limits": 3}}}, "types.email.limits"),
        ({"types": {"email": {"unique": True, "limit": 3}}}, BAD_RULES["unique with limit"][1]),
        ({"types": {"email": {"blocked": ["a("]}}}, BAD_RULES["a broken expression"][1]),
        ({"types": {"email": {"blocked": ["(?=a)b"]}}}, BAD_RULES["look-around"][1]),
        ({"types": {"email": {"blocked": ["a*"]}}}, BAD_RULES["matches everything"][1]),
    ],
)
def test_bad_rules_are_a_problem_that_says_where(tmp_path: Path, rules: dict[str, Any], says: str) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph, TestClient(create_app(graph)) as client:
        assert says in problem(client.post("/rules/preview", json={"rules": rules}), 422, "bad-query")


def test_explain_says_why_and_why_not(client: Asked) -> None:
    together = client.post("/explain", json={"a": "email:bob@example.org", "b": "customer_id:18"}).json()
    assert (together["same"], len(together["chain"]), together["chain"][0]["count"]) == (True, 1, 1)
    apart = client.post("/explain", json={"a": "customer_id:17", "b": "customer_id:18"}).json()
    assert apart["answer"] == "They are two people: a user has at most one customer_id."
    assert [step["accepted"] for step in apart["chain"]] == [True, False, True]


def test_decisions_are_made_listed_and_removed(client: Asked) -> None:
    before = client.contents()
    made = client.post("/decisions", json={**TOGETHER, "verdict": "same", "reason": "she said so"}).json()
    (decision,) = made["decisions"]
    assert (decision["kind"], decision["reason"], made["revision"]) == ("same", "she said so", 2)
    assert client.get("/decisions").json() == [decision]
    assert client.post("/explain", json=TOGETHER).json()["same"]
    conflict = client.post("/decisions", json={**TOGETHER, "verdict": "different"})
    assert "decisions list" in problem(conflict, 409, "decision-conflict")
    removed = client.delete(f"/decisions/{decision['key']}").json()
    assert (removed["decisions"], client.get("/decisions").json()) == ([decision], [])
    assert_same(client.contents(), before)
    problem(client.delete(f"/decisions/{decision['key']}"), 404, "not-found")
    problem(client.delete("/decisions/email:ann@example.net"), 422, "bad-query")


def test_different_parts_what_events_show_together(client: Asked) -> None:
    pair = {"a": "cookie:c-17", "b": "customer_id:17"}
    client.post("/decisions", json={**pair, "verdict": "different"})
    assert not client.post("/explain", json=pair).json()["same"]
    refused = client.post("/decisions", json={**pair, "verdict": "maybe"})
    assert "same" in problem(refused, 422, "bad-query")


def test_a_stated_link_is_withdrawn_and_comes_back(client: Asked) -> None:
    before = client.contents()
    pair = {"a": "customer_id:17", "b": "loyalty_card:4711"}
    (decision,) = client.post("/decisions/withdraw", json={**pair, "reason": "typing error"}).json()["decisions"]
    assert (decision["kind"], decision["reason"]) == ("withdrawn", "typing error")
    assert client.post("/explain", json=pair).json()["chain"][0]["reason"] == "withdrawn"
    client.delete(f"/decisions/{decision['key']}")
    assert_same(client.contents(), before)
    seen = client.post("/decisions/withdraw", json={"a": "cookie:c-17", "b": "customer_id:17"})
    assert "decide different" in problem(seen, 404, "not-found")


def test_what_nobody_has_is_a_problem_that_does_not_repeat_it(client: Asked) -> None:
    before = client.contents()
    for path, body in [
        ("/explain", NOBODY),
        ("/decisions", {**NOBODY, "verdict": "same"}),
        ("/decisions/withdraw", NOBODY),
        ("/erase", {"target": NOBODY["a"], "dry_run": False}),
        ("/identity-map", {"identifier": NOBODY["a"]}),
    ]:
        assert "nobody@" not in problem(client.post(path, json=body), 404, "not-found"), path
    problem(client.get("/keys/" + "0" * 32), 404, "not-found")
    problem(client.get("/keys/email:ann@example.net"), 422, "bad-query")
    assert_same(client.contents(), before)


def test_erase_is_a_dry_run_unless_said_otherwise(client: Asked) -> None:
    before, former = client.contents(), key_of(client, "email:ann@example.org")
    target = {"target": "email:ann@example.org"}
    dry = client.post("/erase", json=target).json()
    assert (dry["done"], dry["record"], dry["identifiers"], dry["events"]) == (False, None, 1, 1)
    assert_same(client.contents(), before)

    gone = client.post("/erase", json={**target, "dry_run": False})
    body = gone.json()
    assert (body["done"], body["identifiers"], body["events"], body["revision"]) == (True, 1, 1, 2)
    assert "ann@" not in gone.text and body["left"]
    assert "ann@" not in str([table.to_dicts() for table in client.contents().values()])
    assert client.get(f"/keys/{former}").json()["state"] == "erased"
    problem(client.get(f"/users/{former}/journeys"), 404, "not-found")
    problem(client.post("/erase", json={**target, "dry_run": False}), 409, "erased-already")
    again = client.post("/events", json=EVENTS).json()
    assert (again["new"], again["duplicates"]) == (0, len(EVENTS) - 1)
    problem(client.post("/users/lookup", json={"identifier": target["target"]}), 404, "not-found")


def test_answers_forget_who_was_erased(client: Asked) -> None:
    assert client.get("/paths", params={"steps": 1}).json()["totals"]["users"] == 3
    client.post("/erase", json={"target": "customer_id:18", "dry_run": False})
    assert client.get("/paths", params={"steps": 1}).json()["totals"]["users"] == 2


def test_erasing_needs_the_key_and_then_writing_does(client: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"target": "email:ann@example.org", "dry_run": False}
    before = client.contents()
    monkeypatch.delenv(KEY_VARIABLE)
    assert KEY_VARIABLE in problem(client.post("/erase", json=wanted), 503, "erasure-key-missing")
    assert_same(client.contents(), before)
    monkeypatch.setenv(KEY_VARIABLE, "the first key 0123456789")
    client.post("/erase", json=wanted)
    monkeypatch.setenv(KEY_VARIABLE, "another key 0123456789")
    problem(client.post("/events", json=EVENTS), 503, "erasure-key-missing")
    problem(client.post("/decisions", json={**TOGETHER, "verdict": "same"}), 503, "erasure-key-missing")
    assert client.get("/paths").status_code == 200, "reading needs no key"


def test_a_shared_value_is_nobody_to_erase(client: Asked) -> None:
    said = problem(client.post("/erase", json={"target": "device_id:till-2", "dry_run": False}), 409, "cannot-erase")
    assert key_of(client, "customer_id:17") in said and "till-2" not in said


def test_an_old_key_leads_to_todays_user(client: Asked) -> None:
    ann, other = key_of(client, "customer_id:17"), key_of(client, "email:ann@example.org")
    assert client.get(f"/keys/{ann}").json() == {"key": ann, "state": "current", "users": [ann], "revision": 1}
    client.post("/decisions", json={**TOGETHER, "verdict": "same"})
    moved = client.get(f"/keys/{other}").json()
    assert (moved["state"], moved["users"]) == ("moved", [ann])


def test_quality_shows_no_identifier(client: Asked) -> None:
    answered = client.get("/quality", params={"top": 5})
    found = answered.json()
    assert (found["users"], found["shared_identifiers"], found["shows_identifiers"]) == (3, 1, False)
    assert "till-2" not in answered.text and "bob@" not in answered.text
    problem(client.get("/quality", params={"top": 0}), 422, "bad-query")


def test_a_list_to_match_may_begin_with_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people: list[dict[str, str | None]] = [{"identifier": f"customer_id:{number}"} for number in range(150)]
    people.append({"identifier": "email:ann@example.org", "phone": "5550101", "city": None})
    seen: list[pl.DataFrame] = []

    def matched(_: People, table: pl.DataFrame, **__: Any) -> Matches:
        seen.append(table)
        return Matches(records=len(table), links=0, review=0, former=0, erased=0, notes=[], revision=1)

    monkeypatch.setattr(People, "match", matched)
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph, TestClient(create_app(graph)) as client:
        assert client.post("/match", json={"people": people, "name": "list"}).json()["records"] == 151
        assert seen[0].columns == ["identifier", "phone", "city"]
        assert seen[0]["city"].dtype == pl.String
        assert seen[0]["phone"].drop_nulls().to_list() == ["5550101"]
        wide = [{f"field {number}": "x" for number in range(51)}]
        problem(client.post("/match", json={"people": wide, "name": "list"}), 422, "bad-input")


def test_the_identity_map_is_a_page(client: Asked) -> None:
    page = client.post("/identity-map", json={"identifier": "customer_id:17"})
    assert page.headers["content-type"].startswith("text/html")
    assert "c-17" in page.text, "it is one person's, so it names the identifiers"


def test_openapi_describes_each_endpoint_and_no_identifier_stands_in_a_path(client: Asked) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    here = {path: each for path, verbs in paths.items() for each in verbs.values() if each.get("tags") == ["identity"]}
    assert here.keys() >= {
        "/rules",
        "/rules/preview",
        "/explain",
        "/decisions",
        "/decisions/withdraw",
        "/decisions/{key}",
        "/erase",
        "/keys/{key}",
        "/quality",
        "/identity-map",
    }
    for path, each in here.items():
        assert each.get("description"), path
        for parameter in each.get("parameters", []):
            assert parameter["name"] in ("key", "top", "cursor", "limit"), path
            assert parameter["name"] != "key" or parameter["schema"]["pattern"] == "^[0-9a-f]{32}$"
