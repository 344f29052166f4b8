"""What every answer declares of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..errors import CypherUnsupported, QueryError, UnknownName, nearest
from ..frame import JourneyFrame
from .drill import Members
from .params import Filters
from .result import Result, Row, Totals


def _counts(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(row["count"] for row in rows)


def _no_notes(rows: Sequence[Mapping[str, Any]], totals: Totals, params: Any) -> list[str]:
    return []


def frame_only(params: Any) -> str:
    """The statement of an answer that Neo4j does not count.

    Raises:
        CypherUnsupported: always.
    """
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
