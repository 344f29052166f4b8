"""Top paths: what people do, from the start of their journeys, to the end, or in any contiguous run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ..frame import Ints, JourneyFrame
from .declared import Answer
from .drill import Members, members
from .params import Placed, time_of
from .result import Count, Journeys, Rank, Result, Row, Share, Users, result
from .tally import Leading, Occurrences, leading, measure, numbers, totals
from .walks import Walks, first_of, walk

SEPARATOR = " > "
Where = Literal["start", "end", "around", "run"]


class PathsParams(Placed):
    """What to ask of paths."""

    where: Annotated[
        Where,
        Field(
            description="Paths from the `start` of each journey, to its `end`, `around` the first touchpoint of some "
            "label, or any contiguous `run`."
        ),
    ] = "start"
    steps: Annotated[
        int,
        Field(
            ge=1,
            le=20,
            description="Touchpoints of a path, or before and after the one it lies around; a journey that is shorter "
            "keeps its whole path.",
        ),
    ] = 4
    top: Annotated[int, Field(ge=1, le=1_000, description="How many paths.")] = 20
    min_count: Annotated[int, Field(ge=1, description="Rarer paths go into the remainder.")] = 1


class PathRow(Row):
    """One path."""

    rank: Rank
    path: Annotated[list[str], Field(description="Its labels in order; empty for the remainder.")]
    count: Count
    share: Share
    users: Users
    journeys: Journeys
    converted: Annotated[int, Field(description="Those of its journeys that converted.")]
    open: Annotated[int, Field(description="Those of its journeys that are still open.")]
    conversion: Annotated[float, Field(description="Converted share of its journeys, open ones included.")]
    median_seconds: Annotated[float, Field(description="From its first to its last touchpoint.")]


#: What stands in place of the labels in the remainder.
REMAINDER: dict[str, Any] = {"rank": None, "path": []}


def count_paths(frame: JourneyFrame, params: PathsParams) -> Result[PathRow]:
    """Count the most common paths.

    From the start, to the end and around a touchpoint each journey has one path (around: if it holds one; its first
    counts). Runs overlap: a journey of m touchpoints holds
    m − n + 1 runs of n. A journey shorter than n keeps its whole path. Ranks tie by path text.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    walks, found, lead = _counted(frame, params)
    measured = measure(walks, found, lead.row, {"median": 0.5}, outcomes=True)
    rows = [
        {"rank": row + 1, "path": found.labels(walks, example), **measured[row]}
        for row, example in enumerate(lead.examples)
    ]
    return result(
        PathRow,
        rows,
        {**REMAINDER, **measured[len(rows)]} if len(rows) in measured else None,
        totals(walks, occurrences=len(found), distinct=lead.distinct),
        answer="paths",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
    )


def path_members(frame: JourneyFrame, params: PathsParams) -> Members:
    """The journeys behind each path."""
    walks, found, lead = _counted(frame, params)
    return members(walks, lead.row, found.walk, seconds=found.microseconds(walks) / 1e6)


def _counted(frame: JourneyFrame, params: PathsParams) -> tuple[Walks, Occurrences, Leading]:
    walks = walk(frame, params)
    found = _occurrences(walks, params)
    return walks, found, leading(numbers(walks, found, *_digits(walks.texts)), params.top, params.min_count)


def _occurrences(walks: Walks, params: PathsParams) -> Occurrences:
    """Where each path lies along the walks."""
    where, steps, lengths = params.where, params.steps, walks.lengths
    length = np.minimum(lengths, steps)
    every = np.arange(len(walks), dtype=np.int64)
    if where == "around":
        at = first_of(walks, str(params.around))
        holds = np.flatnonzero(at >= 0)
        first = np.maximum(at - steps, walks.offsets[:-1])[holds]
        past = np.minimum(at + steps + 1, walks.offsets[1:])[holds]
        return Occurrences(holds, first, past - first)
    if where == "start":
        return Occurrences(every, walks.offsets[:-1], length)
    if where == "end":
        return Occurrences(every, walks.offsets[1:] - length, length)
    runs = lengths - length + 1
    walk = np.repeat(every, runs)
    nth = np.arange(len(walk), dtype=np.int64) - np.repeat(np.cumsum(runs) - runs, runs)
    return Occurrences(walk, walks.offsets[walk] + nth, length[walk])


def _digits(texts: list[str]) -> tuple[Ints, Ints]:
    """Digits under which paths order like their texts: each label's rank with a separator behind it, and without."""
    parts = [text + SEPARATOR for text in texts] + texts
    order = np.array(sorted(range(len(parts)), key=parts.__getitem__), dtype=np.int64)
    rank = np.empty(len(parts), dtype=np.int64)
    rank[order] = np.arange(1, len(parts) + 1)
    return rank[: len(texts)], rank[len(texts) :]


ANSWER = Answer(
    "paths",
    "What do people do?",
    (
        "--steps 3",
        "--where end --segment older --label channel:name --collapse",
        "--where around --around purchase --steps 2",
        "--where run --steps 2 --since 2026-01-01 --json",
    ),
    PathsParams,
    PathRow,
    count_paths,
    path_members,
    lambda _: "answers/paths",
)
