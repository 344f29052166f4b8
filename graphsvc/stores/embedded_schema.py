"""The tables and views of an embedded store, and how an older file becomes a newer one."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb
import polars as pl

from ..settings import migrated
from ..tables import DECISIONS, DERIVED, ERASURES, EVENTS

#: Version of the file's shape. Up to 2 it was the graph's (``base.SCHEMA``).
SCHEMA = 3
#: The derived tables of a file before this schema are derived anew.
DERIVED_SINCE = 2

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

#: Lists of texts that the file keeps as JSON: a list of a row that an index leads to takes DuckDB half a millisecond,
#: longer than the rest of the row.
AS_JSON = {("events", "identifiers")}


def read(table: str, column: str) -> str:
    """A column of the file, in SQL, as the graph tables have it."""
    return f'"{column}"::VARCHAR[] AS "{column}"' if (table, column) in AS_JSON else f'"{column}"'


def kept(table: str, column: str, value: str) -> str:
    """A value of the graph tables, in SQL, as the file keeps it."""
    return f"to_json({value}::VARCHAR[])" if (table, column) in AS_JSON else value


def _table(name: str, schema: pl.Schema, *more: str) -> str:
    kinds = {column: "JSON" if (name, column) in AS_JSON else _TYPES[kind] for column, kind in schema.items()}
    columns = [f'"{column}" {kind}' for column, kind in kinds.items()]
    return f"CREATE TABLE IF NOT EXISTS {name} ({', '.join([*columns, *more])})"


#: ``anchor`` of an event: the identifier by which it belongs to its user, or ``:event:<key>``. It does not change when
#: components merge, only when shared status does, and leads from a component's identifiers to its events.
TABLES = [
    "CREATE TABLE IF NOT EXISTS graph (schema INTEGER, revision BIGINT, settings VARCHAR)",
    _table("events", EVENTS, '"anchor" VARCHAR'),
    _table("decisions", DECISIONS),
    _table("erasures", ERASURES),
    *(_table(name, schema) for name, schema in DERIVED.items()),
]

#: What a question about one person, and a commit of few events, look up; no more, as each costs at every load. A user's
#: identifiers are found by the component.
INDEXES = [
    "CREATE INDEX IF NOT EXISTS events_key ON events (key)",
    "CREATE INDEX IF NOT EXISTS events_anchor ON events (anchor)",
    "CREATE INDEX IF NOT EXISTS users_component ON users (component)",
    "CREATE INDEX IF NOT EXISTS identifiers_component ON identifiers (component)",
    "CREATE INDEX IF NOT EXISTS journeys_component ON journeys (component)",
    "CREATE INDEX IF NOT EXISTS journeys_key ON journeys (key)",
    "CREATE INDEX IF NOT EXISTS users_key ON users (key)",
    "CREATE INDEX IF NOT EXISTS identifiers_key ON identifiers (key)",
    "CREATE INDEX IF NOT EXISTS links_component ON links (component)",
    'CREATE INDEX IF NOT EXISTS journeys_user ON journeys ("user")',
]

VIEWS = [
    """CREATE VIEW touchpoints AS
    SELECT e.* EXCLUDE (kind, stage, confidence, anchor) REPLACE (e.identifiers::VARCHAR[] AS identifiers),
           placed.stage, placed.step, placed.journey, placed."user"
    FROM events e JOIN (
        SELECT unnest(touchpoints) AS key, unnest(stages) AS stage, generate_subscripts(touchpoints, 1) AS step,
               key AS journey, "user"
        FROM journeys
    ) placed USING (key)""",
    """CREATE VIEW next AS
    SELECT touchpoints[i] AS source, touchpoints[i + 1] AS target, (times[i + 1] - times[i]) / 1e6 AS seconds, journey
    FROM (SELECT key AS journey, touchpoints, times, unnest(range(1, len(touchpoints))) AS i FROM journeys)""",
    "CREATE VIEW via AS SELECT unnest(touchpoints) AS touchpoint, unnest(channels) AS channel FROM journeys",
    "CREATE VIEW channels AS SELECT DISTINCT channel AS key, channel AS name FROM via",
]


def _with_rules(cursor: duckdb.DuckDBPyConnection) -> None:
    """Schema 2: rules of identity in place of priorities."""
    for (text,) in cursor.execute("SELECT settings FROM graph WHERE settings IS NOT NULL").fetchall():
        cursor.execute("UPDATE graph SET settings = ?", [migrated(text, 1)])


def _with_json(cursor: duckdb.DuckDBPyConnection) -> None:
    """Schema 3: the identifiers of an event as JSON."""
    for index in re.findall(r"(\w+) ON events", "\n".join(INDEXES)):
        cursor.execute(f"DROP INDEX IF EXISTS {index}")  # of a table with indexes no column changes its type
    cursor.execute("ALTER TABLE events ALTER identifiers TYPE JSON USING to_json(identifiers)")


#: From each older schema to the one after it: what changes in ``graph`` and ``events``.
MIGRATIONS: dict[int, Callable[[duckdb.DuckDBPyConnection], None]] = {1: _with_rules, 2: _with_json}


def create(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make all tables, indexes and views that are not there."""
    for statement in TABLES + INDEXES + VIEWS:
        cursor.execute(statement)


def migrate(cursor: duckdb.DuckDBPyConnection, schema: int) -> None:
    """Bring what is stored up to date within the transaction of the cursor.

    Before ``DERIVED_SINCE`` what is derived is dropped.
    """
    for view in re.findall(r"CREATE VIEW (\w+)", "\n".join(VIEWS)):
        cursor.execute(f"DROP VIEW IF EXISTS {view}")
    for step in range(schema, SCHEMA):
        MIGRATIONS[step](cursor)
    for table in DERIVED if schema < DERIVED_SINCE else ():
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
    create(cursor)
    cursor.execute("UPDATE graph SET schema = ?", [SCHEMA])
