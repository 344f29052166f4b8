"""The pages of the service: what they say, who may see what, and how they behave in a real browser."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page
from starlette.datastructures import Headers

import graphsvc
from graphsvc.answers import ANSWERS
from graphsvc.answers.cypher import parameters
from graphsvc.api import Options, create_app
from graphsvc.api.keys import Caller, Keys, Role, hashed
from graphsvc.example import Story
from graphsvc.graph import Graph
from graphsvc.settings import Settings
from graphsvc.web.cypher import for_browser, literal
from graphsvc.web.forms import canonical, entered
from graphsvc.web.sessions import COOKIE, Sessions

from . import neo4j_server as servers
from .browser import chromium
from .graphs import fresh
from .serving import serving
from .story_free import world
from .test_api import ANN

__all__ = ["chromium"]

SECRETS = {"read": "a key to read", "admin": "a key for everything"}
FUNNEL = {"step": ["checkout", "delivery_costs", "purchase"]}
HOSTILE = "<script>alert(1)</script>\"'=1+1;=2"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with world(tmp_path_factory.mktemp("web"), events=3_000, seed=1, story=Story()) as graph:
        yield graph


@pytest.fixture(scope="module")
def client(graph: Graph) -> Iterator[TestClient]:
    with TestClient(create_app(graph)) as client:
        yield client


@pytest.fixture
def locked(graph: Graph, tmp_path: Path) -> Iterator[TestClient]:
    """A service with keys, and a browser that nobody has signed in with yet."""
    app = create_app(graph, Options(keys=Keys.of(**SECRETS), jobs=tmp_path))
    with TestClient(app, headers={"Accept": "text/html"}) as client:
        yield client


def sign_in(client: TestClient, role: str, onward: str = "/") -> Any:
    return client.post("/sign-in", data={"key": SECRETS[role], "next": onward}, follow_redirects=False)


def rows(page: str, heading: str) -> dict[str, str]:
    """Of the bars under a heading: the count of each label."""
    section = page[page.index(f">{heading}</h2>") :]
    found = re.findall(
        r"<th scope=\"row\"><bdi>(.*?)</bdi>.*?class=\"count\"><a[^>]*>(.*?)</a>", section[: section.index("</table>")]
    )
    return {unescape(label): count for label, count in found}


# What they say


def test_the_overview_tells_where_they_meet_us_and_where_they_leave(graph: Graph, client: TestClient) -> None:
    page = client.get("/", params={"segment": "older"}).text
    first = graph.touches(segment="older", top=8).rows
    assert rows(page, "Where they first meet us") == {str(row.label): f"{row.first:,}" for row in first if row.first}
    last = graph.touches(segment="older", label="name", top=1_000).rows
    dropped = {str(row.label): row.last - row.last_converted - row.last_open for row in last}
    shown = rows(page, "Where they drop off")
    assert shown == {label: f"{dropped[label]:,}" for label in shown}
    assert min(dropped[label] for label in shown) >= sorted(dropped.values(), reverse=True)[7]
    for asked in ANSWERS.values():
        assert f'<a href="/explore/{asked.name}?segment=older">{asked.question}</a>' in page


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {"personas"}))
def test_each_answer_has_a_page_a_table_and_files(name: str, graph: Graph, client: TestClient) -> None:
    given: dict[str, Any] = {**(FUNNEL if "step" in ANSWERS[name].parameters.model_fields else {}), "segment": "older"}
    page = client.get(f"/explore/{name}", params=given)
    assert page.status_code == 200
    assert f"<h1>{ANSWERS[name].question}</h1>" in page.text
    found = graph.ask(name, given)
    count = len(found.rows) + (found.other is not None)
    assert page.text.count('<th scope="row">') == count
    for field in ANSWERS[name].parameters.model_fields:
        assert f'name="{field}"' in page.text
    links = dict(reversed(one) for one in re.findall(r'<a href="([^"]+)"(?: download)?>(CSV|JSON)</a>', page.text))
    table = list(csv.DictReader(io.StringIO(client.get(unescape(links["CSV"])).text)))
    assert len(table) == count and list(table[0]) == list(ANSWERS[name].rows.model_fields)
    assert client.get(unescape(links["JSON"])).json()["revision"] == found.revision


def test_every_number_leads_to_as_many_journeys(graph: Graph, client: TestClient) -> None:
    page = client.get("/explore/touches", params={"segment": "older"}).text
    links = re.findall(r'<a href="(/explore/touches/journeys[^"]+)">([\d,]+)</a>', page)
    assert len(links) > 20
    for link, number in links[:6]:
        behind = client.get(unescape(link)).text
        assert f"<h1>The journeys behind {number}</h1>" in behind
        assert behind.count('<a href="/people/') == min(int(number.replace(",", "")), 50)


def test_side_by_side_each_segment_has_a_table_with_links_of_its_own(graph: Graph, client: TestClient) -> None:
    page = client.get("/explore/touches", params={"by": ["older", "younger"]}).text
    assert page.count("<table") == 3
    (younger,) = graph.touches(by=["younger"]).segments
    link = "/explore/touches/journeys?segment=younger&amp;row=1&amp;column=first"
    assert f'<a href="{link}">{younger.rows[0].first:,}</a>' in page


def test_a_form_leaves_blanks_and_defaults_out_of_the_address(client: TestClient) -> None:
    filled = "segment=older&since=&label=name&where=end&exclude=&exclude=&top=20"
    answered = client.get(f"/explore/paths?{filled}", follow_redirects=False)
    assert (answered.status_code, answered.headers["location"]) == (303, "/explore/paths?segment=older&where=end")
    model = ANSWERS["funnel"].parameters
    given = entered(model, [("step", "a"), ("step", "b"), ("every_entry", "false"), ("closed", "true")])
    assert canonical(model, given) == {"step": ["a", "b"], "every_entry": "false"}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/explore/funnel", 200, "Say which steps to look at"),
        ("/explore/funnel?step=checkout", 422, "Needs at least 2."),
        ("/explore/paths?segment=oldest", 422, "did you mean &#39;older&#39;"),
        ("/explore/paths?steps=many&top=0", 422, "Must be a whole number."),
        ("/explore/paths?where=around", 422, "where=around goes with around=LABEL"),
        ("/explore/paths?since=soon", 422, "Must be a day such as 2026-01-31."),
        ("/explore/paths?nonsense=1", 422, "no parameter &#39;nonsense&#39;"),
        ("/explore/paths/journeys?row=900&column=count", 422, "there is no row 900"),
        ("/explore/transitions?top=900.0", 200, "What follows what?"),
        pytest.param(f"/explore/paths/journeys?row={'9' * 5_000}", 422, "numbers from 1", id="5,000 digits"),
        ("/pictures/journey?kind=x", 422, "no parameter &#39;kind&#39;"),
        ("/pictures/journey?self=x", 422, "no parameter &#39;self&#39;"),
        ("/pictures/journey?title=x", 422, "no parameter &#39;title&#39;"),
        ("/explore/path", 404, "did you mean &#39;paths&#39;"),
        ("/people/nobody", 404, "Not Found"),
    ],
)
def test_what_cannot_be_asked_is_said_on_the_page(path: str, status: int, said: str, client: TestClient) -> None:
    answered = client.get(path)
    assert answered.headers["content-type"].startswith("text/html")
    assert (answered.status_code, said in answered.text) == (status, True)


def test_an_empty_graph_says_how_to_begin(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph, TestClient(create_app(graph)) as client:
        assert "There is no graph yet" in client.get("/").text
        assert client.get("/explore/paths").url.path == "/"
        assert client.post("/people", data={"identifier": "email:ann@example.org"}).status_code == 404


def test_a_page_is_asked_for_again_only_when_something_changed(client: TestClient) -> None:
    for path in ("/", "/explore/steps?segment=older"):
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert "etag" not in client.get("/people").headers


def test_labels_are_text_and_never_markup_or_formulas(tmp_path: Path) -> None:
    events = [{**ANN[0], "name": HOSTILE, "channel": f"={HOSTILE}", "time": f"2026-01-0{day}"} for day in (1, 2)]
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph, TestClient(create_app(graph)) as client:
        graph.add(events)
        key = graph.lookup("cookie:c1")
        for path in (
            "/",
            "/explore/touches",
            "/explore/transitions",
            f"/explore/paths?exclude={HOSTILE}",
            f"/people/{key}",
        ):
            page = client.get(path).text
            assert HOSTILE.partition('"')[0] not in page
            assert "&lt;script&gt;alert(1)" in page
        (row,) = csv.DictReader(io.StringIO(client.get("/explore/touches/table.csv").text))
        assert row["label"] == f"'={HOSTILE}".replace(";=", ";'=")


# People


def test_a_person_is_found_by_an_identifier_that_stands_in_no_address(graph: Graph, client: TestClient) -> None:
    key = graph.journeys_behind("paths", {}, row=1).shown[0].user
    identifier = graph.user(key).identifiers[0]
    found = client.post("/people", data={"identifier": f"{identifier.type}:{identifier.value}"}, follow_redirects=False)
    assert (found.status_code, found.headers["location"]) == (303, f"/people/{key}")
    page = client.get(found.headers["location"])
    assert identifier.value in page.text and "etag" not in page.headers
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(rf'(?:href|src)="[^"]*{re.escape(identifier.value)}', page.text)
    drawn = client.get(f"/people/{key}/identity")
    assert drawn.headers["x-frame-options"] == "SAMEORIGIN" and identifier.value in drawn.text
    assert client.post("/people", data={"identifier": "email:nobody@example.org"}).status_code == 404


def test_identifiers_are_for_admins(graph: Graph, locked: TestClient) -> None:
    key = graph.journeys_behind("paths", {}, row=1).shown[0].user
    identifier = graph.user(key).identifiers[0].value
    sign_in(locked, "read")
    page = locked.get(f"/people/{key}").text
    assert identifier not in page and "A key with the role admin sees them." in page
    assert locked.get(f"/people/{key}/identity").status_code == 403
    overview = locked.get("/")
    sign_in(locked, "admin")
    assert identifier in locked.get(f"/people/{key}").text
    assert locked.get("/", headers={"If-None-Match": overview.headers["etag"]}).status_code == 200


# Signing in


def test_a_page_says_who_asks_for_it(graph: Graph, tmp_path: Path) -> None:
    keys = Keys({hashed(name): Caller(name, Role.READ) for name in ("ann", "bob")})
    with TestClient(create_app(graph, Options(keys=keys, jobs=tmp_path, max_age=5))) as client:
        for name in ("ann", "bob", "ann"):
            page = client.get("/explore/steps", headers={"X-API-Key": name}).text
            assert f'<span class="who"> {name}</span>' in page
    graph.allow_age(0)  # as other tests expect it


def test_a_browser_signs_in_with_a_key_and_keeps_another_token(locked: TestClient) -> None:
    wanted = "/explore/paths?segment=older"
    sent = locked.get(wanted, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/explore/paths%3Fsegment%3Dolder")
    assert 'value="/explore/paths?segment=older"' in locked.get(sent.headers["location"]).text
    refused = locked.post("/sign-in", data={"key": "another key", "next": wanted})
    assert refused.status_code == 401 and "does not know that key" in refused.text
    let_in = sign_in(locked, "read", wanted)
    assert (let_in.status_code, let_in.headers["location"]) == (303, wanted)
    cookie = let_in.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and SECRETS["read"] not in cookie
    assert locked.get("/").status_code == 200 and locked.get("/paths").status_code == 200
    assert locked.post("/events", json=[]).status_code == 403
    token = locked.cookies["graphsvc_session"]
    locked.post("/sign-out")
    locked.cookies.set("graphsvc_session", token)
    assert locked.get("/", follow_redirects=False).status_code == 303


def test_one_key_ends_its_own_sessions_only() -> None:
    sessions, (reader, admin) = Sessions(), (Caller("reader", Role.READ), Caller("boss", Role.ADMIN))
    boss = sessions.begin(admin)
    tokens = [sessions.begin(reader) for _ in range(21)]
    held = [sessions.caller(Headers({"cookie": f"{COOKIE}={token}"})) for token in (boss, tokens[0], *tokens[1:])]
    assert held == [admin, None, *[reader] * 20]


@pytest.mark.parametrize("onward", ["//evil.example/", "https://evil.example", "/\\evil.example", "/\r\nX: 1", ""])
def test_signing_in_leads_nowhere_else(onward: str, locked: TestClient) -> None:
    assert sign_in(locked, "read", onward).headers["location"] == "/"


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}]
)
def test_forms_of_other_sites_are_refused(headers: dict[str, str], client: TestClient, locked: TestClient) -> None:
    assert client.post("/people", data={"identifier": "x"}, headers=headers).status_code == 403
    assert locked.post("/sign-in", data={"key": SECRETS["read"]}, headers=headers).status_code == 403
    assert not locked.cookies


# The Cypher behind


def test_a_literal_stays_on_its_line() -> None:
    assert (
        literal({"a": None, "b": [True, 1, 2.5], "c": "it's\n\\"}) == "{a: null, b: [true, 1, 2.5], c: 'it\\'s\\n\\\\'}"
    )
    assert literal("\\u0027") == "'\\\\' + 'u0027'"


def test_what_is_pasted_into_neo4j_asks_the_same(neo4j_server: servers.Server, neo4j_url: str, tmp_path: Path) -> None:
    odd = ["it's", '"', "back\\slash", "\\u0027 + 1", "\\\\u0041", "line\nbreak", "{x}", "🙂", "`", "//"]
    events = [{**ANN[0], "name": name, "time": f"2026-01-01T10:00:{second:02}Z"} for second, name in enumerate(odd * 2)]
    with graphsvc.open(neo4j_url) as graph:
        graph.add(events)
        asked = ANSWERS["paths"]
        params = asked.parse({"where": "run", "steps": 2, "exclude": odd[:4], "since": "2025-01-01"})
        found = graph.ask("paths", params.model_dump(), via="cypher")
        line, statement = for_browser(asked, params, Settings(), found.data_end)
        given = parameters(params, Settings(), found.data_end)
        key, _ = graph.lookup("cookie:c1"), graph.frame()
        with TestClient(create_app(graph, Options(jobs=tmp_path))) as client:
            for path in ("/", "/explore/paths/journeys?row=1&column=count", f"/people/{key}"):
                assert client.get(path).status_code == 200, path
            assert ":param asked =&gt; {" in client.get("/explore/paths").text
    with neo4j_server.driver() as driver, driver.session(database=neo4j_server.database) as session:
        value = line.removeprefix(":param asked => ")
        assert "\n" not in value
        held = session.run(f"RETURN {value} AS asked").single(strict=True)["asked"]
        assert held["exclude"] == given["exclude"] == odd[:4]
        assert session.run(f"RETURN {literal(odd)} AS odd").single(strict=True)["odd"] == odd
        pasted = session.run(statement, asked=held).data()
    assert [row["path"] for row in pasted if row["rank"]] == [row.path for row in found.rows]


# In a browser


@pytest.fixture(scope="module")
def address(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the service listens."""
    with serving(create_app(graph, Options(jobs=tmp_path_factory.mktemp("jobs")))) as address:
        yield address


