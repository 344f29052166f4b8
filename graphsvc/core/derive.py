"""Derive the graph from what is stored, and say what differs from before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from .. import segments
from ..settings import Settings
from ..tables import KEYS, USERS, Change, Changes, Neighbourhood, Tables, chunks
from . import identity, journeys, traits


def derive(events: pl.DataFrame, settings: Settings) -> Tables:
    """The graph tables of some whole raw components.

    Args:
        events: ``tables.EVENTS``; of each raw component either all stored events or none.
        settings: of the graph.
    """
    people, touchpoints = _resolved(events.lazy(), settings)
    return replace(people, journeys=journeys.build(touchpoints, settings))


def derive_in_parts(events: pl.LazyFrame, settings: Settings, touchpoints_per_part: int = 250_000) -> Iterator[Tables]:
    """The same tables in parts, which bounds the memory that journeys take.

    The first part brings all users, identifiers and links; every later one the journeys of some users.
    """
    people, touchpoints = _resolved(events, settings)
    yield people
    parts = max(1, -(-len(touchpoints) // touchpoints_per_part))
    part_of = touchpoints["user"].hash(seed=0) % parts
    for part in range(parts):
        own = touchpoints.filter(part_of == part) if parts > 1 else touchpoints
        yield replace(Tables.empty(), journeys=journeys.build(own, settings))


def _resolved(events: pl.LazyFrame, settings: Settings) -> tuple[Tables, pl.DataFrame]:
    """Users, identifiers and links; and the touchpoints, with their user and component."""
    people = identity.resolve(events, settings)
    users = _users(events, people, settings)
    tables = Tables(users, people.identifiers, people.links, Tables.empty().journeys)
    kept = []
    for first, chunk in chunks(events.select("kind", *journeys.OF_EVENTS)):
        owners = people.owners[first : first + len(chunk)]
        shown = (
            (chunk["kind"] == "event")
            & ~chunk["name"].is_in(list(settings.exclude.names))
            & ~users["excluded"].gather(owners)
        )
        named = users.select("component", user="key")[owners.filter(shown)]
        kept.append(chunk.filter(shown).drop("kind").hstack(named))
    return tables, pl.concat(kept)


def diff(before: Neighbourhood, after_events: pl.DataFrame, after: Tables) -> Changes:
    """What to write so that ``before`` becomes ``after``."""
    return Changes(
        events=_changed("events", before.events, after_events),
        derived={name: _changed(name, getattr(before.tables, name), table) for name, table in after.items()},
        before=before.tables,
    )


def _changed(name: str, before: pl.DataFrame, after: pl.DataFrame) -> Change:
    key = KEYS[name]
    if not len(before):
        return Change(removed=before.select(key), put=after)
    return Change(
        removed=before.join(after, on=key, how="anti").select(key),
        put=after.join(before, on=after.columns, how="anti", nulls_equal=True),
    )


def _users(events: pl.LazyFrame, people: identity.Identity, settings: Settings) -> pl.DataFrame:
    """``tables.USERS`` in the order of ``people.users``."""
    seen = (
        events.select("at")
        .collect()
        .with_columns(owner=people.owners)
        .group_by("owner")
        .agg(first_seen=pl.col("at").min(), last_seen=pl.col("at").max())
        .sort("owner")
    )
    told = traits.of_users(events, people.owners)
    users = (
        people.users.hstack(seen)
        .join(told, on="owner", how="left", maintain_order="left")
        .with_columns(pl.col("traits").fill_null("{}"))
    )
    return users.with_columns(excluded=_is_excluded(users, people.identifiers, settings)).select(
        key="user", **{name: name for name in USERS.names()[1:]}
    )


def _is_excluded(users: pl.DataFrame, identifiers: pl.DataFrame, settings: Settings) -> pl.Series:
    """Staff, bots and test users: by an identifier's pattern or by a trait."""
    pattern = settings.exclude.identifier_regex
    by_identifier = (
        identifiers.filter(pl.col("key").str.contains(pattern))["user"] if pattern else pl.Series([], dtype=pl.String)
    )
    predicates = [segments.parse(text) for text in settings.exclude.traits]
    by_traits = [
        text
        for text, told in (traits.parsed(users["traits"]) if predicates else {}).items()
        if any(segments.holds(predicate, told) for predicate in predicates)
    ]
    return users.select(pl.col("user").is_in(by_identifier.implode()) | pl.col("traits").is_in(by_traits))["user"]
