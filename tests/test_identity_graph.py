"""The picture of a user's identifiers: its twin, its layout, its page, and all of it in a real Chromium, offline."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from math import hypot
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from playwright.sync_api import expect

from graphsvc.core import derive
from graphsvc.maps.identity_graph import MOST_EDGES, MOST_NODES, IdentityEdge, IdentityGraph, identity_graph
from graphsvc.maps.identity_layout import WIDE, place
from graphsvc.maps.identity_page import _marks, edge_facts, network, node_facts
from graphsvc.rules import DEFAULT_TYPES
from graphsvc.tables import DECISIONS, IDENTIFIERS, LINKS

from .browser import Open, chromium, colour_at, open_page  # noqa: F401 (fixtures)
from .effort import effort
from .graphs import event, histories, link, table
from .graphs import settings as graph_settings
from .identity_pictures import HOSTILE, LONG, RIGHT_TO_LEFT, ann, hostile, many, of_events

TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def graph() -> IdentityGraph:
    """Ann, who has everything."""
    return ann()


@pytest.fixture(scope="module")
def file(graph: IdentityGraph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graph.save(tmp_path_factory.mktemp("identity") / "new folder" / "ann.html")


def between(graph: IdentityGraph, a: str, b: str) -> IdentityEdge:
    return next(edge for edge in graph.edges if {edge.a, edge.b} == {a, b})


# The twin


def test_what_belongs_where(graph: IdentityGraph) -> None:
    """The user's own, what several share, somebody else's, and what a decision holds."""
    where = {node.key: node.place for node in graph.nodes}
    assert graph.user is not None and sum(place == "own" for place in where.values()) == 14
    assert {key for key, place in where.items() if place != "own"} == {
        "device_id:kiosk-7", "customer_id:C-2002", "cookie:guest-wifi",
    }  # fmt: skip
    assert (where["device_id:kiosk-7"], where["customer_id:C-2002"]) == ("shared", "other")
    assert [node.key for node in graph.nodes if node.held] == ["email:family@example.org"]
    assert graph.nodes[0].key == "email:ann@example.org"  # the one with most links
    assert (graph.more_nodes, graph.more_edges) == (0, 0)


def test_what_became_of_each_pair(graph: IdentityGraph) -> None:
    """Accepted, decided, refused for each reason; evidence and decision stand on one row."""
    strong = between(graph, "cookie:ann-laptop", "email:ann@example.org")
    assert (strong.verdict, strong.reason, strong.count, strong.declared) == ("accepted", None, 120, False)
    matched = between(graph, "discord:ann#1", "email:ann@example.org")
    assert (matched.verdict, matched.confidence, matched.declared) == ("accepted", 0.82, False)
    assert between(graph, "phone:+4930123456", "customer_id:C-1001").declared
    held = between(graph, "customer_id:C-1001", "email:family@example.org")
    assert (held.verdict, held.reason, held.decision, held.count) == ("same", "shared", "same", 1)
    bare = between(graph, "handle:@ann", "user_id:u77")
    assert (bare.verdict, bare.count, bare.confidence, bare.decision) == ("same", 0, None, "same")
    apart = between(graph, "cookie:ann-laptop", "cookie:guest-wifi")
    assert (apart.verdict, apart.reason, apart.decision) == ("refused", "different", "different")
    refused = {edge.reason for edge in graph.edges if edge.verdict == "refused"}
    assert refused == {"shared", "different", "unique:customer_id"}


def test_rows_of_one_pair_are_summed_up() -> None:
    """Two shared values have a link row for each component that holds some of their evidence."""
    rows = [
        event(f"{c}{d}", i, "kiosk", f"device_id:{d}", f"customer_id:{c}") for i, c in enumerate("bc") for d in "xy"
    ]
    rows += [
        event(f"t{c}", 3 + i, "kiosk", "device_id:x", "device_id:y", f"customer_id:{c}") for i, c in enumerate("bc")
    ]
    tables = derive(table(rows), graph_settings())
    assert len(tables.links.filter(pl.col("a") == "device_id:x")) == 2
    shown = of_events(rows)
    both = between(shown, "device_id:x", "device_id:y")
    assert (both.count, both.verdict, both.reason) == (2, "refused", "shared")
    assert both.first_seen is not None and both.last_seen is not None and both.first_seen < both.last_seen


def test_whose_picture_it_is() -> None:
    """Unless told, the user with most identifiers; nobody, where no identifier has one."""
    rows = [event("1", 0, "ad", "cookie:a", "email:a@x.org"), event("2", 0, "ad", "cookie:b")]
    first = of_events(rows)
    other = next(node.user for node in first.nodes if node.key == "cookie:b")
    assert [node.key for node in of_events(rows, user=other).nodes if node.place == "own"] == ["cookie:b"]
    assert [node.key for node in first.nodes if node.place == "own"] == ["cookie:a", "email:a@x.org"]
    empty = identity_graph(
        pl.DataFrame(schema=IDENTIFIERS), pl.DataFrame(schema=LINKS), pl.DataFrame(schema=DECISIONS), title="Nobody"
    )
    assert empty.user is None and "No identifiers to show." in empty.html()


def test_a_withdrawn_link_says_so_and_a_withdrawal_without_a_link_is_no_line() -> None:
    pair = event("1", 0, "ad", "cookie:a", "email:a@x.org")
    decision = {"key": "k", "kind": "withdrawn", "a": "cookie:a", "b": "email:a@x.org", "reason": None}
    tables = derive(table([pair]), graph_settings())
    decisions = pl.DataFrame([decision, decision | {"b": "email:gone"}], schema=DECISIONS)
    shown = identity_graph(tables.identifiers, tables.links, decisions, title="A")
    assert [(edge.b, edge.decision) for edge in shown.edges] == [("email:a@x.org", "withdrawn")]


def test_too_many_are_counted() -> None:
    """300 identifiers and 2,000 lines are shown, the user's and the strongest first; the page says how many more."""
    large = many()
    assert len(large.nodes) == MOST_NODES and large.more_nodes == 232
    assert {node.key for node in large.nodes if node.place == "shared"} == {f"device_id:kiosk-{i}" for i in range(30)}
    assert len(large.edges) + large.more_edges == 588
    page = large.html()
    assert "232 identifiers more than can be shown" in page and '"and 232 more"' in page
    assert "and 232 more</th>" in page and "232 links more: the weakest" in page
    clique = of_events([event("1", 0, "ad", *(f"cookie:c{i}" for i in range(49)))])
    assert len(clique.edges) == 49 * 48 // 2 and clique.more_edges == 0
    rows = [event(f"{i}{j}", 0, "ad", f"cookie:c{i}", f"email:e{j}") for i in range(48) for j in range(48)]
    net = of_events([*rows, event("twice", 1, "ad", "cookie:c47", "email:e47")])
    assert (len(net.edges), net.more_edges) == (MOST_EDGES, 48 * 48 - MOST_EDGES)
    assert between(net, "cookie:c47", "email:e47").count == 2


