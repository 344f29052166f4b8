"""Settings of a graph: what they mean, what a later mapping may add, and what it may not change."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import ValidationError

from graphsvc.errors import SettingsConflict
from graphsvc.graph import Graph, load_mapping
from graphsvc.settings import Settings
from graphsvc.stores import open_store
from graphsvc.writing import add

from .effort import effort
from .graphs import DAY_ONE, SALT, assert_same, contents, event, expected, fresh, histories, settings, table


@pytest.mark.parametrize(
    ("pattern", "excluded"),
    [
        ("cookie:*bot*", {"cookie:googlebot/2.1", "cookie:bot"}),
        ("cookie:b?t", {"cookie:bot", "cookie:bat"}),
        ("email:*@brand.example", {"email:ann@brand.example"}),
        ("cookie:[1]*", {"cookie:[1] odd"}),
        ("cookie:two*lines", {"cookie:two\nlines"}),
        ("bot", set()),
    ],
)
def test_patterns_of_identifiers_know_two_wild_cards_and_nothing_else(
    tmp_path: Path, pattern: str, excluded: set[str]
) -> None:
    identifiers = [
        "cookie:googlebot/2.1",
        "cookie:bot",
        "cookie:bat",
        "email:ann@brand.example",
        "email:ann@brandxexample",
        "cookie:[1] odd",
        "cookie:1",
        "cookie:two\nlines",
    ]
    store = open_store(str(tmp_path / "graph.duckdb"))
    rows = [event(str(number), number, "visit", identifier) for number, identifier in enumerate(identifiers)]
    add(store, table(rows), {"salt": SALT, "exclude": {"identifiers": [pattern]}})
    tables = store.tables()
    out = tables.identifiers.join(tables.users.filter("excluded"), left_on="user", right_on="key", how="semi")
    assert set(out["key"]) == excluded
    store.close()


growing = st.fixed_dictionaries(
    {},
    optional={
        "stages": st.dictionaries(st.sampled_from(["ad", "visit", "buy"]), st.just("said"), max_size=2),
        "channels": st.dictionaries(st.sampled_from(["web", "store"]), st.just("offline"), max_size=2),
        "segments": st.dictionaries(st.sampled_from(["old", "young"]), st.just("age >= 50"), max_size=2),
        "rules": st.fixed_dictionaries(
            {"types": st.dictionaries(st.just("odd"), st.just({"priority": 2}), max_size=1)}
        ),
    },
)


@hypothesis.settings(deadline=None, max_examples=effort(25))
@given(rows=histories(), later=growing)
def test_what_a_later_mapping_adds_holds_for_all_that_is_stored(
    rows: list[dict[str, Any]], later: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = fresh(str(tmp_path_factory.mktemp("store") / "graph.duckdb"))
    half = len(rows) // 2
    add(store, table(rows[:half]), {"salt": SALT, "goals": ["buy"]})
    add(store, table(rows[half:]), later)
    rule = settings(goals=("buy",)).joined(later, fresh=False)
    assert rule.rules.of("email") == settings().rules.of("email"), "what was there stays"
    assert_same(contents(store), expected(rows, rule))
    store.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"goals": ["chat"]},
        {"stages": {"ad": "purchase"}},
        {"split": "gap"},
        {"rules": {"types": {"email": {"priority": 1}}}},
        {"salt": "x" * 9},
    ],
)
def test_what_a_later_mapping_would_change_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    store = open_store(str(tmp_path / "graph.duckdb"))
    add(
        store, table([event("1", 0, "ad", "cookie:1")]), {"salt": SALT, "goals": ["buy"], "stages": {"ad": "awareness"}}
    )
    before = contents(store)
    with pytest.raises(
        SettingsConflict, match=rf"sets {next(iter(changed))}.* otherwise .*graphsvc resolve --settings"
    ):
        add(store, table([event("2", 1, "ad", "cookie:1")]), changed)
    assert_same(contents(store), before)
    store.close()


def test_two_mappings_that_disagree_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    plain = 'source = "{name}"\nfiles = "{name}*"\n[columns]\ntime = "t"\nname = "n"\n[constants]\nchannel = "web"\n'
    plain += '[identifiers]\ncookie = "c"\n[settings.stages]\nad = "{stage}"\n'
    for name, stage in (("one", "awareness"), ("two", "purchase")):
        (tmp_path / f"{name}.csv").write_text("t,n,c\n2026-01-01,ad,1\n")
        (tmp_path / f"{name}.toml").write_text(plain.format(name=name, stage=stage))
    mappings = [load_mapping(tmp_path / f"{name}.toml") for name in ("one", "two")]
    with Graph(open_store(str(tmp_path / "graph.duckdb"))) as graph:
        with pytest.raises(SettingsConflict, match=r"two mappings disagree on stages\.ad"):
            graph.ingest([tmp_path / "*.csv"], mappings)
        assert graph.status().counts["events"] == 0


def test_a_forgotten_row_does_not_win_over_the_one_that_is_kept(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "graph.duckdb"))
    rows = [event("1", 6, "visit", "cookie:1"), event("1", 2, "zzz", "cookie:1"), event("2", 1, "ad", "cookie:1")]
    rule = {"salt": SALT, "retain_from": datetime(2026, 1, 5)}
    added = add(store, table(rows), rule)
    assert (added.new, added.conflicts, added.forgotten) == (1, 0, 2)
    added = add(store, table(rows[1:]), rule, replace=True)
    assert (added.new, added.replaced, added.forgotten) == (0, 0, 2)
    (kept,) = contents(store)["events"].to_dicts()
    assert (kept["name"], kept["at"]) == ("visit", DAY_ONE.replace(day=7))
    store.close()


def test_no_identifier_can_pass_for_an_anonymous_user(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "graph.duckdb"))
    rows = [event("1", 0, "visit", "cookie:null"), event("2", 1, "visit", "event:1"), event("3", 2, "visit", "event:3")]
    add(store, table(rows), {"salt": SALT})
    add(store, table([event("4", 3, "buy", "event:1")]), {})
    assert_same(contents(store), expected([*rows, event("4", 3, "buy", "event:1")], settings()))
    assert len(store.tables().users) == 3
    store.close()


@pytest.mark.parametrize("wrong", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_date_that_is_out_of_range_in_utc_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="out of range"):
        Settings.model_validate({"retain_from": wrong})
