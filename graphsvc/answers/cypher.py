"""Answers counted by Cypher in Neo4j, from the statements of ``cypher/answers``."""

from __future__ import annotations

from typing import Any

from ..errors import CypherUnsupported
from ..stores import Store
from .params import Filters
from .result import Result


def ask_cypher(store: Store, name: str, params: Filters) -> Result[Any]:
    """Answer a question by Cypher alone.

    Raises:
        CypherUnsupported: only the journey frame can answer this.
    """
    raise CypherUnsupported(f"{name} is not counted by Cypher yet; ask the frame")
