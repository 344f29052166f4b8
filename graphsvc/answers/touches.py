"""First and last touch: where journeys begin and where they end."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ..frame import Ints, JourneyFrame, Label
from .declared import Answer
from .drill import Measure, Members, Unit
from .params import Filters, time_of
from .result import Rank, Result, Row, result
from .tally import totals
from .walks import Walks, walk


class TouchesParams(Filters):
    """What to ask of first and last touches."""

    label: Annotated[
        Label, Field(description="What stands for a touchpoint: its `name`, `channel`, `stage` or `channel:name`.")
    ] = "channel"
    top: Annotated[int, Field(ge=1, le=1_000, description="How many labels.")] = 20


class TouchRow(Row):
    """A label as first and as last touch of journeys."""

    rank: Rank
    label: Annotated[str | None, Field(description="Null for the remainder.")]
    first: Annotated[int, Field(description="Journeys that begin with it.")]
    first_share: Annotated[float, Field(description="Of all journeys.")]
    first_users: int
    first_converted: Annotated[int, Field(description="Of the journeys that begin with it, those that converted.")]
    first_open: int
    first_conversion: Annotated[float | None, Field(description="Null where no journey begins with it.")]
    last: Annotated[int, Field(description="Journeys that end with it.")]
    last_share: Annotated[float, Field(description="Of all journeys.")]
    last_users: int
    last_converted: Annotated[int, Field(description="Of the journeys that end with it, those that converted.")]
    last_open: int
    last_conversion: Annotated[float | None, Field(description="Null where no journey ends with it.")]


def count_touches(frame: JourneyFrame, params: TouchesParams) -> Result[TouchRow]:
    """Count first and last touches, one of each per journey. Labels rank by first, then last touches, then by text.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    walks = walk(frame, params)
    ranked, rows_of, distinct = _ranked(walks, params.top)
    measured = {side: _measures(walks, row, side) for side, row in rows_of.items()}
    rows = []
    for row in range(len(ranked) + 1):
        label = walks.texts[ranked[row]] if row < len(ranked) else None
        sides = {side: measured[side].get(row, _nobody(side)) for side in measured}
        rows.append({"rank": row + 1 if label is not None else None, "label": label, **sides["first"], **sides["last"]})
    other = rows.pop()
    return result(
        TouchRow,
        rows,
        other if other["first"] + other["last"] else None,
        totals(walks, occurrences=len(walks), distinct=distinct),
        answer="touches",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
    )


def touch_members(frame: JourneyFrame, params: TouchesParams) -> Members:
    """The journeys behind each label."""
    walks = walk(frame, params)
    _, rows_of, _ = _ranked(walks, params.top)
    every = np.arange(len(walks), dtype=np.int64)
    units: dict[str, Unit] = {"": "journeys", "_users": "users", "_converted": "converted", "_open": "open"}
    return Members(
        walks,
        {side + name: Measure(row, every, unit) for side, row in rows_of.items() for name, unit in units.items()},
    )


def _ends(walks: Walks) -> dict[str, Ints]:
    """Codes of the first and the last touch of each walk: [W] each."""
    first, last = walks.ends()
    return {"first": first.astype(np.int64), "last": last.astype(np.int64)}


def _ranked(walks: Walks, top: int) -> tuple[Ints, dict[str, Ints], int]:
    """The leading labels in order, the row of each walk's first and last touch, and how many labels occur at all."""
    ends, labels = _ends(walks), len(walks.texts)
    first, last = (np.bincount(codes, minlength=labels) for codes in ends.values())
    present = np.flatnonzero(first + last)
    ranked = present[np.lexsort((present, -last[present], -first[present]))][:top]
    row_of = np.full(labels, len(ranked), dtype=np.int64)
    row_of[ranked] = np.arange(len(ranked))
    return ranked, {side: row_of[codes] for side, codes in ends.items()}, len(present)


def _measures(walks: Walks, row: Ints, side: str) -> dict[int, dict[str, Any]]:
    """Measures of each row that occurs."""
    order = np.argsort(row.astype(np.int16), kind="stable")  # walks are ordered by user, and stay so in each row
    rows, users = row[order], walks.user[order]
    first = np.ones(len(rows), dtype=np.bool_)  # whether a walk is the first of its user in its row
    first[1:] = (rows[1:] != rows[:-1]) | (users[1:] != users[:-1])
    width = int(row.max(initial=-1)) + 1
    chosen = {"": row, "_users": rows[first], "_converted": row[walks.converted], "_open": row[walks.open]}
    counts = {name: np.bincount(which, minlength=width).tolist() for name, which in chosen.items()}
    return {
        at: {
            **{f"{side}{name}": each[at] for name, each in counts.items()},
            f"{side}_share": many / len(walks),
            f"{side}_conversion": counts["_converted"][at] / many,
        }
        for at, many in enumerate(counts[""])
        if many
    }


def _nobody(side: str) -> dict[str, Any]:
    counts = {f"{side}{name}": 0 for name in ("", "_users", "_converted", "_open")}
    return {**counts, f"{side}_share": 0.0, f"{side}_conversion": None}


ANSWER = Answer(
    "touches",
    "Who starts where, and where do they end?",
    ("--by older --by younger", "--label name --top 10"),
    TouchesParams,
    TouchRow,
    count_touches,
    touch_members,
    lambda _: "answers/touches",
    lambda rows: sum(row["first"] for row in rows),
)
