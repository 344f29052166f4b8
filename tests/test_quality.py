"""The quality report: an example counted by hand, bridges by removing each link, and what must not be shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from graphsvc.bridges import bridges
from graphsvc.core import derive
from graphsvc.quality import HIDDEN, Quality, quality
from graphsvc.rules import Rules
from graphsvc.rulings import Rulings
from graphsvc.tables import Tables

from .effort import effort
from .graphs import DAY_ONE, decided, decision_lists, event, histories, identity_rules, link, settings, table

Rows = Sequence[dict[str, Any]]


def report(rows: Rows, rules: dict[str, Any] | None = None, rulings: Rulings | None = None, **asked: Any) -> Quality:
    """The report on some events; they are told in chunks of two."""
    settled, events = settings(rules=rules or {}), table(rows)
    chunks = (events[first : first + 2] for first in range(0, len(events), 2))
    decisions = rulings.decisions if rulings else None
    return quality(derive(events, settled, rulings), chunks, settled.rules, decisions=decisions, **asked)


def barbell(evidence: int = 1) -> list[dict[str, Any]]:
    """Two triangles of three identifiers, joined by cookie:c2 and cookie:c3, which some events hold together."""
    triangles = [
        event("l", 0, "ad", "cookie:c0", "cookie:c1", "cookie:c2"),
        event("r", 1, "ad", "cookie:c3", "cookie:c4", "cookie:c5"),
    ]
    return triangles + [event(f"m{i}", 2 + i, "ad", "cookie:c2", "cookie:c3") for i in range(evidence)]


def test_by_hand() -> None:
    """A pair, a kiosk with two customers, a customer with two ids, and an event without an identifier."""
    found = report(
        [
            event("1", 0, "ad", "cookie:a", "email:ann@x.org"),
            event("2", 1, "buy", "cookie:a"),
            event("3", 2, "ad", "customer_id:1", "device_id:kiosk"),
            event("4", 3, "ad", "customer_id:2", "device_id:kiosk"),
            event("5", 4, "ad", "customer_id:3", "phone:+4930123456"),
            event("6", 5, "ad", "customer_id:4", "phone:+4930123456", "email: NULL"),
            event("7", 6, "ad", "cookie:0000-0000"),
        ],
        {"types": {"phone": {"shared_at": 0}}},
    )
    assert (found.users, found.anonymous_users) == (6, 1)
    assert (found.identifiers, found.shared_identifiers, found.held_identifiers) == (8, 1, 0)
    assert found.by_type == {"cookie": 1, "customer_id": 4, "device_id": 1, "email": 1, "phone": 1}
    assert [(band.size, band.users, band.identifiers) for band in found.sizes] == [
        ("1", 3, 3), ("2", 2, 4), ("3", 0, 0), ("4-5", 0, 0), ("6-10", 0, 0), ("11-20", 0, 0), ("21-50", 0, 0),
        ("> 50", 0, 0),
    ]  # fmt: skip
    assert {tuple(user.by_type.items()) for user in found.largest_users[:2]} == {
        (("cookie", 1), ("email", 1)),
        (("customer_id", 1), ("phone", 1)),
    }
    assert [user.links for user in found.largest_users] == [1, 1, 0, 0, 0]
    assert found.bridges.count == 0
    assert [(row.identifier, row.status, row.meets) for row in found.shared.rows] == [
        (f"device_id:{HIDDEN}", "shared", {"customer_id": 2})
    ]
    assert [passed.model_dump() for passed in found.shared.rows[0].passed] == [
        {"threshold": "shared_at", "allowed": 1, "type": "customer_id", "met": 2}
    ]
    assert [(row.reason, row.pairs) for row in found.refused_links] == [("shared", 2), ("unique:customer_id", 1)]
    kept_apart = found.refused_links[1].examples[0]
    assert (kept_apart.a, kept_apart.b) == (f"customer_id:{HIDDEN}", f"phone:{HIDDEN}")
    assert None not in (kept_apart.user_a, kept_apart.user_b) and kept_apart.user_a != kept_apart.user_b
    assert [(row.type, row.why, row.form, row.count) for row in found.set_aside] == [
        ("cookie", "placeholder", "zeros and hyphens", 1),
        ("email", "placeholder", "null", 1),
    ]
    assert (found.users_with_touchpoints, found.single_event_users) == (6, 5)
    assert found.single_event_share == 5 / 6


def test_a_bridge_and_what_is_none() -> None:
    """The link between two triangles is one; with a second way round, or a decision beside it, there is none."""
    (only,) = report(barbell(), identifiers=True).bridges.rows
    assert (only.a, only.b, only.part_a, only.part_b, only.count) == ("cookie:c2", "cookie:c3", 3, 3, 1)
    assert only.user_a == only.user_b
    assert report([*barbell(), event("x", 9, "ad", "cookie:c0", "cookie:c5")]).bridges.count == 0
    assert report(barbell(), rulings=decided(("same", "cookie:c0", "cookie:c4"))).bridges.count == 0
    assert report(barbell(), rulings=decided(("same", "cookie:c2", "cookie:c3"))).bridges.count == 0
    assert report(barbell(), large=7).bridges.count == 0
    assert report(barbell(), part=4).bridges.count == 0
    leaf = [*barbell(), event("x", 9, "ad", "cookie:c5", "cookie:c6")]
    assert [row.b for row in report(leaf, identifiers=True).bridges.rows] == ["cookie:c3"]


def test_the_weakest_bridge_comes_first() -> None:
    """Fewest events first; among those what nobody declared, then the less certain, then the more even split."""
    chain = [event(f"t{i}{n}", 0, "ad", *[f"cookie:c{i}{j}" for j in range(3)]) for i in range(5) for n in range(2)]
    chain += [event(f"b0{n}", 1, "ad", "cookie:c02", "cookie:c10") for n in range(3)]
    chain += [link("b1", 1, "cookie:c12", "cookie:c20"), link("b2", 1, "cookie:c22", "cookie:c30", 0.7)]
    chain += [event("b3", 1, "ad", "cookie:c32", "cookie:c40")]
    rows = report(chain, identifiers=True).bridges.rows
    assert [(row.a, row.count, row.declared, row.confidence) for row in rows] == [
        ("cookie:c22", 1, False, 0.7), ("cookie:c32", 1, False, 1), ("cookie:c12", 1, True, 1),
        ("cookie:c02", 3, False, 1),
    ]  # fmt: skip
    assert report(chain, top=1).bridges.model_dump(include={"count"}) == {"count": 4}
    assert len(report(chain, top=1).bridges.rows) == 1


_edges = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda ends: ends[0] != ends[1]), max_size=18
)


@given(_edges)
@hypothesis_settings(max_examples=effort(300), deadline=None)
def test_bridges_are_what_splits_when_removed(edges: list[tuple[int, int]]) -> None:
    """Each edge is removed in turn (parallel ones one by one), and what either end still reaches is counted."""
    expected = []
    for row, (a, b) in enumerate(edges):
        rest = nx.Graph(edges[:row] + edges[row + 1 :])
        rest.add_nodes_from((a, b))
        if not nx.has_path(rest, a, b):
            reach = [len(nx.node_connected_component(rest, end)) for end in (a, b)]
            expected.append((row, *reach))
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    found = bridges(ends[:, 0], ends[:, 1], 12)
    assert list(zip(found.rows.tolist(), found.at_a.tolist(), found.at_b.tolist(), strict=True)) == expected


@given(rows=histories(), rules=identity_rules, decisions=decision_lists())
@hypothesis_settings(max_examples=effort(40), deadline=None)
def test_reports_on_random_histories(
    rows: list[dict[str, Any]], rules: dict[str, Any], decisions: list[tuple[str, str, str]]
) -> None:
    """Removing each accepted link from its user finds the same bridges; sums agree; nothing hidden is shown."""
    rulings, settled = decided(*decisions), settings(rules=rules)
    tables = derive(table(rows), settled, rulings)
    found = report(rows, rules, rulings, large=3, part=1, top=1_000, identifiers=True)
    assert {(row.a, row.b) for row in found.bridges.rows} == _by_removal(tables, decisions, settled.rules, large=3)
    assert sum(band.users for band in found.sizes) == found.users - found.anonymous_users
    assert sum(band.identifiers for band in found.sizes) == found.identifiers - found.shared_identifiers
    refused = tables.links.filter(~pl.col("accepted")).unique(["a", "b"])
    assert sum(row.pairs for row in found.refused_links) == len(refused)
    assert {row.identifier for row in found.shared.rows if row.passed} == {row.identifier for row in found.shared.rows}
    hidden = report(rows, rules, rulings, large=3, part=1).model_dump_json()
    assert not [key for key in tables.identifiers["key"] if f'"{key}"' in hidden]
    assert Quality.model_validate_json(hidden).model_dump_json() == hidden


def _by_removal(
    tables: Tables, decisions: list[tuple[str, str, str]], rules: Rules, large: int
) -> set[tuple[str, str]]:
    from graphsvc.core.normal import sought

    owned = dict(tables.identifiers.drop_nulls("user").select("key", "user").iter_rows())
    links = list(tables.links.filter("accepted").select("a", "b").iter_rows())
    same = [(sought(a, rules), sought(b, rules)) for kind, a, b in decisions if kind == "same"]
    same = [(a, b) for a, b in same if a in owned and b in owned]
    large_users = {user for user in owned.values() if sum(other == user for other in owned.values()) >= large}
    found = set()
    for a, b in links:
        whole = nx.Graph([*links, *same])
        rest = nx.Graph([one for one in links if one != (a, b)] + same)
        rest.add_nodes_from((a, b))
        if (
            owned[a] in large_users
            and len(nx.node_connected_component(whole, a)) >= large
            and not nx.has_path(rest, a, b)
        ):
            found.add((a, b))
    return found


def test_shared_values_tell_what_they_passed() -> None:
    """A hub, a kiosk and both; a held value names its user; the one that meets most comes first."""
    rows = [event(f"h{i}", i, "ad", "email:info@x.org", f"cookie:{i}") for i in range(1, 4)]
    rows += [event(f"k{i}", i, "ad", "device_id:kiosk", f"customer_id:{i}") for i in range(1, 5)]
    rules = {"types": {"email": {"hub_above": 2}, "device_id": {"hub_above": 3}}}
    hub, kiosk = report(rows, rules, identifiers=True).shared.rows[::-1]
    assert (kiosk.identifier, kiosk.meets) == ("device_id:kiosk", {"customer_id": 4})
    assert [(one.threshold, one.allowed, one.met) for one in kiosk.passed] == [("shared_at", 1, 4), ("hub_above", 3, 4)]
    assert (hub.identifier, [(one.threshold, one.type) for one in hub.passed]) == (
        "email:info@x.org",
        [("hub_above", "cookie")],
    )
    held = report(rows, rules, decided(("same", "email:info@x.org", "cookie:1")))
    assert (held.shared_identifiers, held.held_identifiers) == (1, 1)
    assert [row.status for row in held.shared.rows] == ["shared", "held"]
    assert held.shared.rows[1].user is not None


def test_what_is_set_aside_is_told_by_form() -> None:
    """Quotes, case and spaces do not make a form of their own; a blocked value is told by its pattern's number."""
    rows = [
        event("1", 0, "ad", "email:null", "email: 'NULL' "),
        event("2", 1, "ad", "email:test@mine.example", "cookie:"),
        event("3", 2, "ad", "loyalty_card:99991234", "loyalty_card:99991234", "loyalty_card:till"),
        event("4", 3, "ad", "email:NULL", "loyalty_card:99995555", "email:Ann@Blocked.example"),
    ]
    rules = {"types": {"loyalty_card": {"blocked": ["^till$", "^9999"]}, "email": {"blocked": ["@blocked"]}}}
    told = [(row.type, row.why, row.form, row.count, row.examples) for row in report(rows, rules).set_aside]
    assert told == [
        ("email", "placeholder", "null", 3, []),
        ("loyalty_card", "blocked", "pattern 2 of the rule", 3, []),
        ("cookie", "placeholder", "(empty)", 1, []),
        ("email", "blocked", "pattern 1 of the rule", 1, []),
        ("email", "placeholder", "test@…", 1, []),
        ("loyalty_card", "blocked", "pattern 1 of the rule", 1, []),
    ]
    openly = report(rows, rules, identifiers=True)
    assert openly.set_aside[0].examples == ["email:NULL", "email:null", "email: 'NULL' "]
    hidden = report(rows, rules).model_dump_json()
    for secret in ("mine.example", "99991234", "till", "locked.example"):
        assert secret not in hidden and secret in openly.model_dump_json()


