"""How long reading may take: said once by whoever asks, heeded by the stores while they read.

It holds for the context (``contextvars``) in which it was said, so threads that work for nobody in particular, such as
the one that loads the journey frame beside other work, have none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import QueryTimeout

_end: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_deadline(seconds: float) -> None:
    """From now on, reading in this context must end within so many seconds."""
    _end.set(time.monotonic() + seconds)


def clear_deadline() -> None:
    """From now on, reading in this context may take as long as it takes."""
    _end.set(None)


def remaining() -> float | None:
    """Seconds that are left to read; None: as many as it takes.

    Raises:
        QueryTimeout: none are left.
    """
    end = _end.get()
    if end is None:
        return None
    left = end - time.monotonic()
    if left <= 0:
        raise timeout()
    return left


@contextmanager
def holding(lock: threading.Lock) -> Iterator[None]:
    """Hold a lock within the block; waiting for it takes of the seconds that are left.

    Raises:
        QueryTimeout: none are left.
    """
    seconds = remaining()
    if not lock.acquire(timeout=-1 if seconds is None else seconds):
        raise timeout()
    try:
        yield
    finally:
        lock.release()


def limited() -> bool:
    """Whether a deadline was set."""
    return _end.get() is not None


def timeout() -> QueryTimeout:
    """The error of reading that took too long."""
    return QueryTimeout(
        "reading took longer than is allowed, and was given up; narrow the question, or ask again later"
    )
