"""Files for ``neo4j-admin database import full``: the fastest way to fill a new Neo4j, while it is stopped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from .core.identity import anchors
from .errors import InputError, NotFound
from .stores import SCHEMA, Store
from .stores.neo4j_rows import hops_of, places_of, staged, user_rows
from .tables import EVENTS

_LIST = "\x1f"  # the unit separator stands in no label, where ; and | may
_TYPES: dict[pl.DataType, str] = {
    pl.Int64(): "long",
    pl.Float64(): "double",
    pl.Boolean(): "boolean",
    pl.Datetime("us"): "localdatetime",
    pl.String(): "string",
    pl.List(pl.String): "string[]",
    pl.List(pl.Int64): "long[]",
    pl.List(pl.Float64): "double[]",
}


def neo4j_import(store: Store, folder: Path) -> str:
    """Write a graph as files for Neo4j's own import. Returns the command line to run.

    Args:
        store: where the graph is read from.
        folder: where the files go; it must be empty or absent.

    Raises:
        InputError: the folder holds something.
        NotFound: the store holds no graph.
    """
    head = store.head()
    if head.settings is None:
        raise NotFound(f"there is no graph in {store.url} to export")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    graph = pl.DataFrame(
        {"key": "graph", "schema": SCHEMA, "revision": head.revision, "settings": head.settings.model_dump_json()},
        schema_overrides={"schema": pl.Int64},
    )
    _nodes(folder, "Graph", graph)
    for name, table in _tables(store):
        (_relationships if ":" in name else _nodes)(folder, name, table)
    return _command(folder)


def _tables(store: Store) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every label and relationship type with its rows; a relationship's first two columns are its ends."""
    tables = store.tables()
    places = places_of(tables.journeys)
    users = pl.DataFrame(user_rows(tables.users), infer_schema_length=None) if len(tables.users) else tables.users
    yield "User", users.with_columns(pl.col("first_seen", "last_seen").cast(pl.Datetime("us")))
    yield "Identifier", tables.identifiers.drop("user")
    yield "Journey", tables.journeys
    touchpoints, records = [], []
    for events in store.events():
        touchpoints.append(staged(events, places))
        rest = events.join(places, on="key", how="anti")
        records.append(rest.with_columns(anchor=anchors(rest)))
    empty = pl.DataFrame(schema=EVENTS)
    yield "Touchpoint", pl.concat(touchpoints) if touchpoints else empty
    yield "Record", pl.concat(records) if records else empty
    settings = store.head().settings
    channels = places["channel"].unique().sort().alias("key").to_frame().with_columns(name="key")
    kinds = [settings.kind_of(channel) if settings else None for channel in channels["key"]]
    yield "Channel", channels.with_columns(kind=pl.Series(kinds, dtype=pl.String))
    yield "HAS:User:Identifier", tables.identifiers.select("user", "key")
    yield "TOOK:User:Journey", tables.journeys.select("user", "key")
    yield "STARTS:Journey:Touchpoint", tables.journeys.select("key", touchpoint="key")
    yield "SEEN_WITH:Identifier:Identifier", tables.links
    yield "VIA:Touchpoint:Channel", places.select("key", "channel")
    yield "NEXT:Touchpoint:Touchpoint", hops_of(places)


def _nodes(folder: Path, label: str, table: pl.DataFrame) -> None:
    header = {"key": f"key:ID({label}){{id-type:string}}"}
    _write(folder / f"{label}.csv", table, header)


def _relationships(folder: Path, name: str, table: pl.DataFrame) -> None:
    kind, source, target = name.split(":")
    start, end = table.columns[:2]
    header = {start: f":START_ID({source})", end: f":END_ID({target})"}
    _write(folder / f"{kind}.csv", table, header)


def _write(path: Path, table: pl.DataFrame, header: dict[str, str]) -> None:
    """One CSV file whose header names and types the columns; null is nothing, an empty text is two quotes."""
    flat = table.with_columns(
        pl.col(name).cast(pl.List(pl.String)).list.join(_LIST)
        for name, dtype in table.schema.items()
        if isinstance(dtype, pl.List)
    )
    names = [header.get(name, f"{name}:{_TYPES[dtype]}") for name, dtype in table.schema.items()]
    flat.rename(dict(zip(flat.columns, names, strict=True))).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6f")


def _command(folder: Path) -> str:
    """The command line that loads the files into a fresh database."""
    files = sorted(folder.glob("*.csv"))
    words = [
        "neo4j-admin",
        "database",
        "import",
        "full",
        "neo4j",
        "--array-delimiter=U+001F",
        "--multiline-fields=true",
    ]
    for file in files:
        option = "relationships" if file.stem.isupper() else "nodes"
        words.append(f"--{option}={file.stem}={file}")
    return shlex.join(words)
