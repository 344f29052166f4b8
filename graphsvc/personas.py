"""Personas as segments: each user's persona becomes a trait, by which every answer can filter on both stores."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from .answers import answer
from .answers.params import time_of
from .answers.personas import PersonasParams, personas_of_users
from .errors import UnknownName, validated
from .segments import find
from .settings import Settings
from .stores import Store
from .tables import EVENTS
from .writing import exchange

if TYPE_CHECKING:
    from .graph import Graph

#: Source of the rows that tell who has which persona.
SOURCE = "personas"


@dataclass(frozen=True)
class SavedPersonas:
    """What became of personas that were saved."""

    trait: str
    segments: dict[str, str]  # predicate by name
    users: int  # who carry the trait now
    anonymous: int  # users without an identifier of their own, who cannot
    revision: int


def save_personas(graph: Graph, parameters: Mapping[str, Any] | None, trait: str) -> SavedPersonas:
    """Find personas, write each user's number as a trait, and name a segment for each persona.

    The trait is told by a profile row about the identifier that founds the user, so it is stored, copied, erased and
    resolved like any other evidence. Saved again under the same name, it is replaced: former numbers and segments go.

    Raises:
        GraphsvcError: see ``answers.personas.count_personas``.
    """
    params = cast(PersonasParams, answer("personas").parse(parameters or {}))
    frame = graph.frame()
    found = personas_of_users(frame, params)
    founders = graph.store.tables().identifiers.filter(pl.col("user") == pl.col("user_key"))
    rows = [
        {
            "key": f"{_prefix(trait)}{user}",
            "kind": "profile",
            "source": SOURCE,
            "at": time_of(frame.data_end),
            "identifiers": [identifier],
            "traits": json.dumps({trait: found[user]}),
        }
        for user, identifier in founders.select("user", "key").iter_rows()
        if user in found
    ]
    events = pl.DataFrame([{**dict.fromkeys(EVENTS), **row} for row in rows], schema=EVENTS)
    segments = {f"{trait}-{number}": f"{trait} = {number}" for number in sorted(set(found.values()))}

    def shaped(settings: Settings) -> Settings:
        named = {**_without_former(settings.segments, trait, kept=segments), **segments}
        traits = sorted({*settings.personas, trait})
        return validated(Settings, {**settings.model_dump(), "segments": named, "personas": traits}, "settings")

    revision = exchange(graph.store, events, _saved(graph.store, trait), shaped)
    return SavedPersonas(trait, segments, len(rows), len(found) - len(rows), revision)


def _prefix(trait: str) -> str:
    """How the keys of the rows begin that tell a trait."""
    return f"{SOURCE}-{trait}-"


def _saved(store: Store, trait: str) -> pl.DataFrame:
    """The stored rows that tell who has which persona."""
    ours = (pl.col("source") == SOURCE) & pl.col("key").str.starts_with(_prefix(trait))
    rows = pl.concat([pl.DataFrame(schema=EVENTS), *(chunk.filter(ours) for chunk in store.events())])
    texts = [text for text in rows["traits"].drop_nulls().unique() if json.loads(text).keys() == {trait}]
    return rows.filter(pl.col("traits").is_in(texts))


def _without_former(segments: Mapping[str, str], trait: str, *, kept: Container[str]) -> Mapping[str, str]:
    """Segments without those of former personas; one that others are made of stays, and holds nobody."""
    for name, predicate in segments.items():
        if name in kept or not (name.startswith(f"{trait}-") and predicate == f"{trait} = {name[len(trait) + 1 :]}"):
            continue
        rest = {each: text for each, text in segments.items() if each != name}
        with suppress(UnknownName):
            for each in rest:
                find(rest, each)
            segments = rest
    return segments
