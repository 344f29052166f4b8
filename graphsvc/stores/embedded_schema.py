"""The tables and views of an embedded store, and how an older file becomes a newer one."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import polars as pl

from ..tables import DERIVED, EVENTS
from .base import SCHEMA

_TYPES: dict[pl.DataType, str] = {
    pl.String(): "VARCHAR",
    pl.Int64(): "BIGINT",
    pl.Float64(): "DOUBLE",
    pl.Boolean(): "BOOLEAN",
    pl.Datetime("us"): "TIMESTAMP",
    pl.List(pl.String): "VARCHAR[]",
    pl.List(pl.Int64): "BIGINT[]",
    pl.List(pl.Float64): "DOUBLE[]",
}


def _table(name: str, schema: pl.Schema, *more: str) -> str:
    columns = [f'"{column}" {_TYPES[kind]}' for column, kind in schema.items()]
    return f"CREATE TABLE {name} ({', '.join([*columns, *more])})"


#: ``anchor`` of an event: its smallest usable identifier, or ``event:<key>``. It never changes as components merge,
#: and leads from a component's identifiers to its events.
TABLES = [
    "CREATE TABLE graph (schema INTEGER, revision BIGINT, settings VARCHAR)",
    _table("events", EVENTS, '"anchor" VARCHAR'),
    *(_table(name, schema) for name, schema in DERIVED.items()),
]

VIEWS = [
    """CREATE VIEW touchpoints AS
    SELECT e.* EXCLUDE (kind, stage, confidence, anchor), placed.stage, placed.step, placed.journey, placed."user"
    FROM events e JOIN (
        SELECT unnest(touchpoints) AS key, unnest(stages) AS stage, generate_subscripts(touchpoints, 1) AS step,
               key AS journey, "user"
        FROM journeys
    ) placed USING (key)""",
    """CREATE VIEW next AS
    SELECT touchpoints[i] AS source, touchpoints[i + 1] AS target, (times[i + 1] - times[i]) / 1e6 AS seconds, journey
    FROM (SELECT key AS journey, touchpoints, times, unnest(range(1, len(touchpoints))) AS i FROM journeys)""",
    "CREATE VIEW via AS SELECT unnest(touchpoints) AS touchpoint, unnest(channels) AS channel FROM journeys",
    "CREATE VIEW channels AS SELECT DISTINCT unnest(channels) AS key, key AS name FROM journeys",
]

#: From each older schema to the one after it.
MIGRATIONS: dict[int, Callable[[duckdb.DuckDBPyConnection], None]] = {}


def migrate(cursor: duckdb.DuckDBPyConnection, schema: int) -> None:
    """Bring a file of an older schema up to date, within the transaction of the cursor."""
    for step in range(schema, SCHEMA):
        MIGRATIONS[step](cursor)
    cursor.execute("UPDATE graph SET schema = ?", [SCHEMA])
