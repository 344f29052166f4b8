"""The embedded store: one DuckDB file that holds the graph tables.

The file stays readable by plain DuckDB. Tables ``graph``, ``events``, ``users``, ``identifiers``, ``links`` and
``journeys`` are what ``graphsvc.tables`` describes, except that the identifiers of an event are JSON; ``touchpoints``,
``next``, ``via`` and ``channels`` are views on them. Each commit is one DuckDB transaction, so a reader sees a whole
batch or nothing of it, and so does a crash.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..core import Derived
from ..deadline import timeout
from ..errors import CypherUnsupported, ForeignGraph, GraphMoved, NewerGraph, QueryError, StoreBusy, StoreUnavailable
from ..frame import JourneyFrame, aligned, build
from ..renewal import Recent
from ..rulings import Rulings
from ..settings import Settings
from ..tables import DERIVED, EVENTS, SHARED, STORED, Neighbourhood, Tables
from . import base
from .base import Head, Status, UserRows, with_links
from .embedded_file import CONFIG, Gate, connect, in_time, quoted, reason, shared
from .embedded_rows import (
    EmbeddedWriter,
    Reader,
    Standing,
    all_of,
    fetched,
    few,
    insert_derived,
    insert_events,
    one,
    queried,
    revision_of,
    rulings_of,
    settings_of,
    standing_of,
)
from .embedded_schema import DERIVED_SINCE, SCHEMA, create, migrate, read

_ROWS_PER_CHUNK = 250_000


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
        self.recent = Recent()
        self._write = write
        self._shared = shared(self.path)
        self._handle = threading.Lock()  # the connection itself refuses two calls at once
        self._gate = Gate()
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._known: Head | None = None  # the last head; most readers ask for it again
        self._standing: Standing | None = None  # the last that a writer saw or made
        with self._shared.opening:
            self._connection = connect(self.path, write)
            self._shared.stores.add(self)
        self._shared.forget()
        try:
            self._check(write)
        except BaseException:
            self.close()
            raise

    def _check(self, write: bool) -> None:
        tables = {row[0] for row in self._connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if not tables and write:
            with self._transaction() as cursor:
                create(cursor)
                cursor.execute("INSERT INTO graph VALUES (?, 0, NULL)", [SCHEMA])
            self._hide()
            return
        if "graph" not in tables:
            raise ForeignGraph(f"{self.url} is a DuckDB file of something else; name another file")
        schema = int(one(self._connection, "SELECT schema FROM graph")[0])
        if schema > SCHEMA:
            raise NewerGraph(
                f"{self.url} has schema {schema}, this version of graphsvc knows up to {SCHEMA}; update graphsvc"
            )
        if schema < SCHEMA:
            if not write:
                raise StoreUnavailable(
                    f"{self.url} has the older schema {schema}; open it for writing once to migrate it"
                )
            with self._transaction() as cursor:
                migrate(cursor, schema)
                if schema < DERIVED_SINCE:
                    self._derive_anew(cursor)

    @staticmethod
    def _derive_anew(cursor: duckdb.DuckDBPyConnection) -> None:
        events, rulings = all_of(cursor, "events"), rulings_of(cursor)
        derived = Derived(events.lazy(), settings_of(cursor) or Settings(), rulings.unlocked())
        cursor.execute("DELETE FROM events")
        insert_events(cursor, events, derived.anchors(events["key"]))
        insert_derived(cursor, derived)

    @contextmanager
    def _transaction(self, landing: AbstractContextManager[None] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor within one transaction: a snapshot to read, all or nothing to write.

        Args:
            landing: what surrounds the commit.

        Raises:
            StoreUnavailable: the transaction failed (a full disk, a damaged file) and left the graph as it was.
            QueryTimeout: the deadline came (``graphsvc.deadline``).
        """
        try:
            with self._gate.open():
                cursor = self._idle_cursor()
                try:
                    cursor.begin()
                    with in_time(cursor):
                        yield cursor
                    with landing or nullcontext():
                        cursor.commit()
                except BaseException:
                    with suppress(duckdb.Error):  # some failures end the transaction by themselves
                        cursor.rollback()
                    cursor.close()
                    raise
                self._idle.append(cursor)
        except duckdb.InterruptException:
            raise timeout() from None
        except duckdb.TransactionException:
            raise StoreBusy(f"{self.url} was written by somebody else at the same time; try again") from None
        except duckdb.Error as error:
            raise StoreUnavailable(f"{self.url}: {reason(error)}; the graph is as it was before") from error

    def _idle_cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor that nobody uses; a used one knows the plans of its statements."""
        with suppress(IndexError):
            return self._idle.pop()
        with self._handle:
            return self._connection.cursor()

    # Reading

    def revision(self) -> int:
        """Revision of the graph now (0: no graph yet)."""
        mark, revision = self._shared.at_hand()
        if revision is None:
            with self._transaction() as cursor:
                revision = revision_of(cursor)
            self._shared.learn(mark, revision)
        return revision

    def head(self) -> Head:
        """Revision, settings and data end in one cheap read at one revision."""
        known = self._known
        if known is not None and known.revision == self._shared.at_hand()[1]:
            return known
        with self._transaction() as cursor:
            return self._head(cursor)

    def _head(self, cursor: duckdb.DuckDBPyConnection) -> Head:
        """The head; what it says is looked up once for each revision."""
        revision, known = revision_of(cursor), self._known
        if known is None or known.revision != revision:
            (data_end,) = one(cursor, "SELECT max(ended_at) FROM journeys")
            self._known = known = Head(revision, settings_of(cursor), data_end)
        return known

    def status(self) -> Status:
        """Counts, versions, settings and data range."""
        with self._transaction() as cursor:
            counts = {
                name: int(one(cursor, f"SELECT count(*) FROM {name}")[0])  # noqa: S608
                for name in (*STORED, *DERIVED)
            }
            touchpoints, start, end, channels = one(
                cursor,
                "SELECT coalesce(sum(steps), 0), min(started_at), max(ended_at), "
                "(SELECT count(*) FROM channels) FROM journeys",
            )
            return Status(
                url=self.url,
                store=f"DuckDB {duckdb.__version__}",
                schema=SCHEMA,
                revision=revision_of(cursor),
                settings=settings_of(cursor),
                counts={**counts, "touchpoints": int(touchpoints), "channels": int(channels)},
                data_from=start,
                data_to=end,
            )

    def frame(self) -> JourneyFrame:
        """All journeys, read at one revision."""
        with self._transaction() as cursor:
            journeys = queried(
                cursor,
                'SELECT key, "user", started_at, converted, names, channels, stages, times, "values" FROM journeys',
            )
            traits = queried(cursor, "SELECT key, traits FROM users")
            (data_end,) = one(cursor, "SELECT coalesce(epoch_us(max(ended_at)), 0) FROM journeys")
            settings = settings_of(cursor)
            revision = revision_of(cursor)
        return build(
            journeys,
            traits,
            revision=revision,
            settings=settings or Settings(),
            data_end=data_end,
            load=lambda name: self.detail(name, revision),
        )

    def detail(self, name: str, revision: int) -> pl.Series:
        """A detail of all touchpoints in the order of the frame of this revision."""
        column = base.property_of(name)
        with self._transaction() as cursor:
            if (now := revision_of(cursor)) != revision:
                raise base.moved(self.url, revision, now)
            journeys = queried(cursor, 'SELECT key, "user", started_at, touchpoints FROM journeys')
            values = queried(
                cursor,
                f'SELECT key, "{column}" AS detail FROM events WHERE "{column}" IS NOT NULL',  # noqa: S608
            )
        return aligned(journeys, values, name)

    def user_of(self, keys: Callable[[Settings], Sequence[str]]) -> str | None:
        """Key of the user that has the first of some identifiers that anybody has."""
        with self._transaction() as cursor:
            for identifier in keys(self._head(cursor).settings or Settings()):
                found = fetched(cursor, 'SELECT "user" FROM identifiers WHERE key = ?', [identifier])
                if found and found[0][0] is not None:
                    return str(found[0][0])
        return None

    def user(self, key: str) -> UserRows | None:
        """What is stored of one user, at one revision; None where there is no such user."""
        with self._transaction() as cursor:
            head = self._head(cursor)
            users = few(cursor, "users", "key", key)
            if not users:
                return None
            nearby = few(cursor, "identifiers", "component", users[0]["component"])
            identifiers = [row for row in nearby if row["user"] == key]
            return UserRows(head, users[0], identifiers, few(cursor, "journeys", '"user"', key))

    def events(self) -> Generator[pl.DataFrame, None, None]:
        """The stored events in chunks, sorted by key."""
        with self._transaction() as cursor:
            columns = ", ".join(read("events", name) for name in EVENTS.names())
            result = cursor.sql(f"SELECT {columns} FROM events ORDER BY key")  # noqa: S608
            for batch in result.to_arrow_reader(_ROWS_PER_CHUNK):
                yield pl.DataFrame(batch)

    def rulings(self) -> Rulings:
        """The decisions and erasures, without the secret."""
        with self._transaction() as cursor:
            return rulings_of(cursor)

    def around(self, identifiers: pl.Series) -> Neighbourhood:
        """All that is stored of the raw components of some identifiers, at one revision; of shared ones every link."""
        with self._transaction() as cursor:
            reader = Reader(cursor)
            found = reader.identifiers(identifiers)
            shared = found.filter(pl.col("status") == SHARED)["key"]
            return with_links(reader.unit(found["component"].unique()), reader.links_of(shared), found)

    def founder(self, user_key: str) -> dict[str, Any] | None:
        """The identifier that a user key is made of; None where there is none."""
        with self._transaction() as cursor:
            rows = few(cursor, "identifiers", "user_key", user_key)
            return rows[0] if rows else None

    def tables(self) -> Tables:
        """The derived tables, whole."""
        with self._transaction() as cursor:
            return Tables(**{name: all_of(cursor, name) for name in DERIVED})

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
            except duckdb.InterruptException:
                raise  # the deadline came
            except duckdb.Error as error:
                raise QueryError(f"the statement failed: {error}") from error

    # Writing

    @contextmanager
    def writer(self) -> Iterator[EmbeddedWriter]:
        """Begin a write; leaving the block commits, an exception rolls back."""
        if not self._write:
            raise StoreUnavailable(f"{self.url} was opened for reading only")
        with self.recent.writing() as note, self._shared.lock:
            with self._transaction(self._shared.landing()) as cursor:
                writer = EmbeddedWriter(cursor, note, self._stands(cursor))
                yield writer
            # Nobody else writes yet: what was committed is what the graph is.
            self._standing = writer.standing()
            mark, _ = self._shared.at_hand()
            self._shared.learn(mark, writer.revision)
            self._hide()

    def _stands(self, cursor: duckdb.DuckDBPyConnection) -> Standing:
        """What the graph is when a write begins; looked up where this store was not the last to write."""
        known, (_, revision) = self._standing, self._shared.at_hand()
        if known is not None and known.revision == (revision_of(cursor) if revision is None else revision):
            return known
        return standing_of(cursor)

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
        with self.writer() as writer:
            if writer.revision != expected:
                raise GraphMoved(f"{self.url} changed while it was being read; try again")
            return writer.load(events, derived, settings, rulings)

    def compact(self) -> list[str]:
        """Write the file anew without what was deleted; readers wait meanwhile. Copies and backups are left to do.

        So is the file itself while another store of this process has it open, which can neither wait nor follow.
        """
        left = ["backups, copies and exports of the graph, and the source files, still hold what they held"]
        with self._shared.opening:
            if len(self._shared.stores) > 1:
                held = (
                    "the graph's file may still hold what was deleted, as another graph of this process has it open: "
                    "close that one and erase again; this writes the file anew, though the person is erased already"
                )
                return [held, *left]
            self._write_anew()
        return left

    def _write_anew(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.compact-", dir=self.path.parent))  # its owner's only
        fresh = folder / self.path.name
        with self._shared.lock, self._gate.closed():
            self._let_go()
            try:
                with duckdb.connect(config=CONFIG) as both:
                    both.execute(f"ATTACH {quoted(self.path)} AS former (READ_ONLY)")
                    both.execute(f"ATTACH {quoted(fresh)} AS fresh")
                    both.execute("COPY FROM DATABASE former TO fresh")
                fresh.chmod(0o600)
                fresh.replace(self.path)
            except duckdb.Error as error:
                raise StoreUnavailable(
                    f"{self.url} could not be written anew, so it still holds what was deleted: {reason(error)}; "
                    "make room and erase again"
                ) from error
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                self._connection = connect(self.path, self._write)
                self._shared.forget()

    def _let_go(self) -> None:
        while self._idle:
            self._idle.pop().close()
        with self._handle:
            self._connection.close()

    def close(self) -> None:
        """Let go of the file."""
        self._let_go()
        self._shared.stores.discard(self)
