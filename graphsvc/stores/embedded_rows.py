"""Rows of an embedded store: looked up, inserted and replaced within one transaction."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from ..core import Derived
from ..errors import StoreUnavailable
from ..renewal import Note
from ..rulings import Rulings
from ..settings import Settings
from ..tables import ANONYMOUS, DERIVED, EVENTS, KEYS, STORED, Changes, Neighbourhood, Tables

SCHEMAS = {**STORED, **DERIVED}
_WITH_ANCHOR = {**SCHEMAS, "events": pl.Schema({**EVENTS, "anchor": pl.String()})}
_FEW = 50  # so many keys are looked up one by one
_statements: dict[str, duckdb.Statement] = {}  # by their texts, which are few: never a user's
atexit.register(_statements.clear)  # DuckDB's binding complains of what outlives it


class Reader:
    """Looks rows up within one transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def has_events(self) -> bool:
        """Whether the graph holds any event."""
        return bool(fetched(self._cursor, "SELECT 1 FROM events LIMIT 1"))

    def stored(self, keys: pl.Series) -> pl.DataFrame:
        """The stored events that have one of these keys."""
        return self._matching("events", "key", keys)

    def identifiers(self, keys: pl.Series) -> pl.DataFrame:
        """What is stored of some identifiers."""
        return self._matching("identifiers", "key", keys)

    def links_of(self, keys: pl.Series) -> pl.DataFrame:
        """The links that begin or end at some identifiers."""
        if not len(keys):
            return pl.DataFrame(schema=DERIVED["links"])
        return pl.concat([self._matching("links", "a", keys), self._matching("links", "b", keys)]).unique(KEYS["links"])

    def unit(self, components: pl.Series) -> Neighbourhood:
        """All that is stored of some raw components, by their names."""
        tables = Tables(**{name: self._matching(name, "component", components) for name in DERIVED})
        hooks = pl.concat([tables.identifiers["key"], components.filter(components.str.starts_with(ANONYMOUS))])
        events = self._matching("events", "anchor", hooks, (*EVENTS.names(), "anchor"))
        return Neighbourhood(events.drop("anchor"), tables, events.select("key", "anchor"))

    def everything(self) -> Neighbourhood:
        """The whole graph as one neighbourhood."""
        events = all_of(self._cursor, "events", "anchor")
        tables = Tables(**{name: all_of(self._cursor, name) for name in DERIVED})
        return Neighbourhood(events.drop("anchor"), tables, events.select("key", "anchor"))

    def _matching(self, table: str, column: str, values: pl.Series, columns: Sequence[str] = ()) -> pl.DataFrame:
        """The rows of a table whose column has one of the values."""
        schema = {name: _WITH_ANCHOR[table][name] for name in columns or SCHEMAS[table].names()}
        names = ", ".join(f'"{name}"' for name in schema)
        head = f"SELECT {names} FROM {table} WHERE {column} IN"  # noqa: S608
        if len(values) <= _FEW:  # an index leads from constants to rows, and so few rows come faster as plain values
            marks = ", ".join("?" * len(values))
            rows = fetched(self._cursor, f"{head} ({marks})", values.to_list()) if marks else []
            return pl.DataFrame(rows, schema=schema, orient="row")
        self._cursor.register("wanted", values.cast(pl.String).alias("wanted").to_frame().to_arrow())
        found = queried(self._cursor, f"{head} (SELECT wanted FROM wanted)")  # noqa: S608
        self._cursor.unregister("wanted")
        return found