# The layout


@given(histories(largest=30))
@settings(max_examples=effort(40), deadline=None)
def test_everything_has_a_place_of_its_own(rows: list[dict[str, Any]]) -> None:
    """The user's identifiers inside the oval, all others outside, none upon another; same graph, same places."""
    shown = of_events(rows)
    layout = place(shown.nodes, shown.edges)
    assert layout == place(shown.nodes, shown.edges)
    across, down = layout.oval
    for node in shown.nodes:
        x, y = layout.places[node.key]
        assert (hypot(x / across, y / down) < 1) == (node.place == "own")
    points = list(layout.places.values())
    for i, (x, y) in enumerate(points):
        for other_x, other_y in points[:i]:
            assert hypot(x - other_x, y - other_y) > 26, "marks touch"
    for way in layout.bends.values():
        assert all(hypot(x / across, y / down) > 1 for x, y in way)


def test_three_hundred_do_not_touch() -> None:
    shown = many()
    layout = place(shown.nodes, shown.edges)
    points = list(layout.places.values())
    least = min(hypot(x - u, y - v) for i, (x, y) in enumerate(points) for u, v in points[:i])
    assert least > 24
    assert layout.oval[0] == pytest.approx(layout.oval[1] * WIDE, abs=2)


def test_each_type_has_a_mark_of_its_own() -> None:
    """Told apart by shape alone among the default types, by shape and colour together among forty more."""
    marks = _marks({*DEFAULT_TYPES, *(f"own_{i:02}" for i in range(40))})
    assert len({marks[kind][0] for kind in DEFAULT_TYPES}) == len(DEFAULT_TYPES)
    assert len(set(marks.values())) == 50
    assert _marks({"cookie", "email"})["email"] == marks["email"]


