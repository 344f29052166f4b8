"""One thread that interrupts what is still going on when its deadline comes; a timer for each would cost more."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Watch:
    """What is called at a deadline, unless it was ended before."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._lock = threading.Lock()  # when ``end`` returns, nothing is called any more
        self._call: Callable[[], None] | None = call

    def fire(self) -> None:
        with self._lock:
            if self._call is not None:
                self._call()

    def end(self) -> None:
        with self._lock:
            self._call = None


class Watchdog:
    """Watches any number of deadlines at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: list[tuple[float, int, _Watch]] = []  # heap by time; ended watches stay in it until then
        self._number = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, seconds: float, call: Callable[[], None]) -> Iterator[None]:
        """Call something from another thread if the block is not left within so many seconds."""
        watch = _Watch(call)
        with self._changed:
            heapq.heappush(self._ends, (time.monotonic() + seconds, next(self._number), watch))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            elif self._ends[0][2] is watch:
                self._changed.notify()
        try:
            yield
        finally:
            watch.end()

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._ends or (left := self._ends[0][0] - time.monotonic()) > 0:
                    self._changed.wait(left if self._ends else None)
                _, _, watch = heapq.heappop(self._ends)
            watch.fire()
