"""Why are two identifiers one person, or why not: the evidence, and the rule."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .core import normalised, sought
from .core.normal import keys_of
from .errors import NotFound
from .rules import Rules
from .settings import Settings, Utc
from .stores import Store
from .tables import SHARED, Neighbourhood

if TYPE_CHECKING:  # it takes long to import: only explaining waits for it
    import networkx as nx

_EVENTS_SHOWN = 5
_REFUSED = 1_000  # a way through one refused link is longer than any way through accepted ones


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Witness(_Row):
    """One event that holds both ends of a link."""

    key: Annotated[str, Field(description="Event key.")]
    at: Annotated[Utc | None, Field(description="Time, UTC.")]
    kind: Annotated[str, Field(description="`event`, `profile` or `link`.")]
    source: str
    name: str | None
    channel: str | None
    confidence: Annotated[float | None, Field(description="Of a link row; 1 is declared, below it is matched.")]


class Evidence(_Row):
    """One step from one identifier to the next."""

    a: Annotated[str, Field(description="Identifier, `type:value`.")]
    b: Annotated[str, Field(description="Identifier, `type:value`.")]
    accepted: bool
    why: Annotated[str, Field(description="What joins them, or the rule that refuses it, in words.")]
    reason: Annotated[str | None, Field(description="Code of the refusal.")] = None
    count: Annotated[int, Field(description="Events behind it; 0 for a decision.")] = 0
    events: Annotated[list[Witness], Field(description=f"The latest of them, at most {_EVENTS_SHOWN}.")] = []


class Explanation(_Row):
    """Why two identifiers are one person, or not."""

    a: str
    b: str
    same: Annotated[bool, Field(description="Whether they are one user.")]
    users: Annotated[list[str | None], Field(description="The user of each; null for a shared value.")]
    answer: Annotated[str, Field(description="One sentence.")]
    chain: Annotated[list[Evidence], Field(description="The shortest way between them, refused links last resort.")]
    revision: int


def explain(store: Store, a: str, b: str) -> Explanation:
    """Why two identifiers are one person, or what keeps them apart.

    Raises:
        NotFound: the graph does not hold one of them.
    """
    head = store.head()
    settings = head.settings or Settings()
    rules = settings.rules
    keys = [sought(text, rules) for text in (a, b)]
    around = store.around(pl.Series(keys))
    rows = {row["key"]: row for row in around.tables.identifiers.iter_rows(named=True)}
    for key in keys:
        if key not in rows:
            if normalised(pl.Series([key]), rules).item() is None:
                raise NotFound(f"one of the two is a placeholder or blocked {key.partition(':')[0]}: it never links")
            raise NotFound(f"the graph holds no such {key.partition(':')[0]}; write identifiers as type:value")
    users = [rows[key]["user"] for key in keys]
    same = users[0] is not None and users[0] == users[1]
    ways = _ways(around, store.rulings().decisions, rules)
    chain = [_step(x, y, ways.edges[x, y], around, rules) for x, y in _shortest(ways, keys[0], keys[1])]
    return Explanation(
        a=keys[0],
        b=keys[1],
        same=same,
        users=users,
        answer=_answer(keys, rows, same, chain, around, rules),
        chain=chain,
        revision=head.revision,
    )


def _ways(around: Neighbourhood, decisions: pl.DataFrame, rules: Rules) -> nx.Graph:
    """All links and decisions, refused ones as long ways."""
    import networkx as nx

    ways = nx.Graph()
    ways.add_nodes_from(around.tables.identifiers["key"])
    for row in around.tables.links.sort("a", "b").iter_rows(named=True):
        cost = 1 if row["accepted"] else _REFUSED
        if ways.has_edge(row["a"], row["b"]):  # two shared values: a row for each component that holds evidence
            row["count"] += ways.edges[row["a"], row["b"]]["link"]["count"]
        ways.add_edge(row["a"], row["b"], cost=cost, link=row, decision=None)
    ends = {end: normalised(decisions[end], rules).to_list() for end in ("a", "b")}
    for kind, a, b, reason in zip(decisions["kind"], ends["a"], ends["b"], decisions["reason"], strict=True):
        if a in ways and b in ways and kind in ("same", "different"):
            former = ways.edges[a, b]["link"] if ways.has_edge(a, b) else None
            cost = 1 if kind == "same" else _REFUSED
            ways.add_edge(a, b, cost=cost, link=former, decision=(kind, reason))
    return ways


def _shortest(ways: nx.Graph, a: str, b: str) -> Iterable[tuple[str, str]]:
    import networkx as nx

    if a == b or not nx.has_path(ways, a, b):
        return []
    path = nx.shortest_path(ways, a, b, weight="cost")
    return list(pairwise(path))


def _step(x: str, y: str, way: dict[str, Any], around: Neighbourhood, rules: Rules) -> Evidence:
    link, decision = way["link"], way["decision"]
    if decision is not None:
        kind, reason = decision
        joined = "one person" if kind == "same" else "two people"
        why = f"decided to be {joined}" + (f": {reason}" if reason else "")
        refused = None if kind == "same" else "different"
        return Evidence(a=x, b=y, accepted=kind == "same", why=why, reason=refused)
    seen = "declared one person" if link["declared"] else "seen together"
    if link["confidence"] < 1:
        seen = f"matched with confidence {link['confidence']:.3g}"
    why = f"{seen} in {link['count']:,} row{'s' if link['count'] > 1 else ''} of {', '.join(link['sources'])}"
    if not link["accepted"]:
        why = f"{why}; refused: {refusal_in_words(link['reason'], rules)}"
    return Evidence(
        a=x,
        b=y,
        accepted=link["accepted"],
        why=why,
        reason=link["reason"],
        count=link["count"],
        events=_witnesses(x, y, around, rules),
    )


def refusal_in_words(reason: str, rules: Rules) -> str:
    """What a refusal's code means."""
    rule, _, kind = reason.partition(":")
    if rule == "unique":
        return f"a user has at most one {kind}"
    if rule == "limit":
        return f"a user has at most {rules.of(kind).limit} values of {kind}"
    return {
        "shared": "one of the two is shared by several people",
        "withdrawn": "the link was withdrawn",
        "review": "the match waits for somebody to decide",
        "different": "somebody decided that these are different people",
    }[rule]