def test_pyvis_holds_every_node_and_edge(graph: IdentityGraph) -> None:
    net = network(graph, place(graph.nodes, graph.edges), _marks({node.type for node in graph.nodes}))
    assert [node["id"] for node in net.nodes] == [node.key for node in graph.nodes]
    assert [(edge["from"], edge["to"]) for edge in net.edges] == [(edge.a, edge.b) for edge in graph.edges]
    assert not net.options.physics.enabled
    widths = {(edge["from"], edge["to"]): edge["width"] for edge in net.edges}
    assert widths["cookie:ann-laptop", "email:ann@example.org"] > widths["cookie:ann-phone", "device_id:ann-iphone"] > 2


# The page


def test_same_input_same_bytes(graph: IdentityGraph, file: Path) -> None:
    """Counted and drawn twice, and from rows in another order, it is the same file; the twin survives JSON."""
    assert ann().html().encode() == file.read_bytes()
    assert IdentityGraph.model_validate_json(graph.model_dump_json()) == graph
    tables = derive(
        table([event(f"e{i}", i, "ad", f"cookie:{i}c", "email:a@x.org") for i in range(9)]), graph_settings()
    )
    none = pl.DataFrame(schema=DECISIONS)
    pages = {
        identity_graph(one.identifiers.sample(fraction=1, shuffle=True, seed=seed), links, none, title="A").html()
        for seed in (1, 2)
        for one, links in [(tables, tables.links.sample(fraction=1, shuffle=True, seed=seed))]
    }
    assert len(pages) == 1


def test_policy_allows_exactly_what_the_page_brings(graph: IdentityGraph) -> None:
    """Scripts and style by hash; no inline handler or style, no address outside the page."""
    page = graph.html()
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts + styles
    ]
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])  # type: ignore[index]
    assert policy == (
        f"default-src 'none'; script-src {' '.join(hashes[:-1])}; style-src {hashes[-1]}; "
        "base-uri 'none'; form-action 'none'"
    )
    markup = without_scripts(page)
    assert not re.search(r"\s(on\w+|style|src|action|srcset)=", markup)
    assert re.findall(r'href="([^"]*)"', markup) == ["#tables"]
    assert "url(" not in styles[0] and "@import" not in styles[0]


def test_says_that_it_holds_personal_data(graph: IdentityGraph) -> None:
    page = graph.html()
    assert "Holds personal data." in page and "erasing the person from the graph does not reach this file" in page
    assert 'content="noindex, noarchive"' in page and 'name="referrer" content="no-referrer"' in page


def test_hostile_values_cannot_leave_their_place() -> None:
    """Markup in values, types, sources, reasons and the title stays text: the page has the elements of a plain one."""
    bad = f"{HOSTILE}{{{{ 7 * 7 }}}}&'\""
    pages = [hostile((value, RIGHT_TO_LEFT, LONG)).html() for value in (bad, "aplain")]
    tags = [sorted(re.findall(r"<(/?[a-z]+)", without_scripts(page))) for page in pages]
    assert tags[0] == tags[1]
    block = pages[0].split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert not set("<>&") & set(block)
    assert f"email:{bad}" in {node["id"] for node in json.loads(block)["nodes"]}
    assert "{{ 7 * 7 }}" in pages[0]  # a value is not a template either


def without_scripts(page: str) -> str:
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)


# In Chromium


