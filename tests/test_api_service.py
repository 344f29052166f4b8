"""The service around its answers: keys and roles, limits, ETags, pages of lists, deadlines, metrics, logs, traces."""

from __future__ import annotations

import base64
import gc
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from graphsvc.api import Options, create_app
from graphsvc.api.heavy import heavy
from graphsvc.api.kept import KeptAnswers
from graphsvc.api.keys import Keys, new_key
from graphsvc.api.logs import JsonLines
from graphsvc.api.tracing import add_tracing
from graphsvc.cli.service import keys as keys_command
from graphsvc.deadline import limited, set_deadline
from graphsvc.errors import InputError
from graphsvc.graph import Graph
from graphsvc.stores import is_neo4j

from .graphs import fresh
from .test_api import ANN, problem

SECRETS = {"read": "a key to read", "write": "a key to write", "admin": "a key for everything"}
ADMIN = {"X-API-Key": SECRETS["admin"]}
KEY = "0" * 32
PAIR = {"a": "email:ann@example.org", "b": "cookie:c1"}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with Graph(fresh(str(tmp_path_factory.mktemp("service") / "graph.duckdb"))) as graph:
        more = [{**ANN[0], "identifiers": {"cookie": f"c{number}"}} for number in range(2, 12)]
        graph.add([*ANN, *more])
        yield graph


@pytest.fixture(scope="module")
def client(graph: Graph) -> Iterator[TestClient]:
    """A service with a key for each role."""
    with TestClient(create_app(graph, Options(keys=Keys.of(**SECRETS)))) as client:
        yield client


def with_key(role: str) -> dict[str, str]:
    return {"X-API-Key": SECRETS[role]}


CALLS: list[tuple[str, str, str, Any]] = [
    ("read", "GET", "/paths", None),
    ("read", "GET", "/status", None),
    ("read", "GET", "/rules", None),
    ("read", "GET", "/metrics", None),
    ("read", "GET", "/map", None),
    ("read", "POST", "/users/lookup", {"identifier": "email:ann@example.org"}),
    ("write", "POST", "/events", []),
    ("write", "GET", "/jobs", None),
    ("write", "PUT", "/segments/older", {"predicate": "age >= 50"}),
    ("write", "DELETE", "/segments/older", None),
    ("write", "POST", "/rules/preview", {"rules": {}}),
    ("admin", "GET", "/decisions", None),
    ("admin", "GET", "/review", None),
    ("admin", "GET", "/paths/journeys?identifiers=true", None),
    ("admin", "POST", "/explain", PAIR),
    ("admin", "POST", "/identity-map", {"identifier": "cookie:c1"}),
    ("admin", "POST", "/erase", {"target": "email:ann@example.org"}),
    ("admin", "DELETE", f"/decisions/{KEY}", None),
]


@pytest.mark.parametrize(("needed", "method", "path", "body"), CALLS, ids=lambda each: str(each)[:30])
def test_each_role_may_do_so_much(client: TestClient, needed: str, method: str, path: str, body: Any) -> None:
    problem(client.request(method, path, json=body), 401, "unauthorized")
    roles = ["read", "write", "admin"]
    for role in roles[: roles.index(needed)]:
        said = problem(client.request(method, path, json=body, headers=with_key(role)), 403, "forbidden")
        assert f"role {needed}" in said and f"role {role}" in said
    for role in roles[roles.index(needed) :]:
        assert client.request(method, path, json=body, headers=with_key(role)).status_code not in (401, 403)


def test_raw_identifiers_are_for_admin(client: TestClient) -> None:
    key = client.post("/users/lookup", json={"identifier": "email:ann@example.org"}, headers=ADMIN).json()["key"]
    plain = client.get(f"/users/{key}/journeys", headers=with_key("write"))
    assert plain.json()["identifiers"] == [] and "ann@" not in plain.text
    asked = {"identifiers": True}
    problem(client.get(f"/users/{key}/journeys", params=asked, headers=with_key("write")), 403, "forbidden")
    shown = client.get(f"/users/{key}/journeys", params=asked, headers=ADMIN).json()["identifiers"]
    assert [row["value"] for row in shown] == ["c1", "ann@example.org"]
    behind = client.get("/paths/journeys", params={"identifiers": True, "segment": "age > 1"}, headers=ADMIN)
    assert behind.json()["shown"][0]["identifiers"] == ["cookie:c1", "email:ann@example.org"]


