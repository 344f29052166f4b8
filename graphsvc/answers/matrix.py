"""Channel × stage: which channels people use at which stage."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from ..frame import Ints, JourneyFrame
from .declared import Answer
from .drill import COUNTS, Members, members
from .params import Filters, time_of
from .result import Result, Row, result
from .tally import totals
from .walks import Walks, walk


class MatrixParams(Filters):
    """What to ask of channels and stages."""


class MatrixRow(Row):
    """One channel at one stage."""

    channel: str
    stage: Annotated[str, Field(description="`(no stage)` where touchpoints have none.")]
    count: Annotated[int, Field(description="Touchpoints.")]
    share: Annotated[float, Field(description="Of all touchpoints of the users asked about.")]
    users: Annotated[int, Field(description="Users who use the channel at the stage.")]
    share_of_users: Annotated[float, Field(description="Of all users asked about.")]
    journeys: Annotated[int, Field(description="Journeys that hold such a touchpoint.")]


def count_matrix(frame: JourneyFrame, params: MatrixParams) -> Result[MatrixRow]:
    """Count touchpoints and users by channel and stage; the rows that occur, by channel, then stage, as texts.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    walks, walk_of, pairs, row = _counted(frame, params)
    counts = totals(walks, occurrences=len(row), distinct=len(pairs))
    by_row = (
        pl.DataFrame({"row": row, "user": walks.user[walk_of], "walk": walk_of})
        .group_by("row")
        .agg(
            pl.len().alias("count"),
            pl.col("user").n_unique().alias("users"),
            pl.col("walk").n_unique().alias("journeys"),
        )
        .sort("row")
        .drop("row")
    )
    stages = len(frame.stage.texts)
    rows: list[dict[str, Any]] = [
        {
            "channel": frame.channel.texts[pair // stages],
            "stage": frame.stage.texts[pair % stages],
            "share_of_users": measured["users"] / counts.users,  # polars would multiply by the reciprocal
            **measured,
        }
        for pair, measured in zip(pairs.tolist(), by_row.iter_rows(named=True), strict=True)
    ]
    return result(
        MatrixRow,
        rows,
        None,
        counts,
        answer="matrix",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
    )


def matrix_members(frame: JourneyFrame, params: MatrixParams) -> Members:
    """The journeys behind each cell."""
    walks, walk_of, _, row = _counted(frame, params)
    return members(walks, row, walk_of, {name: COUNTS[name] for name in ("count", "users", "journeys")})


def _counted(frame: JourneyFrame, params: MatrixParams) -> tuple[Walks, Ints, Ints, Ints]:
    """The walks, the walk of each touchpoint, the cells as numbers, and the cell of each touchpoint."""
    walks = walk(frame, params)
    walk_of = walks.walk_of
    channel, stage = (labels.codes[walks.touchpoints].astype(np.int64) for labels in (frame.channel, frame.stage))
    pairs, row = np.unique(channel * max(len(frame.stage.texts), 1) + stage, return_inverse=True)
    return walks, walk_of, pairs, row


ANSWER = Answer(
    "matrix",
    "Which channel do people use at which stage?",
    ("--segment older",),
    MatrixParams,
    MatrixRow,
    count_matrix,
    matrix_members,
    lambda _: "answers/matrix",
)
