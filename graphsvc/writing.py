"""How events become part of a graph: derive, never append.

A graph without events is loaded in bulk. Later a batch is written in commits of whole components: under the graph's
lock, read all raw components that the batch touches, derive them anew with the batch, and write what differs
(``commit``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from .commit import commit
from .core import Derived, normalised
from .core.identity import resolve as resolve_identity
from .errors import GraphMoved, InputError, StoreBusy, TargetNotEmpty, validated
from .rules import Rules
from .rulings import Rulings
from .settings import Settings
from .spool import Spool
from .stores import Store, Writer
from .tables import EVENTS, NOTHING, TIME, AnyRows, alike, collected, count_of

_ATTEMPTS = 5
_FEW = 1_000  # rows that are worked out while the graph is locked


@dataclass
class Added:
    """What became of some events."""

    new: int = 0
    duplicates: int = 0  # equal rows that were there already, or came twice
    conflicts: int = 0  # rows that share their event key with another row of other content; the greatest hash stayed
    replaced: int = 0  # former rows that a row of the same key took the place of (--replace)
    forgotten: int = 0  # refused: before the retention date
    erased: int = 0  # refused: they hold an identifier of somebody who was erased
    revision: int = 0
    rules: Rules = field(default_factory=Rules)  # by which the events were read

    def count(self, other: Added) -> None:
        """Add the counts of one more commit."""
        for name in ("new", "duplicates", "conflicts", "replaced", "forgotten", "erased"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.revision = other.revision


def revision_of_empty(store: Store) -> int:
    """Revision of a store that is to take a whole graph.

    Raises:
        TargetNotEmpty: it holds events already.
    """
    with store.writer() as writer:  # which also clears away what a killed load left
        revision, held = writer.revision, writer.has_events()
    if held:
        raise TargetNotEmpty(f"{store.url} holds events already; a whole graph needs an empty store")
    return revision


def add(store: Store, events: pl.DataFrame | Spool, proposed: Mapping[str, Any], *, replace: bool = False) -> Added:
    """Add events to a graph.

    Args:
        store: where the graph lives.
        events: ``tables.EVENTS``, duplicates included; or the spool that holds them.
        proposed: settings that the mapping proposes.
        replace: rows take the place of former rows with their key, whatever their hash.

    Raises:
        SettingsConflict: the proposed settings disagree with the graph's; nothing was written.
    """
    few = events if isinstance(events, pl.DataFrame) else events.in_memory(_FEW)
    if few is not None and len(few) <= _FEW:
        with store.writer() as writer:
            if writer.has_events():
                return _commit_few(writer, few, proposed, replace=replace)
    if isinstance(events, pl.DataFrame):
        with Spool() as spool:
            spool.add(events)
            return add(store, spool, proposed, replace=replace)
    given = events.events()
    for _ in range(_ATTEMPTS):
        with store.writer() as writer:
            former, revision, empty = writer.settings, writer.revision, not writer.has_events()
            rulings = writer.rulings.unlocked()
        settings = (former or Settings()).joined(dict(proposed), fresh=former is None)
        known = unerased(given, settings, rulings)
        kept = _retained(known, settings)
        distinct, added = _distinct(kept)
        added.erased = count_of(given) - count_of(known) if known is not given else 0
        added.forgotten = count_of(known) - count_of(kept) if kept is not known else 0
        added.rules = settings.rules
        if not empty:
            break
        if former == settings and not count_of(distinct):
            added.revision = revision
            return added
        if distinct is not given:
            distinct = events.kept(distinct)
        try:
            derived = Derived(distinct, settings, rulings)
            added.revision = store.load(distinct, derived, settings, rulings, expected=revision)
            added.new = count_of(distinct)
            return added
        except GraphMoved:  # another process was first: add to what it wrote
            continue
    for chunk in _chunks(collected(distinct), store.commit_rows, settings):
        with store.writer() as writer:
            added.count(_commit(writer, chunk, proposed, replace=replace))
    return added


def _commit_few(writer: Writer, events: pl.DataFrame, proposed: Mapping[str, Any], *, replace: bool) -> Added:
    """Write some rows, repeated ones included, within one transaction."""
    former = writer.settings or Settings()
    settings, rulings = former.joined(dict(proposed), fresh=writer.settings is None), writer.rulings.unlocked()
    known = unerased(events, settings, rulings)
    kept = _retained(known, settings)
    distinct, added = _distinct(kept)
    rows = collected(distinct)
    added.erased = len(events) - count_of(known) if len(rulings.erasures) else 0
    added.forgotten = count_of(known) - count_of(kept) if kept is not known else 0
    added.revision, added.rules = writer.revision, settings.rules
    if len(rows) or former != settings:
        added.count(_commit(writer, rows, proposed, replace=replace))
    return added


def exchange(store: Store, put: pl.DataFrame, gone: pl.DataFrame, shaped: Callable[[Settings], Settings]) -> int:
    """Put some rows in the place of others, and settings that shape no table, in one commit where the store takes it.

    Args:
        store: where the graph lives.
        put: ``tables.EVENTS``, distinct.
        gone: stored rows that go, unless a row of ``put`` takes their place.
        shaped: the settings from now on, made of those so far.

    Raises:
        QueryError: the settings do not validate; nothing was written.
    """
    going = gone.join(put, on="key", how="anti")
    revision = store.revision()
    for chunk in _chunks(pl.concat([put, going]), store.commit_rows, store.head().settings or Settings()):
        with store.writer() as writer:
            settings, rulings = shaped(writer.settings or Settings()), writer.rulings.unlocked()
            rows = _retained(unerased(chunk, settings, rulings), settings)
            leaving = chunk.join(going, on="key", how="semi")["key"]
            new = rows.join(put, on="key", how="semi")
            revision = commit(writer, new, settings, rulings, gone=leaving)
    return revision


def resolve(store: Store, changes: Mapping[str, Any]) -> int:
    """Derive the whole graph anew under changed settings. Returns the revision (unchanged where nothing differs).

    Raises:
        InputError: the settings do not validate, or would let in again what is to be forgotten.
    """
    for _ in range(_ATTEMPTS):
        with store.writer() as writer:
            revision, former = writer.revision, writer.settings or Settings()
            rulings = writer.rulings.unlocked()
        settings = validated(Settings, {**former.model_dump(), **changes}, "settings")
        if former.retain_from and (settings.retain_from is None or settings.retain_from < former.retain_from):
            raise InputError(f"events before {former.retain_from:%Y-%m-%d} are forgotten for good; give a later date")
        only_segments = former.model_copy(update={"segments": settings.segments}) == settings != former
        if only_segments:  # which shape no table
            with store.writer() as writer:
                if writer.revision == revision:
                    return writer.replace(NOTHING, settings)
            continue
        with Spool(store.spool) as spool:
            for chunk in store.events():
                spool.add(chunk)
            events = spool.events()
            # Other rules may see an erased identifier where the former ones did not.
            kept = _retained(unerased(events, settings, rulings), settings)
            if former == settings and count_of(kept) == count_of(events):
                return revision
            if kept is not events:
                kept = spool.kept(kept)
            try:
                derived = Derived(kept, settings, rulings)
                return store.load(kept, derived, settings, rulings, expected=revision)
            except GraphMoved:
                continue
    raise StoreBusy(f"{store.url} kept changing while it was being resolved; try again when nobody ingests")


def _commit(writer: Writer, events: pl.DataFrame, proposed: Mapping[str, Any], *, replace: bool) -> Added:
    """Write one chunk of distinct events within one transaction."""
    added = Added(revision=writer.revision)
    former_settings = writer.settings or Settings()
    settings = former_settings.joined(dict(proposed), fresh=False)
    rulings = writer.rulings.unlocked()
    known = unerased(events, settings, rulings)
    kept = _retained(known, settings)
    added.erased, added.forgotten = len(events) - len(known), len(known) - len(kept)
    stored = writer.stored(kept["key"])
    put = _admitted(kept, stored, added, replace=replace)
    # What is new to the settings may concern anything that is stored.
    everything = (settings.stages, settings.rules) != (former_settings.stages, former_settings.rules)
    added.revision = commit(writer, put, settings, rulings, everything=everything, former=stored)
    return added


def _distinct(events: AnyRows) -> tuple[AnyRows, Added]:
    """One row per event key: equal rows collapse, of unequal ones the greatest content hash stays."""
    keys = collected(events.select(hash=pl.col("key").hash()))["hash"]
    if keys.n_unique() == len(keys):
        return events, Added()
    # Only rows that share their key, or its hash, are looked at whole.
    repeated = keys.filter(keys.is_duplicated()).unique().alias("hash").to_frame()
    hashed = events.with_columns(hash=pl.col("key").hash())
    rows = collected(hashed.join(alike(repeated, hashed), on="hash", how="semi").drop("hash"))
    different = rows.unique(maintain_order=True)
    shared = different.filter(pl.col("key").is_duplicated())
    added = Added(duplicates=len(rows) - len(different), conflicts=len(shared) - shared["key"].n_unique())
    winners = shared.with_columns(hash=_content_hash(shared)).sort("hash").unique("key", keep="last").drop("hash")
    one_each = pl.concat([different.filter(pl.col("key").is_unique()), winners])
    others = hashed.join(alike(repeated, hashed), on="hash", how="anti", maintain_order="left").drop("hash")
    return pl.concat([others, alike(one_each, others)]), added


def _admitted(events: pl.DataFrame, stored: pl.DataFrame, added: Added, *, replace: bool) -> pl.DataFrame:
    """The rows to write: new ones, and those that win over the stored row of their key."""
    if not len(stored):
        added.new = len(events)
        return events
    new = events.join(stored, on="key", how="anti")
    same_key = events.join(stored, on="key", how="semi")
    differing = same_key.join(stored, on=events.columns, how="anti", nulls_equal=True)
    added.new, added.duplicates = len(new), len(same_key) - len(differing)
    if replace:
        added.replaced = len(differing)
        return pl.concat([new, differing])
    added.conflicts = len(differing)
    former = stored.join(differing, on="key", how="semi")
    former_hash = former.select("key", former_hash=_content_hash(former))
    winners = (
        differing.with_columns(hash=_content_hash(differing))
        .join(former_hash, on="key")
        .filter(pl.col("hash") > pl.col("former_hash"))
    )
    return pl.concat([new, winners.select(events.columns)])


def _content_hash(events: pl.DataFrame) -> pl.Series:
    """SHA-256 of each canonical row, as text."""
    rows = (json.dumps(row, sort_keys=True, ensure_ascii=False, default=str) for row in events.iter_rows(named=True))
    return pl.Series("hash", [hashlib.sha256(row.encode()).hexdigest() for row in rows], dtype=pl.String)


def _is_before(settings: Settings) -> pl.Expr:
    """Whether an event lies before the retention date (undated rows never do)."""
    return (pl.col("at") < settings.retain_from).fill_null(False)


def _retained(events: AnyRows, settings: Settings) -> AnyRows:
    """The events that the retention date lets in."""
    return events if settings.retain_from is None else events.filter(~_is_before(settings))


def unerased(events: AnyRows, settings: Settings, rulings: Rulings) -> AnyRows:
    """The events that the erasures let in.

    Whoever was erased is refused up to the cutoff, and undated rows always: a replay brings nobody back.
    """
    if not len(rulings.erasures):
        return events
    raw = collected(events.select(pl.col("identifiers").explode()).unique())["identifiers"].drop_nulls()
    keys = normalised(raw, settings.rules)
    until = rulings.erased_until(pl.concat([raw, keys.drop_nulls()]).unique())
    found = [(text, max(until[one] for one in (text, key) if one in until))
             for text, key in zip(raw, keys, strict=True) if {text, key} & until.keys()]  # fmt: skip
    if not found:
        return events
    cutoffs = pl.DataFrame(found, schema={"raw": pl.String, "until": TIME}, orient="row")
    numbered = events.with_row_index("row")
    refused = (
        numbered.select("row", "at", raw="identifiers")
        .explode("raw")
        .join(alike(cutoffs, events), on="raw")
        .filter(pl.col("at").is_null() | (pl.col("at") <= pl.col("until")))
    )
    return numbered.join(refused, on="row", how="anti", maintain_order="left").drop("row")


def _chunks(events: pl.DataFrame, rows: int | None, settings: Settings) -> Iterator[pl.DataFrame]:
    """The events in commits of about ``rows``, components of the batch kept whole."""
    if rows is None or len(events) <= rows:
        yield events
        return
    people = resolve_identity(events, settings)
    component = people.users["component"].gather(people.owners)
    ordered = events.with_columns(component=component).sort("component", "at", "key")
    position = pl.int_range(pl.len())
    cut = ordered.select(part=position.min().over("component") // rows)["part"]
    for part in ordered.drop("component").with_columns(part=cut).partition_by("part", include_key=False):
        yield part.select(EVENTS.names())
