"""The step flow: a worked example, conservation, and a count by brute force."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from graphsvc.answers.flow import ENDS, MAX_NODES, Flow, FlowParams, flow
from graphsvc.errors import UnknownName

from .map_frames import Journey, frame_of, wide

HOUR = 1 / 24


def test_worked_example() -> None:
    """Five journeys of four people over two steps; the data end on day 365, so that only dan's is still open."""
    found = flow(
        frame_of(
            [
                Journey("ann", "ad visit buy", converted=True, days=[0, 2 * HOUR, 5 * HOUR]),
                Journey("ann", "ad visit", days=[40, 40 + 4 * HOUR]),
                Journey("bob", "ad chat", days=[0, 6 * HOUR], channels=["web", "app"]),
                Journey("cid", "visit buy", converted=True, days=[0, HOUR]),
                Journey("dan", "ad", days=[360]),
            ]
        ),
        FlowParams(depth=2),
    )
    assert _counts(found) == {
        "1.1": ("ad", 4, 3),
        "1.2": ("visit", 1, 1),
        "1.open": ("open", 1, 1),  # dan, after his only touchpoint
        "2.1": ("visit", 2, 1),
        "2.2": ("buy", 1, 1),
        "2.3": ("chat", 1, 1),  # as many as buy: ties go by text
        "2.converted": ("converted", 1, 1),  # cid
        "2.dropped": ("dropped", 2, 2),  # ann's second journey, and bob
        "2.beyond": ("beyond", 1, 1),  # ann's first: her purchase is the third step
    }
    assert {(edge.source, edge.target): (edge.journeys, edge.users, edge.median_seconds) for edge in found.edges} == {
        ("1.1", "2.1"): (2, 1, 3 * 3_600),
        ("1.1", "2.3"): (1, 1, 6 * 3_600),
        ("1.1", "1.open"): (1, 1, None),
        ("1.2", "2.2"): (1, 1, 3_600),
        ("2.1", "2.dropped"): (1, 1, None),
        ("2.1", "2.beyond"): (1, 1, None),
        ("2.2", "2.converted"): (1, 1, None),
        ("2.3", "2.dropped"): (1, 1, None),
    }
    nodes = {node.id: node for node in found.nodes}
    assert nodes["1.1"].median_seconds is None
    assert nodes["2.1"].median_seconds == 3 * 3_600
    assert (nodes["1.1"].converted, nodes["1.1"].open, nodes["1.1"].conversion) == (1, 1, 0.25)
    assert (nodes["2.dropped"].share, nodes["2.dropped"].share_of_step) == (2 / 5, 2 / 4)
    assert (nodes["1.1"].channels, nodes["2.3"].channels) == ({"web": 4}, {"app": 1})


def test_rare_labels_fold_into_other() -> None:
    """The top labels of a step rank by journeys, then by text; too rare ones fold even where there is room."""
    frame = frame_of([Journey("a", "x"), Journey("b", "x"), Journey("c", "y"), Journey("d", "w"), Journey("e", "z")])
    assert _counts(flow(frame, FlowParams(top=2))) == {
        "1.1": ("x", 2, 2),
        "1.2": ("w", 1, 1),
        "1.other": ("other", 2, 2),
        "1.dropped": ("dropped", 5, 5),
    }
    rare = flow(frame, FlowParams(min_journeys=2))
    assert [node.id for node in rare.nodes] == ["1.1", "1.other", "1.dropped"]
    assert "3 rarer labels of single steps are folded into other" in rare.notes


def test_never_more_nodes_than_a_map_can_show() -> None:
    """However much is asked for: what goes beyond is folded, not lost."""
    found = flow(wide(), FlowParams(depth=30, top=50))
    assert len(found.nodes) == MAX_NODES
    _assert_conserved(found)


def test_no_journeys() -> None:
    """An empty graph, or filters that leave nothing, give an empty flow that says so."""
    assert flow(frame_of([]), FlowParams()).notes == ["no journeys yet"]
    found = flow(frame_of([Journey("a", "x")]), FlowParams(exclude=("x",)))
    assert (found.nodes, found.edges) == ([], [])
    assert found.notes[0] == "nothing is left to count; loosen the filters"


def test_filters_choose_journeys_and_unknown_names_are_refused() -> None:
    """The flow takes all filters that answers share."""
    frame = frame_of([Journey("a", "x y x", channels=["web", "app", "web"]), Journey("b", "y")])
    assert flow(frame, FlowParams(channel=("app",))).totals.counted == 1
    assert [node.label for node in flow(frame, FlowParams(label="channel", depth=1)).nodes] == [
        "web",
        "dropped",
        "beyond",
    ]
    assert [node.id for node in flow(frame, FlowParams(exclude=("y",), collapse=True)).nodes] == ["1.1", "1.dropped"]
    with pytest.raises(UnknownName):
        flow(frame, FlowParams(channel=("pigeon",)))


