"""Every kind of picture: counted from its answer, drawn in a real Chromium with the network off, exported, shown."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import graphsvc
from graphsvc.api import create_app
from graphsvc.cli import commands
from graphsvc.errors import NotFound, QueryError, UnknownName
from graphsvc.graph import Graph
from graphsvc.maps.arrows_layout import BOX, Arrow, Layout, place
from graphsvc.maps.flow_map import JourneyMap
from graphsvc.maps.kinds import KINDS
from graphsvc.maps.scene import Node, ScenePicture

from .browser import Open, chromium, open_page  # noqa: F401 (fixtures)

HOSTILE = "</script><img src=x onerror=alert(1)><!--{{ 7 * 7 }}"
LONG = "word " * 40 + "x" * 120
#: What the people of the shop do one after another, and how many do so.
WALKS = {
    "ad visit cart buy": 8,
    "ad visit visit": 10,
    "visit HOSTILE ad cart": 6,
    "store LONG store buy": 6,
}
SECRETS = re.compile(r"person-\d|@example\.org")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A shop whose labels do harm where they can; older people go to the store, younger ones come by ads."""
    records = []
    walks = [walk.split() for walk, people in WALKS.items() for _ in range(people)]
    for person, walk in enumerate(walks):
        older = walk[0] == "store" or person == 0
        for step, name in enumerate(walk):
            records.append(
                {
                    "time": f"2026-0{1 + step % 5}-{1 + person % 28:02}T10:00:00Z",
                    "name": {"HOSTILE": HOSTILE, "LONG": LONG}.get(name, name),
                    "channel": HOSTILE if name == "HOSTILE" else "store" if name == "store" else "web",
                    "stage": {"ad": "awareness", "buy": "purchase"}.get(name, "consideration"),
                    "identifiers": {"email": f"person-{person}@example.org", "cookie": f"person-{person}-c"},
                    "traits": {"age": 60 if older else 20},
                }
            )
    store = tmp_path_factory.mktemp("kinds") / "shop.duckdb"
    with graphsvc.open(store) as graph:
        graph.add(records)
        graph.resolve({"goals": ["buy"], "segments": {"older": "age >= 50", "younger": "age < 50"}})
    with graphsvc.open(store, write=False) as graph:
        yield graph


