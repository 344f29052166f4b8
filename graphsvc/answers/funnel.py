"""Funnels: how many get how far along some steps, how long that takes, and what the others do instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from ..errors import CypherUnsupported
from ..frame import NO_STAGE, Flags, Floats, Ints, JourneyFrame
from .attempts import Attempts, Limits, Matcher, best_by, patterns
from .declared import Answer
from .drill import Measure, Members
from .funnel_params import FunnelParams
from .params import time_of
from .result import Result, Row, Totals, result
from .tally import totals
from .walks import Walks, walk

MOST_INSTEAD = 5
NOTHING_MORE = "(nothing more)"


class Instead(Row):
    """What those who stop after a step do next."""

    label: Annotated[str, Field(description="The touchpoint right after the last that matched, or `(nothing more)`.")]
    users: int

    def __str__(self) -> str:
        return f"{self.label} {self.users:,}"


class FunnelRow(Row):
    """One step of a funnel; in any order: so many different steps."""

    step: Annotated[int, Field(description="From 1.")]
    label: Annotated[str, Field(description="Labels of the step; in any order: how many steps are done.")]
    optional: bool
    users: Annotated[int, Field(description="Users whose best attempt holds the step (open funnel: any attempt).")]
    journeys: Annotated[int, Field(description="Journeys whose best attempt holds it (open funnel: any attempt).")]
    entries: Annotated[int, Field(description="Attempts that hold it.")]
    share: Annotated[float, Field(description="Of the users who enter.")]
    share_of_previous: Annotated[
        float | None,
        Field(description="Of the users at the required step before; null at the first, and in an open funnel."),
    ]
    median_seconds: Annotated[
        float | None, Field(description="Since the step matched before, over the journeys' best attempts.")
    ]
    p90_seconds: Annotated[float | None, Field(description="Nine of ten take no longer.")]
    stopped: Annotated[int, Field(description="Users whose best attempt ends here short of the last required step.")]
    open: Annotated[int, Field(description="Of these, those whose journey is open: they may still go on.")]
    instead: Annotated[list[Instead], Field(description="What those who stopped here did next, by users.")]


@dataclass(frozen=True)
class _BestAttempts:
    """Attempts at a funnel, and the best of each journey and user."""

    walks: Walks
    every: Attempts
    by_journey: Attempts
    by_user: Attempts
    needed: int  # required steps
    rows: int

    @cached_property
    def stops(self) -> Ints:
        """Row in which each user's best attempt ends, -1 where it is complete: one per user."""
        stops = np.zeros(len(self.by_user.entry), dtype=np.int64)
        for row in range(1, self.rows):
            stops[self.by_user.at[:, row] >= 0] = row
        stops[self.by_user.at[:, self.needed - 1] >= 0] = -1
        return stops


def count_funnel(frame: JourneyFrame, params: FunnelParams) -> Result[FunnelRow]:
    """Count how many get how far.

    Matched within one journey. An entry reaches a step if any increasing choice of touchpoints meets all limits; a
    match prefers most required steps, then most steps, then the earliest touchpoints. A journey and a user count at
    their best attempt.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    counted = _counted(frame, params)
    rows = _rows(counted, params)
    counts = totals(counted.walks, occurrences=len(counted.every.entry), distinct=len(rows))
    return result(
        FunnelRow,
        rows,
        None,
        counts,
        answer="funnel",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=funnel_notes(rows, counts, params),
    )


def funnel_members(frame: JourneyFrame, params: FunnelParams) -> Members:
    """The journeys behind each step: of users their best attempt's (open funnel: one that holds the step)."""
    counted = _counted(frame, params)
    stopped = np.flatnonzero(counted.stops >= 0)
    stops = Measure(counted.stops[stopped], counted.by_user.walk[stopped], "users")
    still = counted.walks.open[stops.walk]
    users, journeys = (counted.every, counted.every) if not params.nested else (counted.by_user, counted.by_journey)
    return Members(
        counted.walks,
        {
            "users": Measure(*_held(users), "users"),
            "journeys": Measure(*_held(journeys), "journeys"),
            "entries": Measure(*_held(counted.every), "occurrences"),
            "stopped": stops,
            "open": Measure(stops.row[still], stops.walk[still], "users"),
        },
    )


def funnel_statement(params: FunnelParams) -> str:
    """The statement that counts a funnel in Neo4j.

    Raises:
        CypherUnsupported: the funnel is open, in any order, holds something constant, or has optional steps.
    """
    optional = any(step.optional for step in params.steps)
    if params.order == "any" or not params.closed or params.hold is not None or optional:
        raise CypherUnsupported(
            "Neo4j counts closed funnels, strict or in sequence, of required steps; optional steps, any order, open "
            "funnels and hold are counted on the journey frame: ask without via=cypher"
        )
    return "answers/funnel"


def funnel_notes(rows: Sequence[dict[str, Any]], counted: Totals, params: FunnelParams) -> list[str]:
    """What a reader of a funnel should know."""
    notes = []
    if open_ := sum(row["open"] for row in rows):
        notes.append(f"{open_:,} of those who stopped have an open journey: they may still go on")
    if not params.nested:
        notes.append("an open funnel: users enter at any step, so a later step may have more of them")
    return notes


