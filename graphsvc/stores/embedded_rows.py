"""Rows of an embedded store: looked up, inserted and replaced within one transaction."""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from ..core import Derived
from ..errors import StoreUnavailable
from ..renewal import Note
from ..rulings import Rulings
from ..settings import Settings
from ..tables import ANONYMOUS, DERIVED, EVENTS, KEYS, STORED, Change, Changes, Neighbourhood, Rows, Tables, chunks
from .embedded_schema import AS_JSON, kept, read

SCHEMAS = {**STORED, **DERIVED}
_WITH_ANCHOR = {**SCHEMAS, "events": pl.Schema({**EVENTS, "anchor": pl.String()})}
_FEW = 50  # so many keys are looked up one by one
_PLAIN = 4  # so many rows are put as plain values: DuckDB needs longer to begin with an Arrow table
_ROWS_PER_INSERT = 250_000
_statements: dict[str, duckdb.Statement] = {}  # by their texts, which are few: never a user's
atexit.register(_statements.clear)  # DuckDB's binding complains of what outlives it


class Reader:
    """Looks rows up within one transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

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
        if len(values) <= _FEW:  # an index leads from constants to rows, and so few rows come faster as plain values
            names, marks = ", ".join(f'"{name}"' for name in schema), ", ".join("?" * len(values))
            text = f"SELECT {names} FROM {table} WHERE {column} IN ({marks})"  # noqa: S608
            return _plain(fetched(self._cursor, text, values.to_list()) if marks else [], table, schema)
        names = ", ".join(read(table, name) for name in schema)
        self._cursor.register("wanted", values.cast(pl.String).alias("wanted").to_frame().to_arrow())
        text = f"SELECT {names} FROM {table} WHERE {column} IN (SELECT wanted FROM wanted)"  # noqa: S608
        found = queried(self._cursor, text)
        self._cursor.unregister("wanted")
        return found


def _plain(rows: list[tuple[Any, ...]], table: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows of the file, fetched as they are kept there, as a frame."""
    texts = [name for name in schema if (table, name) in AS_JSON]
    frame = pl.DataFrame(rows, {**schema, **dict.fromkeys(texts, pl.String())}, orient="row")
    # A thousand lists are told from their texts in a hundredth of the time that as many Python lists take.
    return frame.with_columns(pl.col(name).str.json_decode(schema[name]) for name in texts) if texts else frame


@dataclass(frozen=True)
class Standing:
    """What every write asks first of a graph at one revision."""

    revision: int
    settings: Settings | None
    rulings: Rulings  # without the secret
    has_events: bool


def standing_of(cursor: duckdb.DuckDBPyConnection) -> Standing:
    """What the graph is at the revision that the transaction sees."""
    return Standing(revision_of(cursor), settings_of(cursor), rulings_of(cursor), _has_events(cursor))