class EmbeddedWriter(Reader):
    """One write transaction on the file."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, note: Note) -> None:
        super().__init__(cursor)
        self._note = note
        self.settings = settings_of(cursor)
        self.revision = revision_of(cursor)
        self.rulings = rulings_of(cursor)

    def replace(self, changes: Changes, settings: Settings) -> int:
        """Apply one commit and return the new revision (the old one where nothing differs)."""
        every = {**changes.stored, **changes.derived}
        if settings == self.settings and not any(len(change.removed) + len(change.put) for change in every.values()):
            return self.revision
        for name, change in every.items():
            if not len(change.removed) + len(change.put):
                continue
            key = KEYS[name]
            gone = pl.concat([change.removed.select(key), change.put.select(key)])
            self._delete(name, gone)
            if name == "events":
                hung = change.put.select("key").join(changes.anchors, on="key", how="left", maintain_order="left")
                insert_events(self._cursor, change.put, hung["anchor"])
            else:
                insert(self._cursor, name, change.put)
        if len(changes.moved):
            moved = changes.moved.to_arrow()  # noqa: F841 (see `_insert`)
            self._cursor.execute("UPDATE events SET anchor = moved.anchor FROM moved WHERE events.key = moved.key")
        self.settings = settings
        self.revision = next_revision(self._cursor, settings)
        self._note(self.revision, changes, settings)
        return self.revision

    def _delete(self, name: str, gone: pl.DataFrame) -> None:
        """Delete the rows that have these keys, as far as they are there."""
        if not len(gone):
            return
        if len(gone) <= _FEW:
            one = " AND ".join(f"{column} = ?" for column in gone.columns)
            for key in gone.iter_rows():
                fetched(self._cursor, f"DELETE FROM {name} WHERE {one}", key)  # noqa: S608
            return
        self._cursor.register("gone", gone.to_arrow())
        same = " AND ".join(f"{name}.{column} = gone.{column}" for column in gone.columns)
        self._cursor.execute(f"DELETE FROM {name} USING gone WHERE {same}")  # noqa: S608
        self._cursor.unregister("gone")


class _Stream:
    """Shows nothing of a result but its Arrow stream: pyarrow, which takes long to import, is not needed for that."""

    def __init__(self, result: duckdb.DuckDBPyRelation) -> None:
        self._result = result

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._result.__arrow_c_stream__(requested_schema)


def queried(cursor: duckdb.DuckDBPyConnection, text: str) -> pl.DataFrame:
    """What a statement returns, as columns."""
    return pl.DataFrame(_Stream(cursor.sql(text)))


def fetched(cursor: duckdb.DuckDBPyConnection, text: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The rows of one of our statements, which is parsed once: for a small question that takes half of the time."""
    if text not in _statements:
        (_statements[text],) = cursor.extract_statements(text)
    return cursor.execute(_statements[text], list(values)).fetchall()


def few(cursor: duckdb.DuckDBPyConnection, table: str, column: str, value: str) -> list[dict[str, Any]]:
    """The rows of a derived table that an index leads to."""
    names = DERIVED[table].names()
    columns = ", ".join(f'"{name}"' for name in names)
    rows = fetched(cursor, f"SELECT {columns} FROM {table} WHERE {column} = ?", [value])  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in rows]


def one(cursor: duckdb.DuckDBPyConnection, text: str) -> tuple[Any, ...]:
    """The one row that a statement always has."""
    rows = fetched(cursor, text)  # to the end: an unfinished result would keep the cursor busy
    if not rows:
        raise StoreUnavailable("the table graph has lost its row; restore the file from a copy")
    return tuple(rows[0])


def revision_of(cursor: duckdb.DuckDBPyConnection) -> int:
    """The revision that the transaction sees."""
    return int(one(cursor, "SELECT revision FROM graph")[0])


def settings_of(cursor: duckdb.DuckDBPyConnection) -> Settings | None:
    """The settings of the graph; None where there is no graph yet."""
    (text,) = one(cursor, "SELECT settings FROM graph")
    return None if text is None else _parsed(text)


@lru_cache(maxsize=8)
def _parsed(text: str) -> Settings:
    return Settings.model_validate_json(text)


def next_revision(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    """Count the revision up, under these settings; returns it."""
    cursor.execute("UPDATE graph SET revision = revision + 1, settings = ?", [settings.model_dump_json()])
    return revision_of(cursor)


def rulings_of(cursor: duckdb.DuckDBPyConnection) -> Rulings:
    """The decisions and erasures, without the secret."""
    decided, erased = one(cursor, "SELECT EXISTS (FROM decisions), EXISTS (FROM erasures)")
    none = Rulings.none()
    return Rulings(
        all_of(cursor, "decisions") if decided else none.decisions,
        all_of(cursor, "erasures") if erased else none.erasures,
    )


def all_of(cursor: duckdb.DuckDBPyConnection, table: str, *more: str) -> pl.DataFrame:
    """A whole table, with further columns of the store's own."""
    columns = ", ".join(f'"{name}"' for name in (*SCHEMAS[table].names(), *more))
    return queried(cursor, f"SELECT {columns} FROM {table}")  # noqa: S608


def insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Put rows into a table."""
    if not len(rows):
        return
    put = rows.to_arrow()  # noqa: F841 (DuckDB finds it by its name; a registered table it would hold until the commit)
    cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM put")  # noqa: S608


def insert_events(cursor: duckdb.DuckDBPyConnection, events: pl.DataFrame, anchors: pl.Series) -> None:
    """Put events into their table, each with what it hangs on."""
    insert(cursor, "events", events.with_columns(anchor=anchors))


def insert_derived(cursor: duckdb.DuckDBPyConnection, derived: Derived) -> None:
    """Put everything that derives from the events into its tables."""
    for name in ("users", "identifiers", "links"):
        insert(cursor, name, getattr(derived, name))
    for journeys in derived.journeys():
        insert(cursor, "journeys", journeys)
