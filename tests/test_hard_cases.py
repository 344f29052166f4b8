"""The ten hard cases of identity, each with its outcome; ``docs/identity.md`` tells them in words."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from graphsvc.graph import Graph
from graphsvc.rulings import KEY_VARIABLE
from graphsvc.stores import is_neo4j, open_store
from graphsvc.tables import EVENTS
from graphsvc.writing import add

from .graphs import DAY_ONE, SALT, assert_same, contents, event, fresh, link, table
from .test_people import put, users, walks


@pytest.fixture(autouse=True)
def _erasure_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")


@pytest.fixture
def graph(store_url: str) -> Iterator[Graph]:
    with Graph(fresh(store_url)) as graph:
        yield graph


def many(count: int, **columns: pl.Expr) -> pl.DataFrame:
    """Events by the thousand: ``n`` counts them from 0."""
    rows = pl.DataFrame({"n": range(count)}).with_columns(
        key=pl.format("e{}", "n"), kind=pl.lit("event"), source=pl.lit("test"), name=pl.lit("visit"),
        channel=pl.lit("web"), at=pl.lit(DAY_ONE) + pl.duration(minutes="n"), **columns,
    )  # fmt: skip
    missing = {name: pl.lit(None, dtype=dtype) for name, dtype in EVENTS.items() if name not in rows.columns}
    return rows.with_columns(**missing).select(EVENTS.names()).cast(EVENTS)


def test_a_kiosk_with_500_logins(graph: Graph) -> None:
    logins = many(
        500, identifiers=pl.concat_list(pl.format("customer_id:{}", pl.col("n") + 1), pl.lit("device_id:kiosk"))
    )
    noon = DAY_ONE + timedelta(days=9, hours=12)
    browsing = [
        event(f"b{i}", noon + timedelta(minutes=m), "browse", "device_id:kiosk") for i, m in enumerate((0, 20, 51))
    ]
    add(graph.store, pl.concat([logins, table(browsing)]), {"salt": SALT})
    found = users(graph)
    assert len(found) == 500 and all(len(one) == 1 for one in found), "500 people, each with the own customer_id alone"
    anonymous = [walk for walk in walks(graph) if walk[0].startswith("b")]
    assert anonymous == [["b0", "b1"], ["b2"]], "the kiosk's own events: a pause of 31 minutes ends a session"
    put(graph, event("next", noon, "login", "customer_id:501", "device_id:kiosk"))
    assert len(users(graph)) == 501


def test_placeholders(graph: Graph) -> None:
    values = ["null", " None ", '"guest"', "N/A", "0000-0000", "test@x.org", "[object Object]", "FALSE", "-", '""']
    put(graph, *(event(f"{i}", 0, "ad", f"email:{value}", f"customer_id:{i}") for i, value in enumerate(values, 1)))
    put(graph, *(event(f"x{i}", 0, "ad", f"customer_id:{value}") for i, value in enumerate(values)))
    assert users(graph) == sorted([f"customer_id:{i}"] for i in range(1, len(values) + 1)), "nothing links through them"
    assert sum(walk[0].startswith("x") for walk in walks(graph)) == len(values), "an anonymous user for each event"


def test_one_email_on_100_000_accounts(store_url: str) -> None:
    count = 2_000 if is_neo4j(store_url) else 100_000
    graph = Graph(fresh(store_url))
    accounts = many(
        count, identifiers=pl.concat_list(pl.format("user_id:{}", pl.col("n") + 1), pl.lit("email:info@x.org"))
    )
    add(graph.store, accounts, {"salt": SALT})
    counts = graph.store.status().counts
    assert (counts["users"], counts["links"]) == (count, count)
    put(
        graph,
        event("next", 99, "visit", "user_id:next", "email:info@x.org"),
        event("lone", 99, "mail", "email:info@x.org"),
    )
    assert graph.store.status().counts["users"] == count + 2, "one new account, one anonymous reader of the mail"
    graph.close()


def test_two_customers_one_cookie_and_email_in_every_arrival_order(store_url: str) -> None:
    """CRM1–cookie–email–CRM2: the customers stay two, whatever came first; the weakest link goes."""
    rows = [
        event("1", 0, "login", "customer_id:1", "cookie:7"),
        event("2", 1, "visit", "cookie:7", "email:a@x.org"),
        event("3", 2, "order", "email:a@x.org", "customer_id:2"),
    ]
    first = None
    for order in itertools.permutations(rows):
        graph = Graph(fresh(store_url))
        for row in order:
            put(graph, row)
        assert users(graph) == [["cookie:7", "customer_id:1"], ["customer_id:2", "email:a@x.org"]]
        refused = graph.store.tables().links.filter(~pl.col("accepted"))
        assert refused.select("a", "b", "reason").rows() == [("cookie:7", "email:a@x.org", "unique:customer_id")]
        first = first or contents(graph.store)
        assert_same(contents(graph.store), first)
        graph.close()


def test_a_30_day_old_offline_scan_joins_two_journeys(graph: Graph) -> None:
    put(graph, event("web", 29, "visit", "cookie:1"), event("app", 30, "open", "device_id:d"), goals=["buy"])
    put(graph, event("login", 30, "login", "device_id:d", "loyalty_card:9"))
    assert walks(graph) == [["app", "login"], ["web"]]
    put(graph, event("scan", 0, "scan", "cookie:1", "loyalty_card:9"))
    assert walks(graph) == [["scan", "web", "app", "login"]], "one journey, in order of time"


def test_a_recycled_phone(graph: Graph) -> None:
    """A number that two customers had belongs to neither; what they did before stays theirs."""
    put(
        graph, event("1", 0, "buy", "customer_id:1", "phone:+491700000001"), event("2", 1, "sms", "phone:+491700000001")
    )
    assert walks(graph) == [["1", "2"]]
    put(graph, event("3", 400, "buy", "customer_id:2", "phone:+491700000001"))
    assert walks(graph) == [["1"], ["2"], ["3"]], "the earlier merge through the number is withdrawn"
    assert users(graph) == [["customer_id:1"], ["customer_id:2"]]


def test_three_merges_at_once_with_duplicate_delivery(store_url: str) -> None:
    """A→B, B→C, C→A, each delivered twice, from three writers at once."""
    fresh(store_url).close()
    put(opened := Graph(open_store(store_url)), *(event(f"{one}", 0, "visit", f"cookie:{one}") for one in "abc"))
    merges = [
        link("ab", 1, "cookie:a", "cookie:b"),
        link("bc", 1, "cookie:b", "cookie:c"),
        link("ca", 1, "cookie:c", "cookie:a"),
    ]
    failed: list[BaseException] = []

    def deliver(row: dict[str, Any]) -> None:
        try:
            for _ in range(2):
                add(opened.store, table([row]), {})
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=deliver, args=(row,)) for row in merges]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert users(opened) == [["cookie:a", "cookie:b", "cookie:c"]]
    assert opened.store.tables().links["count"].to_list() == [1, 1, 1], "a duplicate is one event"
    opened.close()


def test_withdrawing_a_link_inside_a_cycle_and_a_bridge(graph: Graph) -> None:
    cycle = [link(f"l{x}{y}", 1, f"cookie:{x}", f"cookie:{y}") for x, y in ("ab", "bc", "ca")]
    put(graph, *cycle, link("bridge", 1, "cookie:c", "cookie:d"), event("e", 2, "visit", "cookie:d"))
    graph.people.withdraw("cookie:a", "cookie:b")
    assert users(graph) == [["cookie:a", "cookie:b", "cookie:c", "cookie:d"]], "inside a cycle nothing splits"
    graph.people.withdraw("cookie:c", "cookie:d")
    assert users(graph) == [["cookie:a", "cookie:b", "cookie:c"], ["cookie:d"]], "a bridge splits exactly"


def test_erasing_one_identifier_mid_path_then_replay(graph: Graph) -> None:
    rows = [event(str(i), i, "visit", f"cookie:{i}", f"cookie:{i + 1}") for i in range(1, 6)]
    put(graph, *rows, event("other", 3, "visit", "cookie:99"))
    graph.people.erase("cookie:3")
    for _ in range(2):
        assert users(graph) == [["cookie:99"]], "the person goes whole, and nobody else"
        assert add(graph.store, table(rows), {}).erased == len(rows)


def test_two_users_of_50_000_identifiers_merge_while_ingesting(store_url: str) -> None:
    half = 500 if is_neo4j(store_url) else 50_000
    chain = [pl.format("cookie:{}", pl.col("n") + 1), pl.format("cookie:{}", pl.col("n") + 2)]
    rows = many(2 * half, identifiers=pl.concat_list(*chain))
    graph = Graph(fresh(store_url))
    missing = f"e{half}"
    add(
        graph.store,
        rows.filter(pl.col("key") != missing),
        {"salt": SALT, "rules": {"types": {"cookie": {"hub_above": 0}}}},
    )
    assert graph.store.status().counts["users"] == 2
    add(graph.store, rows.filter(pl.col("key") == missing), {})
    counts = graph.store.status().counts
    assert (counts["users"], counts["journeys"], counts["identifiers"]) == (1, 1, 2 * half + 1)
    graph.close()