def test_raw_identifiers_are_not_kept(client: TestClient) -> None:
    key = client.post("/users/lookup", json={"identifier": "email:ann@example.org"}, headers=ADMIN).json()["key"]
    for path in (f"/users/{key}/journeys", "/paths/journeys"):
        shown = client.get(f"{path}?identifiers=true", headers=ADMIN).headers
        assert (shown["cache-control"], "etag" in shown) == ("no-store", False)
        tag = client.get(path, headers=ADMIN).headers["etag"]
        assert client.get(path, headers={**with_key("read"), "If-None-Match": tag}).status_code == 200


def test_a_key_comes_as_bearer_or_basic_too(client: TestClient) -> None:
    basic = base64.b64encode(f"anybody:{SECRETS['read']}".encode()).decode()
    for given in (f"Bearer {SECRETS['read']}", f"Basic {basic}"):
        assert client.get("/paths", headers={"Authorization": given}).status_code == 200
    for given in ("Bearer nothing", "Basic nothing", "Basic ", "Digest x"):
        problem(client.get("/paths", headers={"Authorization": given}), 401, "unauthorized")
    assert client.get("/paths").headers["www-authenticate"].startswith("Bearer")
    assert client.get("/map", headers={"Accept": "text/html"}).headers["www-authenticate"].startswith("Basic")


def test_keys_of_a_file_and_of_the_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys_command("dashboard")
    made = capsys.readouterr()
    secret = made.err.strip().rpartition(" ")[2]
    assert secret not in made.out
    file = tmp_path / "keys.txt"
    file.write_text(f"# whose keys\n\n{made.out}")
    known = Options.of_environment({"GRAPHSVC_KEYS_FILE": str(file), "GRAPHSVC_API_KEY": "old"}).keys
    assert [str(caller.role) for given in (secret, "old") if (caller := known.caller(given))] == ["read", "admin"]
    assert known.caller("other") is None
    file.write_text(f"{made.out}dashboard owner sha256:12\n")
    with pytest.raises(InputError, match="line 2"):
        Options.of_environment({"GRAPHSVC_KEYS_FILE": str(file)})
    with pytest.raises(InputError, match="cannot be read"):
        Options.of_environment({"GRAPHSVC_KEYS_FILE": str(tmp_path / "none")})
    with pytest.raises(InputError, match="cannot name a key"):
        new_key("two words", next(iter(known._callers.values())).role)


def test_bad_options_are_told_by_their_variable() -> None:
    for name, value in {"GRAPHSVC_TIMEOUT": "soon", "GRAPHSVC_RATE": "often", "GRAPHSVC_MAX_BODY": "-1"}.items():
        with pytest.raises(InputError, match=name):
            Options.of_environment({name: value})


