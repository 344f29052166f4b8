"""The first load into Neo4j, in bulk."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from ..errors import GraphMoved
from ..settings import Settings
from ..tables import Change, Changes, Tables
from .neo4j_door import Door
from .neo4j_write import Neo4jWriter

_WIPE_ROWS = 10_000


def bulk_load(door: Door, events: pl.DataFrame, tables: Iterable[Tables], settings: Settings, *, expected: int) -> int:
    """Load an empty graph."""
    whole = [dict(part.items()) for part in tables]
    derived = {name: pl.concat([part[name] for part in whole]) for name in whole[0]}
    with door.locked("load") as (transaction, head):
        if head.revision != expected:
            raise GraphMoved(f"{door.url} changed while it was being read; try again")
        writer = Neo4jWriter(transaction, head)
        changes = Changes(
            events=Change(events.select("key").clear(), events),
            derived={name: Change(table.clear(), table) for name, table in derived.items()},
            before=Tables.empty(),
        )
        revision = writer.replace(changes, settings)
        door.commit_fenced(transaction)
        return revision


def wipe(door: Door) -> None:
    """Remove what an interrupted load left, in batches. The caller holds the lock."""
    while door.execute("write/wipe", limit=_WIPE_ROWS) != [[0]]:
        pass