def parameters(graph: Graph, kind: str) -> dict[str, Any]:
    """What each kind is asked here."""
    asked: dict[str, dict[str, Any]] = {
        "transitions": {"top": 6},
        "funnel": {"step": ["ad|visit", "cart", "buy"]},
        "comparison": {"a": "older", "b": "younger", "rate": 0.2},
        "timeline": {"user": graph.lookup("email:person-18@example.org")},
        "identity": {"identifier": "email:person-18@example.org"},
    }
    return asked.get(kind, {})


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_in_a_browser(kind: str, graph: Graph, tmp_path: Path, open_page: Open) -> None:  # noqa: F811
    """No request, error or refusal; hostile labels are text; the keyboard reaches all; it fits a phone; light, dark."""
    file = graph.map(kind, title=HOSTILE, **parameters(graph, kind)).save(tmp_path / f"{kind}.html")
    for width, how in ((1280, {}), (390, {"color_scheme": "dark", "is_mobile": True, "has_touch": True})):
        opened = open_page(file, width, 844, **how)
        page = opened.page
        assert page.locator("h1").inner_text() == page.title() == HOSTILE
        assert page.locator("img").count() == 0
        reached = page.locator("#walk button")
        page.locator("#whole").focus()
        page.keyboard.press("Tab")
        assert reached.first.evaluate("button => button === document.activeElement")
        reached.last.focus()
        assert page.locator("#details h2").count() == 1
        assert page.evaluate("getComputedStyle(document.getElementById('map')).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.locator("#tables").focus()
        assert page.locator("#details h2").count() == 1, "Enter keeps the details"
        page.keyboard.press("Escape")
        assert page.locator("#details h2").count() == 0
        for table in page.locator("summary").all():
            if table.is_visible():
                table.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        painted = page.evaluate("document.querySelector('#map canvas').toDataURL().length")
        assert painted > 8_000, "an empty picture"
        opened.assert_clean()


@pytest.mark.parametrize("kind", ["transitions", "funnel", "matrix"])
def test_a_picture_holds_the_rows_of_its_answer(kind: str, graph: Graph) -> None:
    """The twin is the answer; page and table hold the same; two pages are the same bytes."""
    asked = parameters(graph, kind)
    drawn = graph.map(kind, **asked)
    assert isinstance(drawn, ScenePicture)
    answer = graph.ask(kind, asked)
    told = json.loads(answer.model_dump_json())
    page = drawn.html()
    twin = json.loads(page.split('id="data">')[1].split("</script>")[0])["twin"]["answer"]
    assert (twin["rows"], twin["other"], twin["totals"]) == (told["rows"], told["other"], told["totals"])
    rows = len(answer.rows) + (answer.other is not None)
    assert len(drawn.scene().tables[0].rows) == rows == page.count("<tr>") - 1
    assert graph.map(kind, **asked).html() == page


def test_what_is_not_drawn_is_said(graph: Graph) -> None:
    """The remainder of the transitions is a box of its own, with its count and share; and a note."""
    drawn = graph.map("transitions", top=2)
    assert isinstance(drawn, ScenePicture)
    answer, scene = graph.transitions(top=2), drawn.scene()
    assert answer.other is not None
    (more,) = [node for node in scene.nodes if node.look == "more"]
    rarer = answer.totals.distinct - 2
    assert more.label == f"{rarer} rarer transitions not drawn"
    assert more.caption.startswith(f"together {answer.other.count}, ")
    assert [line.facts[0] for line in scene.lines] == [("Transitions", str(row.count)) for row in answer.rows]
    everything = graph.map("transitions", top=200)
    assert isinstance(everything, ScenePicture)
    assert all(node.look != "more" for node in everything.scene().nodes)


def test_a_funnel_narrows(graph: Graph) -> None:
    """Bars as wide as their users; those who stopped, and what they did instead, beside the step where they stopped."""
    rows = graph.funnel("ad", "visit", "cart", "buy").rows
    drawn = graph.map("funnel", step=["ad", "visit", "cart", "buy"])
    assert isinstance(drawn, ScenePicture)
    bars = [node for node in drawn.scene().nodes if node.look == "bar"]
    for bar, row in zip(bars, rows, strict=True):
        assert bar.width == pytest.approx(bars[0].width * row.users / rows[0].users)
    (stopped,) = [node for node in drawn.scene().nodes if node.id == "stopped 2"]
    assert stopped.label.startswith("10 stopped") and "then visit 10" in stopped.caption


def test_a_comparison_tells_its_sides_by_colour_sign_and_line(graph: Graph) -> None:
    """Plus, solid: more of the first; minus, dashed: more of the second; grey: may be chance. Swapped, all turn."""
    found = graph.compare("transitions", {"top": 30}, a="older", b="younger", rate=0.2)
    drawn = graph.map("comparison", a="older", b="younger", rate=0.2)
    turned = graph.map("comparison", a="younger", b="older", rate=0.2)
    assert isinstance(drawn, ScenePicture) and isinstance(turned, ScenePicture)
    tints = [line.tint for line in drawn.scene().lines]
    assert {"plus", "minus", "even"} == set(tints)
    assert tints == [
        "even" if not row.significant else "plus" if row.share_a > row.share_b else "minus" for row in found.rows
    ]
    for line, row in zip(drawn.scene().lines, found.rows, strict=True):
        assert line.dashed == (line.tint == "minus")
        assert line.text.rstrip("*") in ("", f"{row.difference * 100:+.1f}".replace("-", "−"))
        assert dict(line.facts)["Adjusted p"] and dict(line.facts)["95% interval"]
    swap = {"plus": "minus", "minus": "plus", "even": "even"}
    assert sorted(swap[line.tint] for line in turned.scene().lines) == sorted(tints)


def test_a_timeline_is_of_one_user(graph: Graph) -> None:
    """All touchpoints in order, each on its channel's lane, and how each journey ended; no identifier."""
    drawn = graph.map("timeline", **parameters(graph, "timeline"))
    assert isinstance(drawn, ScenePicture)
    scene = drawn.scene()
    dots = [node for node in scene.nodes if node.look == "dot"]
    assert [dot.label for dot in dots] == ["visit", HOSTILE, "ad", "cart"]
    assert [dot.x for dot in dots] == sorted(dot.x for dot in dots)
    assert len({dot.y for dot in dots}) == 2
    assert [node.tint for node in scene.nodes if node.look == "end"] == ["open"]
    assert scene.warning
    with pytest.raises(NotFound):
        graph.map("timeline", user="nobody")


def test_a_map_takes_the_segments_of_the_frame_that_it_draws(tmp_path: Path) -> None:
    """Where answers may have some age, a segment that was named just now is a layer as soon as it is in the frame."""
    with graphsvc.open(tmp_path / "aged.duckdb") as graph:
        with pytest.raises(NotFound, match="no graph"):
            graph.map()
        graph.add([{"time": "2026-01-01T10:00:00Z", "name": "ad", "identifiers": {"cookie": "c"}}])
        graph.allow_age(60)
        graph.map()
        graph.name_segment("fresh", "age >= 30")
        aged = graph.map()
        graph.allow_age(0)
        for drawn, layers in ((aged, ["all"]), (graph.map(), ["all", "fresh"])):
            assert isinstance(drawn, JourneyMap)
            assert [*drawn.layers] == layers


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "identity"])
def test_no_identifier_stands_in_a_picture(kind: str, graph: Graph) -> None:
    """Nor, but in a timeline, a user's key."""
    page = graph.map(kind, **parameters(graph, kind)).html()
    assert not SECRETS.search(page)
    assert kind == "timeline" or graph.lookup("email:person-18@example.org") not in page


