"""Answers: each question declared once. The CLI, the API and Python derive their options from the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..errors import CypherUnsupported, QueryError, UnknownName, nearest
from ..frame import JourneyFrame
from .attribution import AttributionParams, AttributionRow, attribution_members, count_attribution
from .compare import Comparison, compare
from .compare_credit import compare_attribution
from .conformance import ConformanceParams, ConformanceRow, conformance_members, count_conformance
from .drill import Behind, Members, behind, within
from .falls import FallRow, FallsParams, count_falls, fall_members
from .feelings import FeelingRow, FeelingsParams, count_feelings, feeling_members
from .funnel import FunnelParams, FunnelRow, count_funnel, funnel_members, funnel_notes, funnel_statement
from .matrix import MatrixParams, MatrixRow, count_matrix, matrix_members
from .params import Filters
from .paths import PathRow, PathsParams, count_paths, path_members
from .personas import PersonaRow, PersonasParams, count_personas, persona_members
from .questions import QuestionRow, QuestionsParams, count_questions, question_members
from .result import Result, Row, Totals
from .steps import StepRow, StepsParams, count_steps, journeys_left, step_members, step_notes
from .touches import TouchesParams, TouchRow, count_touches, touch_members
from .transitions import TransitionRow, TransitionsParams, count_transitions, transition_members

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


def _counts(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(row["count"] for row in rows)


def _no_notes(rows: Sequence[Mapping[str, Any]], totals: Totals, params: Any) -> list[str]:
    return []


def _frame_only(params: Any) -> str:
    raise CypherUnsupported("this is counted on the journey frame only: ask without via=cypher")


@dataclass(frozen=True)
class Answer:
    """One question that can be asked of a graph."""

    name: str
    question: str
    examples: tuple[str, ...]  # of its options on the command line
    parameters: type[Filters]
    rows: type[Row]
    on_frame: Callable[[JourneyFrame, Any], Result[Any]]
    members: Callable[[JourneyFrame, Any], Members]  # the journeys behind its numbers
    statement: Callable[[Any], str]  # the file of cypher/ that counts the same; CypherUnsupported where none does
    occurrences: Callable[[Sequence[Mapping[str, Any]]], int] = _counts  # what the shares of such rows are of
    notes: Callable[[Sequence[dict[str, Any]], Totals, Any], list[str]] = _no_notes

    def parse(self, given: Mapping[str, Any]) -> Filters:
        """Parameters by name, validated.

        Raises:
            UnknownName: a parameter that this answer does not have.
            QueryError: a value that it does not allow.
        """
        for name in given.keys() - self.parameters.model_fields.keys():
            raise UnknownName(f"{self.name} has no parameter {name!r}{nearest(name, self.parameters.model_fields)}")
        try:
            return self.parameters.model_validate(dict(given))
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}, not {one['input']!r}" for one in error.errors())
            raise QueryError(f"cannot ask {self.name} like that: {'; '.join(wrong)}") from None


ANSWERS: dict[str, Answer] = {
    declared.name: declared
    for declared in (
        Answer(
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
        ),
        Answer(
            "transitions",
            "What follows what?",
            ("--top 30", "--exclude page_view --segment 'age >= 50'"),
            TransitionsParams,
            TransitionRow,
            count_transitions,
            transition_members,
            lambda _: "answers/transitions",
        ),
        Answer(
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
        ),
        Answer(
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
        ),
        Answer(
            "touches",
            "Who starts where, and where do they end?",
            ("--by older --by younger", "--label name --top 10"),
            TouchesParams,
            TouchRow,
            count_touches,
            touch_members,
            lambda _: "answers/touches",
            lambda rows: sum(row["first"] for row in rows),
        ),
        Answer(
            "matrix",
            "Which channel do people use at which stage?",
            ("--segment older",),
            MatrixParams,
            MatrixRow,
            count_matrix,
            matrix_members,
            lambda _: "answers/matrix",
        ),
        Answer(
            "attribution",
            "Which channel earns its money?",
            (
                "--model last --model linear --model markov --order 2",
                "--by-value --lookback-days 30 --segment older --rounds 200",
                "--spend search=1200 --spend instagram=900",
                "--spend @spend.csv",
            ),
            AttributionParams,
            AttributionRow,
            count_attribution,
            attribution_members,
            _frame_only,
        ),
        Answer(
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
            _frame_only,
        ),
        Answer(
            "feelings",
            "How do people feel, and where?",
            ("--label stage --sort count", "--segment older --top 10"),
            FeelingsParams,
            FeelingRow,
            count_feelings,
            feeling_members,
            _frame_only,
        ),
        Answer(
            "falls",
            "Where does feeling fall from one step to the next?",
            ("--skip-silent", "--label stage --skip-silent --collapse"),
            FallsParams,
            FallRow,
            count_falls,
            fall_members,
            _frame_only,
        ),
        Answer(
            "questions",
            "What do people ask, and where?",
            ("--top 10", "--label stage --at consideration"),
            QuestionsParams,
            QuestionRow,
            count_questions,
            question_members,
            _frame_only,
        ),
        Answer(
            "personas",
            "Who are they?",
            ("", "--clusters 4 --channel website"),
            PersonasParams,
            PersonaRow,
            count_personas,
            persona_members,
            _frame_only,
        ),
    )
}


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
    segments = [count(frame, within(params, segment)) for segment in params.by]
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
    if isinstance(params, AttributionParams):
        return compare_attribution(frame, params, a=a, b=b, rate=rate, confidence=confidence)
    asked = answer(name)
    return compare(frame, name, asked.on_frame, asked.members, params, a=a, b=b, rate=rate, confidence=confidence)
