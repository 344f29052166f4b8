"""Work that reads the whole graph for one caller: a few at once, so that the service goes on for the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from ..errors import StoreError

_places = BoundedSemaphore(2)


@contextmanager
def heavy() -> Iterator[None]:
    """Hold one of the places.

    Raises:
        StoreError: all are taken.
    """
    if not _places.acquire(blocking=False):
        raise StoreError("others have the whole graph read just now; ask again in a moment")
    try:
        yield
    finally:
        _places.release()
