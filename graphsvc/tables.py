"""The graph tables: the one shape in which a graph passes between the pure core, the stores and files.

Each schema is fixed. Both stores, ``copy`` and the exports speak these tables and nothing else. Times are naive
UTC with microseconds. Keys are strings, unique in their table; tables sort by code point of their key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias, TypeVar

import polars as pl

#: Rows that are in memory, or that are read when they are asked for. A lazy query takes a millisecond to begin, which a
#: commit of one event would pay twenty times.
Rows: TypeAlias = pl.DataFrame | pl.LazyFrame
AnyRows = TypeVar("AnyRows", pl.DataFrame, pl.LazyFrame)  # what comes back is of the same kind

TIME = pl.Datetime("us")
STRINGS = pl.List(pl.String)

#: What an identifier is: one of a user's; shared by several, so that nothing is joined through it; or shared, but held
#: in one user by a decision.
ACTIVE, SHARED, HELD = "active", "shared", "held"

#: Names of raw components that no identifier names, before the key of their event or of their shared identifier. No
#: identifier's type is empty, so they are never taken for one.
ANONYMOUS, OF_SHARED = ":event:", ":shared:"

#: One stored input row. The first of the five stored sets, and (kind ``link``) the second.
EVENTS = pl.Schema(
    {
        "key": pl.String(),  # the event id, else a hash of source and raw fields (32 hex digits)
        "kind": pl.String(),  # event | profile | link | review (a match that waits for a decision)
        "source": pl.String(),  # the system that the row came from
        "at": TIME,  # null only for undated profile and link rows
        "name": pl.String(),  # of the touchpoint; null for profile and link rows
        "channel": pl.String(),  # null for profile and link rows
        "stage": pl.String(),  # as the row says; settings may say otherwise for its name
        "value": pl.Float64(),
        "cost": pl.Float64(),
        "currency": pl.String(),
        "sentiment": pl.Float64(),  # -1 to 1
        "question": pl.String(),
        "identifiers": STRINGS,  # raw "type:value", sorted, blocked ones too
        "traits": pl.String(),  # JSON object with sorted keys, or null
        "properties": pl.String(),  # JSON object with sorted keys, or null
        "confidence": pl.Float64(),  # of a link row (1: declared, below: matched) and of a review row, else null
    }
)

#: What people decided. The fourth of the five stored sets.
DECISIONS = pl.Schema(
    {
        "key": pl.String(),  # hash of kind and ends
        "kind": pl.String(),  # same | different | withdrawn (declared or matched links of the pair count no more)
        "a": pl.String(),  # "type:value" as the rules of that day wrote it, a < b
        "b": pl.String(),
        "reason": pl.String(),  # as somebody wrote it, or null
        "decided_at": TIME,
    }
)

#: Who was erased, without a word of who it was. The fifth of the five stored sets.
ERASURES = pl.Schema(
    {
        "key": pl.String(),  # hash of the rest
        "requested_at": TIME,
        "cutoff": TIME,  # rows at or before it that hold an erased identifier are refused, and undated ones
        "events": pl.Int64(),  # rows that went
        "version": pl.Int64(),  # of the normaliser before the hashes
        "check": pl.String(),  # tells whether one has the hash key
        "identifiers": STRINGS,  # keyed hashes of the person's own identifiers, sorted
        "shared": STRINGS,  # keyed hashes of values that were shared through the person and stay so
        "users": STRINGS,  # keyed hashes of the user keys that led to the person
    }
)

#: A resolved person. ``component`` names the raw component: its smallest identifier; ``:shared:<identifier>`` for
#: sessions of a shared one, ``:event:<key>`` for an event without any.
USERS = pl.Schema(
    {
        "key": pl.String(),  # salted hash of the founding identifier
        "component": pl.String(),
        "first_seen": TIME,
        "last_seen": TIME,
        "traits": pl.String(),  # JSON object with sorted keys (``{}`` when none)
        "excluded": pl.Boolean(),  # staff, bots, test users: they keep no journeys
    }
)

#: A usable identifier and the user that has it. A shared one has none, and keeps no times.
IDENTIFIERS = pl.Schema(
    {
        "key": pl.String(),  # normalised "type:value"
        "type": pl.String(),
        "value": pl.String(),
        "status": pl.String(),  # active | shared | held
        "user": pl.String(),
        "component": pl.String(),
        "first_seen": TIME,
        "last_seen": TIME,
        "user_key": pl.String(),  # the key of a user that it founds
    }
)

#: Evidence that two identifiers are one person: one row per pair, ``a`` < ``b``; for two shared ones a row for each
#: component that holds some of it.
LINKS = pl.Schema(
    {
        "a": pl.String(),
        "b": pl.String(),
        "component": pl.String(),
        "count": pl.Int64(),  # events behind it
        "first_seen": TIME,
        "last_seen": TIME,
        "sources": STRINGS,  # sorted
        "confidence": pl.Float64(),
        "declared": pl.Boolean(),
        "accepted": pl.Boolean(),
        "reason": pl.String(),  # of a refusal: shared | withdrawn | review | different | unique:<type> | limit:<type>
    }
)

#: One journey with its whole sequence as parallel lists, which never hold a null (stage "" and value 0 where none).
JOURNEYS = pl.Schema(
    {
        "key": pl.String(),  # of its first touchpoint
        "user": pl.String(),
        "component": pl.String(),
        "started_at": TIME,
        "ended_at": TIME,
        "steps": pl.Int64(),
        "converted": pl.Boolean(),
        "value": pl.Float64(),  # sum over its goal touchpoints; null where none has one, or their currencies differ
        "currency": pl.String(),
        "touchpoints": STRINGS,
        "names": STRINGS,
        "channels": STRINGS,
        "stages": STRINGS,
        "times": pl.List(pl.Int64),  # microseconds since 1970
        "values": pl.List(pl.Float64),
    }
)


@dataclass(frozen=True)
class Tables:
    """The derived tables of some whole components (or of the whole graph)."""

    users: pl.DataFrame
    identifiers: pl.DataFrame
    links: pl.DataFrame
    journeys: pl.DataFrame

    @classmethod
    def empty(cls) -> Tables:
        """Tables without a row."""
        return cls(**{name: pl.DataFrame(schema=schema) for name, schema in DERIVED.items()})

    def items(self) -> list[tuple[str, pl.DataFrame]]:
        """The tables with their names, in the order in which they are written."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


