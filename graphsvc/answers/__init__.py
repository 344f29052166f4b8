"""Answers: each question declared once, in the module of its name. CLI, API and Python derive from the declaration."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from ..errors import QueryError, UnknownName, nearest
from ..frame import JourneyFrame
from ..lazy import importing
from .declared import Answer
from .drill import Behind, behind
from .params import Filters
from .result import Result, Row, Totals

if TYPE_CHECKING:
    from .attribution import AttributionParams, AttributionRow
    from .compare import Comparison
    from .conformance import ConformanceParams, ConformanceRow
    from .falls import FallRow, FallsParams
    from .feelings import FeelingRow, FeelingsParams
    from .funnel import FunnelRow
    from .funnel_params import FunnelParams
    from .matrix import MatrixParams, MatrixRow
    from .paths import PathRow, PathsParams
    from .personas import PersonaRow, PersonasParams
    from .questions import QuestionRow, QuestionsParams
    from .steps import StepRow, StepsParams
    from .touches import TouchesParams, TouchRow
    from .transitions import TransitionRow, TransitionsParams

__all__ = [
    "ANSWERS",
    "COMPARABLE",
    "Answer",
    "AttributionParams",
    "AttributionRow",
    "Behind",
    "Comparison",
    "ConformanceParams",
    "ConformanceRow",
    "FallRow",
    "FallsParams",
    "FeelingRow",
    "FeelingsParams",
    "Filters",
    "FunnelParams",
    "FunnelRow",
    "MatrixParams",
    "MatrixRow",
    "PathRow",
    "PathsParams",
    "PersonaRow",
    "PersonasParams",
    "QuestionRow",
    "QuestionsParams",
    "Result",
    "Row",
    "StepRow",
    "StepsParams",
    "Totals",
    "TouchRow",
    "TouchesParams",
    "TransitionRow",
    "TransitionsParams",
    "answer",
    "ask",
    "compared",
    "journeys_behind",
]

#: In the order in which they are shown.
_NAMES = (
    "paths",
    "transitions",
    "steps",
    "funnel",
    "touches",
    "matrix",
    "attribution",
    "conformance",
    "feelings",
    "falls",
    "questions",
    "personas",
)

__getattr__ = importing(
    __name__,
    {
        "attribution": ("AttributionParams", "AttributionRow"),
        "compare": ("Comparison",),
        "conformance": ("ConformanceParams", "ConformanceRow"),
        "falls": ("FallRow", "FallsParams"),
        "feelings": ("FeelingRow", "FeelingsParams"),
        "funnel": ("FunnelRow",),
        "funnel_params": ("FunnelParams",),
        "matrix": ("MatrixParams", "MatrixRow"),
        "paths": ("PathRow", "PathsParams"),
        "personas": ("PersonaRow", "PersonasParams"),
        "questions": ("QuestionRow", "QuestionsParams"),
        "steps": ("StepRow", "StepsParams"),
        "touches": ("TouchesParams", "TouchRow"),
        "transitions": ("TransitionRow", "TransitionsParams"),
    },
)


class _Answers(Mapping[str, Answer]):
    """The declared answers by name; the module of one is imported when it is looked at."""

    def __getitem__(self, name: str) -> Answer:
        if name not in _NAMES:
            raise KeyError(name)
        declared: Answer = importlib.import_module(f".{name}", __name__).ANSWER
        return declared

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


ANSWERS: Mapping[str, Answer] = _Answers()


def answer(name: str) -> Answer:
    """The declaration of an answer.

    Raises:
        UnknownName: no answer has that name.
    """
    if name not in ANSWERS:
        raise UnknownName(f"there is no answer {name!r}{nearest(name, ANSWERS)}")
    return ANSWERS[name]


def ask(frame: JourneyFrame, name: str, params: Filters) -> Result[Any]:
    """Answer a question from the journey frame.

    Args:
        frame: all journeys of a graph.
        name: of the answer.
        params: its parameters (``Answer.parameters``; ``Answer.parse`` makes them from plain values).

    Raises:
        UnknownName: no answer has that name, or the parameters name something that the graph does not hold.
    """
    count = answer(name).on_frame
    segments = [count(frame, params.within(segment, frame.settings.segments)) for segment in params.by]
    return count(frame, params).model_copy(update={"segments": segments})


def journeys_behind(
    frame: JourneyFrame, name: str, params: Filters, *, row: int, column: str, first: int = 0, limit: int = 100
) -> Behind:
    """The journeys that a number of an answer counts.

    Args:
        frame: all journeys of a graph.
        name: of the answer.
        params: its parameters; ``by`` is not looked at (name the segment itself).
        row: which row of the answer, from 1; the remainder stands after the last.
        column: which number of that row.
        first: how many of the journeys to skip.
        limit: how many to show.

    Raises:
        QueryError: the answer has no such row.
        UnknownName: the column counts no journeys, or see :func:`ask`.
    """
    asked = answer(name)
    found = asked.on_frame(frame, params)
    rows = [each.model_dump() for each in (*found.rows, *([found.other] if found.other else []))]
    page = slice(first, first + limit)
    return behind(frame, name, rows, asked.members(frame, params), row=row, column=column, page=page)


#: The answers whose rows count users, which a comparison can test.
COMPARABLE = ("paths", "transitions", "steps", "funnel", "attribution")


def compared(
    frame: JourneyFrame, name: str, params: Filters, *, a: str, b: str, rate: float, confidence: float
) -> Comparison:
    """Two segments or periods side by side in what an answer counts: see :func:`compare.compare`.

    Raises:
        QueryError: that answer cannot be compared.
    """
    if name not in COMPARABLE:
        raise QueryError(f"{name} cannot be compared; what can be: {', '.join(COMPARABLE)}")
    if name == "attribution":
        from .compare_credit import compare_attribution

        return compare_attribution(frame, cast("AttributionParams", params), a=a, b=b, rate=rate, confidence=confidence)
    from .compare import compare

    asked = answer(name)
    return compare(frame, name, asked.on_frame, asked.members, params, a=a, b=b, rate=rate, confidence=confidence)
