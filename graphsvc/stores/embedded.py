"""The embedded store: one DuckDB file that holds the graph tables.

The file stays readable by plain DuckDB. Tables ``graph``, ``events``, ``users``, ``identifiers``, ``links`` and
``journeys`` are what ``graphsvc.tables`` describes; ``touchpoints``, ``next``, ``via`` and ``channels`` are views on
them. Each commit is one DuckDB transaction, so a reader sees a whole batch or nothing of it, and so does a crash.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..core import Derived
from ..errors import CypherUnsupported, ForeignGraph, GraphMoved, NewerGraph, QueryError, StoreBusy, StoreUnavailable
from ..frame import JourneyFrame, build
from ..rulings import Rulings
from ..settings import Settings
from ..tables import ANONYMOUS, DERIVED, EVENTS, KEYS, SHARED, STORED, Changes, Neighbourhood, Tables, chunks
from . import base
from .base import Head, Status, UserRows, with_links
from .embedded_schema import create, migrate

_ROWS_PER_INSERT = 250_000
#: What we read is ordered where order matters; beyond this memory DuckDB lets go of what it caches, then uses the disk.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"preserve_insertion_order": False, "memory_limit": "2GB"}
_LINKS_OF_USER = """
SELECT * FROM links
WHERE component = ?
  AND a IN (SELECT key FROM identifiers WHERE "user" = ?) AND b IN (SELECT key FROM identifiers WHERE "user" = ?)
