"""Answers: each question declared once. The CLI, the API and Python derive their options from the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..errors import QueryError, UnknownName, nearest
from ..frame import JourneyFrame
from .params import Filters
from .paths import PathRow, PathsParams, count_paths
from .result import Result, Row, Totals
from .transitions import TransitionRow, TransitionsParams, count_transitions

__all__ = [
    "ANSWERS",
    "Answer",
    "Filters",
    "PathRow",
    "PathsParams",
    "Result",
    "Row",
    "Totals",
    "TransitionRow",
    "TransitionsParams",
    "answer",
    "ask",
]


@dataclass(frozen=True)
class Answer:
    """One question that can be asked of a graph."""

    name: str
    question: str
    parameters: type[Filters]
    rows: type[Row]
    on_frame: Callable[[JourneyFrame, Any], Result[Any]]
    statement: str  # the file of cypher/ that counts the same

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
        Answer("paths", "What do people do?", PathsParams, PathRow, count_paths, "answers/paths"),
        Answer(
            "transitions",
            "What follows what?",
            TransitionsParams,
            TransitionRow,
            count_transitions,
            "answers/transitions",
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
    return answer(name).on_frame(frame, params)
