"""Asking a graph: its journey frame, kept while the graph stays as it is, and the answers to former questions."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .answers import Behind, Filters, Result, answer, ask, compared, journeys_behind
from .answers.cypher import ask_cypher
from .core.normal import forget_numbers
from .deadline import holding, remaining, timeout
from .errors import CypherUnsupported, GraphMoved, GraphsvcError, StoreBusy
from .frame import JourneyFrame
from .renewal import renewed
from .stores import Status, Store, is_neo4j

if TYPE_CHECKING:
    from .answers.compare import Comparison

_log = logging.getLogger(__name__)
Via = Literal["auto", "frame", "cypher"]
Question = tuple[str, str]  # name and way of counting; parameters
_ANSWERS_KEPT = 256
_REVISIONS_KEPT = 256
_LOOKED_UP = 0.7  # of the age that is allowed; what is left is for counting anew beside
_STATUS = ("status", "")
_ATTEMPTS = 5
Answered = TypeVar("Answered")


class Questions:
    """Answers questions about the graph in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.max_age = 0.0
        self._forgetting: list[Callable[[], None]] = []
        self._revision, self._looked_at = 0, -math.inf
        self._is_behind = False  # whether the revision is known to be no longer the graph's
        self._revision_lock = threading.Lock()
        self._status_lock = threading.Lock()
        self._status: Status | None = None
        self._frame_lock = threading.Lock()  # held while a frame is read, which takes seconds on a large graph
        self._frame: JourneyFrame | None = None
        self._made_at = 0.0
        self._warming: threading.Thread | None = None
        self._by_cypher = threading.Lock()  # held while an answer is counted in Neo4j for want of a frame
        self._answers_lock = threading.Lock()
        self._answers: OrderedDict[Question, Result[Any]] = OrderedDict()  # the last answer to each question
        self._last_seen: dict[int, float] = {}  # when former revisions were last seen to be the graph's
        self._counting: dict[Question, threading.Event] = {}  # nobody counts what another one counts
        self._beside = ThreadPoolExecutor(1, "answers")
        self._renewing: set[Question] = set()

    def close(self) -> None:
        """Wait for what goes on beside."""
        self._beside.shutdown(cancel_futures=True)
        if self._warming is not None:
            self._warming.join()

    def forget(self) -> None:
        """Let go of what was kept in memory of the graph as it was."""
        with self._frame_lock, self._answers_lock, self._revision_lock:
            self._frame = None
            self._answers.clear()
            self._store.recent.forget()
            self._looked_at = -math.inf
            self._last_seen.clear()
            self._status = None
        forget_numbers()
        for forget in self._forgetting:
            forget()

    def when_forgetting(self, forget: Callable[[], None]) -> None:
        """Have others let go of what they keep, too."""
        self._forgetting.append(forget)

    def revision(self) -> int:
        """The revision that answers speak of: the graph's, looked up again before ``max_age`` seconds are over."""
        if not self.max_age:
            return self._store.revision()
        with holding(self._revision_lock):
            now = time.monotonic()
            if self._is_behind or now - self._looked_at >= self.max_age * _LOOKED_UP:
                former, self._revision = self._revision, self._store.revision()
                if former != self._revision:
                    self._last_seen = dict([*self._last_seen.items(), (former, self._looked_at)][-_REVISIONS_KEPT:])
                self._looked_at, self._is_behind = now, False
            return self._revision

    def revision_at_hand(self) -> int | None:
        """The same where it need not be looked up; else None."""
        is_new = time.monotonic() - self._looked_at < self.max_age * _LOOKED_UP
        return self._revision if is_new and not self._is_behind else None

    def status(self) -> Status:
        """What the graph holds at :meth:`revision`; counting it takes as long as an answer."""
        revision, kept = self.revision(), self._status
        if kept is not None and kept.revision != revision and self.is_young(kept.revision):
            self._renew(_STATUS, lambda: self._counted_status(revision))
            return kept
        return self._counted_status(revision)

    def _counted_status(self, revision: int) -> Status:
        with holding(self._status_lock):
            kept = self._status
            if kept is not None and kept.revision >= revision:
                return kept
            self._status = status = self._store.status()
            if status.revision != revision:  # the graph went on while it was counted
                self._look_again()
            return status

    def _look_again(self) -> None:
        """Look the revision up when it is wanted next, whatever age is allowed."""
        with self._revision_lock:
            self._is_behind = True

    def frame(self) -> JourneyFrame:
        """The journey frame of the graph as it stands, kept until the graph changes."""
        with holding(self._frame_lock):
            revision = self.revision()
            frame = self._keep(self._renewed(revision) or self._store.frame())
            if frame.revision != revision:  # the graph went on while it was read
                self._look_again()
            return frame

    def _keep(self, frame: JourneyFrame) -> JourneyFrame:
        if frame is not self._frame:
            self._frame, self._made_at = frame, time.monotonic()
        return frame

    def frame_in_memory(self) -> tuple[JourneyFrame, float] | None:
        """The frame that is kept, of whatever revision, and how many seconds ago it was made; waits for nobody."""
        frame, made_at = self._frame, self._made_at
        return None if frame is None else (frame, time.monotonic() - made_at)

    def _renewed(self, revision: int) -> JourneyFrame | None:
        """The frame at a revision, without reading the graph; None where it must be read."""
        frame = self._frame
        if frame is None or frame.revision == revision:
            return frame
        commits = self._store.recent.between(frame.revision, revision)
        if commits is None:
            return None
        return renewed(frame, commits, revision, lambda name: self._store.detail(name, revision))

    def _at(self, revision: int) -> bool:
        """Whether there is a frame at a revision, or one is made without reading the graph."""
        if self._frame_lock.acquire(blocking=False):  # whoever holds it may be reading the whole graph
            try:
                if frame := self._renewed(revision):
                    self._keep(frame)
            finally:
                self._frame_lock.release()
        frame = self._frame
        return frame is not None and frame.revision >= revision

    def warm(self) -> None:
        """Begin to load the journey frame beside other work; until it is there, Neo4j answers by Cypher."""

        def load() -> None:
            try:
                self.frame()
            except GraphsvcError as error:
                _log.info("the journey frame is not loaded yet: %s", error.code)

        with self._answers_lock:
            if self._warming is None or not self._warming.is_alive():
                self._warming = threading.Thread(target=load, name="journey-frame", daemon=True)
                self._warming.start()

    def ask(self, name: str, parameters: Mapping[str, Any], via: Via) -> Result[Any]:
        """Answer a question, from memory where nothing has changed since it was asked last."""
        model = answer(name).parse(parameters)
        question = (f"{name} {via}", model.model_dump_json())
        revision = self.revision()
        kept = self._kept(question)
        if kept is not None and kept.revision == revision:
            return kept
        if kept is not None and self.is_young(kept.revision):
            self._renew(question, lambda: self._counted(question, name, model, via, revision))
            return kept
        return self._counted(question, name, model, via, revision)

    def is_young(self, revision: int) -> bool:
        """Whether answers of a revision that is no longer the graph's are still within the age that is allowed."""
        return time.monotonic() - self._last_seen.get(revision, -math.inf) < self.max_age

    def _kept(self, question: Question) -> Result[Any] | None:
        """The last answer to a question."""
        with self._answers_lock:
            if question in self._answers:
                self._answers.move_to_end(question)
            return self._answers.get(question)

    def _renew(self, question: Question, count: Callable[[], object]) -> None:
        """Count again beside other work what is asked while a little older answers will do."""

        def work() -> None:
            try:
                count()
            except GraphsvcError as error:
                _log.info("an answer was not renewed: %s", error.code)
            finally:
                self._renewing.discard(question)

        with self._answers_lock:
            if question in self._renewing:
                return
            self._renewing.add(question)
        self._beside.submit(work)

    def _counted(self, question: Question, name: str, model: Filters, via: Via, revision: int) -> Result[Any]:
        """Count, or wait for whoever counts the same."""
        while True:
            with self._answers_lock:
                kept, others = self._answers.get(question), self._counting.get(question)
                if kept is not None and kept.revision >= revision:
                    return kept
                if others is None:
                    counted = self._counting[question] = threading.Event()
                    break
            if not others.wait(remaining()):
                raise timeout()
        try:
            result = self._answer(name, model, via, revision)
            with self._answers_lock:
                self._answers[question] = result
                while len(self._answers) > _ANSWERS_KEPT:
                    self._answers.popitem(last=False)
            return result
        finally:
            with self._answers_lock:
                del self._counting[question]
            counted.set()

    def _answer(self, name: str, model: Filters, via: Via, revision: int) -> Result[Any]:
        if via == "cypher":
            return ask_cypher(self._store, name, model)
        if via == "auto" and is_neo4j(self._store.url) and not self._at(revision):
            if self._frame is not None:  # once loaded and now stale: for the questions after this one
                self.warm()
            if self._by_cypher.acquire(blocking=False):  # several at once would only keep the frame from being read
                try:
                    return ask_cypher(self._store, name, model)
                except (CypherUnsupported, StoreBusy) as error:  # in a graph that keeps changing the frame follows
                    _log.info("counted on the journey frame: %s", error.code)
                finally:
                    self._by_cypher.release()
        return self.on_frame(lambda frame: ask(frame, name, model))

    def behind(
        self, name: str, parameters: Mapping[str, Any], *, row: int, column: str, first: int, limit: int
    ) -> Behind:
        """The journeys that a number of an answer counts."""
        model = answer(name).parse(parameters)
        return self.on_frame(
            lambda frame: journeys_behind(frame, name, model, row=row, column=column, first=first, limit=limit)
        )

    def compare(
        self, name: str, parameters: Mapping[str, Any], *, a: str, b: str, rate: float, confidence: float
    ) -> Comparison:
        """Two segments or periods, side by side."""
        model = answer(name).parse(parameters)
        return self.on_frame(lambda frame: compared(frame, name, model, a=a, b=b, rate=rate, confidence=confidence))

    def on_frame(self, work: Callable[[JourneyFrame], Answered]) -> Answered:
        """Work on the frame; on a new one where the graph changed while a detail of it was being read.

        Raises:
            GraphMoved: the graph keeps changing.
        """
        for _ in range(_ATTEMPTS):
            try:
                return work(self.frame())
            except GraphMoved:
                self._look_again()  # the details of older touchpoints are gone
        return work(self.frame())