DERIVED: dict[str, pl.Schema] = {"users": USERS, "identifiers": IDENTIFIERS, "links": LINKS, "journeys": JOURNEYS}
#: The stored sets beside the settings: what the rest derives from.
STORED: dict[str, pl.Schema] = {"events": EVENTS, "decisions": DECISIONS, "erasures": ERASURES}
KEYS: dict[str, list[str]] = {
    "events": ["key"],
    "decisions": ["key"],
    "erasures": ["key"],
    "users": ["key"],
    "identifiers": ["key"],
    "links": ["a", "b", "component"],
    "journeys": ["key"],
}


@dataclass(frozen=True)
class Change:
    """What differs in one table: keys to remove, rows to put (new, or in place of the row with their key)."""

    removed: pl.DataFrame
    put: pl.DataFrame


@dataclass(frozen=True)
class Neighbourhood:
    """Every stored event of some whole raw components, and the tables that derive from them today."""

    events: pl.DataFrame
    tables: Tables
    anchors: pl.DataFrame  # key, anchor: what events hang on, as far as the store keeps it


@dataclass(frozen=True)
class Changes:
    """One commit: what differs in the stored sets and in each derived table, and the components behind it.

    ``before`` keeps the former journeys of the components concerned: a store that spells out NEXT chains needs them
    to see which hops went away.
    """

    stored: dict[str, Change]
    derived: dict[str, Change]
    before: Tables
    anchors: pl.DataFrame  # key, anchor of every event concerned
    moved: pl.DataFrame  # key, anchor: of events that stay and hang on something else now


def _unchanged(schemas: dict[str, pl.Schema]) -> dict[str, Change]:
    return {
        name: Change(pl.DataFrame(schema={key: schema[key] for key in KEYS[name]}), pl.DataFrame(schema=schema))
        for name, schema in schemas.items()
    }


_NO_ANCHORS = pl.DataFrame(schema={"key": pl.String, "anchor": pl.String})
#: A commit in which no table differs: only settings do.
NOTHING = Changes(_unchanged(STORED), _unchanged(DERIVED), Tables.empty(), _NO_ANCHORS, _NO_ANCHORS)


def collected(rows: Rows) -> pl.DataFrame:
    """Rows in memory."""
    return rows.collect() if isinstance(rows, pl.LazyFrame) else rows


def alike(table: pl.DataFrame, rows: AnyRows) -> AnyRows:
    """A table as rows of the same kind as others, so that they can be joined."""
    return table if isinstance(rows, pl.DataFrame) else table.lazy()


def count_of(rows: Rows) -> int:
    """How many rows there are."""
    return len(rows) if isinstance(rows, pl.DataFrame) else int(rows.select(pl.len()).collect().item())


def chunks(rows: Rows, size: int = 500_000) -> Iterator[tuple[int, pl.DataFrame]]:
    """Rows chunk by chunk, each with the number of its first row; at least one chunk, which may be empty."""
    for first in range(0, max(count_of(rows), 1), size):
        yield first, collected(rows.slice(first, size))
