"""Conformance: which journeys go as expected, and where the others leave the expected journey.

A journey is read as what it does of the steps of the model; touchpoints that are no step are passed over. A step that
it does not come to is *skipped* where it comes to a later one, else *not reached*. A step is *repeated* where it occurs
more than once without being repeatable. It is *out of order* where it occurs after a later step has; this is judged on
its first occurrence, and on all of a repeatable step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from ..frame import Flags, Ints, JourneyFrame
from .declared import Answer, frame_only
from .drill import Measure, Members, Unit
from .expected import MOST_STEPS, ExpectedStep, check
from .params import Filters, time_of
from .result import Result, Row, result
from .tally import totals
from .walks import Walks, walk

Kind = Literal["conforming", "undecided", "deviating", "step"]
OUTCOMES: tuple[Kind, ...] = ("conforming", "undecided", "deviating")
_CONFORMING, _UNDECIDED, _DEVIATING = range(3)


class ConformanceParams(Filters):
    """What to ask of conformance."""

    step: Annotated[
        tuple[str, ...],
        Field(
            min_length=2,
            max_length=MOST_STEPS,
            description="The expected journey, step by step: a label, `ad|search` for either, `chat?` for an optional "
            "step, `visit+` for one that may come again (`visit%2B` in a URL), `visit+?` for both; or JSON with "
            "labels, optional, repeatable.",
        ),
    ]

    @field_validator("step")
    @classmethod
    def _steps_parse(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ExpectedStep.parse(text)
        return value

    @model_validator(mode="after")
    def _steps_fit_together(self) -> Self:
        check(self.steps)
        return self

    @property
    def steps(self) -> list[ExpectedStep]:
        """The steps, parsed."""
        return [ExpectedStep.parse(text) for text in self.step]

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The labels that must be in the graph for this question to make sense, by kind."""
        labels = tuple(label for step in self.steps for label in step.labels)
        return [*super().named(), (self.label_kind, labels)]


class ConformanceRow(Row):
    """First the three outcomes, then one row per step of the expected journey.

    Of an outcome each number is of the journeys with that outcome, at any step; of a step it is of all journeys.
    """

    kind: Annotated[
        Kind,
        Field(
            description="`conforming`: every required step, in order, nothing again that is not repeatable; "
            "`undecided`: open, and nothing wrong but that it has not come to the end yet; `deviating`: all others; "
            "or a `step`."
        ),
    ]
    step: Annotated[int | None, Field(description="From 1; null for an outcome.")]
    label: Annotated[str, Field(description="Labels of the step; else the kind.")]
    optional: bool
    repeatable: bool
    journeys: Annotated[int, Field(description="Journeys with this outcome, or that come to this step.")]
    users: Annotated[int, Field(description="Users with at least one of them.")]
    share: Annotated[float, Field(description="Of all journeys counted.")]
    converted: Annotated[int, Field(description="Of these journeys, those that converted.")]
    open: Annotated[int, Field(description="Of these journeys, those that are still open.")]
    conversion: Annotated[
        float | None, Field(description="Converted over journeys, open ones included; null without journeys.")
    ]
    skipped: Annotated[int, Field(description="Journeys that come to a later step without it.")]
    not_reached: Annotated[int, Field(description="Journeys that come neither to it nor to a later step.")]
    repeated: Annotated[int, Field(description="Journeys in which it occurs again, though not repeatable.")]
    out_of_order: Annotated[int, Field(description="Journeys in which it comes after a later step.")]
    left: Annotated[int, Field(description="Deviating journeys of which it is the first step that goes wrong.")]
    waiting: Annotated[int, Field(description="Undecided journeys of which it is the next required step.")]


#: What each column that counts something at steps counts.
_UNITS: dict[str, Unit] = {
    "journeys": "journeys",
    "users": "users",
    "converted": "converted",
    "open": "open",
    **dict.fromkeys(("skipped", "not_reached", "repeated", "out_of_order", "left", "waiting"), "journeys"),
}


@dataclass(frozen=True)
class _Judged:
    """What each of ``W`` walks does at each of ``S`` steps, and its outcome."""

    walks: Walks
    steps: list[ExpectedStep]
    outcome: Ints  # [W] index into OUTCOMES
    at_step: dict[str, Flags]  # [S, W] by column
    overall: dict[str, Flags]  # [W] by column: at any step


