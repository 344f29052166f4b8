"""Steps: for each step of the journeys, who is where, and by which outcome they leave."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ..frame import Flags, Ints, JourneyFrame
from .declared import Answer
from .drill import COUNTS, Members, members
from .params import Filters, Placed, time_of
from .result import Result, Row, Totals, result
from .tally import totals
from .walks import Walks, first_of, walk

Kind = Literal["begin", "earlier", "touchpoint", "other", "converted", "open", "dropped", "beyond"]
ENDS: tuple[Kind, ...] = ("converted", "open", "dropped", "beyond")
_BEGIN, _EARLIER, _TOUCHPOINT, _OTHER = range(4)
_KINDS: tuple[Kind, ...] = ("begin", "earlier", "touchpoint", "other", *ENDS)


class FlowParams(Filters):
    """What to ask of the step flow, from the start of journeys."""

    depth: Annotated[int, Field(ge=1, le=30, description="How many steps; longer journeys go on `beyond`.")] = 8
    top: Annotated[int, Field(ge=1, le=50, description="Labels per step; rarer ones go into `other`.")] = 8
    min_journeys: Annotated[
        int, Field(ge=1, description="A label with fewer journeys at a step goes into its `other`.")
    ] = 1


class StepsParams(FlowParams, Placed):
    """What to ask of steps."""

    where: Annotated[
        Literal["start", "end", "around"],
        Field(
            description="Steps 1, 2, … from the `start`, -1, -2, … back from the `end`, or before (negative), at (0) "
            "and after the first touchpoint of some label: `around` it."
        ),
    ] = "start"


class StepRow(Row):
    """A label at a step, or how journeys come in before it or leave after it."""

    step: Annotated[int, Field(description="From 1; back from the end: from -1; around a touchpoint: 0 is that.")]
    kind: Annotated[
        Kind,
        Field(
            description="`touchpoint` and `other` (all rarer labels); the outcome with which journeys leave after this "
            "step, or `beyond` where they go on past the depth; where steps do not count from the start also `begin`, "
            "and `earlier` where they come from before the depth."
        ),
    ]
    label: Annotated[str, Field(description="Label of the touchpoint; else the kind.")]
    journeys: Annotated[int, Field(description="Journeys that come through.")]
    users: Annotated[int, Field(description="Users with at least one of them.")]
    share: Annotated[float, Field(description="Of all journeys counted; around a touchpoint, of those that hold it.")]
    share_of_step: Annotated[float, Field(description="Of the journeys that are at the step.")]
    median_seconds: Annotated[
        float | None, Field(description="Since the touchpoint before; null where journeys begin, and at ends.")
    ]
    converted: Annotated[int, Field(description="Of these journeys, those that convert, here or at another step.")]
    open: Annotated[int, Field(description="Of these journeys, those that are neither converted nor dropped yet.")]
    conversion: Annotated[float, Field(description="Converted over journeys, open ones included.")]


@dataclass(frozen=True)
class Visits:
    """The touchpoints within the asked steps: ``V`` of them, those of a walk contiguous."""

    walk: Ints  # [V]
    step: Ints  # [V]
    at: Ints  # [V] index into the walks' touchpoints
    waits: Flags  # [V] whether a touchpoint of the walk comes before it
    first: Ints  # the first visit of each walk that has one
    last: Ints  # and its last


@dataclass(frozen=True)
class Cells:
    """The (step, label) pairs that occur: ``K`` of them, by step, then label."""

    of_visit: Ints  # [V] row among the cells
    step: Ints  # [K]
    code: Ints  # [K]
    journeys: Ints  # [K]


def count_steps(frame: JourneyFrame, params: StepsParams) -> Result[StepRow]:
    """Count journeys step by step. Labels of a step rank by journeys, ties by text.

    As many journeys leave a step's labels as come to them: each comes in once and leaves once, after its last
    touchpoint with its outcome (wherever its goal lies), or ``beyond`` the depth.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    counted = _counted(frame, params)
    walks, visits = counted.walks, counted.visits
    journeys = len(visits.first)
    rows = [
        {
            **row,
            **measured,
            "share": measured["journeys"] / journeys,
            "share_of_step": measured["journeys"] / counted.at_step[row["step"]],
        }
        for row, measured in zip(counted.rows, _measures(counted), strict=True)
    ]
    counts = totals(walks, occurrences=journeys, distinct=counted.distinct)
    return result(
        StepRow,
        rows,
        None,
        counts,
        answer="steps",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=step_notes(rows, counts, params),
    )


