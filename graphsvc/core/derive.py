"""Derive the graph from what is stored, and say what differs from before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from .. import segments
from ..rulings import Rulings
from ..settings import Settings
from ..tables import KEYS, USERS, Change, Changes, Neighbourhood, Rows, Tables, chunks, collected
from . import identity, journeys, traits

_FEW = 200  # so few rows are compared one by one, as joins cost more to begin


class Derived:
    """What some whole raw components come to: people at once, journeys when they are asked for."""

    def __init__(
        self,
        events: Rows,
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

    def hung(self, keys: pl.Series) -> pl.DataFrame:
        """What each of the events hangs on: key, anchor."""
        return pl.DataFrame({"key": keys, "anchor": self.anchors(keys)})

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
        kept, excluded = [], list(self._settings.exclude.names)
        for first, chunk in chunks(self._events.select("kind", *journeys.OF_EVENTS)):
            owners = self._people.owners[first : first + len(chunk)]
            shown = (chunk["kind"] == "event") & ~self.users["excluded"][owners]
            if excluded:
                shown &= ~chunk["name"].is_in(excluded)
            named = self.users[["component", "key"]][owners.filter(shown)]
            named.columns = ["component", "user"]
            kept.append(chunk[list(journeys.OF_EVENTS)].filter(shown).hstack(named))
        return pl.concat(kept)


def derive(events: pl.DataFrame, settings: Settings, rulings: Rulings | None = None) -> Tables:
    """The graph tables of a whole graph, or of some whole raw components that share no identifier with the rest."""
    return Derived(events, settings, rulings).tables()


def diff(
    before: Neighbourhood, hung: pl.DataFrame, after: Tables, events: Change, rulings: Mapping[str, Change]
) -> Changes:
    """What to write so that ``before`` becomes ``after``.

    Args:
        before: what is stored of the components concerned.
        hung: key, anchor: what every event of theirs hangs on afterwards.
        after: the tables that derive from those events.
        events: what changes in the events.
        rulings: what changes in decisions and erasures.
    """
    stay = before.anchors.join(hung, on="key", suffix="_now")
    return Changes(
        stored={"events": events, **rulings},
        derived={name: changed(name, getattr(before.tables, name), table) for name, table in after.items()},
        before=before.tables,
        anchors=hung,
        moved=stay.select("key", anchor="anchor_now").filter(stay["anchor"] != stay["anchor_now"]),
    )


def changed_rulings(before: Rulings, after: Rulings) -> dict[str, Change]:
    """What differs in decisions and erasures."""
    return {name: changed(name, getattr(before, name), getattr(after, name)) for name in ("decisions", "erasures")}


def changed(name: str, before: pl.DataFrame, after: pl.DataFrame) -> Change:
    """What differs in some rows of a table."""
    key = KEYS[name]
    if before is after:
        return Change(removed=before[key].clear(), put=after.clear())
    if not len(before):
        return Change(removed=before[key], put=after)
    if len(before) + len(after) <= _FEW:
        old, new = before[key].rows(), after[key].rows()
        was, now = dict(zip(old, before.iter_rows(), strict=True)), set(new)
        differs = (was.get(one) != values for one, values in zip(new, after.iter_rows(), strict=True))
        return Change(
            removed=before[key][[row for row, one in enumerate(old) if one not in now]],
            put=after[[row for row, other in enumerate(differs) if other]],
        )
    return Change(
        removed=before.join(after, on=key, how="anti").select(key),
        put=after.join(before, on=after.columns, how="anti", nulls_equal=True),
    )


def _users(events: Rows, people: identity.Identity, settings: Settings) -> pl.DataFrame:
    """``tables.USERS`` in the order of ``people.users``."""
    seen = (
        collected(events.select("at"))
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
    if not pattern and not settings.exclude.traits:
        return pl.repeat(False, len(users), eager=True)
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
