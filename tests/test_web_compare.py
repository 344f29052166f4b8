"""The pages that compare two groups or two periods: what they say, and how they behave in a real browser."""

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
from playwright.sync_api import Browser

from graphsvc.answers import COMPARABLE
from graphsvc.answers.compare import ComparedRow
from graphsvc.api import Options, create_app
from graphsvc.graph import Graph

from .browser import chromium
from .graphs import fresh
from .serving import serving
from .test_web import HOSTILE, watched

__all__ = ["chromium"]

SIDES = {"a": "older", "b": "younger"}


def events() -> list[dict[str, Any]]:
    """30 older people who all buy, 30 younger ones of whom six do; each on a day of January or February."""
    made = []
    for nth in range(60):
        older = nth % 2 == 0
        for hour, name in enumerate(["ad", "cart", "buy"] if older or nth % 10 == 1 else ["ad", "cart"], start=10):
            day = f"2026-{1 + nth // 30:02}-{1 + nth % 28:02}"
            who = {"identifiers": {"cookie": f"c{nth}"}, "traits": {"age": 60 if older else 20}}
            made.append({"time": f"{day}T{hour}:00:00Z", "name": name, "channel": "web", **who})
    return made


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    with Graph(fresh(str(tmp_path_factory.mktemp("compare") / "graph.duckdb"))) as graph:
        graph.add(events())
        graph.resolve({"goals": ["buy"], "segments": {"older": "age >= 50", "younger": "age < 50", "all": "age > 0"}})
        yield graph


@pytest.fixture(scope="module")
def client(graph: Graph) -> Iterator[TestClient]:
    with TestClient(create_app(graph)) as client:
        yield client


def cells(page: str, what: str) -> list[str]:
    """The texts of a row."""
    (row,) = re.findall(rf'<th scope="row"><bdi>{re.escape(what)}</bdi></th>(.*?)</tr>', page, re.DOTALL)
    return [
        " ".join(unescape(re.sub(r"<[^>]*>", "", cell)).split())
        for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
    ]


def asked(name: str, **more: Any) -> dict[str, Any]:
    return {**SIDES, **({"step": ["ad", "cart", "buy"]} if name == "funnel" else {}), **more}


# What they say


def test_a_difference_with_its_interval_and_p_values(client: TestClient) -> None:
    page = client.get("/explore/transitions/compare", params=SIDES).text
    # By hand: 30 of 30 against 6 of 30; 0.8 ± 1.96 · √(0.2 · 0.8 / 30); pooled share 0.6, z = 0.8 / √(0.24 / 15).
    drawn, difference, interval, told, older, younger, *_ = cells(page, "cart → buy")
    assert (drawn, difference, interval) == ("", "+80.0", "+65.7 to +94.3")
    assert (told, older, younger) == ("yes, more with older", "100% 30 of 30", "20% 6 of 30")
    assert cells(page, "ad → cart")[3] == "may be chance small sample"
    assert "The greatest difference: “\u2068cart → buy\u2069”, 100% of “\u2068older\u2069”, but 20% of" in page
    assert 'src="/pictures/comparison?a=older&amp;b=younger&amp;top=2"' in page, "as many rows as the table"
    assert client.get("/pictures/comparison", params=SIDES).status_code == 200


def test_a_page_names_segments_as_the_frame_it_counted_knows_them(tmp_path: Path) -> None:
    """Where answers may have some age, a segment that was removed just now is still one of theirs."""
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        graph.add(events())
        graph.resolve({"segments": {"the older": "age >= 50", "younger": "age < 50", "all": "age > 0"}})
        asked = {"a": "the older", "b": "younger", "segment": "all"}
        with TestClient(create_app(graph, Options(max_age=60))) as client:
            before = client.get("/explore/transitions/compare", params=asked)
            graph.remove_segment("the older")
            after = client.get("/explore/transitions/compare", params=asked)
    assert before.status_code == after.status_code == 200
    assert "segment=all+and+%22the+older%22" in before.text
    assert before.text == after.text


@pytest.mark.parametrize("name", COMPARABLE)
def test_each_comparison_has_a_page_a_table_and_files(name: str, graph: Graph, client: TestClient) -> None:
    page = client.get(f"/explore/{name}/compare", params=asked(name))
    assert page.status_code == 200
    given = {parameter: value for parameter, value in asked(name).items() if parameter not in SIDES}
    found = graph.compare(name, given, a="older", b="younger")
    assert page.text.count('<th scope="row">') == len(found.rows) > 0
    links = dict(reversed(one) for one in re.findall(r'<a href="([^"]+)"(?: download)?>(CSV|JSON)</a>', page.text))
    table = list(csv.DictReader(io.StringIO(client.get(unescape(links["CSV"])).text)))
    assert list(table[0]) == ["a", "b", *ComparedRow.model_fields]
    assert [(row["a"], row["what"], float(row["q_value"])) for row in table] == [
        ("older", row.what, row.q_value) for row in found.rows
    ]
    assert client.get(unescape(links["JSON"])).json() == found.model_dump(mode="json")
    tag = page.headers["etag"]
    assert client.get(page.url, headers={"If-None-Match": tag}).status_code == 304


def test_small_samples_are_said(client: TestClient) -> None:
    page = client.get("/explore/paths/compare", params={**SIDES, "segment": "age > 0", "until": "2026-01-06"}).text
    assert "small sample" in page and "Fisher's exact test" in unescape(page)


