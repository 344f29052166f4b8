"""The one door to a Neo4j database: every statement goes through :meth:`Door.run`, every error comes back as ours.

Neo4j reads are only read-committed, and the records of one commit become visible one after another. So each commit
stands between two small ones on the ``:Commit`` node: ``begun`` counts up before it, ``ended`` follows after it. A
reader begins where both are equal and has read one revision if ``begun`` is still the same at its end.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from ..errors import ForeignGraph, GraphLoading, NewerGraph, QueryError, StoreBusy, StoreError, StoreUnavailable
from ..settings import Settings
from .base import SCHEMA
from .statements import statement

T = TypeVar("T")
_READ_SECONDS = 600.0
_ATTEMPTS = 8
_COMMIT_SECONDS = 30.0  # longest wait for a commit under way before we look whether its writer lives


class Transient(StoreBusy):
    """The server could not do it this time (deadlock, change of leader, lost connection); again may work."""


@dataclass(frozen=True)
class GraphHead:
    """The ``:Graph`` node and the commit fence, as a reader or writer finds them."""

    schema: int
    revision: int
    settings: Settings | None
    loading: str | None
    begun: int
    ended: int


class Transaction:
    """A transaction in which named statements run."""

    def __init__(self, door: Door, transaction: neo4j.Transaction) -> None:
        self._door = door
        self._transaction = transaction

    def run(self, name: str, **parameters: Any) -> neo4j.Result:
        """Run a statement of ``cypher/``; its result is consumed lazily."""
        with self._door.translated(name):
            return self._transaction.run(statement(name).text, parameters)

    def rows(self, name: str, **parameters: Any) -> list[list[Any]]:
        """The rows of a statement, whole."""
        with self._door.translated(name), _no_collection():
            return self._transaction.run(statement(name).text, parameters).values()

    def own(self, text: str, parameters: dict[str, Any]) -> neo4j.Result:
        """Run a statement that the user wrote."""
        return self._transaction.run(text, parameters)

    def head(self) -> GraphHead:
        """The head as it stands now.

        Raises:
            ForeignGraph: there are nodes, but none of ours.
            NewerGraph: written by a newer graphsvc.
        """
        ((schema, revision, settings, loading, begun, ended, used),) = self.rows("read/head")
        if schema is None and used:
            raise ForeignGraph(f"{self._door.url} holds data that graphsvc did not write; name another database")
        if schema is not None and schema > SCHEMA:
            raise NewerGraph(
                f"{self._door.url} has schema {schema}, this version of graphsvc knows up to {SCHEMA}; update graphsvc"
            )
        return GraphHead(
            schema=schema or SCHEMA,
            revision=revision or 0,
            settings=None if settings is None else Settings.model_validate_json(settings),
            loading=loading,
            begun=begun,
            ended=ended,
        )

    def commit(self) -> None:
        """Commit."""
        with self._door.translated("commit"):
            self._transaction.commit()


class Door:
    """The driver, the database and what goes through them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self.database = os.environ.get("NEO4J_DATABASE") or "neo4j"
        username = unquote(parts.username) if parts.username else os.environ.get("NEO4J_USERNAME") or "neo4j"
        password = unquote(parts.password) if parts.password else os.environ.get("NEO4J_PASSWORD") or ""
        try:
            self.driver = neo4j.GraphDatabase.driver(
                self.url,
                auth=(username, password) if password else None,
                user_agent="graphsvc",
                connection_timeout=10.0,
                connection_acquisition_timeout=60.0,
                notifications_min_severity="WARNING",
                # A young graph lacks labels and properties that statements name; that is no news.
                notifications_disabled_classifications=["UNRECOGNIZED"],
            )
        except (DriverError, ValueError):
            raise StoreUnavailable(f"{self.url} is no URL of a Neo4j server; write it like neo4j://host:7687") from None

    @contextmanager
    def transaction(self, purpose: str, *, write: bool = False, seconds: float | None = None) -> Iterator[Transaction]:
        """A transaction that rolls back unless it is committed.

        Args:
            purpose: shown with the transaction by ``SHOW TRANSACTIONS``.
            write: whether it may write; the server refuses writes otherwise.
            seconds: after which the server ends it; None: as the server is configured.
        """
        with self.translated(purpose), self._session(write=write) as session:
            transaction = session.begin_transaction(metadata={"graphsvc": purpose}, timeout=seconds)
            with transaction:
                yield Transaction(self, transaction)

    @contextmanager
    def locked(self, purpose: str) -> Iterator[tuple[Transaction, GraphHead]]:
        """A writing transaction that holds the graph's lock, and the head under it.

        Getting the lock is tried again where the server asks for it; what follows under it is not.
        """
        with ExitStack() as stack:

            def lock() -> tuple[Transaction, GraphHead]:
                with ExitStack() as attempt:
                    transaction = attempt.enter_context(self.transaction(purpose, write=True))
                    transaction.head()  # not in a database of somebody else
                    transaction.run("write/lock", schema=SCHEMA).consume()
                    head = transaction.head()
                    stack.push(attempt.pop_all())
                    return transaction, head

            yield retried(lock)

    def commit_fenced(self, transaction: Transaction) -> None:
        """Commit under the lock, with the fence around it."""
        begun = self.begin_commit()
        transaction.commit()
        self.end_commit(begun)

    def begin_commit(self) -> int:
        """Tell readers that a commit begins; its number."""
        ((begun,),) = self.execute("write/begin_commit")
        return int(begun)

    def end_commit(self, begun: int) -> None:
        """Tell readers that the commit of this number is there as a whole."""
        self.execute("write/end_commit", begun=begun)

    def _session(self, *, write: bool) -> neo4j.Session:
        access = neo4j.WRITE_ACCESS if write else neo4j.READ_ACCESS
        return self.driver.session(database=self.database, default_access_mode=access)

    def execute(self, name: str, **parameters: Any) -> list[list[Any]]:
        """Run one writing statement in a transaction of its own (again where the server asks for that)."""

        def work() -> list[list[Any]]:
            with self.translated(name), self._session(write=True) as session:
                query = neo4j.Query(statement(name).text, metadata={"graphsvc": name})
                return session.run(query, parameters).values()

        return retried(work)

    def read(self, purpose: str, work: Callable[[Transaction, GraphHead], T]) -> T:
        """Run ``work`` on the graph at one revision; it runs again if a commit came in between.

        Raises:
            GraphLoading: a first load is running, or was interrupted.
            StoreBusy: the graph keeps changing.
        """

        def attempt() -> tuple[bool, T | None]:
            with self.transaction(purpose, seconds=_READ_SECONDS) as transaction:
                head = self._settled(transaction)
                result = work(transaction, head)
                return transaction.rows("read/begun") == [[head.begun]], result

        for _ in range(_ATTEMPTS):
            whole, result = retried(attempt)
            if whole:
                return result  # type: ignore[return-value]
        raise StoreBusy(f"{self.url} changed {_ATTEMPTS} times while it was being read; try again when nobody ingests")

    def _settled(self, transaction: Transaction) -> GraphHead:
        """The head, once no commit is under way."""
        deadline, pause = time.monotonic() + _COMMIT_SECONDS, 0.002
        while True:
            head = transaction.head()
            if head.loading:
                raise GraphLoading(
                    f"{self.url} is being loaded; wait for it, or run the ingest again if it was interrupted"
                )
            if head.begun == head.ended:
                return head
            if time.monotonic() > deadline:
                self._mend_fence()
                deadline += _COMMIT_SECONDS
            time.sleep(pause)
            pause = min(pause * 2, 0.1)

    def _mend_fence(self) -> None:
        """End the commit of a writer that died in it: whoever gets the lock knows that nobody commits."""
        with self.transaction("mend", write=True, seconds=_COMMIT_SECONDS) as transaction:
            transaction.run("write/lock", schema=SCHEMA).consume()
            head = transaction.head()
            self.end_commit(head.begun)

    @contextmanager
    def translated(self, name: str) -> Iterator[None]:
        """Turn the driver's errors into ours. They carry the statement's name, and neither data nor credentials."""
        try:
            yield
        except AuthError:
            raise StoreUnavailable(f"{self.url} refused the login; check NEO4J_USERNAME and NEO4J_PASSWORD") from None
        except (ServiceUnavailable, SessionExpired) as error:
            raise _Unreachable(
                f"{self.url} cannot be reached ({type(error).__name__} at {name}); is Neo4j running there?"
            ) from None
        except Neo4jError as error:
            raise self._answered(error, name) from None
        except DriverError as error:
            raise StoreUnavailable(f"{self.url} cannot be used ({type(error).__name__} at {name})") from None

    def _answered(self, error: Neo4jError, name: str) -> StoreError:
        code = error.code or "unknown"
        if "MemoryPool" in code or "OutOfMemory" in code:
            return StoreError(
                f"{self.url} has too little memory for {name} ({code}); give the server a larger heap "
                "(server.memory.heap.max_size) and try again"
            )
        if "DatabaseNotFound" in code:
            return StoreUnavailable(f"{self.url} has no database {self.database!r}; check NEO4J_DATABASE")
        if "Security" in code:
            return StoreUnavailable(f"{self.url} does not allow this user {name} ({code})")
        if error.is_retryable():
            return Transient(f"{self.url} could not do {name} now ({code}); try again")
        return StoreError(f"{name} failed on {self.url} ({code})")

    def close(self) -> None:
        """Let go of the connections."""
        self.driver.close()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of values arrive and none is garbage: without looking for it, reading takes a third less time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Unreachable(Transient, StoreUnavailable):
    """No connection now; a server that restarts comes back."""

    code = StoreUnavailable.code


def retried(work: Callable[[], T]) -> T:
    """Run ``work``, and again a few times where it failed for a passing reason. It must have no lasting half effect."""
    for pause in (0.05, 0.2, 0.5):
        try:
            return work()
        except Transient:
            time.sleep(pause)
    return work()


def user_error(error: Neo4jError) -> QueryError:
    """What is wrong with a statement that the user wrote: the server's own words."""
    return QueryError(f"the statement failed: {error.message or error.code}")
