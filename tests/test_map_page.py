"""The journey map without a browser: its twin, its layout, and what the page promises about itself."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections import defaultdict
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.answers.flow import ENDS, Flow, FlowParams, flow
from graphsvc.errors import QueryError, UnknownName
from graphsvc.maps import journey_map
from graphsvc.maps.flow_map import JourneyMap
from graphsvc.maps.layout import LABEL, PITCH, place
from graphsvc.maps.network import network
from graphsvc.maps.words import duration, headline, percent

from .map_frames import Journey, brand, frame_of, wide


@pytest.fixture(scope="module")
def shop() -> JourneyMap:
    """The brand's map, with layers."""
    return journey_map(brand(400), segments=["older", "younger", "age >= 70"], title="A <clothing> brand")


class _Parts(HTMLParser):
    """The scripts, styles, policy and referring attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.policy = ""
        self.refers: list[str] = []
        self.handlers: list[str] = []
        self._inside: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in ("script", "style"):
            self._inside = "data" if attributes.get("type") == "application/json" else tag
            self.texts[self._inside].append("")
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"] or ""
        self.refers += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = None


def test_same_input_same_bytes(shop: JourneyMap, tmp_path: Path) -> None:
    """A map counted and drawn twice is the same file; its twin comes back from JSON unchanged."""
    again = journey_map(brand(400), segments=["older", "younger", "age >= 70"], title="A <clothing> brand")
    assert again == shop
    assert again.save(tmp_path / "new folder" / "map.html").read_bytes() == shop.html().encode()
    assert JourneyMap.model_validate_json(shop.model_dump_json()) == shop


def test_policy_allows_exactly_the_scripts_and_the_style_of_the_page(shop: JourneyMap) -> None:
    """Scripts and style by hash, everything else from nowhere; no inline handler, no address outside the page."""
    parts = _Parts(shop.html())
    hashes = {
        kind: [
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in parts.texts[kind]
        ]
        for kind in ("script", "style")
    }
    directives = dict(directive.split(" ", 1) for directive in parts.policy.split("; "))
    assert directives == {
        "default-src": "'none'",
        "script-src": " ".join(hashes["script"]),
        "style-src": " ".join(hashes["style"]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert parts.handlers == []
    assert all(refers.startswith("#") for refers in parts.refers)
    assert "url(" not in "".join(parts.texts["style"]) and "@import" not in "".join(parts.texts["style"])


def test_vis_network_is_the_one_that_pyvis_ships(shop: JourneyMap) -> None:
    """Byte for byte, but for the pointer to a source map."""
    shipped = resources.files("pyvis").joinpath("lib/vis-9.1.2/vis-network.min.js").read_text(encoding="utf-8")
    brought = _Parts(shop.html()).texts["script"][0]
    assert shipped.startswith(brought.rstrip("\n"))
    assert shipped.removeprefix(brought.rstrip("\n")).strip().startswith("//# sourceMappingURL=")


def test_no_identifier_stands_in_the_page(shop: JourneyMap) -> None:
    """Neither user keys, nor journey keys, nor the salt."""
    page = shop.html()
    assert not re.search(r"person-\d|key-\d|test-salt", page)


def test_labels_cannot_leave_their_place() -> None:
    """Markup in a label, in the title or in a segment stays text: the page has the elements that plain words give."""
    hostile = "</script><img src=x onerror=alert(1)>\"'&<!--{{ 7 * 7 }}"
    named = {hostile: hostile.replace("'", ""), "plain": "plain"}  # a segment's name has one kind of quotes at most
    frames = [
        frame_of([Journey("a", [label, "buy"], True, channels=[label, "web"])], segments={named[label]: "age > 0"})
        for label in named
    ]
    pages = [
        journey_map(frame, segments=[named[label]], title=label).html()
        for frame, label in zip(frames, named, strict=True)
    ]
    tags = [re.findall(r"<(/?[a-z]+)", _without_scripts(page)) for page in pages]
    assert tags[0] == tags[1]
    assert json.loads(_Parts(pages[0]).texts["data"][0])["layers"][0]["nodes"][0]["label"] == hostile
    block = pages[0].split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert not set("<>&") & set(block)
    assert "{{ 7 * 7 }}" in pages[0]  # a label is not a template either


def _without_scripts(page: str) -> str:
    return re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)


def test_footer_tells_what_was_asked(shop: JourneyMap) -> None:
    """Query, parameters, data range, revision, version, and what the flow hides."""
    page = html.unescape(_without_scripts(shop.html()))
    for told in (
        "journey map",
        '"depth": 8',
        '"segments": ["older"',
        "2026-01-0",
        "2026-06-20 00:00 UTC",
        "41",
        "graphsvc 0.",
    ):
        assert told in page[page.index("<footer>") :]


def test_layers_need_names_of_their_own() -> None:
    """A segment twice, one named like everyone's layer, one beside a segment for the whole map, or an unknown one."""
    frame = brand(50)
    for segments in (["older", "older"], ["all"]):
        with pytest.raises(QueryError, match="its own name"):
            journey_map(frame, segments=segments)
    with pytest.raises(QueryError, match="not both"):
        journey_map(frame, FlowParams(segment="older"), segments=["younger"])
    with pytest.raises(UnknownName, match="older"):
        journey_map(frame, segments=["oldre"])
    assert list(journey_map(frame, FlowParams(segment="older")).layers) == ["older"]