def test_headers_that_browsers_heed(client: TestClient) -> None:
    answered = client.get("/paths", headers=ADMIN).headers
    assert answered["content-security-policy"].startswith("default-src 'none'")
    assert (answered["x-content-type-options"], answered["x-frame-options"]) == ("nosniff", "DENY")
    assert answered["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in client.get("/map", headers=ADMIN).headers["content-security-policy"]
    assert (
        client.post("/users/lookup", json={"identifier": "cookie:c1"}, headers=ADMIN).headers["cache-control"]
        == "no-store"
    )
    assert "x-frame-options" in client.get("/nothing", headers=ADMIN).headers


def test_other_sites_may_ask_only_where_it_is_allowed(graph: Graph, client: TestClient, tmp_path: Path) -> None:
    foreign = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
    assert "access-control-allow-origin" not in client.get("/paths", headers={**ADMIN, **foreign}).headers
    lookup = {"identifier": "cookie:c1"}
    problem(client.post("/users/lookup", json=lookup, headers={**ADMIN, **foreign}), 403, "forbidden")
    unsaid = {"Origin": "https://shop.example"}
    problem(client.post("/users/lookup", json=lookup, headers={**ADMIN, **unsaid}), 403, "forbidden")
    own = {"Origin": "http://testserver"}
    assert client.post("/users/lookup", json=lookup, headers={**ADMIN, **own}).status_code == 200
    options = Options(keys=Keys.of(**SECRETS), jobs=tmp_path, origins=("https://shop.example",))
    with TestClient(create_app(graph, options)) as allowing:
        asked = {**foreign, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
        preflight = allowing.options("/users/lookup", headers=asked)
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
        assert allowing.post("/users/lookup", json=lookup, headers={**ADMIN, **foreign}).status_code == 200


def test_who_asks_too_often_is_told_when_to_come_again(graph: Graph, tmp_path: Path) -> None:
    options = Options(keys=Keys.of(**SECRETS), jobs=tmp_path, rate="3/minute")
    with TestClient(create_app(graph, options)) as client:
        for _ in range(3):
            assert client.get("/segments", headers=ADMIN).status_code == 200
        refused = client.get("/segments", headers=ADMIN)
        assert "3 requests per minute" in problem(refused, 429, "too-many-requests")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert client.get("/segments", headers=with_key("read")).status_code == 200, "each key has its own rate"
        assert client.get("/healthz").status_code == 200
        tried = [client.get("/paths", headers={"X-API-Key": f"guess {number}"}).status_code for number in range(4)]
        assert tried == [401, 401, 401, 429], "guessing keys has a rate, too"


def test_an_answer_that_the_caller_holds_is_not_sent_again(client: TestClient, graph: Graph) -> None:
    tags = {}
    for path in ("/paths", "/paths?steps=2", "/paths/journeys", "/status", "/rules", "/segments", "/map", "/report"):
        first = client.get(path, headers=ADMIN)
        tags[path] = first.headers["etag"]
        again = client.get(path, headers={**ADMIN, "If-None-Match": f'"other", {tags[path]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[path])
    assert len(set(tags.values())) == len(tags), "a tag is of one question"
    graph.name_segment("new", "age > 1")
    changed = client.get("/paths", headers={**ADMIN, "If-None-Match": tags["/paths"]})
    assert (changed.status_code, changed.json()["revision"]) == (200, graph.store.revision())
    problem(client.get("/paths", headers={"If-None-Match": tags["/paths"]}), 401, "unauthorized")
    graph.remove_segment("new")


def test_a_picture_has_no_newer_tag_than_it_shows(
    client: TestClient, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, drawn = client.get("/map", headers=ADMIN).headers["etag"], graph.map

    def meanwhile(*given: Any, **more: Any) -> Any:
        made = drawn(*given, **more)
        graph.name_segment("new", "age > 1")
        return made

    monkeypatch.setattr(graph, "map", meanwhile)
    assert client.get("/map", headers=ADMIN).headers["etag"] == before
    graph.remove_segment("new")


def test_long_lists_come_in_pages(client: TestClient, graph: Graph) -> None:
    asked: dict[str, Any] = {"column": "journeys", "label": "name", "steps": 1}
    whole = client.get("/paths/journeys", params=asked, headers=ADMIN).json()["shown"]
    url, seen = client.get("/paths/journeys", params={**asked, "limit": 4}, headers=ADMIN), []
    while True:
        seen += url.json()["shown"]
        if "next" not in url.links:
            break
        url = client.get(url.links["next"]["url"], headers=ADMIN)
    assert (seen, len(seen)) == (whole, 11)
    following = client.get("/paths/journeys", params={**asked, "limit": 4}, headers=ADMIN).links["next"]["url"]
    graph.name_segment("new", "age > 1")
    assert "begin again" in problem(client.get(following, headers=ADMIN), 410, "cursor-expired")
    graph.remove_segment("new")
    problem(client.get("/decisions", params={"cursor": "no cursor"}, headers=ADMIN), 422, "bad-query")


def test_a_request_keeps_its_id(client: TestClient) -> None:
    given = client.get("/nothing", headers={**ADMIN, "X-Request-ID": "trace-0123456789"})
    assert given.headers["x-request-id"] == given.json()["request_id"] == "trace-0123456789"
    for unfit in ("ann@example.org", "x" * 65, "short"):
        made = client.get("/paths", headers={"X-Request-ID": unfit})
        assert made.headers["x-request-id"] == made.json()["request_id"] != unfit


def test_a_question_that_takes_too_long_is_given_up_in_the_store(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = (
        "UNWIND range(1, 10000) AS a UNWIND range(1, 1000000) AS b RETURN sum(a * b) AS s"
        if is_neo4j(store_url)
        else "SELECT sum(a.range * b.range) FROM range(1000000) AS a, range(1000000) AS b"
    )
    with Graph(fresh(store_url)) as graph:
        monkeypatch.setattr(graph, "status", lambda: graph.store.query(slow, {}))
        options = Options(timeout=2 if is_neo4j(store_url) else 0.3, jobs=tmp_path / "jobs")
        with TestClient(create_app(graph, options)) as client:
            begun = time.monotonic()
            assert "given up" in problem(client.get("/status"), 504, "timeout")
            assert time.monotonic() - begun < 8
            assert client.post("/events", json=ANN).json()["new"] == 2, (
                "the store goes on, and writing has all its time"
            )
            assert client.get("/readyz").json()["revision"] == 1


def test_only_a_few_have_the_whole_graph_read_at_once(client: TestClient) -> None:
    with heavy(), heavy():
        refused = client.get(f"/keys/{KEY}", headers=with_key("read"))
        problem(refused, 503, "store-error")
        assert refused.headers["retry-after"] == "1"
    problem(client.get(f"/keys/{KEY}", headers=with_key("read")), 404, "not-found")
    problem(client.get("/paths", params={"by": ["age > 1"] * 21}, headers=ADMIN), 422, "bad-query")


def test_a_deadline_holds_for_its_own_request_only(graph: Graph, tmp_path: Path) -> None:
    app = create_app(graph, Options(jobs=tmp_path))
    scope = {
        **{"type": "http", "method": "GET", "path": "/readyz", "query_string": b"", "root_path": "", "scheme": "http"},
        **{"headers": [(b"host", b"testserver")], "client": ("testclient", 1)},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        pass

    async def after_another_request() -> bool:
        set_deadline(0.0)  # servers may go on in the context of the request before
        await app(scope, receive, send)
        return limited()

    assert not anyio.run(after_another_request)


def test_numbers_for_prometheus(client: TestClient, graph: Graph) -> None:
    client.get("/users/" + KEY + "/journeys", headers=ADMIN)
    client.request("BREW", "/paths", headers=ADMIN)
    text = client.get("/metrics", headers=with_key("read")).text
    assert 'graphsvc_requests_total{method="GET",route="/users/{key}/journeys",status="404"}' in text
    assert 'graphsvc_request_seconds_bucket{le="0.15",method="GET",route="/paths"}' in text
    assert f"graphsvc_revision {float(graph.store.revision())}" in text
    assert "graphsvc_jobs 0.0" in text
    assert KEY not in text and "BREW" not in text


def test_the_log_tells_of_requests_and_never_what_was_asked(
    client: TestClient, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any) -> None:
        raise RuntimeError("ann@example.org")

    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(JsonLines().format(record))  # type: ignore[method-assign]
    logger = logging.getLogger("graphsvc.service")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        client.get("/paths", params={"segment": "age >= 50"}, headers={**ADMIN, "X-Request-ID": "0123456789"})
        monkeypatch.setattr(graph, "lookup", fault)
        client.post("/users/lookup", json={"identifier": "email:ann@example.org"}, headers=ADMIN)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    asked, faulty, _ = map(json.loads, lines)
    assert (asked["route"], asked["status"], asked["key"]) == ("/paths", 200, "admin")
    assert asked["request_id"] == "0123456789" and asked["seconds"] > 0
    assert faulty["message"].startswith("fault: RuntimeError at") and faulty["at"]
    said = "".join(lines)
    assert not any(private in said for private in ("ann@", "segment", "age >", SECRETS["admin"]))


def test_traces_tell_the_route_and_not_the_question(graph: Graph, tmp_path: Path) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = create_app(graph, Options(jobs=tmp_path))
    add_tracing(app, provider)
    with TestClient(app, headers={"User-Agent": "a browser"}) as client:
        assert client.get("/paths", params={"segment": "age >= 77"}).status_code == 200
        client.get("/healthz")
    told = [f"{span.name} {dict(span.attributes or {})}" for span in spans.get_finished_spans()]
    assert any("/paths" in each for each in told) and not any("healthz" in each for each in told)
    assert not any("77" in each or "testclient" in each for each in told), told


def test_answers_may_be_allowed_some_age(tmp_path: Path) -> None:
    options = Options(max_age=60)
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        with TestClient(create_app(graph, options)) as client:
            first = client.get("/paths")
            graph.add([{**ANN[0], "identifiers": {"cookie": "c2"}}])
            again = client.get("/paths", headers={"If-None-Match": first.headers["etag"]})
            assert (first.json()["revision"], again.status_code) == (1, 304)
            assert client.get("/status").json()["revision"] == 2, "what the graph holds is always told as it is"


def test_what_was_sent_is_sent_again_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        counted: list[str] = []

        def ask(name: str, *given: Any, **more: Any) -> Any:
            counted.append(name)
            return Graph.ask(graph, name, *given, **more)

        monkeypatch.setattr(graph, "ask", ask)
        with TestClient(create_app(graph, Options(max_age=60, keys=Keys.of(**SECRETS)))) as client:
            told = [client.get("/paths?top=3", headers=ADMIN) for _ in range(3)]
            assert len(counted) == 1, "sent again without asking anew"
            assert len({(each.text, each.headers["etag"]) for each in told}) == 1
            assert len({each.headers["x-request-id"] for each in told}) == 3, "of each request its own"
            held = client.get("/paths?top=3", headers={**ADMIN, "If-None-Match": told[0].headers["etag"]})
            assert (held.status_code, held.text) == (304, "")
            client.get("/paths?top=4", headers=ADMIN)
            client.get("/paths?top=3", headers=with_key("read"))
            assert len(counted) == 3, "another question, and another role, are asked anew"
            problem(client.get("/paths?top=3"), 401, "unauthorized")
            numbers = client.get("/metrics", headers=ADMIN).text
            assert 'graphsvc_requests_total{method="GET",route="/paths",status="200"} 5.0' in numbers


def test_who_is_shown_with_identifiers_is_not_sent_again(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        with TestClient(create_app(graph, Options(max_age=60))) as client:
            key = client.post("/users/lookup", json={"identifier": "email:ann@example.org"}).json()["key"]
            before = client.get(f"/users/{key}/journeys").json()["revision"]
            graph.add([{**ANN[0], "time": "2026-03-02T10:00:00Z"}])
            assert client.get(f"/users/{key}/journeys").json()["revision"] == before + 1, "a user is shown as is"
            shown = [client.get("/paths/journeys?identifiers=true").json()["shown"] for _ in range(2)]
            assert shown[0] and all("email:ann@example.org" in row["identifiers"] for row in shown[0])


def test_an_answer_older_than_the_age_is_counted_anew(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        graph.allow_age(0.2)
        assert graph.ask("paths").revision == 1
        graph.add([{**ANN[0], "identifiers": {"cookie": "c2"}}])
        time.sleep(0.3)
        assert graph.ask("paths").revision == 2, "nobody asked meanwhile, and the former answer is too old"


def test_a_picture_is_tagged_with_the_revision_that_it_shows(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        with TestClient(create_app(graph, Options(max_age=1))) as client:
            client.get("/map/matrix")
            graph.add([{**ANN[0], "channel": "a new channel"}])
            pages = []
            for _ in range(14):  # before, while and after the age is over
                time.sleep(0.1)
                pages.append(client.get("/map/matrix"))
        for page in pages:
            assert page.headers["etag"].startswith('W/"2-') == ("a new channel" in page.text), page.headers["etag"]
        assert "a new channel" in pages[-1].text


def test_an_erased_person_is_not_kept_in_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHSVC_ERASURE_KEY", "a key of thirty-two letters or more")
    asked = {**ANN[0], "identifiers": {"cookie": "cat"}, "question": "Where is my coat?", "event_id": "q"}
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add([*ANN, asked])
        app = create_app(graph, Options(max_age=60))
        with TestClient(app) as client:
            path = "/questions?min_users=1"
            assert all("coat" in client.get(each).text for each in (path, f"{path}&top=5"))
            graph.people.erase("cookie:cat")
            assert "coat" not in client.get(path).text
            kept = [each for each in gc.get_objects() if isinstance(each, KeptAnswers) and each._graph is graph]
            assert kept and not any(b"coat" in answer.body for each in kept for answer in each._answers.values())


def test_nothing_is_kept_where_no_age_is_allowed(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        with TestClient(create_app(graph, Options())) as client:
            client.get("/paths")
            kept = [each for each in gc.get_objects() if isinstance(each, KeptAnswers) and each._graph is graph]
            assert kept and not any(each._answers for each in kept)


def test_waiting_for_others_heeds_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(ANN)
        begun, done = threading.Event(), threading.Event()
        count = graph._questions._answer

        def slowly(*asked: Any) -> Any:
            begun.set()
            assert done.wait(10)
            return count(*asked)

        monkeypatch.setattr(graph._questions, "_answer", slowly)
        first = threading.Thread(target=lambda: graph.ask("paths"))
        first.start()
        assert begun.wait(10)
        try:
            with TestClient(create_app(graph, Options(timeout=1))) as client:
                problem(client.get("/paths"), 504, "timeout")
        finally:
            done.set()
            first.join()
        assert graph.ask("paths").rows
