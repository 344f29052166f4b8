"""Writing to Neo4j: one commit of whole components, in one transaction under the graph's lock."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ..core import Derived, changed, changed_rulings, diff
from ..renewal import Note
from ..rulings import Rulings
from ..settings import Settings
from ..tables import ANONYMOUS, DECISIONS, DERIVED, ERASURES, EVENTS, KEYS, SHARED, Changes, Neighbourhood, Tables
from .base import SCHEMA, with_links
from .neo4j_rows import (
    Row,
    frame_of,
    hops_of,
    identifier_rows,
    link_rows,
    places_of,
    sent,
    staged,
    user_rows,
)
from .neo4j_runner import GraphHead, Runner, Transaction

_BATCH = 5_000  # rows per statement
_ANCHORS = pl.Schema({"key": pl.String(), "anchor": pl.String()})
_HUNG = pl.Schema({**EVENTS, "anchor": pl.String()})


class _Reader:
    """Looks rows up, in a session or within one transaction."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def stored(self, keys: pl.Series) -> pl.DataFrame:
        """The stored events that have one of these keys."""
        return self._runner.table("read/events_by_key", EVENTS, keys=keys.unique().to_list())

    def identifiers(self, keys: pl.Series) -> pl.DataFrame:
        """What is stored of some identifiers."""
        return self._runner.table("read/identifiers_by_key", DERIVED["identifiers"], keys=keys.to_list())

    def links_of(self, keys: pl.Series) -> pl.DataFrame:
        """The links that begin or end at some identifiers."""
        if not len(keys):
            return pl.DataFrame(schema=DERIVED["links"])  # a round trip less in most commits
        found = self._runner.table("read/links_by_end", DERIVED["links"], keys=keys.to_list())
        return found.unique(KEYS["links"])  # both ends may have been asked for

    def unit(self, components: pl.Series) -> Neighbourhood:
        """All that is stored of some raw components, by their names."""
        wanted = components.to_list()
        if not wanted:
            return Neighbourhood(pl.DataFrame(schema=EVENTS), Tables.empty(), pl.DataFrame(schema=_ANCHORS))
        lone = components.filter(components.str.starts_with(ANONYMOUS)).to_list()
        ((*rows, touchpoints, records),) = self._runner.rows("read/unit", components=wanted, anchors=lone)
        derived = zip(DERIVED.items(), rows, strict=True)
        tables = Tables(**{name: frame_of(each, schema) for (name, schema), each in derived})
        hung = frame_of(records, _HUNG)
        events = pl.concat([frame_of(touchpoints, EVENTS), hung.drop("anchor")])
        return Neighbourhood(events, tables, hung.select("key", "anchor"))

    def everything(self) -> Neighbourhood:
        """The whole graph as one neighbourhood."""
        anchors = self._runner.whole("read/anchors_after", _ANCHORS)
        return Neighbourhood(whole_events(self._runner), whole_tables(self._runner), anchors)


