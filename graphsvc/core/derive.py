"""Derive the graph from what is stored, and say what differs from before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from .. import segments
from ..rulings import Rulings
from ..settings import Settings
from ..tables import KEYS, USERS, Change, Changes, Neighbourhood, Tables, chunks
from . import identity, journeys, traits


class Derived:
    """What some whole raw components come to: people at once, journeys when they are asked for."""

    def __init__(
        self,
        events: pl.LazyFrame,
        settings: Settings,
        rulings: Rulings | None = None,
        known_shared: pl.Series | None = None,
    ) -> None:
        """Resolve the people.

        Args:
            events: ``tables.EVENTS``; of each raw component either all stored events or none.
            settings: of the graph.
            rulings: decisions and erasures of the graph.
            known_shared: identifiers that are shared because of events elsewhere.
        """
        self._events, self._settings = events, settings
        self._people = identity.resolve(events, settings, rulings, known_shared)
        self.users = _users(events, self._people, settings)
        self.identifiers, self.links = self._people.identifiers, self._people.links

    def anchors(self, keys: pl.Series, first: int = 0) -> pl.Series:
        """What some events hang on; see :meth:`identity.Identity.anchors`."""
        return self._people.anchors(keys, first)

    def journeys(self, touchpoints_per_part: int = 250_000) -> Iterator[pl.DataFrame]:
        """``tables.JOURNEYS`` in parts, each the journeys of some users, which bounds the memory that they take."""
        touchpoints = self._touchpoints()
        parts = max(1, -(-len(touchpoints) // touchpoints_per_part))
        part_of = touchpoints["user"].hash(seed=0) % parts
        for part in range(parts):
            own = touchpoints.filter(part_of == part) if parts > 1 else touchpoints
            yield journeys.build(own, self._settings)

    def tables(self) -> Tables:
        """All derived tables, whole."""
        return Tables(self.users, self.identifiers, self.links, pl.concat(self.journeys()))

    def _touchpoints(self) -> pl.DataFrame:
        """The events that are part of a journey, with their user and component."""
        kept = []
        for first, chunk in chunks(self._events.select("kind", *journeys.OF_EVENTS)):
            owners = self._people.owners[first : first + len(chunk)]
            shown = (
                (chunk["kind"] == "event")
                & ~chunk["name"].is_in(list(self._settings.exclude.names))
                & ~self.users["excluded"].gather(owners)
            )
            named = self.users.select("component", user="key")[owners.filter(shown)]
            kept.append(chunk.filter(shown).drop("kind").hstack(named))
        return pl.concat(kept)


def derive(events: pl.DataFrame, settings: Settings, rulings: Rulings | None = None) -> Tables:
    """The graph tables of a whole graph, or of some whole raw components that share no identifier with the rest."""
    return Derived(events.lazy(), settings, rulings).tables()


def diff(
    before: Neighbourhood, events: pl.DataFrame, after: Tables, anchors: pl.Series, rulings: Mapping[str, Change]
) -> Changes:
    """What to write so that ``before`` becomes ``after``.

    Args:
        before: what is stored of the components concerned.
        events: every event of theirs afterwards.
        after: the tables that derive from them.
        anchors: what each of the events hangs on.
        rulings: what changes in decisions and erasures.
    """
    hung = events.select("key").with_columns(anchor=anchors)
    stay = before.anchors.join(hung, on="key", suffix="_now")
    return Changes(
        stored={"events": _changed("events", before.events, events), **rulings},
        derived={name: _changed(name, getattr(before.tables, name), table) for name, table in after.items()},
        before=before.tables,
        anchors=hung,
        moved=stay.filter(pl.col("anchor") != pl.col("anchor_now")).select("key", anchor="anchor_now"),
    )


def changed_rulings(before: Rulings, after: Rulings) -> dict[str, Change]:
    """What differs in decisions and erasures."""
    return {name: _changed(name, getattr(before, name), getattr(after, name)) for name in ("decisions", "erasures")}


def _changed(name: str, before: pl.DataFrame, after: pl.DataFrame) -> Change:
    key = KEYS[name]
    if before is after:
        return Change(removed=before.clear().select(key), put=after.clear())
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
    )
    told = traits.of_users(events, people.owners, settings.rules.survivorship)
    users = (
        people.users.with_row_index("owner")
        .join(seen, on="owner", how="left", maintain_order="left")  # who owns no event was never seen alone
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
        identifiers.filter(pl.col("key").str.contains(pattern))["user"].drop_nulls()
        if pattern
        else pl.Series([], dtype=pl.String)
    )
    predicates = [segments.parse(text) for text in settings.exclude.traits]
    by_traits = [
        text
        for text, told in (traits.parsed(users["traits"]) if predicates else {}).items()
        if any(segments.holds(predicate, told) for predicate in predicates)
    ]
    return users.select(pl.col("user").is_in(by_identifier.implode()) | pl.col("traits").is_in(by_traits))["user"]
