"""Decisions: what people say of two identifiers, stored and replayed; taking one back restores the former graph."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .commit import commit
from .core import normalised, sought
from .errors import InputError, NotFound
from .rules import Rules
from .rulings import Rulings, agree, decision_key
from .settings import Settings, Utc
from .stores import Store, Writer
from .tables import DECISIONS, EVENTS

Verdict = Literal["same", "different"]
WITHDRAWN = "withdrawn"


class Decision(BaseModel):
    """One decision about two identifiers."""

    model_config = ConfigDict(frozen=True)

    key: Annotated[str, Field(description="Key of the decision, by which it is removed.")]
    kind: Annotated[
        Literal["same", "different", "withdrawn"],
        Field(description="`same` person, `different` people, or declared and matched links `withdrawn`."),
    ]
    a: Annotated[str, Field(description="Identifier, `type:value`.")]
    b: Annotated[str, Field(description="Identifier, `type:value`.")]
    reason: Annotated[str | None, Field(description="As somebody wrote it.")] = None
    decided_at: Annotated[Utc, Field(description="When, UTC.")]


class Decided(BaseModel):
    """What became of a decision."""

    model_config = ConfigDict(frozen=True)

    decisions: Annotated[list[Decision], Field(description="The decisions made or removed.")]
    revision: Annotated[int, Field(description="Revision of the graph; unchanged where nothing changed.")]
    notes: Annotated[list[str], Field(description="What one should know.")] = []


def decisions(store: Store) -> list[Decision]:
    """All decisions, the latest first."""
    rows = store.rulings().decisions.sort("decided_at", "key", descending=[True, False])
    return [Decision(**row) for row in rows.iter_rows(named=True)]


def decide(store: Store, kind: Verdict, a: str, b: str, *, reason: str | None, at: datetime) -> Decided:
    """Decide that two identifiers are one person, or two.

    Args:
        store: where the graph lives.
        kind: ``same`` or ``different``.
        a: identifier, ``type:value``.
        b: another one.
        reason: for those who wonder later.
        at: time of the decision, naive UTC.

    Raises:
        NotFound: the graph does not hold one of them.
        DecisionConflict: a decision that stands says otherwise.
        InputError: both are one identifier.
    """
    with store.writer() as writer:
        settings, rulings = _ground(writer, store)
        ends, notes = _ends(writer, settings.rules, a, b)
        made = _decision(kind, ends, reason, at)
        held = rulings.decisions.filter(pl.col("key") != made.key)
        now = (normalised(held[end], settings.rules) for end in ("a", "b"))  # they keep the form of their day
        standing = [one for one in zip(held["kind"], *now, strict=True) if None not in one]
        agree([*standing, (made.kind, made.a, made.b)])
        return _put(writer, settings, rulings, held, [made], notes)


def withdraw(store: Store, a: str, b: str, *, reason: str | None, at: datetime) -> Decided:
    """Let the declared and matched links of two identifiers count no more; without any, remove a ``same`` decision.

    Raises:
        NotFound: the graph does not hold one of them, or nothing of this kind joins them.
    """
    with store.writer() as writer:
        settings, rulings = _ground(writer, store)
        ends, notes = _ends(writer, settings.rules, a, b)
        same = rulings.decisions.filter(pl.col("key") == decision_key("same", *ends))
        if _stated(writer, settings.rules, *ends):
            made = _decision(WITHDRAWN, ends, reason, at)
            held = rulings.decisions.filter(pl.col("key") != made.key)
            if len(same):
                notes.append("a decision still joins the two: `graphsvc decisions remove " + same["key"].item() + "`")
            return _put(writer, settings, rulings, held, [made], notes)
        if not len(same):
            raise NotFound(
                "no declared or matched link joins these two, and no decision; `graphsvc decide different` keeps apart "
                "what events show together"
            )
        held = rulings.decisions.join(same, on="key", how="anti")
        revision = commit(writer, pl.DataFrame(schema=EVENTS), settings, replace(rulings, decisions=held))
        removed = [Decision(**row) for row in same.iter_rows(named=True)]
        return Decided(decisions=removed, revision=revision, notes=["the decision `same` is removed"])


def undecide(store: Store, key: str) -> Decided:
    """Remove a decision; the graph is again what it was without it.

    Raises:
        NotFound: no decision has that key.
    """
    with store.writer() as writer:
        settings, rulings = _ground(writer, store)
        removed = rulings.decisions.filter(pl.col("key") == key)
        if not len(removed):
            raise NotFound("no decision has that key; `graphsvc decisions list` shows them")
        held = rulings.decisions.filter(pl.col("key") != key)
        revision = commit(writer, pl.DataFrame(schema=EVENTS), settings, replace(rulings, decisions=held))
        return Decided(decisions=[Decision(**row) for row in removed.iter_rows(named=True)], revision=revision)


def _ground(writer: Writer, store: Store) -> tuple[Settings, Rulings]:
    if writer.settings is None:
        raise NotFound(f"there is no graph in {store.url} yet; begin with `graphsvc ingest FILES`")
    return writer.settings, writer.rulings.unlocked()


def _ends(writer: Writer, rules: Rules, a: str, b: str) -> tuple[tuple[str, str], list[str]]:
    """Both identifiers as keys, in order."""
    keys = sorted(sought(text, rules) for text in (a, b))
    if keys[0] == keys[1]:
        raise InputError("these two are one identifier once they are normalised; name two")
    blocked = {key for key in keys if normalised(pl.Series([key]), rules).item() is None}
    known = set(writer.identifiers(pl.Series(keys))["key"])
    for text, key in ((text, sought(text, rules)) for text in (a, b)):
        if key not in known | blocked:
            kind = text.partition(":")[0]
            raise NotFound(f"the graph holds no such {kind}; write identifiers as type:value, as in `graphsvc user`")
    notes = [f"a value of type {key.partition(':')[0]} is blocked: the decision has no effect" for key in blocked]
    return (keys[0], keys[1]), notes


def _stated(writer: Writer, rules: Rules, a: str, b: str) -> bool:
    """Whether a link row joins two identifiers."""
    components = writer.identifiers(pl.Series([a, b]))["component"].unique()
    rows = writer.unit(components).events.filter(pl.col("kind") == "link")
    return any({a, b} <= set(normalised(identifiers, rules)) for identifiers in rows["identifiers"])


def _decision(kind: str, ends: tuple[str, str], reason: str | None, at: datetime) -> Decision:
    key = decision_key(kind, *ends)
    return Decision.model_validate(
        {"key": key, "kind": kind, "a": ends[0], "b": ends[1], "reason": reason, "decided_at": at}
    )


def _put(
    writer: Writer, settings: Settings, rulings: Rulings, held: pl.DataFrame, made: list[Decision], notes: list[str]
) -> Decided:
    rows = pl.DataFrame([one.model_dump() for one in made], schema=DECISIONS)
    now = replace(rulings, decisions=pl.concat([held, rows]))
    revision = commit(writer, pl.DataFrame(schema=EVENTS), settings, now)
    return Decided(decisions=made, revision=revision, notes=notes)