ORDER BY a, b
"""
_SCHEMAS = {**STORED, **DERIVED}
_locks: dict[Path, threading.Lock] = {}


class EmbeddedStore:
    """A graph in one DuckDB file."""

    commit_rows: int | None = None
    spool: Path | None

    def __init__(self, path: str | Path, *, write: bool = True) -> None:
        """Open the file; it is created where it is missing and ``write`` is set.

        Raises:
            StoreUnavailable: no such file, or not a DuckDB file.
            StoreBusy: another process holds it.
            ForeignGraph: a DuckDB file with other tables.
            NewerGraph: written by a newer graphsvc.
        """
        self.path = Path(path)
        self.url = str(path)
        self.spool = self.path
        self._write = write
        # One writer at a time within this process; DuckDB keeps other processes out.
        self._lock = _locks.setdefault(self.path.resolve(), threading.Lock())
        self._handle = threading.Lock()  # the connection itself refuses two calls at once
        self._gate = _Gate()
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._known: Head | None = None  # the last head; most readers ask for it again
        self._connection = _connect(self.path, write)
        try:
            self._check(write)
        except BaseException:
            self._connection.close()
            raise

    def _check(self, write: bool) -> None:
        tables = {row[0] for row in self._connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if not tables and write:
            with self._transaction() as cursor:
                create(cursor)
                cursor.execute("INSERT INTO graph VALUES (?, 0, NULL)", [base.SCHEMA])
            self._hide()
            return
        if "graph" not in tables:
            raise ForeignGraph(f"{self.url} is a DuckDB file of something else; name another file")
        schema = int(_one(self._connection.execute("SELECT schema FROM graph"))[0])
        if schema > base.SCHEMA:
            raise NewerGraph(
                f"{self.url} has schema {schema}, this version of graphsvc knows up to {base.SCHEMA}; update graphsvc"
            )
        if schema < base.SCHEMA:
            if not write:
                raise StoreUnavailable(
                    f"{self.url} has the older schema {schema}; open it for writing once to migrate it"
                )
            with self._transaction() as cursor:
                migrate(cursor, schema)
                events, rulings = _all(cursor, "events"), _rulings(cursor)
                derived = Derived(events.lazy(), _settings(cursor) or Settings(), rulings.unlocked())
                cursor.execute("DELETE FROM events")
                _insert_events(cursor, events, derived.anchors(events["key"]))
                _insert_derived(cursor, derived)

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor within one transaction: a snapshot to read, all or nothing to write.

        Raises:
            StoreUnavailable: the transaction failed (a full disk, a damaged file) and left the graph as it was.
        """
        try:
            with self._gate.open():
                cursor = self._idle_cursor()
                try:
                    cursor.begin()
                    yield cursor
                    cursor.commit()
                except BaseException:
                    with suppress(duckdb.Error):  # some failures end the transaction by themselves
                        cursor.rollback()
                    cursor.close()
                    raise
                self._idle.append(cursor)
        except duckdb.TransactionException:
            raise StoreBusy(f"{self.url} was written by somebody else at the same time; try again") from None
        except duckdb.Error as error:
            raise StoreUnavailable(f"{self.url}: {_reason(error)}; the graph is as it was before") from error

    def _idle_cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor that nobody uses; a used one knows the plans of its statements."""
        with suppress(IndexError):
            return self._idle.pop()
        with self._handle:
            return self._connection.cursor()

    # Reading

    def revision(self) -> int:
        """Revision of the graph now (0: no graph yet)."""
        with self._transaction() as cursor:
            return _revision(cursor)

    def head(self) -> Head:
        """Revision, settings and data end in one cheap read at one revision."""
        with self._transaction() as cursor:
            return self._head(cursor)

    def _head(self, cursor: duckdb.DuckDBPyConnection) -> Head:
        """The head; what it says is looked up once for each revision."""
        revision, known = _revision(cursor), self._known
        if known is None or known.revision != revision:
            (data_end,) = _one(cursor.execute("SELECT max(ended_at) FROM journeys"))
            self._known = known = Head(revision, _settings(cursor), data_end)
        return known

    def status(self) -> Status:
        """Counts, versions, settings and data range."""
        with self._transaction() as cursor:
            counts = {
                name: int(_one(cursor.execute(f"SELECT count(*) FROM {name}"))[0])  # noqa: S608
                for name in (*STORED, *DERIVED)
            }
            touchpoints, start, end, channels = _one(
                cursor.execute(
                    "SELECT coalesce(sum(steps), 0), min(started_at), max(ended_at), "
                    "(SELECT count(*) FROM channels) FROM journeys"
                )
            )
            return Status(
                url=self.url,
                store=f"DuckDB {duckdb.__version__}",
                schema=base.SCHEMA,
                revision=_revision(cursor),
                settings=_settings(cursor),
                counts={**counts, "touchpoints": int(touchpoints), "channels": int(channels)},
                data_from=start,
                data_to=end,
            )

    def frame(self) -> JourneyFrame:
        """All journeys, read at one revision."""
        with self._transaction() as cursor:
            journeys = _rows(
                cursor,
                'SELECT key, "user", started_at, converted, names, channels, stages, times, "values" FROM journeys',
            )
            traits = _rows(cursor, "SELECT key, traits FROM users")
            (data_end,) = _one(cursor.execute("SELECT coalesce(epoch_us(max(ended_at)), 0) FROM journeys"))
            settings = _settings(cursor)
            revision = _revision(cursor)
        return build(journeys, traits, revision=revision, settings=settings or Settings(), data_end=data_end)

    def user_of(self, identifiers: Sequence[str]) -> str | None:
        """Key of the user that has the first of some normalised identifiers that anybody has."""
        with self._transaction() as cursor:
            for identifier in identifiers:
                rows = cursor.execute('SELECT "user" FROM identifiers WHERE key = ?', [identifier]).fetchall()
                if rows:
                    return str(rows[0][0])
        return None

    def user(self, key: str) -> UserRows | None:
        """What is stored of one user, at one revision; None where there is no such user."""
        with self._transaction() as cursor:
            users = _few(cursor, "users", "key", key)
            if not users:
                return None
            identifiers = _few(cursor, "identifiers", '"user"', key)
            return UserRows(self._head(cursor), users[0], identifiers, _few(cursor, "journeys", '"user"', key))

    def events(self) -> Iterator[pl.DataFrame]:
        """The stored events in chunks, sorted by key."""
        with self._transaction() as cursor:
            columns = ", ".join(f'"{name}"' for name in EVENTS.names())
            result = cursor.sql(f"SELECT {columns} FROM events ORDER BY key")  # noqa: S608
            for batch in result.to_arrow_reader(_ROWS_PER_INSERT):
                yield pl.DataFrame(batch)

    def rulings(self) -> Rulings:
        """The decisions and erasures, without the secret."""
        with self._transaction() as cursor:
            return _rulings(cursor)

    def around(self, identifiers: pl.Series) -> Neighbourhood:
        """All that is stored of the raw components of some identifiers, at one revision; of shared ones every link."""
        with self._transaction() as cursor:
            reader = _Reader(cursor)
            found = reader.identifiers(identifiers)
            shared = found.filter(pl.col("status") == SHARED)["key"]
            return with_links(reader.unit(found["component"].unique()), reader.links_of(shared), found)

    def founder(self, user_key: str) -> dict[str, Any] | None:
        """The identifier that a user key is made of; None where there is none."""
        with self._transaction() as cursor:
            rows = _few(cursor, "identifiers", "user_key", user_key)
            return rows[0] if rows else None

    def tables(self) -> Tables:
        """The derived tables, whole."""
        with self._transaction() as cursor:
            return Tables(**{name: _all(cursor, name) for name in DERIVED})

    def cypher(self, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """There is no Cypher here.

        Raises:
            CypherUnsupported: always.
        """
        raise CypherUnsupported(f"{name}: the embedded store has no Cypher; ask without via=cypher, or use Neo4j")

    def query(self, text: str, parameters: dict[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Run one read-only SQL statement: columns and rows.

        Raises:
            QueryError: it is not one SELECT, or DuckDB refuses it.
        """
        with self._transaction() as cursor:
            try:
                statements = cursor.extract_statements(text)
                if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                    raise QueryError("the embedded store takes exactly one SQL SELECT statement")
                result = cursor.execute(statements[0], parameters or None)
                return [column[0] for column in result.description or []], result.fetchall()
            except duckdb.Error as error:
                raise QueryError(f"the statement failed: {error}") from error

    # Writing

    @contextmanager
    def writer(self) -> Iterator[EmbeddedWriter]:
        """Begin a write; leaving the block commits, an exception rolls back."""
        with self._writing() as cursor:
            yield EmbeddedWriter(cursor)

    @contextmanager
    def _writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self._write:
            raise StoreUnavailable(f"{self.url} was opened for reading only")
        with self._lock:
            with self._transaction() as cursor:
                yield cursor
            self._hide()

    def _hide(self) -> None:
        """The file and DuckDB's log of what is not yet in it hold personal data: they are for their owner only."""
        for file in (self.path, Path(f"{self.path}.wal")):
            with suppress(FileNotFoundError):
                file.chmod(0o600)

    def load(
        self, events: pl.LazyFrame, derived: Derived, settings: Settings, rulings: Rulings, *, expected: int
    ) -> int:
        """Put a whole graph in place of the one at revision ``expected``, in one transaction.

        Raises:
            GraphMoved: somebody else wrote since that revision.
        """
        with self._writing() as cursor:
            if _revision(cursor) != expected:
                raise GraphMoved(f"{self.url} changed while it was being read; try again")
            for name in (*STORED, *DERIVED):
                cursor.execute(f"DELETE FROM {name}")  # noqa: S608
            for first, chunk in chunks(events, _ROWS_PER_INSERT):
                _insert_events(cursor, chunk, derived.anchors(chunk["key"], first))
            _insert(cursor, "decisions", rulings.decisions)
            _insert(cursor, "erasures", rulings.erasures)
            _insert_derived(cursor, derived)
            return _next_revision(cursor, settings)

    def compact(self) -> list[str]:
        """Write the file anew without what was deleted; readers wait meanwhile. Copies and backups are left to do."""
        fresh = self.path.with_name(f".{self.path.name}.compact")
        with self._lock, self._gate.closed():
            self._let_go()
            fresh.unlink(missing_ok=True)
            fresh.touch(mode=0o600)
            fresh.unlink()
            with duckdb.connect(config=_CONFIG) as both:
                both.execute(f"ATTACH {_quoted(self.path)} AS former (READ_ONLY)")
                both.execute(f"ATTACH {_quoted(fresh)} AS fresh")
                both.execute("COPY FROM DATABASE former TO fresh")
            fresh.chmod(0o600)
            fresh.replace(self.path)
            self._connection = _connect(self.path, self._write)
        return ["backups, copies and exports of the graph, and the source files, still hold what they held"]

    def _let_go(self) -> None:
        while self._idle:
            self._idle.pop().close()
        with self._handle:
            self._connection.close()

    def close(self) -> None:
        """Let go of the file."""
        self._let_go()


