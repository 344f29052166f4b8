"""Small graphs for tests: events in one line, random histories, rules and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import polars as pl

from graphsvc.core import derive
from graphsvc.errors import DecisionConflict
from graphsvc.frame import JourneyFrame
from graphsvc.rulings import Rulings, agree, decision_key
from graphsvc.settings import Settings
from graphsvc.stores import Store, is_neo4j, open_store
from graphsvc.tables import DECISIONS, DERIVED, EVENTS, KEYS, Tables

from . import neo4j_server as servers

SALT = "test-salt-0123456789"
DAY_ONE = datetime(2026, 1, 1)


def event(key: str, at: datetime | int | None, name: str | None, *identifiers: str, **more: Any) -> dict[str, Any]:
    """One row of the events table; a number stands for so many days after 1 January 2026."""
    when = DAY_ONE + timedelta(days=at) if isinstance(at, int) else at
    kind = more.pop("kind", "event")
    channel = more.pop("channel", "web" if kind == "event" else None)
    row = dict.fromkeys(EVENTS.names()) | {"key": key, "kind": kind, "source": "test", "channel": channel}
    return row | {"at": when, "name": name, "identifiers": sorted(identifiers)} | more


def profile(key: str, at: datetime | int | None, identifier: str, traits: str) -> dict[str, Any]:
    """A row that tells traits of a person."""
    return event(key, at, None, identifier, kind="profile", traits=traits)


def link(key: str, at: datetime | int | None, a: str, b: str, confidence: float = 1.0) -> dict[str, Any]:
    """A row that declares two identifiers one person, or says how likely they are."""
    return event(key, at, None, a, b, kind="link", confidence=confidence)


def decided(*decisions: tuple[str, str, str]) -> Rulings:
    """Rulings of some decisions: kind and the two identifiers of each."""
    rows = [
        {"key": decision_key(kind, a, b), "kind": kind, "a": min(a, b), "b": max(a, b), "decided_at": DAY_ONE}
        for kind, a, b in decisions
    ]
    return replace(Rulings.none(), decisions=pl.DataFrame(rows, schema=DECISIONS))


def table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows as an events table."""
    return pl.DataFrame(list(rows), schema=EVENTS)


def settings(**more: Any) -> Settings:
    """Settings whose user keys are the same in every test."""
    return Settings(**{"salt": SALT, **more})


def fresh(url: str) -> Store:
    """An empty store at a URL, whatever a former example left there."""
    if is_neo4j(url):
        servers.empty(servers.Server.given() or _no_server())
    else:
        for path in Path(url).parent.glob(Path(url).name + "*"):
            path.unlink()
    return open_store(url)


def _no_server() -> servers.Server:
    raise AssertionError("the fixture sets NEO4J_URI")


def contents(store: Store) -> dict[str, pl.DataFrame]:
    """All that a graph is, revision apart: every table in order of its key."""
    rulings = store.rulings()
    return ordered(store.tables()) | {
        "events": pl.concat([pl.DataFrame(schema=EVENTS), *store.events()]).sort("key"),
        "decisions": rulings.decisions.sort("key"),
        "erasures": rulings.erasures.sort("key"),
    }