class Neo4jWriter(_Reader):
    """One write transaction that holds the lock on the ``:Graph`` node."""

    def __init__(self, transaction: Transaction, head: GraphHead, note: Note) -> None:
        super().__init__(transaction)
        self._note = note
        self._transaction = transaction
        self.settings = head.settings
        self.revision = head.revision
        self.rulings = rulings_of(transaction)
        self.changed = False  # whether there is anything to commit
        self._filled = head.filled

    def has_events(self) -> bool:
        """Whether the graph held any event when it was locked."""
        return self._filled

    def replace(self, changes: Changes, settings: Settings) -> int:
        """Apply one commit and return the new revision (the old one where nothing differs)."""
        every = [*changes.stored.values(), *changes.derived.values()]
        if settings == self.settings and not any(len(change.removed) + len(change.put) for change in every):
            return self.revision
        journeys = changes.derived["journeys"]
        touched = pl.concat([journeys.removed.select("key"), journeys.put.select("key")])
        unchanged = changes.before.journeys.join(touched, on="key", how="anti")
        former = places_of(changes.before.journeys)
        places = places_of(pl.concat([unchanged, journeys.put]))
        former_hops, hops = hops_of(former), hops_of(places)
        self._cut(changes, _but(former_hops, hops))
        bare = self._put_events(changes, former, places, settings)
        self._put_people(changes)
        for name in ("decisions", "erasures"):
            self._send(f"write/drop_{name}", changes.stored[name].removed.to_dicts())
            self._send(f"write/put_{name}", sent(changes.stored[name].put))
        self._send("write/put_journeys", sent(journeys.put))
        self._send("write/add_hops", _but(hops, former_hops).sort("source").to_dicts())
        if bare:
            self._transaction.run("write/drop_bare_channels", keys=sorted(bare)).consume()
        if self.settings is not None and settings.channels != self.settings.channels:
            self._put_kinds(settings)
        ((self.revision,),) = self._transaction.rows(
            "write/revision", settings=settings.model_dump_json(), schema=SCHEMA
        )
        self.settings, self.changed = settings, True
        self._note(self.revision, changes, settings)
        return self.revision

    def become(self, events: pl.DataFrame, derived: Derived, settings: Settings, rulings: Rulings) -> int:
        """Make the whole graph what some events derive to; returns the revision."""
        ruled = changed_rulings(self.rulings, rulings)
        before = self.everything()
        put = changed("events", before.events, events)
        return self.replace(diff(before, derived.hung(events["key"]), derived.tables(), put, ruled), settings)

    def migrate(self, settings: Settings) -> None:
        """Bring a graph of an older schema up to date: what derives is derived anew."""
        rulings, events = self.rulings.unlocked(), whole_events(self._transaction)
        self.settings = None  # so that the new schema is written even where nothing else differs
        self.become(events, Derived(events, settings, rulings), settings, rulings)

    def _cut(self, changes: Changes, hops: pl.DataFrame) -> None:
        """Take out what goes away of hops, journeys, links, identifiers and users."""
        self._send("write/drop_hops", hops[["source", "target"]].sort("source").to_dicts())
        for name in ("journeys", "links", "identifiers", "users"):
            self._send(f"write/drop_{name}", changes.derived[name].removed.to_dicts())

    def _put_events(self, changes: Changes, former: pl.DataFrame, places: pl.DataFrame, settings: Settings) -> set[str]:
        """Write touchpoints and records; an event is a touchpoint while it is in a journey.

        Returns:
            channels that may have lost their last touchpoint.
        """
        put, removed = changes.stored["events"].put, changes.stored["events"].removed
        bare: set[str] = set()
        if len(removed):
            bare |= self._send("write/drop_touchpoints", removed.join(former, on="key", how="semi").to_dicts())
            self._send("write/drop_records", removed.join(former, on="key", how="anti").to_dicts())

        left = former.join(places, on="key", how="anti")
        if len(left):
            leaving = left.join(removed, on="key", how="anti")["key"].sort()
            rows = changes.anchors.filter(pl.col("key").is_in(leaving.implode())).to_dicts()
            bare |= self._send("write/touchpoints_to_records", rows)
        joining = places.join(former, on="key", how="anti")
        self._send("write/records_to_touchpoints", joining[["key"]].sort("key").to_dicts())

        records = put.join(places, on="key", how="anti")
        if len(records):
            self._send("write/put_records", sent(records.join(changes.anchors, on="key", how="left")))
        if len(changes.moved):
            self._send("write/put_anchors", changes.moved.join(places, on="key", how="anti").to_dicts())
        self._send("write/put_touchpoints", sent(staged(put, places)))
        moved = places.join(former, on=["key", "step", "stage"], how="anti").join(put, on="key", how="anti")
        self._send("write/put_steps", moved[["key", "step", "stage"]].to_dicts())

        tied = pl.concat([joining, places.join(put, on="key", how="semi")]).unique("key").sort("key")
        kinds = {channel: settings.kind_of(channel) for channel in tied["channel"].unique().sort()}
        rows = [{**row, "kind": kinds[row["channel"]]} for row in tied[["key", "channel"]].iter_rows(named=True)]
        return bare | self._send("write/put_via", rows)

    def _put_people(self, changes: Changes) -> None:
        self._send("write/put_users", user_rows(changes.derived["users"].put))
        self._send("write/put_identifiers", identifier_rows(changes.derived["identifiers"].put))
        self._send("write/put_links", link_rows(changes.derived["links"].put))

    def _put_kinds(self, settings: Settings) -> None:
        """Channel kinds follow the settings."""
        stored = self._transaction.rows("read/channels")
        kinds = [{"key": key, "kind": settings.kind_of(key)} for key, kind in stored if settings.kind_of(key) != kind]
        self._send("write/put_kinds", kinds)

    def _send(self, name: str, rows: Sequence[Row]) -> set[str]:
        """Run a writing statement over rows in batches; the texts that it returns."""
        texts = set()
        for start in range(0, len(rows), _BATCH):
            for (text,) in self._transaction.rows(name, rows=rows[start : start + _BATCH]):
                texts.add(text)
        return texts - {None}


def _but(hops: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The hops that are not among others."""
    return hops.join(others, on=hops.columns, how="anti")


def rulings_of(runner: Runner) -> Rulings:
    """The decisions and erasures, without the secret."""
    ((decisions, erasures),) = runner.rows("read/rulings")
    return Rulings(frame_of(decisions, DECISIONS), frame_of(erasures, ERASURES))


def whole_events(runner: Runner) -> pl.DataFrame:
    """The stored events, whole."""
    return pl.concat([runner.whole(f"read/{table}_after", EVENTS) for table in ("touchpoints", "records")])


def whole_tables(runner: Runner) -> Tables:
    """The derived tables, whole."""
    return Tables(**{name: runner.whole(f"read/{name}_after", schema) for name, schema in DERIVED.items()})


def around(runner: Runner, identifiers: pl.Series) -> Neighbourhood:
    """All that is stored of the raw components of some identifiers; of shared ones every link."""
    reader = _Reader(runner)
    found = reader.identifiers(identifiers)
    shared = found.filter(pl.col("status") == SHARED)["key"]
    return with_links(reader.unit(found["component"].unique()), reader.links_of(shared), found)
