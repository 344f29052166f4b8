"""Rules of identity: what they may say, what they do to a graph that is there, and graphs older than they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as at_ease
from hypothesis import strategies as st
from pydantic import ValidationError

from graphsvc.core.normal import normalised, sought
from graphsvc.errors import RulesError, StoreUnavailable
from graphsvc.graph import Graph
from graphsvc.rules import Rules, in_words, load_rules
from graphsvc.stores import open_store
from graphsvc.writing import add, resolve

from . import neo4j_server as servers
from .graphs import SALT, assert_same, contents, event, expected, fresh, profile, settings, table
from .test_neo4j_store import asked


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"types": {"email": {"unique": True, "limit": 3}}}, "contradicts limit = 3"),
        ({"types": {"email": {"unique": True, "shared_at": 2}}}, "no meaning for a unique type"),
        ({"types": {"email": {"shared_at": 1}}}, "would share every value"),
        ({"types": {"email": {"blocked": ["(?=x)"]}}}, "linear time"),
        ({"types": {"email": {"blocked": [r"(a)\1"]}}}, "linear time"),
        ({"types": {"email": {"blocked": ["["]}}}, "linear time"),
        ({"types": {"email": {"blocked": ["x*"]}}}, "would block every value"),
        ({"types": {"email": {"uniqe": True}}}, "Extra inputs"),
        ({"types": {"e mail": {}}}, "is no identifier type"),
        ({"default_region": "XX"}, "no country code"),
        ({"nearest_login_minutes": 0}, "greater than 0"),
        ({"survivorship": {"age": "oldest"}}, "Input should be"),
    ],
)
def test_rules_that_cannot_hold_are_refused_with_a_reason(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Rules.model_validate(given)


def test_a_rules_file_changes_what_it_names_and_leaves_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('default_region = "de"\n[types.loyalty_card]\nunique = true\n[types.till]\nlimit = 3\n')
    rules = load_rules(file)
    assert (rules.default_region, rules.of("loyalty_card").unique, rules.of("loyalty_card").priority) == ("DE", True, 3)
    assert rules.of("email") == Rules().of("email") and rules.of("till").limit == 3
    assert "loyalty_card: priority 3, outer spaces are ignored, a user has at most one." in in_words(rules)
    file.write_text("[types.email]\nlimit = -1\n")
    with pytest.raises(RulesError, match=r"rules\.toml: types\.email\.limit: .*greater than or equal to 0"):
        load_rules(file)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("email: Ann @X.org ", "email:ann@x.org"),
        ("phone:0170 1234567", "phone:+491701234567"),
        ("phone:+49 (0)170 1234567", "phone:+491701234567"),
        ("phone:extension 12", "phone:extension 12"),
        ("cookie: Ab ", "cookie:Ab"),
        ("cookie:a:b", "cookie:a:b"),
    ],
)
def test_normalisers(raw: str, key: str) -> None:
    assert sought(raw, Rules(default_region="DE")) == key


_VALUE = st.one_of(
    st.text(max_size=12),
    st.text("aZ09-+ '\"@.()\u00a0ÄİΣ", max_size=12),
    st.sampled_from(["test@x.de", "0-0", " N/A", "'null'", "+4930123456", "030 123456", "\x1f", "a:b", "GUEST"]),
)


@at_ease(deadline=None)
@given(
    texts=st.lists(st.one_of(st.none(), st.just("bare"), st.builds("{}:{}".format, st.sampled_from(
        ["email", "phone", "cookie", "handle", "of-nobody"]), _VALUE)), min_size=1, max_size=8),
    region=st.sampled_from([None, "DE"]),
)  # fmt: skip
def test_few_identifiers_get_the_keys_that_they_get_among_many(texts: list[str | None], region: str | None) -> None:
    rules = Rules.model_validate({"default_region": region, "types": {"handle": {"normalise": "lower"}}})
    among_many = normalised(pl.Series([*texts, *["cookie:filler"] * 60]), rules)[: len(texts)]
    assert normalised(pl.Series(texts, dtype=pl.String), rules).to_list() == among_many.to_list()
    for text, key in zip(texts, among_many, strict=True):
        alone = normalised(pl.Series([text], dtype=pl.String), rules).item()
        assert alone == key, f"{text!r} alone"


def test_blocked_values_never_link_and_come_back_with_the_rule(store_url: str) -> None:
    store = fresh(store_url)
    rows = [event("1", 0, "ad", "cookie:1", "email:till@shop.example"), event("2", 1, "ad", "email:till@shop.example")]
    add(store, table(rows), {"salt": SALT})
    blocked = {"types": {"email": {"blocked": [r"^till@"]}}}
    revision = resolve(store, {"rules": blocked})
    assert_same(contents(store), expected(rows, settings(rules=blocked)))
    assert store.status().counts["identifiers"] == 1 and store.status().counts["users"] == 2
    assert resolve(store, {"rules": {}}) == revision + 1
    assert_same(contents(store), expected(rows, settings()))
    store.close()


def test_a_preview_says_who_would_be_merged_and_split_and_changes_nothing(store_url: str) -> None:
    graph = Graph(fresh(store_url))
    rows = [
        event("1", 0, "login", "customer_id:1", "cookie:1"),
        event("2", 1, "login", "customer_id:2", "cookie:1"),
        event("3", 2, "visit", "cookie:1"),
        event("4", 3, "visit", "cookie:9"),
    ]
    add(graph.store, table(rows), {"salt": SALT})
    before = contents(graph.store)
    found = graph.people.preview({"rules": {"types": {"cookie": {"shared_at": 0}}}})
    assert (found.users_before, found.users_after, found.merges, found.splits) == (4, 3, 0, 0)
    assert (found.shared_before, found.shared_after) == (1, 0)
    assert (found.refused_before, found.refused_after, found.touched) == (2, 1, 2)
    assert_same(contents(graph.store), before)
    free = {"rules": {"types": {"customer_id": {"unique": False}}}}
    assert graph.people.preview(free).merges == 1
    resolve(graph.store, free)
    assert graph.people.preview({"rules": {}}).splits == 1
    with pytest.raises(RulesError, match="no identifier of the graph has the type 'emial'; did you mean 'email'"):
        graph.people.preview({"rules": {"types": {"emial": {"limit": 2}}}})
    graph.close()


def test_survivorship_by_trait(store_url: str) -> None:
    store = fresh(store_url)
    rows = [
        profile("1", 0, "email:a@x.org", '{"age":40,"city":"Ulm","plan":"free"}') | {"source": "web"},
        profile("2", 5, "email:a@x.org", '{"age":41,"city":"Bonn","plan":"gold"}') | {"source": "crm"},
        profile("3", 9, "email:a@x.org", '{"city":"Köln","plan":"none"}') | {"source": "web"},
        profile("4", None, "email:a@x.org", '{"age":1,"city":"X","plan":"X"}') | {"source": "old"},
    ]
    kept = {"survivorship": {"age": "earliest", "plan": ["crm", "web"]}}
    add(store, table(rows), {"salt": SALT, "rules": kept})
    assert json.loads(store.tables().users["traits"].item()) == {"age": 40, "city": "Köln", "plan": "gold"}
    store.close()


ROWS = [event("1", 0, "login", "customer_id:1", "email:a@x.org"), event("2", 1, "visit", "odd:1", "email:a@x.org")]
OLDER = {"priority": {"odd": 1, "email": 3}}


def as_schema_1(text: str) -> str:
    """Settings as graphs of schema 1 kept them."""
    held = json.loads(text)
    held.pop("rules")
    return json.dumps(held | OLDER)


def test_a_file_of_schema_1_is_migrated_when_it_is_opened_for_writing(tmp_path: Path) -> None:
    path = str(tmp_path / "graph.duckdb")
    store = open_store(path)
    add(store, table(ROWS), {"salt": SALT})
    store.close()
    with duckdb.connect(path) as past:
        (text,) = past.execute("SELECT settings FROM graph").fetchone() or ("",)
        past.execute("DROP VIEW touchpoints; DROP TABLE decisions; DROP TABLE erasures")
        past.execute("UPDATE graph SET schema = 1, settings = ?", [as_schema_1(text)])
    with pytest.raises(StoreUnavailable, match="older schema 1"):
        open_store(path, write=False)
    store = open_store(path)
    types = {name: {"priority": priority} for name, priority in OLDER["priority"].items()}
    assert_same(contents(store), expected(ROWS, settings(rules={"types": types})))
    store.close()


def test_a_neo4j_graph_of_schema_1_is_migrated_when_it_is_first_written_to(
    neo4j_server: servers.Server, neo4j_url: str
) -> None:
    store = fresh(neo4j_url)
    add(store, table(ROWS), {"salt": SALT})
    ((text,),) = asked(neo4j_server, "MATCH (g:Graph) RETURN g.settings")
    asked(neo4j_server, "MATCH (g:Graph) SET g.schema = 1, g.settings = $older", older=as_schema_1(text))
    asked(neo4j_server, "MATCH (i:Identifier) REMOVE i.user_key")
    store.close()
    store = open_store(neo4j_url)
    with pytest.raises(StoreUnavailable, match="older schema 1"):
        store.head()
    later = event("3", 2, "visit", "odd:2")
    add(store, table([later]), {})
    types = {name: {"priority": priority} for name, priority in OLDER["priority"].items()}
    assert_same(contents(store), expected([*ROWS, later], settings(rules={"types": types})))
    store.close()