def journeys_left(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many journeys some rows tell of: each leaves once."""
    return sum(row["journeys"] for row in rows if row["kind"] in ENDS)


def step_notes(rows: Sequence[dict[str, Any]], counted: Totals, params: StepsParams) -> list[str]:
    """What a reader of steps should know."""
    notes = []
    if folded := sum(row["kind"] == "other" for row in rows):
        notes.append(f"at {folded:,} steps rarer labels are summed up as other")
    if params.where == "around":
        held = f"{counted.occurrences:,} of {counted.counted:,} journeys hold {params.around!r}"
        notes.append(f"{held}; the others are not told of")
    return notes


def step_members(frame: JourneyFrame, params: StepsParams) -> Members:
    """The journeys behind each step."""
    counted = _counted(frame, params)
    columns = {name: unit for name, unit in COUNTS.items() if name != "count"}
    return members(counted.walks, counted.row, counted.walk, columns)


@dataclass(frozen=True)
class _RowMembership:
    """Into which row each visit, each coming and each leaving falls: ``P`` in all, the visits first."""

    walks: Walks
    visits: Visits
    rows: list[dict[str, Any]]  # step, kind and label of each row, in order
    row: Ints  # [P]
    walk: Ints  # [P]
    at_step: dict[int, int]  # visits by step
    distinct: int  # labels of single steps


def _counted(frame: JourneyFrame, params: StepsParams) -> _RowMembership:
    """Rows are ordered by step, kind, and the labels from the most common on."""
    walks = walk(frame, params)
    visits = _visits(walks, params)
    cells = cells_of(walks, visits)
    rank = ranks(cells)
    own = (rank < params.top) & (cells.journeys >= params.min_journeys)
    come = visits.first if params.where != "start" else visits.first[:0]
    leave = visits.last
    lowest = int(cells.step.min(initial=0))
    width = len(own) + 1  # a step holds its kinds, a kind its labels by rank

    def place(step: Ints, kind: Ints, within: Ints | int = 0) -> Ints:
        numbers: Ints = ((step - lowest) * len(_KINDS) + kind) * width + within
        return numbers

    of_cell = place(cells.step, np.where(own, _TOUCHPOINT, _OTHER), np.where(own, rank, 0))
    coming = place(visits.step[come], np.where(visits.waits[come], _EARLIER, _BEGIN))
    leaving = place(visits.step[leave], _OTHER + 1 + outcomes(walks, visits))
    present, row = np.unique(np.concatenate([of_cell, coming, leaving]), return_inverse=True)
    label = {int(number): walks.texts[code] for number, code, one in zip(of_cell, cells.code, own, strict=True) if one}
    rows: list[dict[str, Any]] = []
    for number in present.tolist():
        kind = _KINDS[number // width % len(_KINDS)]
        step = number // width // len(_KINDS) + lowest
        rows.append({"step": step, "kind": kind, "label": label.get(number, kind)})
    return _RowMembership(
        walks,
        visits,
        rows,
        np.concatenate([row[: len(own)][cells.of_visit], row[len(own) :]]),
        np.concatenate([visits.walk, visits.walk[come], visits.walk[leave]]),
        {int(step): int(cells.journeys[cells.step == step].sum()) for step in np.unique(cells.step)},
        len(own),
    )


def _visits(walks: Walks, params: StepsParams) -> Visits:
    """The touchpoints within the asked steps."""
    if params.where == "start":
        return visits_of(walks, walks.offsets[:-1], 1, 1, params.depth)
    if params.where == "end":
        return visits_of(walks, walks.offsets[1:] - 1, -1, -params.depth, -1)
    return visits_of(walks, first_of(walks, str(params.around)), 0, -params.depth, params.depth)


def visits_of(walks: Walks, origin: Ints, number: int, low: int, high: int) -> Visits:
    """The touchpoints whose step lies within ``low`` and ``high``.

    Args:
        walks: the walks.
        origin: the touchpoint of each walk from which its steps count, -1 to leave the walk out: [W].
        number: step of the origin.
        low: first step.
        high: last step.
    """
    begin = np.maximum(origin + low - number, walks.offsets[:-1])
    past = np.minimum(origin + high - number + 1, walks.offsets[1:])
    counts = np.where(origin >= 0, np.maximum(past - begin, 0), 0)
    offsets = np.cumsum(counts) - counts
    walk_of = np.repeat(np.arange(len(walks), dtype=np.int64), counts)
    at = np.arange(len(walk_of), dtype=np.int64) + (begin - offsets)[walk_of]
    there = np.flatnonzero(counts)
    return Visits(
        walk_of,
        at - (origin - number)[walk_of],
        at,
        waits=at > walks.offsets[walk_of],
        first=offsets[there],
        last=offsets[there] + counts[there] - 1,
    )


def outcomes(walks: Walks, visits: Visits) -> Ints:
    """By which of ``ENDS`` each walk leaves after its last visit."""
    walk, at = visits.walk[visits.last], visits.at[visits.last]
    goes_on = at < walks.offsets[walk + 1] - 1
    return np.where(goes_on, ENDS.index("beyond"), _outcome(walks)[walk])


def _outcome(walks: Walks) -> Ints:
    """Where the outcome of each walk stands in ``ENDS``: [W]."""
    return np.where(walks.converted, 0, np.where(walks.open, 1, 2))


def cells_of(walks: Walks, visits: Visits) -> Cells:
    """The (step, label) pairs that the visits make."""
    labels = max(len(walks.texts), 1)
    lowest = int(visits.step.min(initial=0))
    cell = (visits.step - lowest) * labels + walks.codes[visits.at]
    counts = np.bincount(cell)
    present = np.flatnonzero(counts)
    place = np.zeros(len(counts), dtype=np.int64)
    place[present] = np.arange(len(present))
    return Cells(place[cell], present // labels + lowest, present % labels, counts[present])


def ranks(cells: Cells) -> Ints:
    """Place of each cell among those of its step, from 0; the most common first, ties by text: [K]."""
    by_step = np.lexsort((cells.code, -cells.journeys, cells.step))
    rank = np.empty(len(by_step), dtype=np.int64)
    rank[by_step] = np.arange(len(by_step)) - np.searchsorted(cells.step, cells.step[by_step])
    return rank


def _measures(counted: _RowMembership) -> list[dict[str, Any]]:
    """Journeys, users, outcomes and median wait of each row."""
    walks, visits, rows = counted.walks, counted.visits, len(counted.rows)
    # By row, walks in order, so that a user's visits to a row are neighbours. Few rows sort fast.
    order = np.argsort(counted.row.astype(np.uint16) if rows < 2**16 else counted.row, kind="stable")
    walk = counted.walk[order]
    user = walks.user[walk]
    by_outcome = np.bincount(counted.row * 3 + _outcome(walks)[counted.walk], minlength=rows * 3).reshape(rows, 3)
    journeys = by_outcome.sum(axis=1)
    bounds = np.concatenate([[0], np.cumsum(journeys)])
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = user[1:] != user[:-1]
    new[bounds[:-1]] = True
    users = np.add.reduceat(new, bounds[:-1], dtype=np.int64) if rows else journeys
    since = np.diff(walks.times, prepend=0)[visits.at]
    since[~visits.waits] = -1
    seconds = np.concatenate([since, np.full(len(order) - len(since), -1)])[order]  # who comes or leaves does not wait
    measured = []
    for nth, (begin, end) in enumerate(itertools.pairwise(bounds.tolist())):
        waited = seconds[begin:end]
        waited = waited[waited >= 0]
        converted, still_open, _ = by_outcome[nth].tolist()
        measured.append(
            {
                "journeys": int(journeys[nth]),
                "users": int(users[nth]),
                "converted": converted,
                "open": still_open,
                "conversion": converted / int(journeys[nth]),
                "median_seconds": float(np.median(waited)) / 1e6 if len(waited) else None,
            }
        )
    return measured


ANSWER = Answer(
    "steps",
    "Step by step: who is where, and where do they leave?",
    ("--depth 5", "--where end --goal purchase", "--where around --around 'support chat' --by older"),
    StepsParams,
    StepRow,
    count_steps,
    step_members,
    lambda _: "answers/steps",
    journeys_left,
    step_notes,
)
