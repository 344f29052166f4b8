"""Drill-down: the journeys behind a number of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..errors import QueryError, UnknownName, nearest
from ..frame import Floats, Ints, JourneyFrame
from ..settings import Utc
from .params import time_of
from .walks import Walks

#: What a number counts: occurrences, or the different users or journeys that have one.
Unit = Literal["occurrences", "users", "journeys", "converted", "open"]

#: The columns that count every occurrence in a row, as most answers name them.
COUNTS: Mapping[str, Unit] = {
    "count": "occurrences",
    "users": "users",
    "journeys": "journeys",
    "converted": "converted",
    "open": "open",
}


@dataclass(frozen=True)
class Measure:
    """What one column counts: ``P`` occurrences, each in a walk and in a row of the answer."""

    row: Ints  # [P] place among the rows; of the remainder: the number of rows
    walk: Ints  # [P] row in the walks
    unit: Unit


@dataclass(frozen=True)
class Timed:
    """How long ``P`` occurrences take."""

    row: Ints  # [P] place among the rows
    walk: Ints  # [P] row in the walks
    seconds: Floats  # [P]


@dataclass(frozen=True)
class Members:
    """What the numbers of an answer count."""

    walks: Walks
    columns: Mapping[str, Measure]
    seconds: Timed | None = None  # what its quantiles are of


def members(
    walks: Walks, row: Ints, walk: Ints, columns: Mapping[str, Unit] = COUNTS, seconds: Floats | None = None
) -> Members:
    """Members of an answer whose columns all count the same occurrences.

    Args:
        walks: the walks.
        row: of each occurrence: [P].
        walk: of each occurrence: [P].
        columns: what each column counts of them.
        seconds: how long each takes: [P].
    """
    timed = None if seconds is None else Timed(row, walk, seconds)
    return Members(walks, {column: Measure(row, walk, unit) for column, unit in columns.items()}, timed)


class JourneyRef(BaseModel):
    """A journey behind a number."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    key: Annotated[str, Field(description="Journey key: the event key of its first touchpoint.")]
    user: Annotated[str, Field(description="User key.")]
    started_at: Annotated[Utc, Field(description="Time of its first touchpoint that is counted, UTC.")]
    ended_at: Annotated[Utc, Field(description="Time of its last touchpoint that is counted.")]
    outcome: Annotated[
        Literal["converted", "open", "dropped"], Field(description="`open`: it may still convert; else it was dropped.")
    ]
    count: Annotated[int, Field(description="Its occurrences in the row.")]
    path: Annotated[list[str], Field(description="Labels of the touchpoints that are counted.")]
    identifiers: Annotated[list[str] | None, Field(description="Of the user, where they were asked for.")] = None


class Behind(BaseModel):
    """The journeys behind one number of an answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    answer: Annotated[str, Field(description="Name of the answer.")]
    revision: Annotated[int, Field(description="Revision of the graph that was asked.")]
    row: Annotated[dict[str, Any], Field(description="The row of the answer.")]
    column: Annotated[str, Field(description="Its column.")]
    number: Annotated[int, Field(description="What stands there.")]
    unit: Annotated[Unit, Field(description="What the number counts.")]
    journeys: Annotated[int, Field(description="Journeys that it counts.")]
    users: Annotated[int, Field(description="Users of these journeys.")]
    shown: Annotated[list[JourneyRef], Field(description="Journeys by user and start, from the first asked for on.")]


def behind(
    frame: JourneyFrame,
    answer: str,
    rows: list[dict[str, Any]],
    members: Members,
    *,
    row: int,
    column: str,
    page: slice,
) -> Behind:
    """The journeys that one number counts.

    Args:
        frame: that the answer was counted on.
        answer: its name.
        rows: its rows, the remainder last where there is one.
        members: what they count.
        row: which one, from 1.
        column: of that row.
        page: which of the journeys to show.

    Raises:
        QueryError: there is no such row.
        UnknownName: the column counts no journeys.
    """
    if not 1 <= row <= len(rows):
        raise QueryError(f"{answer} has {len(rows):,} rows to these parameters; there is no row {row}")
    if column not in members.columns:
        raise UnknownName(f"{column!r} of {answer} counts no journeys{nearest(column, members.columns)}")
    counted, walks = members.columns[column], members.walks
    unit = counted.unit
    walk, count = np.unique(counted.walk[counted.row == row - 1], return_counts=True)
    if unit in ("converted", "open"):
        kept = (walks.converted if unit == "converted" else walks.open)[walk]
        walk, count = walk[kept], count[kept]
    users = len(np.unique(walks.user[walk]))
    number = {"occurrences": int(count.sum()), "users": users}.get(unit, len(walk))
    shown = zip(walk[page].tolist(), count[page].tolist(), strict=True)
    return Behind(
        answer=answer,
        revision=frame.revision,
        row=rows[row - 1],
        column=column,
        number=number,
        unit=unit,
        journeys=len(walk),
        users=users,
        shown=[_journey(frame, walks, one, times) for one, times in shown],
    )


def _journey(frame: JourneyFrame, walks: Walks, walk: int, count: int) -> JourneyRef:
    at = slice(walks.offsets[walk], walks.offsets[walk + 1])
    first = walks.started[walk]
    outcome: Literal["converted", "open", "dropped"] = (
        "converted" if walks.converted[walk] else "open" if walks.open[walk] else "dropped"
    )
    return JourneyRef(
        key=frame.detail("key")[int(first)],
        user=frame.users["key"][int(walks.user[walk])],
        started_at=time_of(int(frame.times[first])),
        ended_at=time_of(int(walks.times[at][-1])),
        outcome=outcome,
        count=count,
        path=[walks.texts[code] for code in walks.codes[at]],
    )