class EmbeddedWriter(Reader):
    """One write transaction on the file."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, note: Note, standing: Standing) -> None:
        super().__init__(cursor)
        self._note = note
        self._has_events = standing.has_events
        self._new: set[str] = set()  # keys of which it is known that no event has them
        self.settings, self.revision, self.rulings = standing.settings, standing.revision, standing.rulings

    def has_events(self) -> bool:
        """Whether the graph holds any event."""
        return self._has_events

    def standing(self) -> Standing:
        """What the graph is after this transaction, if that is committed."""
        return Standing(self.revision, self.settings, self.rulings, self._has_events)

    def stored(self, keys: pl.Series) -> pl.DataFrame:
        """The stored events that have one of these keys."""
        if len(keys) > _FEW:
            return super().stored(keys)
        # Mostly none is there, which takes half of the time to see by the keys alone.
        there = self._matching("events", "key", keys, ["key"])["key"]
        self._new |= set(keys) - set(there)
        return super().stored(there)

    def replace(self, changes: Changes, settings: Settings) -> int:
        """Apply one commit and return the new revision (the old one where nothing differs)."""
        every = {**changes.stored, **changes.derived}
        if settings == self.settings and not any(len(change.removed) + len(change.put) for change in every.values()):
            return self.revision
        for name, change in every.items():
            if not len(change.removed) + len(change.put):
                continue
            self._delete(name, change)
            if name == "events":
                hung = change.put.select("key").join(changes.anchors, on="key", how="left", maintain_order="left")
                insert_events(self._cursor, change.put, hung["anchor"])
            else:
                insert(self._cursor, name, change.put)
        if len(changes.moved):
            moved = changes.moved.to_arrow()  # noqa: F841 (see `insert`)
            self._cursor.execute("UPDATE events SET anchor = moved.anchor FROM moved WHERE events.key = moved.key")
        self._count_up(settings)
        if any(len(change.removed) + len(change.put) for change in (every["decisions"], every["erasures"])):
            self.rulings = rulings_of(self._cursor)
        if len(every["events"].removed) + len(every["events"].put):
            self._has_events = bool(len(every["events"].put)) or _has_events(self._cursor)
        self._new.clear()
        self._note(self.revision, changes, settings)
        return self.revision

    def load(self, events: Rows, derived: Derived, settings: Settings, rulings: Rulings) -> int:
        """Put a whole graph in place of the one that is there and return the new revision."""
        for name in (*STORED, *DERIVED):
            self._cursor.execute(f"DELETE FROM {name}")  # noqa: S608
        for first, chunk in chunks(events, _ROWS_PER_INSERT):
            insert_events(self._cursor, chunk, derived.anchors(chunk["key"], first))
        insert(self._cursor, "decisions", rulings.decisions)
        insert(self._cursor, "erasures", rulings.erasures)
        insert_derived(self._cursor, derived)
        self._count_up(settings)
        self.rulings, self._has_events = rulings_of(self._cursor), _has_events(self._cursor)
        self._new.clear()
        return self.revision

    def _count_up(self, settings: Settings) -> None:
        """Count the revision up, under these settings."""
        self.revision += 1
        if settings == self.settings:
            fetched(self._cursor, "UPDATE graph SET revision = ?", [self.revision])
        else:
            values = [self.revision, settings.model_dump_json()]
            fetched(self._cursor, "UPDATE graph SET revision = ?, settings = ?", values)
        self.settings = settings

    def _delete(self, name: str, change: Change) -> None:
        """Delete the rows that go and those that others take the place of, as far as they are there.

        Events that :meth:`stored` did not find need not be looked for again.
        """
        key = KEYS[name]
        gone = pl.concat([change.removed.select(key), change.put.select(key)])
        if len(gone) <= _FEW and len(key) == 1:
            there = [value for value in gone[key[0]] if name != "events" or value not in self._new]
            marks = ", ".join("?" * len(there))
            if there:
                fetched(self._cursor, f"DELETE FROM {name} WHERE {key[0]} IN ({marks})", there)  # noqa: S608
            return
        if len(gone) <= _FEW:
            one = " AND ".join(f"{column} = ?" for column in key)
            for values in gone.iter_rows():
                fetched(self._cursor, f"DELETE FROM {name} WHERE {one}", values)  # noqa: S608
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


def rulings_of(cursor: duckdb.DuckDBPyConnection) -> Rulings:
    """The decisions and erasures, without the secret."""
    decided, erased = one(cursor, "SELECT EXISTS (FROM decisions), EXISTS (FROM erasures)")
    none = Rulings.none()
    return Rulings(
        all_of(cursor, "decisions") if decided else none.decisions,
        all_of(cursor, "erasures") if erased else none.erasures,
    )


def _has_events(cursor: duckdb.DuckDBPyConnection) -> bool:
    return bool(fetched(cursor, "SELECT 1 FROM events LIMIT 1"))


def all_of(cursor: duckdb.DuckDBPyConnection, table: str, *more: str) -> pl.DataFrame:
    """A whole table, with further columns of the store's own."""
    columns = ", ".join(read(table, name) for name in (*SCHEMAS[table].names(), *more))
    return queried(cursor, f"SELECT {columns} FROM {table}")  # noqa: S608


def insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Put rows into a table."""
    if not len(rows):
        return
    names = ", ".join(f'"{name}"' for name in rows.columns)
    if len(rows) <= _PLAIN:
        marks = ", ".join(kept(table, name, "?") for name in rows.columns)
        places = ", ".join([f"({marks})"] * len(rows))
        values = [value for row in rows.iter_rows() for value in row]
        fetched(cursor, f"INSERT INTO {table} ({names}) VALUES {places}", values)  # noqa: S608
        return
    put = rows.to_arrow()  # noqa: F841 (DuckDB finds it by its name; a registered table it would hold until the commit)
    columns = ", ".join(kept(table, name, f'"{name}"') for name in rows.columns)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {columns} FROM put")  # noqa: S608


def insert_events(cursor: duckdb.DuckDBPyConnection, events: pl.DataFrame, anchors: pl.Series) -> None:
    """Put events into their table, each with what it hangs on."""
    insert(cursor, "events", events.with_columns(anchor=anchors))


def insert_derived(cursor: duckdb.DuckDBPyConnection, derived: Derived) -> None:
    """Put everything that derives from the events into its tables."""
    for name in ("users", "identifiers", "links"):
        insert(cursor, name, getattr(derived, name))
    for journeys in derived.journeys():
        insert(cursor, "journeys", journeys)