def _counted(frame: JourneyFrame, params: FunnelParams) -> _BestAttempts:
    walks = walk(frame, params)
    steps = params.steps
    matching = [_with_labels(walks, step.labels) for step in steps]
    limits = Limits(
        strict=params.order == "strict",
        window_us=params.window_us,
        within_us=[step.within_us for step in steps],
        breaking=np.flatnonzero(_with_labels(walks, params.not_between)),
        held=None if params.hold is None else _held_values(frame, walks, params.hold),
    )
    optional = [step.optional for step in steps]
    every = Matcher(walks, matching, limits).attempts(
        patterns(optional, params.order, closed=params.closed), len(steps), every=params.every_entry
    )
    needed = max(nth for nth, step in enumerate(steps, start=1) if not step.optional)
    return _BestAttempts(
        walks,
        every,
        best_by(every, every.walk),
        best_by(every, walks.user[every.walk].astype(np.int64)),
        needed,
        len(steps),
    )


def _with_labels(walks: Walks, labels: Sequence[str]) -> Flags:
    """Which touchpoints have one of some labels: [M]."""
    found = np.zeros(len(walks.codes), dtype=np.bool_)
    for label in labels:
        found |= walks.codes == walks.texts.index(label)
    return found


def _held_values(frame: JourneyFrame, walks: Walks, hold: str) -> Ints:
    """A number per value of what is held constant, -1 where a touchpoint has none: [M]."""
    if hold in ("name", "channel", "stage"):
        labels = {"name": frame.name, "channel": frame.channel, "stage": frame.stage}[hold]
        codes = labels.codes.astype(np.int64)
        if NO_STAGE in labels.texts and hold == "stage":
            codes[codes == labels.texts.index(NO_STAGE)] = -1
        return codes[walks.touchpoints]
    values = frame.detail(hold)
    known = values.drop_nulls().unique().sort()
    numbers = values.replace_strict(known, pl.Series(range(len(known)), dtype=pl.Int64), default=-1)
    return numbers.to_numpy()[walks.touchpoints].astype(np.int64)


def _held(attempts: Attempts) -> tuple[Ints, Ints]:
    """The rows that attempts hold, each with its walk."""
    attempt, row = np.nonzero(attempts.at >= 0)
    return row.astype(np.int64), attempts.walk[attempt]


def _rows(counted: _BestAttempts, params: FunnelParams) -> list[dict[str, Any]]:
    """One row per step."""
    walks, steps = counted.walks, params.steps
    user = walks.user[counted.every.walk]
    entered = len(counted.by_user.entry)
    stops, instead = counted.stops, _instead(counted)
    still = walks.open[counted.by_user.walk]
    waits = _waits(counted)
    rows: list[dict[str, Any]] = []
    before = 0  # users at the required step before
    for nth, step in enumerate(steps):
        holds = counted.every.at[:, nth] >= 0
        if params.nested:
            users, journeys = (int((best.at[:, nth] >= 0).sum()) for best in (counted.by_user, counted.by_journey))
        else:
            users, journeys = len(np.unique(user[holds])), len(np.unique(counted.every.walk[holds]))
        median, p90 = np.quantile(waits[nth], [0.5, 0.9]).tolist() if len(waits[nth]) else (None, None)
        rows.append(
            {
                "step": nth + 1,
                "label": step.text if params.order != "any" else f"{nth + 1} of {len(steps)}",
                "optional": step.optional,
                "users": users,
                "journeys": journeys,
                "entries": int(holds.sum()),
                "share": users / entered if entered else 0.0,
                "share_of_previous": users / before if nth and params.nested and before else None,
                "median_seconds": median,
                "p90_seconds": p90,
                "stopped": int((stops == nth).sum()),
                "open": int((still & (stops == nth)).sum()),
                "instead": instead[nth],
            }
        )
        before = before if step.optional else users
    return rows


def _waits(counted: _BestAttempts) -> list[Floats]:
    """Seconds from the step matched before to each step, over the journeys' best attempts."""
    waits: list[Floats] = [np.empty(0)]
    reached, *later = counted.by_journey.at.T  # the last touchpoint matched so far, -1 where none is
    for at in later:
        both = np.flatnonzero((at >= 0) & (reached >= 0))
        waits.append((counted.walks.times[at[both]] - counted.walks.times[reached[both]]) / 1e6)
        reached = np.maximum(reached, at)
    return waits


def _instead(counted: _BestAttempts) -> dict[int, list[dict[str, Any]]]:
    """What users who stopped did next, by the row where they did: the most common first, ties by text."""
    walks, best = counted.walks, counted.by_user
    stopped = np.flatnonzero(counted.stops >= 0)
    last = best.at.max(axis=1, initial=-1)[stopped]
    nothing = last + 1 >= walks.offsets[best.walk[stopped] + 1]
    labels = len(walks.texts) + 1  # the last one: nothing more
    code = np.where(nothing, labels - 1, walks.codes[np.minimum(last + 1, len(walks.codes) - 1)]) if len(last) else last
    counts = np.bincount(counted.stops[stopped] * labels + code, minlength=counted.rows * labels)
    by_row: dict[int, list[dict[str, Any]]] = {}
    texts = [*walks.texts, NOTHING_MORE]
    for row, users in enumerate(counts.reshape(counted.rows, labels).tolist()):
        ranked = sorted((-many, label) for many, label in zip(users, texts, strict=True) if many)
        by_row[row] = [{"label": label, "users": -many} for many, label in ranked[:MOST_INSTEAD]]
    return by_row


ANSWER = Answer(
    "funnel",
    "How many get how far, and what do the others do instead?",
    (
        "--step 'search ad|instagram ad' --step 'product page' --step 'chat?' --step 'purchase <= 7d'",
        "--step 'product page' --step cart --step purchase --order strict --collapse --by older --by younger",
        "--label channel --step website --step store --window-hours 72 --not-between support",
    ),
    FunnelParams,
    FunnelRow,
    count_funnel,
    funnel_members,
    funnel_statement,
    lambda rows: rows[0]["entries"],
    funnel_notes,
)
