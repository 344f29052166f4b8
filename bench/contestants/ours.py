"""graphsvc as a running service: ``python -m bench.contestants.ours URL VIA``, VIA being ``frame`` or ``cypher``."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import Any

from bench.answering import Loaded, Question, Row, answer
from graphsvc import __version__
from graphsvc.graph import Via
from graphsvc.graph import open as open_graph

#: Before all data: each turn asks since another day, which no cache has seen and which leaves nothing out.
BEFORE_ALL = datetime(1990, 1, 1)


_FUNNEL = ["step", "journeys", "users", "median_seconds", "p90_seconds", "stopped", "open", "instead"]


def load(url: str, via: Via) -> Loaded:
    """Open the graph; for the frame, load it."""
    graph = open_graph(url, write=False)
    if via == "frame":
        graph.frame()

    def ask(name: str, top: int, turn: int) -> Any:
        return new(name, turn, top=top)

    def new(name: str, turn: int, **asked: Any) -> Any:
        return graph.ask(name, {"since": BEFORE_ALL + timedelta(days=turn), **asked}, via=via)

    def cold() -> None:
        if via == "cypher":
            _forget_plans()

    return Loaded(
        __version__,
        {
            "paths": Question(
                lambda turn: ask("paths", 20 + turn, turn),
                lambda answered: _rows(answered, ["path", "journeys", "users", "conversion", "median_seconds"]),
                before=cold,
            ),
            "transitions": Question(
                lambda turn: ask("transitions", 1_000 - turn, turn),
                lambda answered: _rows(
                    answered, ["source", "target", "count", "users", "journeys", "median_seconds", "p90_seconds"]
                ),
                before=cold,
            ),
            "steps": Question(
                lambda turn: new("steps", turn, depth=8, top=50),
                lambda answered: _rows(
                    answered, ["step", "kind", "label", "journeys", "users", "median_seconds", "converted", "open"]
                ),
                before=cold,
            ),
            "funnel": Question(
                lambda turn: new("funnel", turn, step=["product_view", "add_to_cart", "purchase"], every_entry=False),
                lambda answered: [
                    {**row, "instead": [[each.label, each.users] for each in row["instead"]]}
                    for row in _rows(answered, _FUNNEL)
                ],
                before=cold,
            ),
            "touches": Question(
                lambda turn: new("touches", turn, by=["older", "younger"]),
                lambda answered: [
                    {
                        "segment": part.parameters.segment,
                        "side": side,
                        "label": row.label,
                        "journeys": getattr(row, side),
                        **{name: getattr(row, f"{side}_{name}") for name in ("users", "converted", "open")},
                    }
                    for part in answered.segments
                    for row in part.rows
                    for side in ("first", "last")
                    if getattr(row, side)
                ],
                before=cold,
            ),
        },
    )


def _rows(answered: Any, columns: list[str]) -> list[Row]:
    return [{column: getattr(row, column) for column in columns} for row in answered.rows]


def _forget_plans() -> None:
    """Let the server compile each statement anew: what is asked cold has no plan yet."""
    from neo4j import GraphDatabase

    login = (os.environ["NEO4J_USERNAME"], os.environ["NEO4J_PASSWORD"])
    with GraphDatabase.driver(os.environ["NEO4J_URI"], auth=login) as driver:
        driver.execute_query("CALL db.clearQueryCaches()", database_=os.environ["NEO4J_DATABASE"])


if __name__ == "__main__":
    answer(lambda: load(sys.argv[1], "cypher" if sys.argv[2] == "cypher" else "frame"))
