"""Transitions: what follows what."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ..frame import JourneyFrame
from .declared import Answer
from .drill import COUNTS, Members, members
from .params import Filters, time_of
from .result import Count, Journeys, Rank, Result, Row, Share, Users, result
from .tally import Leading, Occurrences, leading, measure, numbers, totals
from .walks import Walks, walk


class TransitionsParams(Filters):
    """What to ask of transitions."""

    top: Annotated[int, Field(ge=1, le=1_000, description="How many transitions.")] = 50
    min_count: Annotated[int, Field(ge=1, description="Rarer transitions go into the remainder.")] = 1


class TransitionRow(Row):
    """One transition: a touchpoint and the one right after it."""

    rank: Rank
    source: Annotated[str | None, Field(description="Label of the first; null for the remainder.")]
    target: Annotated[str | None, Field(description="Label of the one after it; null for the remainder.")]
    loop: Annotated[bool, Field(description="Whether both are the same.")]
    count: Count
    share: Share
    share_of_source: Annotated[
        float | None, Field(description="Of all transitions from that source; null for the remainder.")
    ]
    users: Users
    journeys: Journeys
    median_seconds: Annotated[float, Field(description="Between the two touchpoints.")]
    p90_seconds: Annotated[float, Field(description="Between the two touchpoints: nine of ten take no longer.")]


#: What stands in place of the labels in the remainder.
REMAINDER = {"rank": None, "source": None, "target": None, "loop": False, "share_of_source": None}


def count_transitions(frame: JourneyFrame, params: TransitionsParams) -> Result[TransitionRow]:
    """Count the most common pairs of neighbouring touchpoints. Ranks tie by source, then target.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    walks, found, lead = _counted(frame, params)
    measured = measure(walks, found, lead.row, {"median": 0.5, "p90": 0.9})
    leaving = np.bincount(walks.codes[found.first], minlength=len(walks.texts))
    rows = []
    for row, example in enumerate(lead.examples):
        source, target = found.labels(walks, example)
        of_source = measured[row]["count"] / int(leaving[walks.codes[found.first[example]]])
        ends = {"source": source, "target": target, "loop": source == target, "share_of_source": of_source}
        rows.append({"rank": row + 1, **ends, **measured[row]})
    return result(
        TransitionRow,
        rows,
        {**REMAINDER, **measured[len(rows)]} if len(rows) in measured else None,
        totals(walks, occurrences=len(found), distinct=lead.distinct),
        answer="transitions",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
    )


def transition_members(frame: JourneyFrame, params: TransitionsParams) -> Members:
    """The journeys behind each transition."""
    walks, found, lead = _counted(frame, params)
    columns = {name: COUNTS[name] for name in ("count", "users", "journeys")}
    return members(walks, lead.row, found.walk, columns, found.microseconds(walks) / 1e6)


def _counted(frame: JourneyFrame, params: TransitionsParams) -> tuple[Walks, Occurrences, Leading]:
    walks = walk(frame, params)
    found = _occurrences(walks)
    digits = np.arange(1, len(walks.texts) + 1, dtype=np.int64)
    return walks, found, leading(numbers(walks, found, digits, digits), params.top, params.min_count)


def _occurrences(walks: Walks) -> Occurrences:
    """Each touchpoint that another one of its walk follows, with that one."""
    follows = np.ones(len(walks.codes), dtype=np.bool_)
    follows[walks.offsets[1:] - 1] = False
    first = np.flatnonzero(follows)
    walk = np.repeat(np.arange(len(walks), dtype=np.int64), walks.lengths - 1)
    return Occurrences(walk, first, np.full(len(first), 2, dtype=np.int64))


ANSWER = Answer(
    "transitions",
    "What follows what?",
    ("--top 30", "--exclude page_view --segment 'age >= 50'"),
    TransitionsParams,
    TransitionRow,
    count_transitions,
    transition_members,
    lambda _: "answers/transitions",
)