@pytest.mark.parametrize("kind", ["transitions", "funnel", "comparison", "timeline", "matrix"])
def test_nothing_covers_another(kind: str, graph: Graph) -> None:
    """Nodes with their texts keep clear of each other."""
    drawn = graph.map(kind, **parameters(graph, kind))
    assert isinstance(drawn, ScenePicture)
    for one, other in combinations(drawn.scene().nodes, 2):
        assert not _meet(_rectangle(one), _rectangle(other)), (one.label, other.label)


def _rectangle(node: Node) -> tuple[float, float, float, float]:
    return node.x - node.width / 2, node.y - node.height / 2, node.x + node.width / 2, node.y + node.height / 2


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


_arrows = st.lists(
    st.builds(
        lambda ends, count: Arrow(ends[0], ends[1], float(count), max(count / 8, 1.2), str(count)),
        st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("abcdefghijkl")),
        st.integers(1, 80),
    ),
    max_size=30,
    unique_by=lambda arrow: (arrow.source, arrow.target),
)


@given(_arrows)
@settings(max_examples=60, deadline=None)
def test_arrows_lead_from_label_to_label_and_through_none(arrows: list[Arrow]) -> None:
    """Boxes keep clear of each other, of words, and of the arrows of others; the same arrows are the same picture."""
    layout = place(arrows)
    assert place(arrows) == layout
    boxes = {
        label: (box.x - BOX / 2, box.y - box.height / 2, box.x + BOX / 2, box.y + box.height / 2)
        for label, box in layout.boxes.items()
    }
    assert not any(_meet(one, other) for one, other in combinations(boxes.values(), 2))
    words = [(x - 12, y - 8, x + 12, y + 8) for x, y in filter(None, layout.words)]
    assert not any(_meet(word, box) for word in words for box in boxes.values())
    for x, y in _points(layout):
        assert -1 <= x <= layout.width + 1
        for left, top, right, bottom in boxes.values():
            assert not (left + 1 < x < right - 1 and top + 1 < y < bottom - 1)