class _Gate:
    """Lets many through at once, or nobody."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Pass, as soon as the gate is not closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Wait until nobody is inside, and let nobody in."""
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()


class _Reader:
    """Looks rows up within one transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def has_events(self) -> bool:
        """Whether the graph holds any event."""
        return bool(self._cursor.execute("SELECT 1 FROM events LIMIT 1").fetchall())

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
        events = _all(self._cursor, "events", "anchor")
        tables = Tables(**{name: _all(self._cursor, name) for name in DERIVED})
        return Neighbourhood(events.drop("anchor"), tables, events.select("key", "anchor"))

    def _matching(self, table: str, column: str, values: pl.Series, columns: Sequence[str] = ()) -> pl.DataFrame:
        """The rows of a table whose column has one of the values."""
        names = ", ".join(f'"{name}"' for name in columns or _SCHEMAS[table].names())
        self._cursor.register("wanted", values.cast(pl.String).alias("wanted").to_frame().to_arrow())
        rows = _rows(self._cursor, f"SELECT {names} FROM {table} WHERE {column} IN (SELECT wanted FROM wanted)")  # noqa: S608
        self._cursor.unregister("wanted")
        return rows


class EmbeddedWriter(_Reader):
    """One write transaction on the file."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        super().__init__(cursor)
        self.settings = _settings(cursor)
        self.revision = _revision(cursor)
        self.rulings = _rulings(cursor)

    def replace(self, changes: Changes, settings: Settings) -> int:
        """Apply one commit and return the new revision (the old one where nothing differs)."""
        every = {**changes.stored, **changes.derived}
        if settings == self.settings and not any(len(change.removed) + len(change.put) for change in every.values()):
            return self.revision
        for name, change in every.items():
            key = KEYS[name]
            gone = pl.concat([change.removed.select(key), change.put.select(key)])
            if len(gone):
                self._cursor.register("gone", gone.to_arrow())
                same = " AND ".join(f"{name}.{column} = gone.{column}" for column in key)
                self._cursor.execute(f"DELETE FROM {name} USING gone WHERE {same}")  # noqa: S608
                self._cursor.unregister("gone")
            if name == "events":
                hung = change.put.select("key").join(changes.anchors, on="key", how="left", maintain_order="left")
                _insert_events(self._cursor, change.put, hung["anchor"])
            else:
                _insert(self._cursor, name, change.put)
        if len(changes.moved):
            moved = changes.moved.to_arrow()  # noqa: F841 (see `_insert`)
            self._cursor.execute("UPDATE events SET anchor = moved.anchor FROM moved WHERE events.key = moved.key")
        self.settings = settings
        self.revision = _next_revision(self._cursor, settings)
        return self.revision