@st.composite
def _journey(draw: st.DrawFn) -> Journey:
    names = draw(st.lists(st.sampled_from(["ad", "buy", "chat", "visit", "zoo"]), min_size=1, max_size=6))
    hours = [0, *draw(st.lists(st.integers(0, 500), min_size=len(names) - 1, max_size=len(names) - 1))]
    days = [hour / 24 for hour in itertools.accumulate(hours)]
    return Journey(draw(st.sampled_from("abcd")), names, converted=draw(st.booleans()), days=days)


_journeys = st.lists(_journey(), min_size=1, max_size=12)


@given(_journeys, st.integers(1, 7), st.integers(1, 4), st.integers(1, 3), st.sampled_from([5.0, 33.0, 365.0]))
@settings(max_examples=150, deadline=None)
def test_as_many_leave_as_come_in_and_all_is_counted(
    journeys: list[Journey], depth: int, top: int, min_journeys: int, data_end: float
) -> None:
    """On random journeys the flow is conserved at every node, and equals a count by brute force."""
    found = flow(frame_of(journeys, data_end=data_end), FlowParams(depth=depth, top=top, min_journeys=min_journeys))
    _assert_conserved(found)
    nodes, edges = _brute_force(journeys, depth, top, min_journeys, data_end)
    name = {node.id: (node.step, node.kind, node.label) for node in found.nodes}
    assert {name[node.id]: (node.journeys, node.users, node.converted, node.open) for node in found.nodes} == nodes
    measured = {(name[edge.source], name[edge.target]): edge for edge in found.edges}
    assert measured.keys() == edges.keys()
    for way, edge in measured.items():
        assert (edge.journeys, edge.users, edge.median_seconds) == pytest.approx(edges[way])


Name = tuple[int, str, str]


def _brute_force(
    journeys: Sequence[Journey], depth: int, top: int, min_journeys: int, data_end: float
) -> tuple[dict[Name, tuple[int, int, int, int]], dict[tuple[Name, Name], tuple[int, int, float | None]]]:
    """Nodes and edges by walking every journey, one at a time."""
    at_step: dict[int, Counter[str]] = defaultdict(Counter)
    for journey in journeys:
        for step, label in enumerate(journey.labels[:depth], start=1):
            at_step[step][label] += 1
    kept = {
        step: [
            label for label, count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:top] if count >= min_journeys
        ]
        for step, counts in at_step.items()
    }
    through: dict[Name, list[tuple[str, str]]] = defaultdict(list)
    moves: dict[tuple[Name, Name], list[tuple[str, float]]] = defaultdict(list)
    for journey in journeys:
        outcome = "converted" if journey.converted else "open" if data_end - journey.days[-1] <= 30 else "dropped"
        way: list[Name] = [
            (step, "touchpoint", label) if label in kept[step] else (step, "other", "other")
            for step, label in enumerate(journey.labels[:depth], start=1)
        ]
        leaves = "beyond" if len(journey.labels) > depth else outcome
        way.append((len(way), leaves, leaves))
        for place in way:
            through[place].append((journey.user, outcome))
        for step, (before, after) in enumerate(itertools.pairwise(way)):
            gap = 0 if after[1] in ENDS else journey.times[step + 1] - journey.times[step]
            moves[before, after].append((journey.user, gap / 1e6))
    nodes = {}
    for place, passed in through.items():
        outcomes = Counter(outcome for _, outcome in passed)
        nodes[place] = (len(passed), len({user for user, _ in passed}), outcomes["converted"], outcomes["open"])
    edges = {}
    for (before, after), moved in moves.items():
        median = None if after[1] in ENDS else statistics.median(gap for _, gap in moved)
        edges[before, after] = (len(moved), len({user for user, _ in moved}), median)
    return nodes, edges


def _assert_conserved(found: Flow) -> None:
    into, out = Counter[str](), Counter[str]()
    for edge in found.edges:
        into[edge.target] += edge.journeys
        out[edge.source] += edge.journeys
    for node in found.nodes:
        assert (node.step == 1 and node.kind not in ENDS) or into[node.id] == node.journeys
        assert node.kind in ENDS or out[node.id] == node.journeys
    starts = sum(node.journeys for node in found.nodes if node.step == 1 and node.kind not in ENDS)
    ends = sum(node.journeys for node in found.nodes if node.kind in ENDS)
    assert starts == ends == found.totals.counted


def _counts(found: Flow) -> dict[str, tuple[str, int, int]]:
    return {node.id: (node.label, node.journeys, node.users) for node in found.nodes}
