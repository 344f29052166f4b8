"""Errors of the Neo4j driver as ours: with the statement's name, and neither data nor credentials."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from ..deadline import limited, timeout
from ..errors import QueryError, StoreBusy, StoreError, StoreUnavailable

T = TypeVar("T")


class Transient(StoreBusy):
    """The server could not do it this time (deadlock, change of leader, lost connection); again may work."""


class _Unreachable(Transient, StoreUnavailable):
    """No connection now; a server that restarts comes back."""

    code = StoreUnavailable.code


@dataclass(frozen=True)
class Place:
    """The database that errors speak of."""

    url: str  # without credentials
    database: str

    @contextmanager
    def translated(self, name: str) -> Iterator[None]:
        """Turn the driver's errors within the block, which runs the statement ``name``, into ours."""
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
        """What the server said; its message is left out, since it may quote data."""
        code = error.code or "unknown"
        if "MemoryPool" in code or "OutOfMemory" in code:
            return StoreError(
                f"{self.url} has too little memory for {name} ({code}); give the server a larger heap "
                "(server.memory.heap.max_size) and try again"
            )
        if "TimedOut" in code:
            if limited():
                return timeout()
            return StoreBusy(f"{self.url} did not end {name} in time ({code}); try again when nobody ingests")
        if "DatabaseNotFound" in code:
            return StoreUnavailable(f"{self.url} has no database {self.database!r}; check NEO4J_DATABASE")
        if "Security" in code:
            return StoreUnavailable(f"{self.url} does not allow this user {name} ({code})")
        made_meanwhile = ".Schema." in code and "AlreadyExists" in code  # IF NOT EXISTS looks before it locks
        if error.is_retryable() or made_meanwhile:
            return Transient(f"{self.url} could not do {name} now ({code}); try again")
        return StoreError(f"{name} failed on {self.url} ({code})")


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