class Picture:
    """The picture on a page: where things are in the first view, which shows all of it."""

    def __init__(self, opened: Any) -> None:
        self.page = opened.page
        box = self.page.locator("#map").bounding_box()
        assert box is not None
        self.box = box
        data = json.loads(self.page.locator("#data").text_content() or "")
        self.nodes = {node["id"]: node for node in data["nodes"]}
        self.edges = data["edges"]
        across, down = data["oval"]
        points = [(node["x"], node["y"]) for node in data["nodes"]] + [tuple(p) for e in self.edges for p in e["bend"]]
        (left, right), (top, bottom) = (
            (min([-least, *(p[i] for p in points)]), max([least, *(p[i] for p in points)]))
            for i, least in enumerate((across, down))
        )
        self.middle = (left + right) / 2, (top + bottom) / 2
        inner = box["width"] - 2
        most = max(min(self.page.evaluate("innerHeight") * 0.78, 860), 360)
        aside = min(inner * 0.11, 80)
        self.scale = min((inner - 2 * aside) / (right - left), (most - 68) / (bottom - top), 1.15)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where on the screen a point of the picture is."""
        (cx, cy), box = self.middle, self.box
        return (
            box["x"] + box["width"] / 2 + (x - cx) * self.scale,
            box["y"] + box["height"] / 2 + (y - cy) * self.scale,
        )

    def point_at(self, x: float, y: float) -> None:
        self.page.mouse.move(*self.at(x, y))
        self.page.evaluate(TWO_FRAMES)

    def colour(self, key: str) -> tuple[int, ...]:
        self.page.evaluate(TWO_FRAMES)
        return colour_at(self.page, *self.at(self.nodes[key]["x"], self.nodes[key]["y"]))

    def details(self) -> str:
        return str(self.page.locator("#details").inner_text())


@pytest.mark.browser
def test_opens_offline_and_draws(file: Path, open_page: Open) -> None:  # noqa: F811
    """No request, no error; marks stand where the layout puts them: filled ones the user's, hollow ones not."""
    opened = open_page(file)
    picture = Picture(opened)
    assert picture.colour("customer_id:C-1001") == (0, 114, 178)
    assert picture.colour("email:ann@example.org") == (230, 159, 0)
    assert picture.colour("customer_id:C-2002") == (255, 255, 255)
    assert picture.colour("device_id:kiosk-7") == (255, 255, 255)
    assert "14 identifiers of one user, held together by 15 links" in opened.page.locator("#headline").inner_text()
    expect(opened.page.locator("#personal")).to_be_visible()
    opened.assert_clean()


@pytest.mark.browser
def test_pointing_tells_the_evidence(file: Path, open_page: Open) -> None:  # noqa: F811
    """An identifier tells its type and times, a line its verdict, events, times, sources, confidence; a click stays."""
    opened = open_page(file)
    page, picture = opened.page, Picture(opened)
    laptop, mail = picture.nodes["cookie:ann-laptop"], picture.nodes["email:ann@example.org"]
    picture.point_at(mail["x"], mail["y"])
    assert page.locator("#tip").inner_text() == "ann@example.org\nemail · this user"
    assert "2026-01-01 00:00" in picture.details() and "cookie:ann-laptop" in picture.details()
    picture.point_at((laptop["x"] + mail["x"]) / 2, (laptop["y"] + mail["y"]) / 2)
    told = page.locator("#tip").inner_text()
    assert told.split("\n")[1:] == [
        "accepted", "120 events, 2026-01-01 00:00 to 2026-02-09 00:00", "from test", "confidence 1",
    ]  # fmt: skip
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(3, 3)
    assert picture.details().split("\n")[:3] == ["cookie:ann-laptop", "=", "email:ann@example.org"]
    page.keyboard.press("Escape")
    assert "Point at an identifier" in picture.details()
    wifi = picture.nodes["cookie:guest-wifi"]
    picture.point_at((laptop["x"] + wifi["x"]) / 2, (laptop["y"] + wifi["y"]) / 2)
    assert "refused: different" in page.locator("#tip").inner_text()
    assert colour_at(page, *picture.at((laptop["x"] + wifi["x"]) / 2, (laptop["y"] + wifi["y"]) / 2)) == (213, 94, 0)
    opened.assert_clean()


@pytest.mark.browser
def test_keyboard_reaches_everything(graph: IdentityGraph, file: Path, open_page: Open) -> None:  # noqa: F811
    """Tab goes to the first identifier, arrows to the nearest one that way, Enter keeps, the lines are buttons."""
    opened = open_page(file)
    page, picture = opened.page, Picture(opened)
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className || 'identifier'"))
    assert reached == ["skip", "nearer", "farther", "whole", "identifier"]
    assert page.locator("#walk button").count() == len(graph.nodes)
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused).startswith("email \u2068ann@example.org\u2069, this user, 5 accepted")
    assert page.evaluate("getComputedStyle(document.getElementById('map')).outlineStyle") == "solid"
    before = page.evaluate(focused)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) != before
    page.locator("#walk button").first.focus()
    page.keyboard.press("Enter")
    page.locator("#details .ways button").first.focus()
    page.keyboard.press("Enter")
    assert "=" in page.locator("#details h2").inner_text() and "Sources" in picture.details()
    opened.assert_clean()