def ordered(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every derived table in order of its key."""
    return {name: frame.select(DERIVED[name].names()).sort(KEYS[name]) for name, frame in tables.items()}


def assert_same(actual: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    """Two graphs are equal, table by table; says which row is not."""
    for name, table in expected.items():
        if not actual[name].equals(table):
            missing = table.join(actual[name], on=table.columns, how="anti", nulls_equal=True)
            extra = actual[name].join(table, on=table.columns, how="anti", nulls_equal=True)
            raise AssertionError(f"{name} differs\nmissing: {missing.to_dicts()}\nextra: {extra.to_dicts()}")


_identifiers = st.sampled_from(
    [f"{kind}:{i}" for kind in ("cookie", "email", "customer_id", "odd") for i in range(1, 4)]
    + ["email:null", "email:A@x.org", "email: a@x.org", "cookie:0000-0000", "customer_id:N/A"]
)


@st.composite
def histories(draw: st.DrawFn, largest: int = 20) -> list[dict[str, Any]]:
    """Random rows: few people, few days, so that merges, ties and placeholders abound; keys are distinct."""
    rows = []
    for i in range(draw(st.integers(1, largest))):
        identifiers = draw(st.lists(_identifiers, min_size=1, max_size=3, unique=True))
        kind = draw(st.sampled_from(["event"] * 6 + ["profile", "link"]))
        day = DAY_ONE + timedelta(days=draw(st.integers(0, 12)), minutes=draw(st.sampled_from([0, 0, 20, 45])))
        if kind == "event":
            rows.append(
                event(
                    f"e{i:02}",
                    day,
                    draw(st.sampled_from(["ad", "visit", "chat", "buy"])),
                    *identifiers,
                    channel=draw(st.sampled_from(["web", "store"])),
                    value=draw(st.sampled_from([None, 1.0, 2.5])),
                    stage=draw(st.sampled_from([None, "own"])),
                    traits=draw(st.sampled_from([None, None, '{"age":30}', '{"age":60,"staff":true}'])),
                )
            )
        elif kind == "profile":
            traits = draw(st.sampled_from(['{"age":41}', '{"region":"north"}', '{"age":60,"region":"süd"}']))
            rows.append(profile(f"p{i:02}", draw(st.sampled_from([None, day])), identifiers[0], traits))
        elif len(identifiers) > 1:
            when, confidence = draw(st.sampled_from([None, day])), draw(st.sampled_from([1.0, 1.0, 0.6, 0.9]))
            stated = link(f"l{i:02}", when, identifiers[0], identifiers[1], confidence)
            waiting = confidence == 0.6 and draw(st.booleans())
            rows.append(stated | {"kind": "review"} if waiting else stated)
    return rows or [event("e00", 0, "ad", "cookie:1")]


_type_rules = st.fixed_dictionaries(
    {},
    optional={
        "cookie": st.sampled_from([{"hub_above": 1}, {"hub_above": 2, "shared_at": 0}, {"limit": 2}, {"limit": 1}]),
        "email": st.sampled_from([{"limit": 1}, {"shared_at": 3}, {"unique": True}, {"blocked": ["^2$"]}]),
        "customer_id": st.sampled_from([{"unique": False}, {"hub_above": 2}, {"priority": 9}]),
        "odd": st.sampled_from([{"priority": 2}, {"unique": True, "priority": 3}, {"hub_above": 1}]),
    },
)

#: Rules of identity, most of them with small thresholds so that small histories break them.
identity_rules = st.fixed_dictionaries(
    {"types": _type_rules}, optional={"nearest_login_minutes": st.sampled_from([30.0, 1_500.0])}
)

_decision = st.tuples(st.sampled_from(["same", "different", "withdrawn"]), _identifiers, _identifiers)


@st.composite
def decision_lists(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """A few decisions that do not contradict each other."""
    kept: dict[tuple[str, str, str], None] = {}
    for kind, a, b in draw(st.lists(_decision, max_size=4)):
        try:
            agree([*kept, (kind, a, b)])
        except DecisionConflict:
            continue
        if a != b:
            kept[kind, min(a, b), max(a, b)] = None
    return list(kept)


rules = st.builds(
    settings,
    rules=identity_rules,
    goals=st.sampled_from([(), ("buy",), ("buy", "chat")]),
    split=st.sampled_from(["none", "gap", "conversion"]),
    gap_days=st.sampled_from([1.0, 2.0, 30.0]),
    stages=st.sampled_from([{}, {"ad": "awareness", "buy": "purchase"}]),
    exclude=st.sampled_from([{}, {"traits": ["staff = true"]}, {"identifiers": ["email:2*"], "names": ["chat"]}]),
)


def expected(rows: list[dict[str, Any]], rule: Settings, rulings: Rulings | None = None) -> dict[str, pl.DataFrame]:
    """The graph as derived from all rows at once."""
    events, ruled = table(rows), rulings or Rulings.none()
    return ordered(derive(events, rule, ruled)) | {
        "events": events.sort("key"),
        "decisions": ruled.decisions.sort("key"),
        "erasures": ruled.erasures.sort("key"),
    }


def same_frame(a: JourneyFrame, b: JourneyFrame) -> bool:
    """Whether two frames hold the same; says which column does not."""
    for name in ("user", "offsets", "times", "values", "converted"):
        assert getattr(a, name).dtype == getattr(b, name).dtype, name
        assert getattr(a, name).tolist() == getattr(b, name).tolist(), name
    for ours, theirs in ((a.name, b.name), (a.channel, b.channel), (a.stage, b.stage)):
        assert (ours.texts, ours.codes.tolist()) == (theirs.texts, theirs.codes.tolist())
    assert a.keys.to_list() == b.keys.to_list()
    assert a.users.to_dicts() == b.users.to_dicts()
    return (a.revision, a.settings, a.data_end) == (b.revision, b.settings, b.data_end)