def count_conformance(frame: JourneyFrame, params: ConformanceParams) -> Result[ConformanceRow]:
    """Judge journeys by an expected one.

    A journey is *conforming* if every required step occurs, no step occurs after a later one, and none that is not
    repeatable occurs twice. An open journey that only lacks its end (required steps that are not reached) is
    *undecided*, also where it has not come to any step yet. All others are *deviating*, and leave the expected journey
    at its first step that goes wrong: required and missing, repeated, or out of order.

    At each step journeys + skipped + not reached are all journeys; ``left`` adds up to the deviating journeys,
    ``waiting`` to the undecided ones.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    judged = _judged(frame, params)
    walks = judged.walks
    return result(
        ConformanceRow,
        _rows(judged),
        None,
        totals(walks, occurrences=len(walks), distinct=len(judged.steps)),
        answer="conformance",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=_notes(judged),
    )


def conformance_members(frame: JourneyFrame, params: ConformanceParams) -> Members:
    """The journeys behind each outcome and each step."""
    judged = _judged(frame, params)
    return Members(judged.walks, {name: _counted(judged, name, unit) for name, unit in _UNITS.items()})


def _notes(judged: _Judged) -> list[str]:
    """What a reader of conformance should know."""
    notes = []
    if undecided := int((judged.outcome == _UNDECIDED).sum()):
        notes.append(f"{undecided:,} journeys are undecided: open, and right as far as they have come")
    if strangers := int((~judged.at_step["journeys"].any(axis=0)).sum()):
        notes.append(f"{strangers:,} of {len(judged.walks):,} journeys come to none of the steps")
    return notes


def _judged(frame: JourneyFrame, params: ConformanceParams) -> _Judged:
    """Judge each walk at each step, from the last step back: what counts is which later step comes first."""
    walks, steps = walk(frame, params), params.steps
    step_of = np.full(len(walks.texts), -1, dtype=np.int64)
    for nth, step in enumerate(steps):
        step_of[[walks.texts.index(label) for label in step.labels]] = nth
    taken = step_of[walks.codes]
    walk_of = walks.walk_of

    never = len(walks.codes)
    columns = ("journeys", "skipped", "not_reached", "repeated", "out_of_order")
    at_step = {name: np.zeros((len(steps), len(walks)), dtype=np.bool_) for name in columns}
    later = np.full(len(walks), never, dtype=np.int64)  # first touchpoint of any later step
    for nth, step in reversed(list(enumerate(steps))):
        at = np.flatnonzero(taken == nth)
        first, last, times = _occurrences(walk_of[at], at, len(walks), never)
        held = times > 0
        judged = last if step.repeatable else first
        at_step["journeys"][nth] = held
        at_step["skipped"][nth] = ~held & (later < never)
        at_step["not_reached"][nth] = ~held & (later == never)
        at_step["repeated"][nth] = (times > 1) & (not step.repeatable)
        at_step["out_of_order"][nth] = held & (judged > later)
        later = np.minimum(later, first)
    return _with_outcomes(walks, steps, at_step)


def _occurrences(walk: Ints, at: Ints, walks: int, never: int) -> tuple[Ints, Ints, Ints]:
    """First and last touchpoint at a step, and how many there are: [W] each.

    Args:
        walk: of each touchpoint at the step, ascending: [P].
        at: its index: [P].
        walks: how many walks there are.
        never: stands where a walk has none.
    """
    begins, ends = np.ones(len(walk), dtype=np.bool_), np.ones(len(walk), dtype=np.bool_)
    begins[1:] = walk[1:] != walk[:-1]
    ends[:-1] = begins[1:]
    first, last = np.full(walks, never, dtype=np.int64), np.full(walks, never, dtype=np.int64)
    first[walk[begins]] = at[begins]
    last[walk[ends]] = at[ends]
    return first, last, np.bincount(walk, minlength=walks)


def _with_outcomes(walks: Walks, steps: list[ExpectedStep], at_step: dict[str, Flags]) -> _Judged:
    """Outcome of each walk, and the step at which it leaves the model or waits."""
    required = np.array([[not step.optional] for step in steps], dtype=np.bool_)  # [S, 1]
    lacks_end = required & at_step["not_reached"]
    wrong = at_step["repeated"] | at_step["out_of_order"] | (required & at_step["skipped"])
    incomplete = lacks_end.any(axis=0)
    undecided = walks.open & incomplete & ~wrong.any(axis=0)
    deviating = (incomplete | wrong.any(axis=0)) & ~undecided
    outcome = np.select([undecided, deviating], [_UNDECIDED, _DEVIATING], _CONFORMING).astype(np.int64)
    is_first = np.argmax(lacks_end | wrong, axis=0) == np.arange(len(steps))[:, np.newaxis]
    at_step = {**at_step, "left": is_first & deviating, "waiting": is_first & undecided}
    overall: dict[str, Flags] = {name: np.logical_or.reduce(flags) for name, flags in at_step.items()}
    overall["journeys"] = np.ones(len(walks), dtype=np.bool_)
    return _Judged(walks, steps, outcome, at_step, overall)


def _counted(judged: _Judged, column: str, unit: Unit) -> Measure:
    """What a column counts: of the outcomes, then of the steps."""
    flags = column if column in judged.at_step else "journeys"
    step, at_step = np.nonzero(judged.at_step[flags])
    overall = np.flatnonzero(judged.overall[flags])
    row = np.concatenate([judged.outcome[overall], len(OUTCOMES) + step])
    return Measure(row, np.concatenate([overall, at_step]), unit)


def _rows(judged: _Judged) -> list[dict[str, Any]]:
    """The outcomes, then the steps."""
    walks, count = judged.walks, len(judged.walks)

    def measured(flags: dict[str, Flags]) -> dict[str, Any]:
        mine = flags["journeys"]
        journeys, converted = int(mine.sum()), int((mine & walks.converted).sum())
        return {
            **{name: int(flag.sum()) for name, flag in flags.items()},
            "users": len(np.unique(walks.user[mine])),
            "share": journeys / count if count else 0.0,
            "converted": converted,
            "open": int((mine & walks.open).sum()),
            "conversion": converted / journeys if journeys else None,
        }

    rows: list[dict[str, Any]] = []
    for nth, kind in enumerate(OUTCOMES):
        has = judged.outcome == nth
        flags = {name: flag & has for name, flag in judged.overall.items()}
        rows.append(
            {"kind": kind, "step": None, "label": kind, "optional": False, "repeatable": False, **measured(flags)}
        )
    for nth, step in enumerate(judged.steps):
        flags = {name: flag[nth] for name, flag in judged.at_step.items()}
        marks = step.model_dump(exclude={"labels"})
        rows.append({"kind": "step", "step": nth + 1, "label": step.text, **marks, **measured(flags)})
    return rows


ANSWER = Answer(
    "conformance",
    "Do journeys go as expected, and where do they leave?",
    (
        "--step 'home_page|app_open' --step 'chat_question?' --step 'product_view+' --step purchase",
        "--step @expected.toml --by older --by younger",
    ),
    ConformanceParams,
    ConformanceRow,
    count_conformance,
    conformance_members,
    frame_only,
)
