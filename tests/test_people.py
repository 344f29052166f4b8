"""Decisions, erasures, explanations and old keys, on both stores: small histories that a person can check by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given

from graphsvc.errors import (
    CannotErase,
    DecisionConflict,
    ErasedAlready,
    ErasureKeyMissing,
    GraphsvcError,
    InputError,
    NotFound,
)
from graphsvc.graph import Graph
from graphsvc.rulings import KEY_VARIABLE
from graphsvc.settings import Settings
from graphsvc.writing import add

from .graphs import (
    DAY_ONE,
    SALT,
    assert_same,
    contents,
    decision_lists,
    event,
    expected,
    fresh,
    histories,
    link,
    rules,
    table,
)
from .test_law import examples


@pytest.fixture(autouse=True)
def _erasure_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")


@pytest.fixture
def graph(store_url: str) -> Iterator[Graph]:
    with Graph(fresh(store_url)) as graph:
        yield graph


def put(graph: Graph, *rows: dict[str, Any], **proposed: Any) -> None:
    add(graph.store, table(rows), {"salt": SALT, **proposed} if proposed or not graph.store.revision() else {})


def users(graph: Graph) -> list[list[str]]:
    """The identifiers of each user that has any."""
    held = graph.store.tables().identifiers.drop_nulls("user")
    return sorted(keys for _, keys in held.group_by("user").agg(pl.col("key").sort()).iter_rows())


def walks(graph: Graph) -> list[list[str]]:
    """The touchpoint keys of each journey."""
    return sorted(graph.store.tables().journeys["touchpoints"].to_list())


# Decisions


def test_a_decision_joins_two_people_and_its_removal_restores_the_former_graph(graph: Graph) -> None:
    put(graph, event("1", 0, "ad", "cookie:1"), event("2", 1, "buy", "loyalty_card:9"))
    before = contents(graph.store)
    made = graph.people.decide("same", "loyalty_card:9", "cookie:1", reason="seen at the till")
    assert walks(graph) == [["1", "2"]], "journeys follow at once"
    assert [(each.kind, each.a, each.b, each.reason) for each in graph.people.decisions()] == [
        ("same", "cookie:1", "loyalty_card:9", "seen at the till")
    ]
    graph.people.remove_decision(made.decisions[0].key)
    assert_same(contents(graph.store), before)


def test_different_parts_what_events_show_together(graph: Graph) -> None:
    put(graph, event("1", 0, "ad", "cookie:1", "email:a@x.org"), event("2", 1, "buy", "email:a@x.org"))
    graph.people.decide("different", "cookie:1", "email:a@x.org")
    assert users(graph) == [["cookie:1"], ["email:a@x.org"]]
    assert graph.store.tables().links["reason"].to_list() == ["different"]
    assert walks(graph) == [["1", "2"]], "an event belongs to the user of its strongest identifier"


def test_a_decision_that_contradicts_another_is_refused(graph: Graph) -> None:
    put(graph, *(event(str(i), i, "ad", f"cookie:{i}") for i in (1, 2, 3)))
    graph.people.decide("same", "cookie:1", "cookie:2")
    graph.people.decide("same", "cookie:2", "cookie:3")
    before = contents(graph.store)
    with pytest.raises(DecisionConflict, match="by other decisions to be the same"):
        graph.people.decide("different", "cookie:1", "cookie:3")
    assert_same(contents(graph.store), before)


@pytest.mark.parametrize(
    ("a", "b", "error", "says"),
    [
        ("cookie:1", "cookie:9", NotFound, "no such cookie"),
        ("email:A@x.org", "email: a@X.org", InputError, "one identifier"),
        ("cookie:1", "emial:1", NotFound, "no such emial"),
    ],
)
def test_a_decision_on_what_is_not_there_changes_nothing(
    graph: Graph, a: str, b: str, error: type[GraphsvcError], says: str
) -> None:
    put(graph, event("1", 0, "ad", "cookie:1"))
    revision = graph.store.revision()
    with pytest.raises(error, match=says):
        graph.people.decide("same", a, b)
    with pytest.raises(NotFound, match="no decision has that key"):
        graph.people.remove_decision("0" * 32)
    assert graph.store.revision() == revision


def test_same_overrides_a_rule(graph: Graph) -> None:
    put(graph, event("1", 0, "buy", "customer_id:1"), event("2", 1, "buy", "customer_id:2"))
    graph.people.decide("same", "customer_id:1", "customer_id:2", reason="married, and merged in the shop")
    assert users(graph) == [["customer_id:1", "customer_id:2"]]


def test_same_holds_a_shared_value_in_one_user_and_withdraws_its_other_links(graph: Graph) -> None:
    rows = [event(str(i), i, "buy", f"customer_id:{i}", "phone:+491700000001") for i in (1, 2)]
    put(graph, *rows, event("3", 3, "call", "phone:+491700000001"))
    assert walks(graph) == [["1"], ["2"], ["3"]], "the phone is shared, so its own call is anonymous"
    with pytest.raises(NotFound, match="shared by several people"):
        graph.lookup("phone:+491700000001")
    graph.people.decide("same", "phone:+491700000001", "customer_id:2")
    assert users(graph) == [["customer_id:1"], ["customer_id:2", "phone:+491700000001"]]
    assert walks(graph) == [["1"], ["2", "3"]]
    links = graph.store.tables().links
    assert links["reason"].to_list() == ["shared", "shared"]


@pytest.mark.thorough
def test_any_decisions_give_the_graph_that_follows_from_them_and_undoing_them_the_former_one(store_url: str) -> None:
    @examples(store_url)
    @given(rows=histories(), rule=rules, made=decision_lists(), later=histories(largest=4))
    def check(
        rows: list[dict[str, Any]], rule: Settings, made: list[tuple[str, str, str]], later: list[dict[str, Any]]
    ) -> None:
        graph = Graph(fresh(store_url))
        add(graph.store, table(rows), rule.model_dump())
        before = contents(graph.store)
        kept = []
        for kind, a, b in made:
            try:
                graph.people.decide(kind, a, b) if kind != "withdrawn" else graph.people.withdraw(a, b)  # type: ignore[arg-type]
            except (NotFound, InputError):
                continue
            kept.append((kind, a, b))
        stored = graph.store.rulings()
        assert_same(contents(graph.store), expected(rows, rule, stored))
        again = [row | {"key": "later " + row["key"]} for row in later]
        add(graph.store, table(again), {})
        assert_same(contents(graph.store), expected([*rows, *again], rule, stored))
        for decision in graph.people.decisions():
            graph.people.remove_decision(decision.key)
        assert_same(contents(graph.store), expected([*rows, *again], rule))
        assert before["events"].height == len(rows)
        graph.close()

    check()


# Withdrawing


def test_withdrawing_a_link_in_a_cycle_splits_nobody_and_a_bridge_splits_exactly(graph: Graph) -> None:
    put(
        graph,
        event("1", 0, "ad", "cookie:1", "email:a@x.org"),
        event("2", 1, "ad", "cookie:1", "loyalty_card:9"),
        link("cycle", 2, "email:a@x.org", "loyalty_card:9"),
        link("bridge", 3, "loyalty_card:9", "customer_id:7"),
        event("3", 4, "buy", "customer_id:7"),
    )
    everybody = [["cookie:1", "customer_id:7", "email:a@x.org", "loyalty_card:9"]]
    assert users(graph) == everybody
    before = contents(graph.store)
    graph.people.withdraw("email:a@x.org", "loyalty_card:9")
    assert users(graph) == everybody
    made = graph.people.withdraw("customer_id:7", "loyalty_card:9", reason="typing error")
    assert users(graph) == [["cookie:1", "email:a@x.org", "loyalty_card:9"], ["customer_id:7"]]
    assert walks(graph) == [["1", "2"], ["3"]]
    add(graph.store, table([link("bridge", 3, "loyalty_card:9", "customer_id:7")]), {}, replace=True)
    assert len(users(graph)) == 2, "a replay of the row does not bring the link back"
    for decision in (made.decisions[0], *graph.people.decisions()[1:]):
        graph.people.remove_decision(decision.key)
    assert_same(contents(graph.store), before)


def test_only_what_was_stated_can_be_withdrawn(graph: Graph) -> None:
    put(graph, event("1", 0, "ad", "cookie:1", "email:a@x.org"))
    with pytest.raises(NotFound, match="decide different"):
        graph.people.withdraw("cookie:1", "email:a@x.org")


# Explaining


def test_explain_shows_the_chain_with_its_events_or_the_rule_in_the_way(graph: Graph) -> None:
    put(
        graph,
        event("1", 0, "ad", "cookie:1", "email:a@x.org"),
        event("2", 1, "login", "email:a@x.org", "customer_id:7"),
        link("l", 2, "customer_id:8", "cookie:1"),
        event("3", 3, "ad", "cookie:5"),
    )
    why = graph.people.explain("customer_id:7", "customer_id:8")
    assert (why.same, why.answer) == (False, "They are two people: a user has at most one customer_id.")
    assert [(step.a, step.b, step.reason) for step in why.chain] == [
        ("customer_id:7", "email:a@x.org", None),
        ("email:a@x.org", "cookie:1", "unique:customer_id"),
        ("cookie:1", "customer_id:8", None),
    ], "declared first, then the link whose weaker end is the stronger type"
    together = graph.people.explain("email:a@x.org", "customer_id:7")
    assert together.same
    assert together.answer == "They are one person: one link leads from one to the other."
    assert [event.key for event in together.chain[0].events] == ["2"]
    put(graph, event("4", 4, "login", "cookie:1", "customer_id:9"))
    assert graph.people.explain("cookie:1", "customer_id:9").answer == (
        "The cookie belongs to nobody: it met 2 values of customer_id, of which a user has one, "
        "and is shared from 2 on."
    )
    assert graph.people.explain("cookie:5", "customer_id:9").answer == "They are two people: no evidence joins them."
    with pytest.raises(NotFound, match="placeholder or blocked"):
        graph.people.explain("email:null", "cookie:1")


# Erasing


ANN = [
    event("1", 0, "ad", "cookie:1", "email:ann@example.org"),
    event("2", 2, "buy", "email:ann@example.org", "customer_id:7", traits='{"age":41}'),
    event("3", 1, "ad", "cookie:2"),
]


def test_an_erased_person_is_gone_and_a_replay_brings_nobody_back(graph: Graph) -> None:
    put(graph, *ANN)
    former = graph.lookup("cookie:1")
    dry = graph.people.erase("cookie:1", dry_run=True)
    assert (dry.done, dry.identifiers, dry.events, dry.journeys, dry.links) == (False, 3, 2, 1, 2)
    assert graph.store.status().counts["events"] == 3
    gone = graph.people.erase("cookie:1")
    assert gone.done and gone.model_dump(include={"identifiers", "events", "journeys", "links", "others"}) == (
        dry.model_dump(include={"identifiers", "events", "journeys", "links", "others"})
    )
    assert walks(graph) == [["3"]]
    left = str([frame.to_dicts() for frame in contents(graph.store).values()])
    assert not re.search("ann@|cookie:1|customer_id:7", left), "nothing of her is left in any table"
    assert add(graph.store, table(ANN), {}).erased == 2
    assert walks(graph) == [["3"]]
    with pytest.raises(CannotErase, match="erased already"):
        graph.people.erase("email:ANN@example.org ")
    assert graph.people.whereabouts(former).state == "erased"


def test_who_returns_after_an_erasure_is_a_new_person(graph: Graph) -> None:
    put(graph, *ANN)
    former = graph.lookup("email:ann@example.org")
    cutoff = graph.people.erase("email:ann@example.org").cutoff
    back = event("9", cutoff + timedelta(days=1), "visit", "email:ann@example.org")
    assert add(graph.store, table([back, *ANN]), {}).new == 1
    now = graph.lookup("email:ann@example.org")
    assert now != former
    assert graph.people.whereabouts(former).state == "erased"
    again = graph.people.erase("email:ann@example.org")
    assert again.events == 1
    assert graph.people.whereabouts(now).state == "erased"


def test_one_identifier_erased_mid_path_takes_the_whole_person_and_nobody_else(graph: Graph) -> None:
    rows = [event(str(i), i, "visit", f"cookie:{i}", f"cookie:{i + 1}") for i in range(1, 5)]
    put(graph, *rows, event("b", 1, "visit", "email:bob@example.org"))
    assert graph.people.erase("cookie:3").identifiers == 5
    assert users(graph) == [["email:bob@example.org"]]
    add(graph.store, table(rows), {})
    assert users(graph) == [["email:bob@example.org"]]


def test_a_shared_value_cannot_be_erased_and_the_error_says_who_can(graph: Graph) -> None:
    put(graph, *(event(str(i), i, "buy", f"customer_id:{i}", "phone:+491700000001") for i in (1, 2)))
    revision = graph.store.revision()
    with pytest.raises(CannotErase, match="shared by 2 users") as told:
        graph.people.erase("phone:+491700000001")
    assert graph.lookup("customer_id:1") in str(told.value) and "1700000001" not in str(told.value)
    assert graph.store.revision() == revision


def test_what_was_shared_through_an_erased_person_stays_shared(graph: Graph) -> None:
    """Else the anonymous events of a kiosk would fall to its one remaining user."""
    put(
        graph,
        *(event(str(i), i, "buy", f"customer_id:{i}", "device_id:kiosk") for i in (1, 2)),
        event("3", 5, "browse", "device_id:kiosk"),
    )
    assert graph.people.erase("customer_id:1").others == 0
    assert walks(graph) == [["2"], ["3"]]
    assert graph.people.explain("device_id:kiosk", "customer_id:2").answer.endswith(
        "it was shared through somebody who was erased."
    )
    add(graph.store, table([event("4", 9, "browse", "device_id:kiosk")]), {})
    assert walks(graph) == [["2"], ["3"], ["4"]]


def test_what_a_decision_held_in_an_erased_person_stays_shared(graph: Graph) -> None:
    put(
        graph,
        *(event(str(i), i, "buy", f"customer_id:{i}", "device_id:kiosk") for i in (1, 2)),
        event("3", 5, "browse", "device_id:kiosk"),
    )
    graph.people.decide("same", "device_id:kiosk", "customer_id:1")
    assert walks(graph) == [["1", "3"], ["2"]]
    graph.people.erase("customer_id:1")
    assert walks(graph) == [["2"], ["3"]], "the other one does not inherit what the kiosk saw"


def test_an_erasure_that_was_cut_short_is_finished_by_another(graph: Graph, tmp_path: Path) -> None:
    put(graph, *ANN)
    rejects = tmp_path / "rejects.jsonl"
    graph.people.erase("email:ann@example.org", rejects=rejects)
    rejects.write_text('{"raw": "soon,ad,web,ann@example.org"}\n')
    with pytest.raises(ErasedAlready):
        graph.people.erase("email:ann@example.org", rejects=rejects)
    assert rejects.read_text() == ""


def test_decisions_are_held_to_each_other_in_the_form_of_today(graph: Graph) -> None:
    exact = {"types": {"email": {"normalise": "trim"}}}
    put(graph, event("1", 0, "ad", "email:Ann@x.org"), event("2", 1, "buy", "customer_id:1"), rules=exact)
    graph.people.decide("different", "email:Ann@x.org", "customer_id:1")
    graph.resolve({"rules": {}})
    with pytest.raises(DecisionConflict):
        graph.people.decide("same", "email:ann@x.org", "customer_id:1")


def test_other_rules_do_not_bring_an_erased_person_back(graph: Graph) -> None:
    put(graph, event("1", 0, "call", "phone:+49 30 1234567"), event("2", 1, "call", "phone:030 1234567"))
    graph.people.erase("phone:+49 30 1234567")
    assert walks(graph) == [["2"]], "without a region nobody knows that it is the same number"
    graph.resolve({"rules": {"default_region": "DE"}})
    assert walks(graph) == []


def test_without_the_key_of_the_hashes_nothing_can_be_erased_or_added(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(graph, *ANN)
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(ErasureKeyMissing, match="openssl rand"):
        graph.people.erase("cookie:1")
    monkeypatch.setenv(KEY_VARIABLE, "another key 0123456789")
    graph.people.erase("cookie:1")
    monkeypatch.setenv(KEY_VARIABLE, "not the same 0123456789")
    with pytest.raises(ErasureKeyMissing, match="is not the key"):
        add(graph.store, table(ANN), {})
    assert walks(graph) == [["3"]], "reading needs no key"


def test_rejected_rows_of_an_erased_person_go_too(graph: Graph, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(
        "time,name,channel,email\n2026-01-01,ad,web,ann@example.org\nsoon,ad,web,ann@example.org\n"
        "soon,ad,web,joann@example.org\n"
    )
    rejects = tmp_path / "rejects.jsonl"
    graph.ingest(file, rejects=rejects)
    assert graph.people.erase("email:ann@example.org", dry_run=True, rejects=rejects).rejects == 1
    assert graph.people.erase("email:ann@example.org", rejects=rejects).rejects == 1
    (left,) = rejects.read_text().splitlines()
    assert "joann@example.org" in left


@pytest.mark.thorough
def test_erase_and_replay_is_erased(store_url: str) -> None:
    @examples(store_url)
    @given(rows=histories(), rule=rules, made=decision_lists(), data=st.data())
    def check(
        rows: list[dict[str, Any]], rule: Settings, made: list[tuple[str, str, str]], data: st.DataObject
    ) -> None:
        target = data.draw(st.sampled_from(sorted({one for row in rows for one in row["identifiers"]})))
        with Graph(fresh(store_url)) as graph:
            add(graph.store, table(rows), rule.model_dump())
            for kind, a, b in made:
                with suppress(NotFound, InputError):
                    graph.people.decide(kind, a, b)  # type: ignore[arg-type]
            try:
                graph.people.erase(target)
            except (NotFound, CannotErase):
                return
            once = contents(graph.store)
            rulings = graph.store.rulings().unlocked()
            left = [row for row in rows if row["key"] in set(once["events"]["key"])]
            assert_same(once, expected(left, rule, rulings))
            add(graph.store, table(rows), {})
            assert_same(contents(graph.store), once)

    check()


# Keys


def test_every_key_ever_handed_out_still_resolves(graph: Graph) -> None:
    put(graph, event("2", 2, "ad", "cookie:1"), event("1", 1, "buy", "email:a@x.org"))
    cookie, email = graph.lookup("cookie:1"), graph.lookup("email:a@x.org")
    put(graph, event("3", 3, "login", "cookie:1", "email:a@x.org"))
    assert graph.people.whereabouts(email).model_dump(include={"state", "users"}) == {
        "state": "current",
        "users": [email],
    }
    assert graph.people.whereabouts(cookie).model_dump(include={"state", "users"}) == {
        "state": "moved",
        "users": [email],
    }
    with pytest.raises(NotFound, match=f"is {email} now"):
        graph.user(cookie)
    put(graph, *(event(f"c{i}", 4, "buy", "cookie:1", f"customer_id:{i}") for i in (1, 2)))
    assert graph.people.whereabouts(cookie).state == "shared"
    with pytest.raises(NotFound, match="no user has or had"):
        graph.people.whereabouts("0" * 32)


def test_the_key_of_a_session_moves_with_its_first_event(graph: Graph) -> None:
    kiosk = [event(f"k{i}", 0, "buy", f"customer_id:{i}", "device_id:kiosk") for i in (1, 2)]
    noon = DAY_ONE + timedelta(days=1, hours=12)
    put(graph, *kiosk, event("later", noon + timedelta(minutes=20), "browse", "device_id:kiosk"))
    (former,) = graph.store.tables().users.filter(pl.col("component").str.starts_with(":shared:"))["key"]
    put(graph, event("first", noon, "browse", "device_id:kiosk"))
    (now,) = graph.store.tables().users.filter(pl.col("component").str.starts_with(":shared:"))["key"]
    assert now != former
    found = graph.people.whereabouts(former)
    assert (found.state, found.users) == ("moved", [now])
