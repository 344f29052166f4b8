"""A question for Neo4j Browser: a statement of ``cypher/answers`` and its parameter as text to paste."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..answers import Answer, Filters
from ..answers.cypher import parameters
from ..settings import Settings
from ..stores.statements import statement

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def for_browser(asked: Answer, params: Filters, settings: Settings, data_end: datetime | None) -> tuple[str, str]:
    """The line that sets the parameter, and the statement.

    Args:
        asked: the answer.
        params: what is asked.
        settings: of the graph.
        data_end: its latest touchpoint.

    Raises:
        CypherUnsupported: only the journey frame can answer this.
        UnknownName: no segment has that name.
    """
    name = asked.statement(params)
    given = parameters(params, settings, data_end)
    return f":param asked => {literal(given)}", statement(name).text


def literal(value: Any) -> str:
    """A value as Cypher writes it, on one line; whatever a text holds, it stays a text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return f"localdatetime('{value.isoformat()}')"
    if isinstance(value, str):
        # Neo4j replaces \uXXXX before it reads texts, after an escaped backslash, too: keep the two apart.
        return "'" + value.translate(_ESCAPES).replace("\\\\u", "\\\\' + 'u") + "'"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(held)}" for name, held in value.items()) + "}"
    return "[" + ", ".join(map(literal, value)) + "]"
