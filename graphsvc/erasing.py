"""Erasure of a person: what goes, and the record that keeps it gone without saying who it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .commit import changes
from .core import normalised, sought
from .core.identity import key_of
from .core.normal import usable_identifiers
from .errors import CannotErase, ErasedAlready, NotFound
from .rulings import VERSION, Rulings, hashed, hashes_of, secret_of_environment
from .settings import Settings, Utc
from .stores import Store, Writer
from .tables import ACTIVE, ANONYMOUS, ERASURES, EVENTS, SHARED, Changes, Neighbourhood


class Erased(BaseModel):
    """What an erasure takes away, or would; nothing of it names the person."""

    model_config = ConfigDict(frozen=True)

    done: Annotated[bool, Field(description="False for a dry run: nothing was changed.")]
    user: Annotated[str, Field(description="Key of the user.")]
    record: Annotated[str | None, Field(description="Key of the erasure record; null for a dry run.")]
    cutoff: Annotated[Utc, Field(description="Rows at or before this time are refused from now on, UTC.")]
    identifiers: Annotated[int, Field(description="Identifiers of the person.")]
    events: Annotated[int, Field(description="Stored rows that hold one of them.")]
    journeys: Annotated[int, Field(description="Journeys of the person.")]
    links: Annotated[int, Field(description="Links that begin or end at the person.")]
    decisions: Annotated[int, Field(description="Decisions that name the person.")]
    others: Annotated[int, Field(description="Other users who change: they shared an event with the person.")]
    rejects: Annotated[int, Field(description="Rejected rows that name the person.")] = 0
    revision: Annotated[int, Field(description="Revision of the graph.")]
    left: Annotated[list[str], Field(description="What the store may still hold, and what removes it.")] = []


def erase(
    store: Store, target: str, *, at: datetime, dry_run: bool, purge: Callable[[list[str]], int] = lambda _: 0
) -> Erased:
    """Erase the person that has an identifier, or a user key.

    Args:
        store: where the graph lives.
        target: ``type:value``, or a user key.
        at: time of the request, naive UTC.
        dry_run: say what would go and change nothing.
        purge: takes the person's raw identifiers out of files beside the store, before the store lets go of them, and
            returns how many rows went.

    Raises:
        NotFound: nobody has it.
        CannotErase: it is shared, or its person was erased already.
        ErasureKeyMissing: see :func:`rulings.secret_of_environment`.
    """
    with store.writer() as writer:
        if writer.settings is None:
            raise NotFound(f"there is no graph in {store.url} yet")
        settings = writer.settings
        rulings = replace(writer.rulings.unlocked(), secret=secret_of_environment())
        user, component = _person(store, writer, target, settings, rulings)
        unit = writer.unit(pl.Series([component]))
        person = _Person(unit, user, settings)
        if not person.keys:
            raise CannotErase(
                "that user is anonymous: it has no identifier of its own by which a replay could be recognised; "
                "`graphsvc forget` lets go of old events"
            )
        cutoff = max([at, *person.events["at"].drop_nulls()])
        without = rulings.decisions.filter(~_names(rulings.decisions, person.keys, settings))
        record = _record(person, rulings, settings, at=at, cutoff=cutoff, shared=[])
        none = pl.DataFrame(schema=EVENTS)

        def planned(record: dict[str, Any]) -> tuple[Changes, Rulings]:
            erasures = pl.concat([rulings.erasures, pl.DataFrame([record], schema=ERASURES)])
            now = replace(rulings, decisions=without, erasures=erasures)
            return changes(writer, none, settings, now, gone=person.events["key"]), now

        plan, _ = planned(record)
        freed = _shared_no_more(plan, unit, person, writer, settings)
        if freed:
            record = _record(person, rulings, settings, at=at, cutoff=cutoff, shared=freed)
            plan, _ = planned(record)
        purged = purge(person.raw)
        return Erased(
            done=not dry_run,
            user=user,
            record=None if dry_run else str(record["key"]),
            cutoff=cutoff,
            identifiers=len(person.keys),
            events=len(person.events),
            journeys=int((unit.tables.journeys["user"] == user).sum()),
            links=len(unit.tables.links.filter(pl.col("a").is_in(person.keys) | pl.col("b").is_in(person.keys))),
            decisions=len(rulings.decisions) - len(without),
            others=len(_others(plan) - {user}),
            rejects=purged,
            revision=writer.revision if dry_run else writer.replace(plan, settings),
        )


def _person(store: Store, writer: Writer, target: str, settings: Settings, rulings: Rulings) -> tuple[str, str]:
    """User key and component of whom a text names."""
    if ":" not in target:
        rows = store.user(target)
        if rows is None:
            if rulings.erased_user(target):
                raise ErasedAlready("that user was erased already")
            raise NotFound("no user has that key, and an identifier is written as type:value")
        return target, str(rows.user["component"])
    key = sought(target, settings.rules)
    found = writer.identifiers(pl.Series([key]))
    if not len(found):
        if rulings.erased_until(pl.Series([target, key])):
            raise ErasedAlready("whoever had that identifier was erased already, and has not returned since")
        raise NotFound("nobody has that identifier; write it as type:value, for example email:ann@example.org")
    row = found.row(0, named=True)
    if row["status"] == SHARED:
        links = writer.links_of(pl.Series([key]))
        met = pl.concat([links["a"], links["b"]]).unique()
        users = writer.identifiers(met)["user"].drop_nulls().unique().sort()
        shown = ", ".join(users.head(5)) + (", …" if len(users) > 5 else "")
        raise CannotErase(
            f"that identifier is shared by {len(users)} users; erase one of them instead, by its key or an identifier "
            f"of its own: {shown}"
        )
    return str(row["user"]), str(row["component"])


class _Person:
    """What is stored of one person."""

    def __init__(self, unit: Neighbourhood, user: str, settings: Settings) -> None:
        rules = settings.rules
        own = unit.tables.identifiers.filter((pl.col("user") == user) & (pl.col("status") == ACTIVE))
        self.identifiers = own
        self.keys: list[str] = own["key"].to_list()
        raw = unit.events.select("key", raw="identifiers").explode("raw").drop_nulls()
        held = raw.with_columns(identifier=normalised(raw["raw"], rules)).filter(pl.col("identifier").is_in(self.keys))
        self.events = unit.events.join(held.select("key"), on="key", how="semi")
        self.raw: list[str] = sorted(held["raw"].unique())


def _names(decisions: pl.DataFrame, keys: list[str], settings: Settings) -> pl.Series:
    """Which decisions name one of some identifiers."""
    ends = (normalised(decisions[end], settings.rules).is_in(keys).fill_null(False) for end in ("a", "b"))
    a, b = ends
    return a | b


def _shared_no_more(
    plan: Changes, unit: Neighbourhood, person: _Person, writer: Writer, settings: Settings
) -> list[str]:
    """Values that were shared through the person alone: they must stay so, or their events would fall to one user."""
    met = usable_identifiers(person.events, settings.rules)
    before = pl.concat([unit.tables.identifiers, writer.identifiers(met)]).filter(pl.col("status") != ACTIVE)
    after = plan.derived["identifiers"].put.filter(pl.col("status") == ACTIVE)
    return sorted(set(before["key"]) & set(after["key"]))


def _others(plan: Changes) -> set[str]:
    """The users whose identifiers or journeys come out otherwise."""
    found: set[str] = set()
    for name, columns in (("identifiers", ["key", "user"]), ("journeys", ["key", "user", "touchpoints"])):
        put, before = plan.derived[name].put.select(columns), getattr(plan.before, name).select(columns)
        found |= set(put.join(before, on=columns, how="anti", nulls_equal=True)["user"].drop_nulls())
    return found


def _record(
    person: _Person, rulings: Rulings, settings: Settings, *, at: datetime, cutoff: datetime, shared: list[str]
) -> dict[str, Any]:
    """The erasure record: hashes and times."""
    secret = rulings.secret
    led = [*person.identifiers["user_key"], *(key_of(ANONYMOUS + key, settings.salt) for key in person.events["key"])]
    record = {
        "requested_at": at,
        "cutoff": cutoff,
        "events": len(person.events),
        "version": VERSION,
        "check": rulings.check(),
        "identifiers": hashes_of(secret, [*person.keys, *person.raw]),
        "shared": hashes_of(secret, shared),
        "users": sorted({hashed(secret, "user", key) for key in led}),
    }
    return {"key": hashlib.sha256(repr(sorted(record.items())).encode()).hexdigest()[:32], **record}