def watched(page: Page, address: str) -> list[str]:
    """What goes wrong on a page from now on: messages, faults, requests to anywhere else."""
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else wrong.append(asked.url))
    return wrong


@pytest.mark.parametrize("width", [1280, 390])
def test_the_way_of_a_marketer(width: int, chromium: Browser, graph: Graph, address: str) -> None:
    """From the overview to where older customers first meet us, and where they leave: docs/pages.md tells it so."""
    with chromium.new_context(viewport={"width": width, "height": 860}) as context:
        page = context.new_page()
        wrong = watched(page, address)

        def fits() -> None:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url

        page.goto(address)
        fits()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.get_by_role("navigation", name="For whom").get_by_role("link", name="older").click()
        first = graph.touches(segment="older").rows[0]
        met = page.get_by_role("table", name="Channels by journeys that begin there").get_by_role("row").nth(1)
        assert str(first.label) in met.inner_text() and f"{first.first:,}" in met.inner_text()
        assert page.get_by_role("table", name="Last touchpoints").get_by_role("link").count() == 8
        page.get_by_role("link", name="All first and last touches").click()
        fits()
        assert page.url == f"{address}/explore/touches?segment=older"
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=str(first.label), exact=True))
        assert f"{first.last:,}" in row.inner_text()
        row.get_by_role("link").first.click()
        fits()
        page.get_by_role("heading", name=f"The journeys behind {first.first:,}").wait_for()
        page.get_by_role("rowheader").get_by_role("link").first.click()
        page.get_by_role("heading", name="A person").wait_for()
        fits()
        page.goto(f"{address}/explore/funnel?step=checkout&step=purchase")
        page.frame_locator("iframe").get_by_role("heading", name="Who gets how far").wait_for()
        if not page.get_by_label("For whom").is_visible():
            page.get_by_text("What is asked").click()
        page.get_by_label("For whom").fill("older")
        page.get_by_label("For whom").press("Enter")
        page.wait_for_url(f"{address}/explore/funnel?segment=older&step=checkout&step=purchase")
        fits()
        assert wrong == []
