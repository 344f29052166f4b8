"""Identity, on its own: the core against a resolver by brute force, and the rules as sentences about what is stored."""

from __future__ import annotations

from typing import Any

import hypothesis
import polars as pl
from hypothesis import given

from graphsvc.core import derive
from graphsvc.settings import Settings
from graphsvc.tables import Tables

from .effort import effort
from .graphs import decided, decision_lists, histories, identity_rules, settings, table
from .identity_oracle import Decision, Resolved, Rule, resolve


def oracle_rules(rule: Settings) -> dict[str, Rule]:
    """The rules as the oracle reads them."""
    return {
        name: Rule(one.priority, one.unique, one.limit, one.shared_at, one.hub_above, one.blocked)
        for name, one in rule.rules.types.items()
    }


def resolved(tables: Tables) -> Resolved:
    """What the derived tables say, in the oracle's words."""
    touched = _touchpoints(tables)
    held = tables.identifiers.drop_nulls("user").group_by("user").agg(pl.col("key").sort())
    identifiers = dict(held.iter_rows())
    users = [(tuple(identifiers.get(key, ())), tuple(touched.get(key, ()))) for key in tables.users["key"]]
    refused = {(a, b): reason for a, b, reason in tables.links.select("a", "b", "reason").iter_rows() if reason}
    return Resolved(sorted(users), refused, set(tables.identifiers.filter(pl.col("status") == "shared")["key"]))


def _touchpoints(tables: Tables) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for user, touchpoints in tables.journeys.sort("started_at", "key").select("user", "touchpoints").iter_rows():
        found.setdefault(user, []).extend(touchpoints)
    return found


@hypothesis.settings(deadline=None, max_examples=effort(150))
@given(rows=histories(), rules=identity_rules, decisions=decision_lists())
def test_people_are_those_of_a_resolver_by_brute_force(
    rows: list[dict[str, Any]], rules: dict[str, Any], decisions: list[tuple[str, str, str]]
) -> None:
    rule = settings(rules=rules)
    expected = resolve(
        rows,
        oracle_rules(rule),
        [Decision(*one) for one in decisions],
        nearest_minutes=rule.rules.nearest_login_minutes,
    )
    assert resolved(derive(table(rows), rule, decided(*decisions))) == expected


@hypothesis.settings(deadline=None, max_examples=effort(50))
@given(rows=histories(), rules=identity_rules, decisions=decision_lists())
def test_no_user_breaks_a_rule(
    rows: list[dict[str, Any]], rules: dict[str, Any], decisions: list[tuple[str, str, str]]
) -> None:
    rule = settings(rules=rules)
    tables = derive(table(rows), rule, decided(*decisions))
    joined = {end for kind, *ends in decisions if kind == "same" for end in ends}
    for _, kinds in tables.identifiers.drop_nulls("user").group_by("user"):
        for (kind,), values in kinds.group_by("type"):
            cap = rule.rules.of(str(kind)).cap
            free = [key for key in values["key"] if key not in joined]
            assert not cap or len(free) <= cap, f"{values['key'].to_list()} are one user, at most {cap} may be"
