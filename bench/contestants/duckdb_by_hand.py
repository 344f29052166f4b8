"""What a person who knows SQL writes: one table of touchpoints in memory, one statement per question."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from bench.answering import Loaded, Question, Row, answer

# Names as ENUM and keys as integers: what one does for speed.
LOAD = """
CREATE TYPE names AS ENUM (SELECT DISTINCT name FROM read_parquet($file) ORDER BY name);
CREATE TABLE touchpoints AS
SELECT journey, "user", age, step, last, time, name::names AS name, channel, converted, open
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
WITH visits AS (
    SELECT step, last, name, "user", converted, open, epoch(time - lag(time) OVER journeys) AS seconds
    FROM touchpoints WHERE step <= 8 AND time >= $since WINDOW journeys AS (PARTITION BY journey ORDER BY step))
SELECT step, 'touchpoint' AS kind, name::VARCHAR AS label, count(*) AS journeys, count(DISTINCT "user") AS users,
       median(seconds) AS median_seconds, count(*) FILTER (converted) AS converted, count(*) FILTER (open) AS open
FROM visits GROUP BY step, name
UNION ALL
SELECT step, CASE WHEN NOT last THEN 'beyond' WHEN converted THEN 'converted' WHEN open THEN 'open'
                  ELSE 'dropped' END AS kind,
       kind, count(*), count(DISTINCT "user"), NULL, count(*) FILTER (converted), count(*) FILTER (open)
FROM visits WHERE last OR step = 8 GROUP BY step, kind
ORDER BY step, journeys DESC, label
"""

FUNNEL = """
WITH first AS (
    SELECT journey, any_value("user") AS "user", any_value(open) AS open, min(step) AS place, min(time) AS time
    FROM touchpoints WHERE name = 'product_view' AND time >= $since GROUP BY journey),
second AS (
    SELECT journey, min(step) AS place, min(touchpoints.time) AS time
    FROM touchpoints JOIN first USING (journey) WHERE name = 'add_to_cart' AND step > first.place GROUP BY journey),
third AS (
    SELECT journey, min(touchpoints.time) AS time
    FROM touchpoints JOIN second USING (journey) WHERE name = 'purchase' AND step > second.place GROUP BY journey),
attempts AS (
    SELECT journey, "user", open, coalesce(second.place, first.place) AS place,
           CASE WHEN third.time IS NOT NULL THEN 3 WHEN second.time IS NOT NULL THEN 2 ELSE 1 END AS reached,
           epoch(second.time - first.time) AS to_second, epoch(third.time - second.time) AS to_third
    FROM first LEFT JOIN second USING (journey) LEFT JOIN third USING (journey)),
best AS (
    SELECT "user", max_by(journey, (reached, -journey)) AS journey, max_by(open, (reached, -journey)) AS open,
           max_by(place, (reached, -journey)) AS place, max(reached) AS reached
    FROM attempts GROUP BY "user"),
stopped AS (
    SELECT reached AS step, best.open, coalesce(following.name::VARCHAR, '(nothing more)') AS label
    FROM best LEFT JOIN touchpoints AS following ON following.journey = best.journey AND following.step = best.place + 1
    WHERE reached < 3),
journeys AS (
    SELECT unnest([1, 2, 3]) AS step,
           unnest([count(*), count(*) FILTER (reached >= 2), count(*) FILTER (reached = 3)]) AS journeys,
           unnest([NULL, quantile_cont(to_second, [0.5, 0.9]), quantile_cont(to_third, [0.5, 0.9])]) AS waits
    FROM attempts),
people AS (
    SELECT unnest([1, 2, 3]) AS step,
           unnest([count(*), count(*) FILTER (reached >= 2), count(*) FILTER (reached = 3)]) AS users
    FROM best),
ended AS (SELECT step, count(*) AS stopped, count(*) FILTER (open) AS open FROM stopped GROUP BY step),
followed AS (SELECT step, label, count(*) AS users FROM stopped GROUP BY step, label),
instead AS (SELECT step, list((label, users) ORDER BY users DESC, label)[:5] AS instead FROM followed GROUP BY step)
SELECT step, journeys, users, waits, coalesce(stopped, 0), coalesce(open, 0), coalesce(instead, [])
FROM journeys JOIN people USING (step) LEFT JOIN ended USING (step) LEFT JOIN instead USING (step) ORDER BY step
"""

TOUCHES = """
WITH ends AS (
    SELECT age >= 50 AS older, 'first' AS side, channel, "user", converted, open
    FROM touchpoints WHERE step = 1 AND age IS NOT NULL AND time >= $since
    UNION ALL
    SELECT age >= 50, 'last', channel, "user", converted, open
    FROM touchpoints WHERE last AND age IS NOT NULL AND time >= $since)
SELECT older, side, channel, count(*) AS journeys, count(DISTINCT "user") AS users,
       count(*) FILTER (converted) AS converted, count(*) FILTER (open) AS open
FROM ends GROUP BY ALL
"""

# What they owe at least: no outcomes, no times, nothing of those who stopped, no last touches.
STEP_COUNTS = """
SELECT step, name, count(*) AS journeys, count(DISTINCT "user") AS users
FROM touchpoints WHERE step <= 8 AND time >= $since GROUP BY step, name ORDER BY step, journeys DESC, name
"""

FUNNEL_COUNTS = """
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

FIRST_TOUCH_COUNTS = """
SELECT age >= 50 AS older, channel, count(*) AS journeys, count(DISTINCT "user") AS users, avg(converted::INT)
FROM touchpoints WHERE step = 1 AND age IS NOT NULL AND time >= $since GROUP BY ALL
"""


_BOTH = ("journeys", "users")
_STEP = ("step", "kind", "label", *_BOTH, "median_seconds", "converted", "open")


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
            "steps": Question(lambda turn: since(STEPS, turn), _named(*_STEP)),
            "funnel": Question(lambda turn: since(FUNNEL, turn), _funnel),
            "touches": Question(lambda turn: since(TOUCHES, turn), _touches),
            "step counts": Question(lambda turn: since(STEP_COUNTS, turn), _named("step", "label", *_BOTH)),
            "funnel counts": Question(lambda turn: since(FUNNEL_COUNTS, turn), _named("step", *_BOTH)),
            "first touch counts": Question(
                lambda turn: since(FIRST_TOUCH_COUNTS, turn), _named("older", "label", *_BOTH, "conversion")
            ),
            "transition counts": Question(lambda turn: ask(TRANSITION_COUNTS, 10_000 + turn), _counts),
        },
    )


def _named(*columns: str) -> Callable[[list[tuple[Any, ...]]], list[Row]]:
    """Rows by column."""
    return lambda rows: [dict(zip(columns, row, strict=True)) for row in rows]


def _funnel(rows: list[tuple[Any, ...]]) -> list[Row]:
    named = _named("step", "journeys", "users", "waits", "stopped", "open", "instead")(rows)
    return [
        {**row, "median_seconds": waits[0], "p90_seconds": waits[1], "instead": [list(each) for each in row["instead"]]}
        for row in named
        for waits in [row.pop("waits") or [None, None]]
    ]


def _touches(rows: list[tuple[Any, ...]]) -> list[Row]:
    named = _named("older", "side", "label", *_BOTH, "converted", "open")(rows)
    return [{**row, "segment": "older" if row.pop("older") else "younger"} for row in named]


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