@pytest.mark.browser
def test_tables_equal_the_twin(graph: IdentityGraph, file: Path, open_page: Open) -> None:  # noqa: F811
    """Every identifier and every pair with all its facts, in the twin's order; also without JavaScript."""
    page = open_page(file, java_script_enabled=False).page
    read = "rows => rows.map(row => [row.dataset.key ?? [row.dataset.a, row.dataset.b], [...row.querySelectorAll('td')]"
    read += ".map(cell => cell.textContent)])"
    assert page.locator(".identifiers tbody tr").evaluate_all(read) == [
        [node.key, node_facts(node)] for node in graph.nodes
    ]
    assert page.locator(".links tbody tr").evaluate_all(read) == [
        [[edge.a, edge.b], [edge.b, *edge_facts(edge)]] for edge in graph.edges
    ]
    assert "needs JavaScript" in page.locator("figure").inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
def test_hostile_values_do_no_harm(width: int, tmp_path: Path, open_page: Open) -> None:  # noqa: F811
    """Markup, right-to-left text and 500 characters are shown as what they are; nothing is wider than the screen."""
    opened = open_page(hostile().save(tmp_path / "map.html"), width=width)
    page, picture = opened.page, Picture(opened)
    assert page.locator("img").count() == 0
    assert page.locator("h1").inner_text() == HOSTILE
    for i in range(4):
        page.locator("#walk button").nth(i).focus()
        page.evaluate(TWO_FRAMES)
        page.locator("#walk button").nth(i).press("Enter")
        page.locator("#details .ways button").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for node in picture.nodes.values():
        picture.point_at(node["x"], node["y"])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():
        summary.click()
    shown = page.locator(".identifiers tbody bdi:first-of-type").all_text_contents()
    assert {HOSTILE, RIGHT_TO_LEFT, LONG} <= set(shown)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    opened.assert_clean()


@pytest.mark.browser
def test_dark_mode(file: Path, open_page: Open) -> None:  # noqa: F811
    """A dark page, a picture in its colours; it follows when the reader changes their mind."""
    opened = open_page(file, color_scheme="dark")
    page, picture = opened.page, Picture(opened)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    assert picture.colour("customer_id:C-1001") == (43, 147, 214)
    assert picture.colour("customer_id:C-2002") == (20, 23, 27)
    page.emulate_media(color_scheme="light")
    assert picture.colour("customer_id:C-1001") == (0, 114, 178)
    opened.assert_clean()


@pytest.mark.browser
def test_the_largest_picture_and_the_way_back(tmp_path: Path, open_page: Open) -> None:  # noqa: F811
    """300 identifiers: each can be pointed at in the first view; one zooms in with a button, and back."""
    opened = open_page(many().save(tmp_path / "map.html"), height=1_000)
    page, picture = opened.page, Picture(opened)
    own = [node for node in picture.nodes.values() if node["place"] == "own"]
    for node in own[::40]:
        picture.point_at(node["x"], node["y"])
        assert page.locator("#details h2").inner_text().strip("\u2068\u2069") == node["label"]
    page.mouse.move(3, 3)
    key = own[0]["id"]
    before = picture.colour(key)
    page.locator("#nearer").click(click_count=3)
    page.locator("#whole").click()
    assert picture.colour(key) == before
    page.locator("#walk button").nth(200).focus()
    assert page.locator("#details h2").inner_text() != ""
    opened.assert_clean()


@pytest.mark.browser
def test_phone(file: Path, open_page: Open) -> None:  # noqa: F811
    """Nothing is wider than the screen; a tap keeps the details."""
    opened = open_page(file, 390, 844, device_scale_factor=2, has_touch=True, is_mobile=True)
    page, picture = opened.page, Picture(opened)
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    page.touchscreen.tap(
        *picture.at(picture.nodes["customer_id:C-1001"]["x"], picture.nodes["customer_id:C-1001"]["y"])
    )
    expect(page.locator("#details h2 bdi")).to_have_text("C-1001")
    opened.assert_clean()


def test_a_declared_link_says_so() -> None:
    """In the facts of a pair: what was stated, how sure, when, by whom decided."""
    shown = of_events([link("1", None, "email:a@x.org", "phone:+4930123456")])
    assert edge_facts(shown.edges[0]) == ["accepted", "1", "–", "–", "test", "1", "yes", "–"]
