"""The one door to a Neo4j database.

Neo4j reads are only read-committed, and the records of one commit become visible one after another. So each commit
stands between two small ones on the ``:Commit`` node: ``begun`` counts up before it, ``ended`` follows after it. A
reader begins where both are equal and has read one revision if ``begun`` is still the same at its end. It may have seen
them equal long ago: as long as ``begun`` is the same, nobody has begun to write since.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import neo4j
from neo4j.exceptions import DriverError

from ..deadline import remaining
from ..errors import GraphLoading, StoreBusy, StoreError, StoreUnavailable
from .base import SCHEMA
from .neo4j_errors import Place, Transient, retried
from .neo4j_runner import GraphHead, Runner, Transaction
from .statements import statement

T = TypeVar("T")
_READ_SECONDS = 600.0  # after which the server ends one statement of a reader
_READ_ATTEMPTS = 8
_COMMIT_SECONDS = 30.0  # longest wait for a commit under way before we look whether its writer lives


class Door:
    """The driver, the database and what goes through them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._known: GraphHead | None = None  # the last one that was settled
        self._place = Place(self.url, os.environ.get("NEO4J_DATABASE") or "neo4j")
        username = unquote(parts.username) if parts.username else os.environ.get("NEO4J_USERNAME") or "neo4j"
        password = unquote(parts.password) if parts.password else os.environ.get("NEO4J_PASSWORD") or ""
        try:
            self._driver = neo4j.GraphDatabase.driver(
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

    def close(self) -> None:
        """Let go of the connections."""
        self._driver.close()

    def _session(self, *, write: bool) -> neo4j.Session:
        """A session; the server refuses writes in one that is for reading."""
        access = neo4j.WRITE_ACCESS if write else neo4j.READ_ACCESS
        return self._driver.session(database=self._place.database, default_access_mode=access)

    # Reading

    @contextmanager
    def reading(self, purpose: str) -> Iterator[Runner]:
        """Statements that read, each a transaction of its own: a longer one would see no more of one moment."""
        with self._place.translated(purpose), self._session(write=False) as session:

            def send(name: str, text: str, parameters: dict[str, Any]) -> neo4j.Result:
                seconds = min(_READ_SECONDS, remaining() or _READ_SECONDS)
                query = neo4j.Query(text, metadata={"graphsvc": name}, timeout=seconds)
                return session.run(query, parameters)

            yield Runner(self._place, send)

    def read(self, purpose: str, work: Callable[[Runner, GraphHead], T]) -> T:
        """Run ``work`` on the graph at one revision; it runs again if a commit came in between.

        Raises:
            GraphLoading: a first load is running, or was interrupted.
            StoreBusy: the graph keeps changing.
        """

        def attempt(known: GraphHead | None) -> tuple[bool, T]:
            with self.reading(purpose) as runner:
                head = known or self._settled(runner)
                result = work(runner, head)
                begun = runner.rows("read/begun")[0][0] if runner.begun is None else runner.begun
                return begun == head.begun, result

        for known in (self._known, *[None] * _READ_ATTEMPTS):
            whole, result = retried(partial(attempt, known))
            if whole:
                return result
        raise StoreBusy(f"{self.url} changed again and again while it was being read; try again when nobody ingests")

    def read_through(self, purpose: str, work: Callable[[Runner, GraphHead], T]) -> tuple[T, GraphHead, GraphHead]:
        """Run ``work`` on the graph, whatever is committed meanwhile.

        Returns:
            what it returns, and the heads before and after it, each while no commit was under way.
        """

        def attempt() -> tuple[T, GraphHead, GraphHead]:
            with self.reading(purpose) as runner:
                before = self._settled(runner)
                return work(runner, before), before, self._settled(runner)

        return retried(attempt)

    def head(self) -> GraphHead:
        """The head, once no commit is under way.

        Raises:
            GraphLoading: a first load is running, or was interrupted.
        """

        def attempt() -> GraphHead:
            with self.reading("head") as runner:
                return self._settled(runner)

        return retried(attempt)

    def _note(self, head: GraphHead) -> bool:
        """Whether no commit is under way; then the head is known until the next one begins."""
        settled = not head.loading and head.schema == SCHEMA and head.begun == head.ended
        if settled:
            self._known = head
        return settled

    def _settled(self, runner: Runner) -> GraphHead:
        deadline, pause = time.monotonic() + _COMMIT_SECONDS, 0.002
        while True:
            head = runner.head()
            if head.loading:
                raise GraphLoading(
                    f"{self.url} is being loaded; wait for it, or run the ingest again if it was interrupted"
                )
            if head.schema < SCHEMA:
                raise StoreUnavailable(
                    f"{self.url} has the older schema {head.schema}; write to it once to migrate it, for example "
                    "`graphsvc ingest` of a file that it knows"
                )
            if self._note(head):
                return head
            if time.monotonic() > deadline:
                self._mend_fence()
                deadline += _COMMIT_SECONDS
            time.sleep(pause)
            pause = min(pause * 2, 0.1)

    # Writing

    @contextmanager
    def locked(self, purpose: str, *, seconds: float | None = None) -> Iterator[tuple[Transaction, GraphHead]]:
        """A writing transaction that holds the graph's lock, and the head under it. It rolls back unless committed.

        Getting the lock is tried again where the server asks for it; what follows under it is not.

        Args:
            purpose: shown with the transaction by ``SHOW TRANSACTIONS``.
            seconds: after which the server ends the transaction; None: as the server is configured.
        """
        with ExitStack() as stack:

            def lock() -> tuple[Transaction, GraphHead]:
                with ExitStack() as attempt:
                    transaction = attempt.enter_context(self._transaction(purpose, seconds))
                    if self._known is None:
                        transaction.head()  # not in a database of somebody else
                    transaction.run("write/lock", schema=SCHEMA).consume()
                    head = transaction.head()
                    self._note(head)
                    stack.push(attempt.pop_all())
                    return transaction, head

            yield retried(lock)

    @contextmanager
    def _transaction(self, purpose: str, seconds: float | None) -> Iterator[Transaction]:
        with self._place.translated(purpose), self._session(write=True) as session:
            transaction = session.begin_transaction(metadata={"graphsvc": purpose}, timeout=seconds)
            with transaction:
                yield Transaction(self._place, transaction)

    def execute(self, name: str, **parameters: Any) -> list[list[Any]]:
        """Run one writing statement in a transaction of its own (again where the server asks for that)."""

        def work() -> list[list[Any]]:
            with self._place.translated(name), self._session(write=True) as session:
                query = neo4j.Query(statement(name).text, metadata={"graphsvc": name})
                return session.run(query, parameters).values()

        return retried(work)

    def commit_fenced(self, transaction: Transaction) -> None:
        """Commit under the lock, with the fence around it."""
        begun = self.begin_commit()
        try:
            transaction.commit()
        except Transient:
            raise  # perhaps it was committed and is becoming visible: the next writer or reader ends it
        except StoreError:
            self.end_commit(begun)  # the server refused, so there is nothing to wait for
            raise
        self.end_commit(begun)

    def begin_commit(self) -> int:
        """Tell readers that a commit begins; its number."""
        ((begun,),) = self.execute("write/begin_commit")
        return int(begun)

    def end_commit(self, begun: int) -> None:
        """Tell readers that the commit of this number is there as a whole."""
        self.execute("write/end_commit", begun=begun)

    def _mend_fence(self) -> None:
        """End the commit of a writer that died in it: whoever gets the lock knows that nobody commits."""
        with suppress(Transient), self.locked("mend", seconds=_COMMIT_SECONDS) as (_, head):
            self.end_commit(head.begun)  # a writer that still holds the lock is at it: go on waiting
