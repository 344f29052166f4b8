"""A picture of one user's identifiers: what links them, what was refused, and what is shared with others."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from ..tables import HELD, SHARED
from .picture import Picture

#: Most identifiers of a picture; what is beyond is counted, and told of by one mark.
MOST_NODES = 300
#: Of them, kept for identifiers around the user.
_AROUND = 60
#: Most lines of a picture; the strongest stay.
MOST_EDGES = 2_000

Place = Literal["own", "shared", "other"]
Verdict = Literal["accepted", "same", "refused"]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class IdentityNode(_Row):
    """An identifier."""

    key: Annotated[str, Field(description="`type:value`.")]
    type: str
    value: str
    place: Annotated[Place, Field(description="`own`: of this user; `shared`: of nobody; `other`: of somebody else.")]
    held: Annotated[bool, Field(description="Shared, but a decision holds it in this user.")]
    user: Annotated[str | None, Field(description="Key of the user that has it; null where none has, or unknown.")]
    first_seen: Annotated[datetime | None, Field(description="UTC; null for shared and undated ones.")]
    last_seen: Annotated[datetime | None, Field(description="UTC; null for shared and undated ones.")]
    accepted: Annotated[int, Field(description="Pairs with it that count as one person.")]
    refused: Annotated[int, Field(description="Pairs with it that were refused.")]


class IdentityEdge(_Row):
    """A pair of identifiers: the evidence that they are one person, and what became of it."""

    a: Annotated[str, Field(description="Key; `a` < `b`.")]
    b: str
    verdict: Annotated[Verdict, Field(description="`same`: one person because somebody decided so.")]
    reason: Annotated[str | None, Field(description="Why the link was refused; null for an accepted one.")]
    count: Annotated[int, Field(description="Events behind the link; 0 where there is nothing but a decision.")]
    first_seen: Annotated[datetime | None, Field(description="UTC; null where undated.")]
    last_seen: Annotated[datetime | None, Field(description="UTC; null where undated.")]
    sources: Annotated[list[str], Field(description="Systems that it comes from.")]
    confidence: Annotated[float | None, Field(description="Greatest of its evidence; null where there is none.")]
    declared: Annotated[bool, Field(description="Whether somebody stated it, as in an `identify` call.")]
    decision: Annotated[str | None, Field(description="`same`, `different` or `withdrawn`; null where none was made.")]
    decision_reason: Annotated[str | None, Field(description="As somebody wrote it.")]
    decided_at: Annotated[datetime | None, Field(description="UTC.")]


class IdentityGraph(Picture):
    """One user's identifiers and links: the data twin of their picture.

    It holds raw identifiers, which are personal data: keep the page as you keep the records, and delete it when the
    person is erased.
    """

    user: Annotated[str | None, Field(description="Key of the user; null where no identifier has one.")]
    nodes: Annotated[list[IdentityNode], Field(description="The user's own first, those with most links first.")]
    edges: Annotated[list[IdentityEdge], Field(description="By key.")]
    more_nodes: Annotated[int, Field(description="Identifiers beyond those.")]
    more_edges: Annotated[int, Field(description="Pairs beyond those, or with an identifier beyond those.")]

    def html(self) -> str:
        """The graph as one HTML page that needs nothing but itself: no network, no other file."""
        from .identity_page import render

        return render(self)


def identity_graph(
    identifiers: pl.DataFrame,
    links: pl.DataFrame,
    decisions: pl.DataFrame,
    *,
    title: str,
    user: str | None = None,
) -> IdentityGraph:
    """Collect one user's identifiers and links for a picture.

    Args:
        identifiers: ``tables.IDENTIFIERS``: the user's, and as far as they are known those that their links lead to.
            What a link or a decision names besides is taken for somebody else's.
        links: ``tables.LINKS`` that touch the user, refused ones too. Rows of one pair are summed up.
        decisions: ``tables.DECISIONS`` that touch the user, ``a`` and ``b`` as identifier keys (normalised).
        title: what is seen.
        user: key of the user; unless given the one that has most of the identifiers (of several the smallest key).
    """
    known = {row["key"]: row for row in identifiers.iter_rows(named=True)}
    whose = user if user is not None else _most(known)
    pairs = _pairs(links, decisions)
    touched = Counter[str]()
    refused = Counter[str]()
    for (a, b), pair in pairs.items():
        for end in (a, b):
            (refused if pair["verdict"] == "refused" else touched)[end] += 1
    nodes = [
        _node(key, known.get(key), whose, touched[key], refused[key])
        for key in sorted({*known, *(end for pair in pairs for end in pair)})
    ]
    nodes.sort(key=lambda node: (node.place != "own", node.place == "other", -node.accepted, -node.refused, node.key))
    own, around = ([node for node in nodes if (node.place == "own") == mine] for mine in (True, False))
    room = MOST_NODES - min(len(around), max(_AROUND, MOST_NODES - len(own)))
    kept = own[:room] + around[: MOST_NODES - min(len(own), room)]
    shown = {node.key for node in kept}
    edges = [IdentityEdge(a=a, b=b, **pair) for (a, b), pair in pairs.items() if a in shown and b in shown]
    edges.sort(key=lambda edge: (edge.verdict == "refused", -edge.count, edge.a, edge.b))
    return IdentityGraph(
        title=title,
        user=whose,
        nodes=kept,
        edges=sorted(edges[:MOST_EDGES], key=lambda edge: (edge.a, edge.b)),
        more_nodes=len(nodes) - len(kept),
        more_edges=len(pairs) - len(edges[:MOST_EDGES]),
    )


def _most(known: dict[str, dict[str, Any]]) -> str | None:
    users = Counter(row["user"] for row in known.values() if row["user"] is not None)
    return min(users, key=lambda key: (-users[key], key), default=None)


def _node(key: str, row: dict[str, Any] | None, whose: str | None, accepted: int, refused: int) -> IdentityNode:
    kind, _, value = key.partition(":")
    row = row or {"user": None, "status": None, "first_seen": None, "last_seen": None}
    place: Place = "shared" if row["status"] == SHARED else "own" if row["user"] == whose is not None else "other"
    return IdentityNode(
        key=key,
        type=kind,
        value=value,
        place=place,
        held=row["status"] == HELD,
        user=row["user"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        accepted=accepted,
        refused=refused,
    )


def _pairs(links: pl.DataFrame, decisions: pl.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """What is known of each pair, by its keys: links summed up, with the decision on them."""
    summed = links.group_by("a", "b").agg(
        pl.col("count").sum(),
        pl.col("first_seen").min(),
        pl.col("last_seen").max(),
        sources=pl.col("sources").explode().drop_nulls().unique().sort(),
        confidence=pl.col("confidence").max(),
        declared=pl.col("declared").any(),
        accepted=pl.col("accepted").all(),
        reason=pl.col("reason").drop_nulls().min(),
    )
    nothing = {"decision": None, "decision_reason": None, "decided_at": None}
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in summed.sort("a", "b").iter_rows(named=True):
        ends, verdict = (row.pop("a"), row.pop("b")), "accepted" if row.pop("accepted") else "refused"
        pairs[ends] = {**row, **nothing, "verdict": verdict}
    bare: dict[str, Any] = {
        "count": 0,
        "first_seen": None,
        "last_seen": None,
        "sources": [],
        "confidence": None,
        "declared": False,
    }
    # In this order `same` and `different` come after a withdrawal of the same pair, and are what is told.
    for row in decisions.sort("kind", "a", "b", descending=[True, False, False]).iter_rows(named=True):
        a, b = sorted((row["a"], row["b"]))
        made = {"decision": row["kind"], "decision_reason": row["reason"], "decided_at": row["decided_at"]}
        if a == b or (row["kind"] == "withdrawn" and (a, b) not in pairs):
            continue  # there is no link (any more) that it could speak of
        pair = pairs.setdefault((a, b), {**bare, "reason": None, "verdict": "refused"})
        pair.update(made)
        if row["kind"] == "same" and pair["verdict"] == "refused":
            pair["verdict"] = "same"
        elif row["kind"] == "different" and pair["verdict"] == "refused":
            pair["reason"] = pair["reason"] or "different"
    return dict(sorted(pairs.items()))