def _connect(path: Path, write: bool) -> duckdb.DuckDBPyConnection:
    if not write and not path.exists():
        raise StoreUnavailable(f"there is no graph at {path}; make one with `graphsvc ingest FILES --store {path}`")
    if not path.parent.is_dir():
        raise StoreUnavailable(f"there is no folder {path.parent} to keep {path.name} in")
    try:
        return duckdb.connect(path, read_only=not write, config=_CONFIG)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            holder = re.search(r"PID (\d+)", str(error))
            who = f"process {holder[1]}" if holder else "another process"
            raise StoreBusy(
                f"{path} is held by {who}; wait until it ends, or ask it if it is the service (graphsvc serve)"
            ) from None
        raise StoreUnavailable(f"{path} cannot be opened: it is not a DuckDB file, or damaged") from error
    except duckdb.ConnectionException:
        raise StoreBusy(f"{path} is open for writing in this process; read it through the same graph") from None
    except duckdb.Error as error:
        raise StoreUnavailable(f"{path} cannot be opened: {type(error).__name__}") from error


def _quoted(path: Path) -> str:
    """A path as a text of SQL."""
    escaped = str(path).replace("'", "''")
    return f"'{escaped}'"


def _reason(error: duckdb.Error) -> str:
    """What DuckDB says where that speaks of the machine; other messages may quote data."""
    machine = isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException)
    return str(error).splitlines()[0] if machine else f"DuckDB failed ({type(error).__name__})"


