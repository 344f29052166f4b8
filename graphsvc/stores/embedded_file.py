"""The file of an embedded store: opened, held by one process, and passed by many readers or nobody."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..deadline import remaining
from ..errors import StoreBusy, StoreUnavailable
from .watchdog import Watchdog

_watchdog = Watchdog()

#: What we read is ordered where order matters; beyond this memory DuckDB lets go of what it caches, then uses the disk.
CONFIG: dict[str, str | bool | int | float | list[str]] = {"preserve_insertion_order": False, "memory_limit": "2GB"}


class Gate:
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


class Shared:
    """What the stores of this process share that hold one file. While they do, no other process writes to it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # one writer at a time
        self.opening = threading.Lock()  # while a file is written anew nobody opens it
        self.stores: weakref.WeakSet[object] = weakref.WeakSet()  # those that have the file open
        self._landings = 0  # odd while a commit lands
        self._known: tuple[int, int] | None = None  # the revision, and the landings at which it was read

    def at_hand(self) -> tuple[int, int | None]:
        """A mark of this moment, and the revision of the graph as far as it is known without reading."""
        mark, known = self._landings, self._known
        return mark, known[1] if known and known[0] == mark and self.unmoved(mark) else None

    def unmoved(self, mark: int) -> bool:
        """Whether no commit has begun to land since a mark: a snapshot taken since then is of its revision."""
        return mark == self._landings and not mark % 2

    def learn(self, mark: int, revision: int) -> None:
        """Remember the revision that was read after a mark."""
        if self.unmoved(mark):
            self._known = mark, revision

    def forget(self) -> None:
        """Have the revision read when it is wanted next: another process may have held the file meanwhile."""
        self._known = None

    @contextmanager
    def landing(self) -> Iterator[None]:
        """A commit lands within the block."""
        self._landings += 1
        try:
            yield
        finally:
            self._landings += 1


_shared: dict[Path, Shared] = {}


def shared(path: Path) -> Shared:
    """What the stores on one file share."""
    return _shared.setdefault(path.resolve(), Shared())


def connect(path: Path, write: bool) -> duckdb.DuckDBPyConnection:
    """Open the file.

    Raises:
        StoreUnavailable: there is none and ``write`` is not set, or it is no DuckDB file.
        StoreBusy: another process holds it.
    """
    if not write and not path.exists():
        raise StoreUnavailable(f"there is no graph at {path}; make one with `graphsvc ingest FILES --store {path}`")
    if not path.parent.is_dir():
        raise StoreUnavailable(f"there is no folder {path.parent} to keep {path.name} in")
    try:
        return duckdb.connect(path, read_only=not write, config=CONFIG)
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


@contextmanager
def in_time(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt what a cursor does within the block when the deadline comes, if there is one.

    Raises:
        QueryTimeout: no time is left to begin.
    """
    seconds = remaining()
    if seconds is None:
        yield
        return
    with _watchdog.within(seconds, cursor.interrupt):
        yield


def quoted(path: Path) -> str:
    """A path as a text of SQL."""
    escaped = str(path).replace("'", "''")
    return f"'{escaped}'"


def reason(error: duckdb.Error) -> str:
    """What DuckDB says where that speaks of the machine; other messages may quote data."""
    machine = isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException)
    return str(error).splitlines()[0] if machine else f"DuckDB failed ({type(error).__name__})"