def test_each_side_leads_to_its_own_page_and_to_the_other_comparisons(client: TestClient) -> None:
    page = client.get("/explore/paths/compare", params={**SIDES, "segment": "age > 18", "steps": 3}).text
    (alone,) = re.findall(r'<a href="([^"]+)"><bdi>older</bdi> alone</a>', page)
    assert client.get(unescape(alone)).text.count("30 journeys of 30 users") == 1
    assert '<a href="/explore/attribution/compare?a=older&amp;b=younger&amp;segment=age+%3E+18">Attribution</a>' in page
    periods = {"a": "2026-01-01..2026-02-01", "b": "2026-02-01.."}
    page = client.get("/explore/paths/compare", params=periods).text
    assert '<a href="/explore/paths?since=2026-01-01&amp;until=2026-02-01">' in page
    assert '<a href="/explore/paths?since=2026-02-01">' in page


def test_who_does_not_know_what_to_enter_is_shown_two_groups_and_two_periods(client: TestClient) -> None:
    page = client.get("/explore/transitions/compare").text
    assert "Say which two groups of people" in page and 'role="alert"' not in page
    links = dict(reversed(one) for one in re.findall(r'<a href="([^"]+)">For example: <bdi>([^<]+)</bdi>', page))
    assert list(links) == ["older and younger", "the last 90 days and the 90 before"]  # not "all": it shares people
    assert (
        "What <bdi>older</bdi> and <bdi>younger</bdi> do differently"
        in client.get(unescape(links["older and younger"])).text
    )
    half_said = client.get("/explore/funnel/compare?a=older&step=ad&step=cart")
    assert half_said.status_code == 200 and 'value="older"' in half_said.text


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("transitions/compare?a=older&b=all", 422, "30 users are in both"),
        ("transitions/compare?a=older&b=yunger", 422, "did you mean 'younger'"),
        ("transitions/compare?a=older&b=2026-01-01..", 422, "'older' is no period"),
        ("transitions/compare?a=older&b=younger&rate=3", 422, "must be less than 1"),
        ("transitions/compare?a=older&b=younger&channel=nowhere", 422, "nowhere"),
        ("transitions/compare?a=older&b=younger&nonsense=1", 422, "no parameter 'nonsense'"),
        ("transitions/compare/table.csv?a=older", 422, "b is needed"),
        ("funnel/compare?a=older&b=younger", 200, "and which steps, in order"),
        ("matrix/compare?a=older&b=younger", 404, "no comparison in 'matrix'"),
    ],
)
def test_what_cannot_be_compared_is_said_on_the_page(path: str, status: int, said: str, client: TestClient) -> None:
    answered = client.get(f"/explore/{path}")
    assert answered.headers["content-type"].startswith("text/html")
    assert (answered.status_code, said in unescape(answered.text)) == (status, True)


def test_blanks_and_defaults_are_left_out_of_the_address(client: TestClient) -> None:
    filled = client.get("/explore/paths/compare?a=older&b=younger&rate=0.05&label=name&since=", follow_redirects=False)
    assert filled.headers["location"] == "/explore/paths/compare?a=older&b=younger"


def test_overview_and_answers_lead_to_comparisons(client: TestClient) -> None:
    assert 'href="/explore/transitions/compare?a=older"' in client.get("/?segment=older").text
    page = client.get("/explore/steps", params={"by": ["older", "younger"], "depth": 4}).text
    assert 'href="/explore/steps/compare?a=older&amp;b=younger&amp;depth=4"' in page
    assert "/explore/touches/compare" not in client.get("/explore/touches").text


def test_labels_and_sides_are_text_and_never_markup_or_formulas(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph, TestClient(create_app(graph)) as client:
        graph.add([{**event, "name": f"={HOSTILE}"} for event in events()])
        sides = {"a": "age > 50 and not age = 1", "b": f"'{HOSTILE.partition(chr(39))[0]}' = 1 or age < 50"}
        page = client.get("/explore/transitions/compare", params=sides).text
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
        row, *_ = csv.DictReader(io.StringIO(client.get("/explore/paths/compare/table.csv", params=sides).text))
        assert row["what"].startswith("'=")


# In a browser


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_two_groups_are_compared_and_personas_found_by_keyboard(
    width: int, scheme: Any, chromium: Browser, graph: Graph, tmp_path: Path
) -> None:
    with (
        serving(create_app(graph, Options(jobs=tmp_path))) as address,
        chromium.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme) as context,
    ):
        page = context.new_page()
        wrong = watched(page, address)
        page.goto(address)
        page.get_by_role("link", name="What do two groups").press("Enter")
        page.wait_for_url(f"{address}/explore/transitions/compare")
        page.get_by_label("One side").fill("older")
        page.keyboard.press("Tab")
        page.keyboard.type("younger")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/explore/transitions/compare?a=older&b=younger")
        page.frame_locator("iframe").get_by_role("heading", name="What two groups do differently").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

        table = page.get_by_role("region", name="Differences").get_by_role("table")
        row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="cart → buy", exact=True))
        assert row.get_by_role("cell").nth(0).inner_text() == "+80.0"  # the drawn interval is for eyes only
        dot, zero = row.locator("circle"), row.locator(".zero")
        right = [drawn.evaluate("drawn => drawn.getBoundingClientRect().x") for drawn in (zero, dot)]
        assert right[0] < right[1]  # more with the first side: to the right of zero
        shown = table.bounding_box()
        scroll = page.get_by_role("region", name="Differences").bounding_box()
        assert shown and scroll and scroll["width"] <= width

        page.get_by_role("navigation", name="Compared in").get_by_role("link", name="Paths").press("Enter")
        page.wait_for_url(f"{address}/explore/paths/compare?a=older&b=younger")
        page.get_by_role("heading", name="What older and younger do differently").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

        page.goto(f"{address}/explore/personas?clusters=2")
        page.get_by_role("button", name="Find them").press("Enter")
        page.get_by_role("region", name="Answer").get_by_role("table").wait_for()
        assert page.url == f"{address}/explore/personas?clusters=2&asked=yes"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert wrong == []