class _Stream:
    """Shows nothing of a result but its Arrow stream: pyarrow, which takes long to import, is not needed for that."""

    def __init__(self, result: duckdb.DuckDBPyRelation) -> None:
        self._result = result

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._result.__arrow_c_stream__(requested_schema)


def _rows(cursor: duckdb.DuckDBPyConnection, text: str) -> pl.DataFrame:
    return pl.DataFrame(_Stream(cursor.sql(text)))


def _few(cursor: duckdb.DuckDBPyConnection, table: str, column: str, value: str) -> list[dict[str, Any]]:
    """The rows of a derived table that an index leads to."""
    names = DERIVED[table].names()
    columns = ", ".join(f'"{name}"' for name in names)
    rows = cursor.execute(f"SELECT {columns} FROM {table} WHERE {column} = ?", [value]).fetchall()  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in rows]


def _one(result: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    rows = result.fetchall()  # to the end: an unfinished result would keep the cursor busy
    if not rows:
        raise StoreUnavailable("the table graph has lost its row; restore the file from a copy")
    return tuple(rows[0])


def _revision(cursor: duckdb.DuckDBPyConnection) -> int:
    return int(_one(cursor.execute("SELECT revision FROM graph"))[0])


def _settings(cursor: duckdb.DuckDBPyConnection) -> Settings | None:
    (text,) = _one(cursor.execute("SELECT settings FROM graph"))
    return None if text is None else Settings.model_validate_json(text)


def _next_revision(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    cursor.execute("UPDATE graph SET revision = revision + 1, settings = ?", [settings.model_dump_json()])
    return _revision(cursor)


def _rulings(cursor: duckdb.DuckDBPyConnection) -> Rulings:
    return Rulings(_all(cursor, "decisions"), _all(cursor, "erasures"))


def _all(cursor: duckdb.DuckDBPyConnection, table: str, *more: str) -> pl.DataFrame:
    columns = ", ".join(f'"{name}"' for name in (*_SCHEMAS[table].names(), *more))
    return _rows(cursor, f"SELECT {columns} FROM {table}")  # noqa: S608


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    if not len(rows):
        return
    put = rows.to_arrow()  # noqa: F841 (DuckDB finds it by its name; a registered table it would hold until the commit)
    cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM put")  # noqa: S608


def _insert_events(cursor: duckdb.DuckDBPyConnection, events: pl.DataFrame, anchors: pl.Series) -> None:
    _insert(cursor, "events", events.with_columns(anchor=anchors))


def _insert_derived(cursor: duckdb.DuckDBPyConnection, derived: Derived) -> None:
    for name in ("users", "identifiers", "links"):
        _insert(cursor, name, getattr(derived, name))
    for journeys in derived.journeys():
        _insert(cursor, "journeys", journeys)
