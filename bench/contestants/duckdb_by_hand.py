"""What a person who knows SQL writes: one table of touchpoints in memory, one statement per question."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from bench.answering import Loaded, Question, Row, answer

# Names as ENUM and keys as integers: what one does for speed.
LOAD = """
CREATE TYPE names AS ENUM (SELECT DISTINCT name FROM read_parquet($file) ORDER BY name);
CREATE TABLE touchpoints AS
SELECT journey, "user", age, step, time, name::names AS name, channel, converted
FROM read_parquet($file) ORDER BY journey, step
"""

PATHS = """
WITH starts AS (
    SELECT journey,
           any_value("user") AS "user",
           any_value(name) FILTER (step = 1) AS a,
           any_value(name) FILTER (step = 2) AS b,
           any_value(name) FILTER (step = 3) AS c,
           any_value(name) FILTER (step = 4) AS d,
           any_value(converted) AS converted,
           epoch(max(time) - min(time)) AS seconds
    FROM touchpoints WHERE step <= 4 GROUP BY journey)
SELECT a, b, c, d, count(*) AS journeys, count(DISTINCT "user") AS users, avg(converted::INT) AS conversion,
       median(seconds) AS median_seconds
FROM starts GROUP BY a, b, c, d ORDER BY journeys DESC, a, b, c, d LIMIT $top
"""

TRANSITIONS = """
WITH pairs AS (
    SELECT name AS source, lead(name) OVER journeys AS target, "user",
           epoch(lead(time) OVER journeys - time) AS seconds
    FROM touchpoints WINDOW journeys AS (PARTITION BY journey ORDER BY step))
SELECT source, target, count(*) AS count, count(DISTINCT "user") AS users,
       quantile_cont(seconds, [0.5, 0.9]) AS quantiles
FROM pairs WHERE target IS NOT NULL GROUP BY source, target ORDER BY count DESC, source, target LIMIT $top
"""

TRANSITION_COUNTS = """
WITH pairs AS (
    SELECT name AS source, lead(name) OVER (PARTITION BY journey ORDER BY step) AS target FROM touchpoints)
SELECT source, target, count(*) AS count
FROM pairs WHERE target IS NOT NULL GROUP BY source, target ORDER BY count DESC, source, target LIMIT $top
"""

STEPS = """
SELECT step, name, count(*) AS journeys, count(DISTINCT "user") AS users
FROM touchpoints WHERE step <= 8 AND time >= $since GROUP BY step, name ORDER BY step, journeys DESC, name
"""

FUNNEL = """
WITH first AS (
    SELECT journey, any_value("user") AS "user", min(step) AS at
    FROM touchpoints WHERE name = 'product_view' AND time >= $since GROUP BY journey),
second AS (
    SELECT journey, any_value(first."user") AS "user", min(step) AS at
    FROM touchpoints JOIN first USING (journey) WHERE name = 'add_to_cart' AND step > first.at GROUP BY journey),
third AS (
    SELECT journey, any_value(second."user") AS "user"
    FROM touchpoints JOIN second USING (journey) WHERE name = 'purchase' AND step > second.at GROUP BY journey)
SELECT 1, count(*), count(DISTINCT "user") FROM first
UNION ALL SELECT 2, count(*), count(DISTINCT "user") FROM second
UNION ALL SELECT 3, count(*), count(DISTINCT "user") FROM third
"""

FIRST_TOUCH = """
SELECT age >= 50 AS older, channel, count(*) AS journeys, count(DISTINCT "user") AS users, avg(converted::INT)
FROM touchpoints WHERE step = 1 AND age IS NOT NULL AND time >= $since GROUP BY ALL
"""


def load(folder: Path) -> Loaded:
    """Fill a table in memory; the statements are new in each turn by their limit."""
    connection = duckdb.connect()
    create, fill = LOAD.split(";")
    file = str(folder / "journeys.parquet")
    connection.execute(create.replace("$file", f"'{file}'"))  # DDL takes no parameters
    connection.execute(fill, {"file": file})

    def ask(statement: str, top: int) -> list[tuple[Any, ...]]:
        return connection.execute(statement, {"top": top}).fetchall()

    def since(statement: str, turn: int) -> list[tuple[Any, ...]]:
        return connection.execute(statement, {"since": datetime(1990, 1, 1 + turn)}).fetchall()

    return Loaded(
        duckdb.__version__,
        {
            "paths": Question(lambda turn: ask(PATHS, 20 + turn), _paths),
            "transitions": Question(lambda turn: ask(TRANSITIONS, 10_000 + turn), _transitions),
            "steps": Question(
                lambda turn: since(STEPS, turn),
                lambda rows: [
                    {"step": step, "label": name, "journeys": journeys, "users": users}
                    for step, name, journeys, users in rows
                ],
            ),
            "funnel": Question(
                lambda turn: since(FUNNEL, turn),
                lambda rows: [{"step": step, "journeys": journeys, "users": users} for step, journeys, users in rows],
            ),
            "first touch": Question(
                lambda turn: since(FIRST_TOUCH, turn),
                lambda rows: [
                    {
                        "segment": "older" if older else "younger",
                        "label": channel,
                        "journeys": journeys,
                        "users": users,
                        "conversion": conversion,
                    }
                    for older, channel, journeys, users, conversion in rows
                ],
            ),
            "transition counts": Question(lambda turn: ask(TRANSITION_COUNTS, 10_000 + turn), _counts),
        },
    )


def _paths(rows: list[tuple[Any, ...]]) -> list[Row]:
    return [
        {
            "path": [name for name in (a, b, c, d) if name is not None],
            "journeys": journeys,
            "users": users,
            "conversion": conversion,
            "median_seconds": seconds,
        }
        for a, b, c, d, journeys, users, conversion, seconds in rows
    ]


def _transitions(rows: list[tuple[Any, ...]]) -> list[Row]:
    return [
        {
            "source": source,
            "target": target,
            "count": count,
            "users": users,
            "median_seconds": quantiles[0],
            "p90_seconds": quantiles[1],
        }
        for source, target, count, users, quantiles in rows
    ]


def _counts(rows: list[tuple[Any, ...]]) -> list[Row]:
    return [{"source": source, "target": target, "count": count} for source, target, count in rows]


if __name__ == "__main__":
    answer(lambda: load(Path(sys.argv[1])))
