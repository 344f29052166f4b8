"""The first load into Neo4j, in bulk.

Whole components go in together, a few thousand touchpoints at a time, from two sessions: one statement creates their
nodes and ties them by position, so that nothing has to be found by its key. Meanwhile one transaction holds the graph's
lock, and the ``loading`` mark, committed before, makes readers refuse. A loader that dies leaves the mark with nobody
holding the lock: the next writer sees that, takes out what is there and starts over.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import polars as pl

from ..core import Derived
from ..errors import GraphMoved
from ..rulings import Rulings
from ..settings import Settings
from ..tables import LINKS, USERS, Tables
from .base import SCHEMA
from .neo4j_door import Door
from .neo4j_rows import link_rows, microseconds, places_of, sent, staged, user_rows
from .neo4j_runner import Transaction

_SESSIONS = 2
_BATCH = 10_000  # nodes and more per statement, about
_WIPE_ROWS = 10_000

Parameters = dict[str, Any]


def bulk_load(
    door: Door, events: pl.DataFrame, derived: Derived, settings: Settings, rulings: Rulings, *, expected: int
) -> int:
    """Load an empty graph; returns its revision.

    Raises:
        GraphMoved: somebody else wrote since revision ``expected``, or took over.
    """
    token = secrets.token_hex(8)
    moved = GraphMoved(f"{door.url} changed while it was being read; try again")
    with door.locked("load") as (transaction, head):
        if head.revision != expected or head.loading:
            raise moved
        begun = door.begin_commit()
        transaction.run("write/loading", token=token).consume()
        transaction.commit()
    with door.locked("load") as (transaction, head):
        if head.loading != token:
            raise moved
        _create(door, transaction, events, derived, settings)
        transaction.run("write/put_decisions", rows=sent(rulings.decisions)).consume()
        transaction.run("write/put_erasures", rows=sent(rulings.erasures)).consume()
        ((revision,),) = transaction.rows("write/revision", settings=settings.model_dump_json(), schema=SCHEMA)
        transaction.commit()
    door.end_commit(begun)
    return int(revision)


def wipe(door: Door) -> None:
    """Remove what an interrupted load left, in batches. The caller holds the lock."""
    while door.execute("write/wipe", limit=_WIPE_ROWS) != [[0]]:
        pass


def _create(door: Door, lock: Transaction, events: pl.DataFrame, derived: Derived, settings: Settings) -> None:
    """Create all nodes and relationships, while ``lock`` keeps its transaction alive."""
    tables = derived.tables()
    places = places_of(tables.journeys)
    channels = places["channel"].unique().sort().to_list()
    rows = [{"key": channel, "name": channel, "kind": settings.kind_of(channel)} for channel in channels]
    door.execute("write/load_channels", rows=rows)
    hung = events.with_columns(anchor=derived.anchors(events["key"]))
    records = hung.join(places, on="key", how="anti")
    batches, scattered = _batches(events, tables, channels)
    next_batch = threading.Lock()

    def work() -> None:
        while True:
            with next_batch:
                parameters = next(batches, None)
            if parameters is None:
                return
            door.execute("write/load", **parameters)

    with ThreadPoolExecutor(_SESSIONS, thread_name_prefix="graphsvc-load") as pool:
        running = {pool.submit(work) for _ in range(_SESSIONS)}
        try:
            while running:
                done, running = wait(running, timeout=10.0, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                lock.rows("read/begun")  # still ours
        except BaseException:
            with next_batch:
                batches.close()  # the other session stops after the batch that it is at
            raise
    for part in records.iter_slices(_BATCH):
        door.execute("write/load_records", rows=sent(part))
    for part in scattered.iter_slices(_BATCH):
        door.execute("write/load_links", rows=link_rows(part))


class _Table:
    """A graph table in order of the batch that each row goes with; ``position`` counts the rows of a batch from 0."""

    def __init__(self, rows: pl.DataFrame) -> None:
        ordered = rows.sort("batch", maintain_order=True)
        self.rows = ordered.with_columns(position=pl.int_range(pl.len()).over("batch"))
        runs = ordered["batch"].rle().struct.unnest()
        ends = runs["len"].cum_sum()
        self._spans = dict(zip(runs["value"], zip(ends - runs["len"], runs["len"], strict=True), strict=True))

    def of(self, batch: int) -> pl.DataFrame:
        """The rows of one batch."""
        return self.rows.slice(*self._spans.get(batch, (0, 0)))


def _batches(
    events: pl.DataFrame, tables: Tables, channels: list[str]
) -> tuple[Generator[Parameters, None, None], pl.DataFrame]:
    """Parameters of ``write/load``: whole components, about ``_BATCH`` rows at a time; and the links (``tables.LINKS``)
    that no batch can hold, since one of their ends is shared and lies in another.
    """  # fmt: skip
    sizes = pl.concat(
        [
            tables.users.select("component", rows=pl.lit(1, dtype=pl.Int64)),
            tables.identifiers.select("component", rows=pl.lit(1, dtype=pl.Int64)),
            tables.journeys.select("component", rows="steps"),
        ]
    )
    sizes = sizes.group_by("component").agg(pl.col("rows").sum()).sort("component")
    batch_of = sizes.select("component", batch=pl.col("rows").cum_sum() // _BATCH)
    whole = {name: table.join(batch_of, on="component", maintain_order="left") for name, table in tables.items()}

    users = _Table(whole["users"])
    owner = users.rows.select(user="key", owner="position")
    identifiers = _Table(whole["identifiers"].join(owner, on="user", how="left", maintain_order="left"))
    ends = identifiers.rows.select("batch", a="key", b="key", source="position", target="position")
    tied = (
        whole["links"]
        .join(ends.select("batch", "a", "source"), on=["batch", "a"], how="left", maintain_order="left")
        .join(ends.select("batch", "b", "target"), on=["batch", "b"], how="left", maintain_order="left")
    )
    links = _Table(tied.drop_nulls(["source", "target"]))
    scattered = tied.filter(pl.col("source").is_null() | pl.col("target").is_null()).select(LINKS.names())
    journeys = _Table(whole["journeys"].join(owner, on="user", maintain_order="left"))
    touchpoints = _Table(_touchpoints(events, journeys.rows, channels))

    def each() -> Generator[Parameters, None, None]:
        for batch in batch_of["batch"].unique().sort():
            stepping, held = touchpoints.of(batch), identifiers.of(batch)
            first = pl.col("step") == 1
            hops = stepping.select("position", "step", seconds=pl.col("at").diff().dt.total_microseconds() / 1e6)
            yield {
                "users": user_rows(users.of(batch).select(USERS.names())),
                "identifiers": _columns(held),
                "owned": _columns(held.select("position", "owner").drop_nulls()),
                "links": _columns(links.of(batch)),
                "journeys": _columns(journeys.of(batch)),
                "channels": channels,
                "touchpoints": _columns(stepping),
                "starts": _columns(stepping.filter(first).select("journey", first="position")),
                "hops": _columns(hops.filter(~first).select("seconds", target="position")),
            }

    return each(), scattered


def _touchpoints(events: pl.DataFrame, journeys: pl.DataFrame, channels: list[str]) -> pl.DataFrame:
    """Every touchpoint in the order of the journeys: ``staged`` columns, batch, journey (position) and via."""
    places = places_of(journeys)
    number = pl.DataFrame(
        {"channel": channels, "via": range(len(channels))}, schema={"channel": pl.String, "via": pl.Int64}
    )
    return (
        places.select("key", "channel", journey_key="journey")
        .join(journeys.select("batch", journey_key="key", journey="position"), on="journey_key", maintain_order="left")
        .join(number, on="channel", maintain_order="left")
        .drop("channel", "journey_key")
        .join(staged(events, places), on="key", maintain_order="left")
    )


def _columns(table: pl.DataFrame) -> Parameters:
    return {column.name: column.to_list() for column in microseconds(table)}