def _witnesses(x: str, y: str, around: Neighbourhood, rules: Rules) -> list[Witness]:
    """The latest events that hold both."""
    of_key = keys_of(around.events["identifiers"], rules)
    both = [{x, y} <= {of_key[text] for text in held or ()} for held in around.events["identifiers"].to_list()]
    found = around.events.filter(pl.Series(both, dtype=pl.Boolean)).sort("at", "key", descending=[True, False])
    names = list(Witness.model_fields)
    return [Witness(**row) for row in found.head(_EVENTS_SHOWN).select(names).iter_rows(named=True)]


def _answer(
    keys: list[str],
    rows: dict[str, dict[str, Any]],
    same: bool,
    chain: list[Evidence],
    around: Neighbourhood,
    rules: Rules,
) -> str:
    if keys[0] == keys[1]:
        return "They are one identifier."
    if same:
        steps = "one link" if len(chain) == 1 else f"{len(chain)} links"
        return f"They are one person: {steps} lead{'s' if len(chain) == 1 else ''} from one to the other."
    for key in keys:
        if rows[key]["status"] == SHARED:
            return f"The {key.partition(':')[0]} belongs to nobody: {why_shared(key, around.tables.links, rules)}."
    refused = [step for step in chain if not step.accepted]
    if not chain:
        return "They are two people: no evidence joins them."
    return f"They are two people: {refusal_in_words(refused[0].reason or 'different', rules)}."


def why_shared(key: str, links: pl.DataFrame, rules: Rules) -> str:
    """Which threshold a shared value passed."""
    met = {*links.filter(pl.col("a") == key)["b"], *links.filter(pl.col("b") == key)["a"]}
    counts: dict[str, int] = {}
    for other in met:
        kind = other.partition(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
    rule = rules.of(key.partition(":")[0])
    for kind, count in sorted(counts.items()):
        if rule.shared_at and rules.of(kind).unique and count >= rule.shared_at:
            return f"it met {count} values of {kind}, of which a user has one, and is shared from {rule.shared_at} on"
        if rule.hub_above and count > rule.hub_above:
            return f"it met {count} values of {kind}, and is shared above {rule.hub_above}"
    return "it was shared through somebody who was erased"