def _points(layout: Layout) -> Iterator[tuple[float, float]]:
    for curve in layout.curves:
        for at in range(2, len(curve), 6):
            x0, y0, x1, y1, x2, y2, x3, y3 = curve[at - 2 : at + 6]
            for t in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
                yield a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def test_a_chain_reads_from_left_to_right() -> None:
    """What follows stands to the right, and what leads back is told from what goes on."""
    chain = [Arrow(one, other, 9.0, 3.0, "9") for one, other in ("ab", "bc", "cd")]
    layout = place([*chain, Arrow("d", "b", 1.0, 1.2, "1"), Arrow("c", "c", 2.0, 1.2, "2")])
    assert [layout.boxes[label].column for label in "abcd"] == [0, 1, 2, 3]
    assert layout.back == [False, False, False, True, False]


def test_a_notebook_shows_each_picture_in_a_frame_of_its_own(graph: Graph) -> None:
    for kind in KINDS:
        drawn = graph.map(kind, **parameters(graph, kind))
        shown = drawn._repr_html_()
        assert shown.startswith("<iframe srcdoc=") and 'sandbox="allow-scripts"' in shown
        assert html.unescape(shown.split('srcdoc="')[1].split('" sandbox')[0]) == drawn.html()


def test_maps_that_cannot_be_drawn_say_why(graph: Graph) -> None:
    with pytest.raises(UnknownName, match="transitions"):
        graph.map("transition")
    with pytest.raises(UnknownName, match="top"):
        graph.map("transitions", topp=3)
    with pytest.raises(QueryError, match="one answer"):
        graph.map("matrix", by=["older"])
    with pytest.raises(UnknownName, match="visit"):
        graph.map("funnel", step=["vist", "buy"])


def test_each_kind_from_the_command_line(graph: Graph, tmp_path: Path) -> None:
    """``graphsvc map KIND --out FILE``; without a kind it is the journey map."""
    store = graph.store.url
    run = CliRunner()
    for kind in KINDS:
        words = [
            word
            for name, value in parameters(graph, kind).items()
            for each in (value if isinstance(value, list) else [value])
            for word in (f"--{name}", str(each))
        ]
        out = tmp_path / f"{kind}.html"
        done = run.invoke(commands(), ["map", kind, *words, "--store", store, "--out", str(out)])
        assert (done.exit_code, done.output) == (0, f"{out}: open it in a browser\n"), done.exception
        assert out.read_text(encoding="utf-8") == graph.map(kind, **parameters(graph, kind)).html()
    out = tmp_path / "map.html"
    assert run.invoke(commands(), ["map", "--depth", "2", "--store", store, "-o", str(out)]).exit_code == 0
    assert out.read_text(encoding="utf-8") == graph.map(depth=2).html()
    refused = run.invoke(commands(), ["map", "--depth", "2", "transitions", "--store", store])
    assert "after the kind: graphsvc map transitions --depth" in str(refused.exception)


def test_each_kind_from_the_service(graph: Graph) -> None:
    """``GET /map/KIND`` gives the same bytes; one that is asked for by an identifier has no address."""
    with TestClient(create_app(graph)) as client:
        for kind in KINDS.keys() - {"identity"}:
            page = client.get(f"/map/{kind}", params=parameters(graph, kind))
            assert page.status_code == 200, page.text
            assert page.text == graph.map(kind, **parameters(graph, kind)).html()
        assert client.get("/map").text == graph.map().html()
        assert client.get("/map/identity").status_code == 404
        assert client.get("/map/comparison", params={"a": "older"}).status_code in (400, 422)


def test_the_documents_commands_and_python_run(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "docs" / "maps.md").read_text(encoding="utf-8")
    monkeypatch.setenv("GRAPHSVC_STORE", graph.store.url)
    monkeypatch.chdir(tmp_path)
    (shell,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in shell.splitlines():
        words = shlex.split(line.split("#")[0].replace("KEY", parameters(graph, "timeline")["user"]))
        done = CliRunner().invoke(commands(), words[1:])
        assert done.exit_code == 0, (line, done.exception)
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(block.replace("journeys.duckdb", graph.store.url), "docs/maps.md", "exec"), {})
    written = {path.stem for path in tmp_path.glob("*.html")}
    assert written == {"map", "transitions", "funnel", "comparison", "timeline", "matrix"}
    assert all(f"| `{kind}` |" in text for kind in KINDS)