def test_an_empty_map_says_so() -> None:
    """No journeys: a page all the same."""
    page = journey_map(frame_of([])).html()
    assert "No journeys to show." in page and "no journeys yet" in page


def test_pyvis_holds_every_node_and_edge() -> None:
    """The network is a pyvis network that could be used on its own; places come from the layout, not from physics."""
    found = flow(brand(300), FlowParams())
    net = network(found, place(found))
    assert [node["id"] for node in net.nodes] == [node.id for node in found.nodes]
    assert [(edge["from"], edge["to"], edge["journeys"]) for edge in net.edges] == [
        (edge.source, edge.target, edge.journeys) for edge in found.edges
    ]
    assert not net.options.physics.enabled


_flows = st.builds(
    lambda walks, top: flow(
        frame_of([Journey(f"u{i}", names, bool(i % 3)) for i, names in enumerate(walks)], data_end=33),
        FlowParams(top=top),
    ),
    st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9), min_size=1, max_size=30),
    st.integers(1, 8),
)


@given(_flows)
@settings(max_examples=60, deadline=None)
def test_nothing_overlaps_and_ribbons_fill_their_bars(found: Flow) -> None:
    """Bars of a column keep clear of each other, with room for a label; ribbons tile the sides of their bars."""
    layout = place(found)
    assert place(found) == layout
    columns = defaultdict(list)
    for node, bar in zip(found.nodes, layout.bars, strict=True):
        assert bar.x == bar.column * PITCH
        assert bar.y - bar.height / 2 > -1e-6
        assert bar.y + bar.height / 2 < layout.height + 1e-6
        columns[bar.column].append((bar.y, max(bar.height, LABEL) if node.kind not in ENDS else bar.height))
    for bars in columns.values():
        for (upper, upper_height), (lower, lower_height) in pairwise(sorted(bars)):
            assert upper + upper_height / 2 <= lower - lower_height / 2 + 1e-6
    sides = defaultdict(list)
    for edge, ribbon in zip(found.edges, layout.ribbons, strict=True):
        sides["out", edge.source].append((ribbon.y1 - ribbon.width / 2, ribbon.y1 + ribbon.width / 2))
        sides["in", edge.target].append((ribbon.y2 - ribbon.width / 2, ribbon.y2 + ribbon.width / 2))
    bars_by_id = {node.id: bar for node, bar in zip(found.nodes, layout.bars, strict=True)}
    for (_, node_id), spans in sides.items():
        bar = bars_by_id[node_id]
        spans.sort()
        assert spans[0][0] == pytest.approx(bar.y - bar.height / 2)
        assert spans[-1][1] == pytest.approx(bar.y + bar.height / 2)
        for (_, end), (start, _) in pairwise(spans):
            assert start == pytest.approx(end)


def test_a_label_keeps_its_rank_in_all_steps_and_layers() -> None:
    """Eyes find a label again at the same side of another, in every column and in every segment."""
    whole = flow(wide(300), FlowParams(top=5))
    part = flow(wide(150), FlowParams(top=5))
    above: dict[tuple[str, str], bool] = {}
    for found in (whole, part):
        layout = place(found, like=whole)
        columns = defaultdict(list)
        for node, bar in zip(found.nodes, layout.bars, strict=True):
            if node.kind == "touchpoint" and node.label in {n.label for n in whole.nodes}:
                columns[bar.column].append((bar.y, node.label))
        for bars in columns.values():
            for (y, label), (other_y, other) in ((a, b) for a in bars for b in bars if a[1] < b[1]):
                assert above.setdefault((label, other), y < other_y) == (y < other_y)


def test_the_headline_names_the_greatest_loss() -> None:
    """Two leave after b, one after a; c is where somebody converts."""
    frame = frame_of([Journey("u", "a b"), Journey("v", "a b"), Journey("w", "a"), Journey("x", "a c", converted=True)])
    said = headline(flow(frame, FlowParams())).translate({0x2068: None, 0x2069: None})
    assert said == (
        "The most common start is “a” (100%). "
        "The largest loss is after “b”: 2 journeys drop off there, 67% of all that do."
    )


def test_numbers_read_well() -> None:
    """Shares never round to nothing or all; times come in the unit that fits."""
    assert [percent(share) for share in (0, 0.0001, 0.034, 0.0999, 0.34, 0.999, 1)] == [
        "0%", "<0.1%", "3.4%", "10%", "34%", ">99%", "100%",
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (None, 0, 45, 600, 5_400, 86_400, 200_000)] == [
        "–", "0 s", "45 s", "10 min", "1.5 h", "24 h", "2.3 days",
    ]  # fmt: skip
