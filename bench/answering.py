"""The other end of ``children``: how a contestant loads once and then answers, timed in its own process.

Only the standard library: peers run this in an environment without graphsvc.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: One row of an answer. Paths: path, journeys, users, conversion, median_seconds. Transitions: source, target, count,
#: users, median_seconds, p90_seconds. A contestant leaves out what it does not compute.
Row = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """How to ask: ``ask`` is timed (its argument is the turn, to make each question a new one), ``rows`` is not."""

    ask: Callable[[int], Any]
    rows: Callable[[Any], list[Row]]
    before: Callable[[], None] = lambda: None  # not timed


@dataclass(frozen=True)
class Loaded:
    """A contestant with the journeys ready in memory."""

    version: str
    questions: dict[str, Question]


def say(**said: Any) -> None:
    """Print one JSON object on the channel to the leading process."""
    _CHANNEL.write(json.dumps(said, default=str) + "\n")
    _CHANNEL.flush()


def answer(load: Callable[[], Loaded]) -> None:
    """Load, then answer questions from standard input until it closes."""
    began = time.perf_counter()
    loaded = load()
    say(seconds=time.perf_counter() - began, version=loaded.version, questions=list(loaded.questions))
    for line in sys.stdin:
        asked = json.loads(line)
        question = loaded.questions[asked["question"]]
        question.before()
        began = time.perf_counter()
        answered = question.ask(asked["turn"])
        seconds = time.perf_counter() - began
        say(seconds=seconds, rows=question.rows(answered) if asked["show"] else None)


# Libraries print banners: keep the real standard output for JSON and send everything else to the log.
_CHANNEL = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
