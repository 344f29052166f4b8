"""Personas as segments: each user's persona becomes a trait, by which every answer can filter on both stores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from .answers import answer
from .answers.params import time_of
from .answers.personas import PersonasParams, personas_of_users
from .tables import EVENTS
from .writing import add

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
    resolved like any other evidence. Saved again under the same name, it is replaced.

    Raises:
        GraphsvcError: see ``answers.personas.count_personas``.
    """
    params = cast(PersonasParams, answer("personas").parse(parameters or {}))
    frame = graph.frame()
    found = personas_of_users(frame, params)
    founders = graph.store.tables().identifiers.filter(pl.col("user") == pl.col("user_key"))
    rows = [
        {
            "key": f"{SOURCE}-{trait}-{user}",
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
    add(graph.store, events, {}, replace=True)
    segments = {f"{trait}-{number}": f"{trait} = {number}" for number in sorted(set(found.values()))}
    revision = graph.name_segments(segments)
    return SavedPersonas(trait, segments, len(rows), len(found) - len(rows), revision)
