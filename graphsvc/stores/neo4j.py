"""The Neo4j store: the graph as nodes and relationships, reached by the official driver."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from neo4j.exceptions import Neo4jError

from ..core import Derived
from ..errors import GraphMoved, StoreUnavailable
from ..frame import DETAILS, JourneyFrame, aligned, build
from ..renewal import Recent, renewed
from ..rulings import Rulings
from ..settings import Settings
from ..tables import DERIVED, JOURNEYS, Neighbourhood, Tables
from .base import SCHEMA, Head, Status, UserRows, moved, property_of
from .neo4j_door import Door
from .neo4j_errors import retried, user_error
from .neo4j_load import bulk_load, wipe
from .neo4j_rows import plain, records_of
from .neo4j_runner import GraphHead, Runner
from .neo4j_write import Neo4jWriter, around, rulings_of, whole_events, whole_tables
from .statements import names

_INDEX_SECONDS = 600
_CHUNK = 500_000  # events
_FRAME = pl.Schema(
    {
        name: JOURNEYS[name]
        for name in ("key", "user", "started_at", "converted", "names", "channels", "stages", "times", "values")
    }
)
_TOUCHPOINTS = pl.Schema({name: JOURNEYS[name] for name in ("key", "user", "started_at", "touchpoints")})
_TRAITS = pl.Schema({"key": pl.String(), "traits": pl.String()})


class Neo4jStore:
    """A graph in one Neo4j database.

    User, password and database come from the URL's user part or from ``NEO4J_USERNAME``, ``NEO4J_PASSWORD`` and
    ``NEO4J_DATABASE``; they are never shown. Nothing is sent before the first question.
    """

    commit_rows: int | None = 20_000
    spool: Path | None = None

    def __init__(self, url: str, *, write: bool = True) -> None:
        """Prepare to talk to a server, to read only unless ``write`` is set.

        Raises:
            StoreUnavailable: the URL is none of a Neo4j server.
        """
        self._door = Door(url)
        self.url = self._door.url
        self.recent = Recent()
        self._write = write
        self._prepared = False
        self._known: tuple[GraphHead, Head] | None = None  # the last head; most readers ask for it again
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connections."""
        self._door.close()

    # Reading

    def revision(self) -> int:
        """Revision of the graph now (0: no graph yet)."""
        return self._door.read("revision", lambda _, head: head.revision)

    def head(self) -> Head:
        """Revision, settings and data end in one cheap read at one revision."""
        return self._door.read("head", self._head)

    def _head(self, runner: Runner, head: GraphHead) -> Head:
        """The head with the data's end, which is looked up once for each revision."""
        known = self._known
        if known is None or known[0] != head:
            ((_, data_end),) = runner.rows("read/data_range")
            known = head, Head(head.revision, head.settings, data_end and data_end.to_native())
            self._known = known
        return known[1]

    def status(self) -> Status:
        """Counts, versions, settings and data range."""

        def work(runner: Runner, head: GraphHead) -> Status:
            ((touchpoints, records, *others),) = runner.rows("read/counts")
            users, identifiers, links, journeys, channels, decisions, erasures = others
            ((start, end),) = runner.rows("read/data_range")
            ((server,),) = runner.rows("read/server")
            return Status(
                url=self.url,
                store=server,
                schema=head.schema,
                revision=head.revision,
                settings=head.settings,
                counts={
                    "events": touchpoints + records,
                    "users": users,
                    "identifiers": identifiers,
                    "links": links,
                    "journeys": journeys,
                    "touchpoints": touchpoints,
                    "channels": channels,
                    "decisions": decisions,
                    "erasures": erasures,
                },
                data_from=start and start.to_native(),
                data_to=end and end.to_native(),
            )

        return self._door.read("status", work)

    def frame(self) -> JourneyFrame:
        """All journeys, at one revision.

        To read them takes seconds on a large graph. What this process commits meanwhile is known, so it is put in the
        place of what was read of it, before or after: a service that is written to each second would never be done.
        """

        def work(runner: Runner, head: GraphHead) -> JourneyFrame:
            journeys = runner.whole("read/frame_journeys", _FRAME)
            traits = runner.whole("read/frame_users", _TRAITS)
            ends = journeys["times"].list.last().max()
            return build(
                journeys,
                traits,
                revision=head.revision,
                settings=head.settings or Settings(),
                data_end=ends if isinstance(ends, int) else 0,
                load=lambda name: self.detail(name, head.revision),
            )

        frame, before, after = self._door.read_through("frame", work)
        if before.revision == after.revision:
            return frame
        commits = self.recent.between(before.revision, after.revision)
        if commits is not None and frame.journeys:
            followed = renewed(frame, commits, after.revision, lambda name: self.detail(name, after.revision))
            if followed is not None:
                return followed
        return self._door.read("frame", work)

    def detail(self, name: str, revision: int) -> pl.Series:
        """A detail of all touchpoints in the order of the frame of this revision."""
        schema = pl.Schema({"key": pl.String(), "detail": DETAILS.get(name, pl.String())})

        def work(runner: Runner, head: GraphHead) -> pl.Series:
            if head.revision != revision:
                raise moved(self.url, revision, head.revision)
            journeys = runner.whole("read/frame_touchpoints", _TOUCHPOINTS)
            values = runner.whole("read/touchpoint_details", schema, detail=property_of(name))
            return aligned(journeys, values, name)

        return self._door.read("frame", work)

    def user_of(self, keys: Callable[[Settings], Sequence[str]]) -> str | None:
        """Key of the user that has the first of some identifiers that anybody has."""

        def work(runner: Runner, head: GraphHead) -> str | None:
            rows = runner.fenced("read/user_of", identifiers=list(keys(head.settings or Settings())))
            return rows[0][0] if rows else None

        return self._door.read("user", work)

    def user(self, key: str) -> UserRows | None:
        """What is stored of one user, at one revision; None where there is no such user."""

        def work(runner: Runner, head: GraphHead) -> UserRows | None:
            found = runner.fenced("read/user", key=key)
            if not found:
                return None
            tables = ("users", "identifiers", "journeys")
            users, identifiers, journeys = (
                records_of(rows, DERIVED[name]) for name, rows in zip(tables, found[0], strict=True)
            )
            return UserRows(self._head(runner, head), users[0], identifiers, journeys)

        return self._door.read("user", work)

    def events(self) -> Generator[pl.DataFrame, None, None]:
        """The stored events in chunks, sorted by key."""

        events = self._door.read("events", lambda runner, _: whole_events(runner))
        yield from events.sort("key").iter_slices(_CHUNK)

    def rulings(self) -> Rulings:
        """The decisions and erasures, without the secret."""
        return self._door.read("rulings", lambda runner, _: rulings_of(runner))

    def around(self, identifiers: pl.Series) -> Neighbourhood:
        """All that is stored of the raw components of some identifiers, at one revision; of shared ones every link."""
        return self._door.read("around", lambda runner, _: around(runner, identifiers))

    def founder(self, user_key: str) -> dict[str, Any] | None:
        """The identifier that a user key is made of; None where there is none."""
        schema = DERIVED["identifiers"]

        def work(runner: Runner, _: GraphHead) -> dict[str, Any] | None:
            rows = runner.table("read/founder", schema, key=user_key).to_dicts()
            return rows[0] if rows else None

        return self._door.read("founder", work)

    def compact(self) -> list[str]:
        """Neo4j cannot do it while it runs; says what is left to do."""
        return [
            "Neo4j writes over deleted records only bit by bit, and its transaction logs keep them until they are "
            "pruned; to be rid of them at once, `graphsvc copy` the graph into a fresh database and remove the files, "
            "transaction logs and backups of the old one",
        ]

    def tables(self) -> Tables:
        """The derived tables, whole."""
        return self._door.read("tables", lambda runner, _: whole_tables(runner))

    def cypher(self, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Run a named statement of ``cypher/`` at one revision and return its rows."""

        def work(runner: Runner, _: GraphHead) -> list[dict[str, Any]]:
            result = runner.run(name, **parameters)
            columns = result.keys()
            return [dict(zip(columns, map(plain, row), strict=True)) for row in result.values()]

        return self._door.read(name, work)

    def query(self, text: str, parameters: dict[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Run a user's read-only Cypher: columns and rows, at one revision.

        Raises:
            QueryError: the server refuses it; it writes, for example.
        """

        def work(runner: Runner, _: GraphHead) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
            try:
                result = runner.own(text, parameters)
                return result.keys(), [tuple(plain(value) for value in row) for row in result]
            except Neo4jError as error:
                if error.is_retryable() or "TimedOut" in (error.code or ""):
                    raise
                raise user_error(error) from None

        return self._door.read("query", work)

    # Writing

    @contextmanager
    def writer(self) -> Iterator[Neo4jWriter]:
        """Begin a write; leaving the block commits, an exception rolls back.

        Until the lock is held, passing failures are tried again. Later ones (the server went away) are raised: whoever
        wrote knows what to write again.
        """
        if not self._write:
            raise StoreUnavailable(f"{self.url} was opened for reading only")
        self._prepare()
        with self.recent.writing() as note, self._door.locked("write") as (transaction, head):
            if head.begun != head.ended:
                self._door.end_commit(head.begun)  # of a writer that died
            if head.loading:
                wipe(self._door)
                transaction.run("write/loading", token=None).consume()
                head = replace(head, filled=False)
            writer = Neo4jWriter(transaction, head, note)
            if head.schema < SCHEMA and head.settings is not None:
                writer.migrate(head.settings)
            yield writer
            if writer.changed:
                self._door.commit_fenced(transaction)
            else:
                transaction.commit()

    def load(
        self, events: pl.LazyFrame, derived: Derived, settings: Settings, rulings: Rulings, *, expected: int
    ) -> int:
        """Put a whole graph in place of the one at revision ``expected``.

        Into an empty graph in bulk; in place of a former graph in one transaction that writes what differs.

        Raises:
            GraphMoved: somebody else wrote since that revision.
        """
        rows = events.collect()
        with self.writer() as writer:
            if writer.revision != expected:
                raise GraphMoved(f"{self.url} changed while it was being read; try again")
            if writer.has_events():
                return writer.become(rows, derived, settings, rulings)
        return bulk_load(self._door, rows, derived, settings, rulings, expected=expected)

    def _prepare(self) -> None:
        """Create constraints and indexes, once, where they are absent; never in a database of somebody else."""
        with self._lock:
            if self._prepared:
                return

            def ready() -> set[str]:
                with self._door.reading("indexes") as runner:
                    runner.head()  # not in a database of somebody else
                    return {name for (name,) in runner.rows("read/indexes")}

            there = retried(ready)
            missing = [name for name in names("schema") if name.removeprefix("schema/") not in there]
            for name in missing:
                self._door.execute(name)
            if missing:
                self._door.execute("read/await_indexes", seconds=_INDEX_SECONDS)
            self._prepared = True