def test_nothing_to_report() -> None:
    """An empty graph has a report, too."""
    found = quality(Tables.empty(), [], Rules())
    assert (found.users, found.identifiers, found.single_event_share) == (0, 0, 0)
    assert (found.bridges.rows, found.shared.rows, found.refused_links, found.set_aside) == ([], [], [], [])


def test_every_field_is_described() -> None:
    """Down to the rows of each list."""

    def check(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            assert field.description or name == "rows", f"{model.__name__}.{name}"

    schema = Quality.model_json_schema()
    check(Quality)
    for name, part in schema["$defs"].items():
        for field, told in part["properties"].items():
            assert "description" in told, f"{name}.{field}"


@pytest.mark.parametrize("chained", [True, False])
def test_a_million_links_take_seconds(chained: bool) -> None:
    """One user of half a million identifiers, as a chain and as a tangle: no recursion, and no search per link."""
    rng = np.random.default_rng(4)
    size, count = (1_000_001, 1_000_000) if chained else (600_000, 1_000_000)
    a = np.arange(count) if chained else rng.integers(0, size, count)
    b = a + 1 if chained else rng.integers(0, size, count)
    begun = time.process_time()
    found = bridges(a, b, size)
    assert time.process_time() - begun < 30  # 2 and 6 s where it was measured
    assert len(found.rows) == count if chained else 0 < len(found.rows) < count


def test_many_small_users_stay_cheap() -> None:
    """Small users cost nothing but table work: 200,000 users of three identifiers."""
    count = 200_000
    keys = [f"cookie:{i:06}-{j}" for i in range(count) for j in range(3)]
    users = [f"{i:032x}" for i in range(count) for _ in range(3)]
    times = {"first_seen": DAY_ONE, "last_seen": DAY_ONE + timedelta(days=1)}
    empty = Tables.empty()
    identifiers = pl.DataFrame({"key": keys, "user": users}).with_columns(
        pl.lit("cookie").alias("type"), pl.lit("active").alias("status"), **{k: pl.lit(v) for k, v in times.items()}
    )
    links = pl.DataFrame({"a": keys[0::3] + keys[1::3], "b": keys[1::3] + keys[2::3]}).with_columns(
        count=pl.lit(1, pl.Int64), declared=False, confidence=1.0, accepted=True, reason=pl.lit(None, pl.String)
    )
    begun = time.process_time()
    found = quality(Tables(pl.DataFrame({"key": users[::3]}), identifiers, links, empty.journeys), [], Rules())
    assert time.process_time() - begun < 20
    assert (found.users, found.largest_users[0].links, found.bridges.count) == (count, 2, 0)
