"""pm4py 2: variants and directly-follows graphs, on pandas or (second argument ``polars``) on its Polars frames."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pm4py
import polars as pl

from bench.answering import Loaded, Question, Row, answer

CASE, ACTIVITY, TIME = "case:concept:name", "concept:name", "time:timestamp"
Graph = tuple[dict[tuple[str, str], Any], Any, Any]


def load(folder: Path, engine: str) -> Loaded:
    """Read the touchpoints as an event log; a case of theirs is a journey of ours."""
    log: Any
    if engine == "polars":
        table = pl.read_parquet(folder / "journeys.parquet").select(
            pl.col("journey").cast(pl.String).alias(CASE),
            pl.col("name").alias(ACTIVITY),
            pl.col("time").dt.replace_time_zone("UTC").alias(TIME),
        )
        log = table.lazy()

        def first_four() -> Any:
            return table.group_by(CASE, maintain_order=True).head(4).lazy()
    else:
        log = pm4py.format_dataframe(
            pd.read_parquet(folder / "journeys.parquet", columns=["journey", "time", "name"]),
            case_id="journey",
            activity_key="name",
            timestamp_key="time",
        )

        def first_four() -> Any:
            return log.groupby(CASE, sort=False).head(4)

    def paths(turn: int) -> list[tuple[tuple[str, ...], int]]:
        variants = pm4py.get_variants(first_four())
        return sorted(variants.items(), key=lambda item: (-item[1], item[0]))[: 20 + turn]

    def transitions(turn: int) -> tuple[Graph, Graph]:
        return pm4py.discover_dfg(log), pm4py.discover_performance_dfg(log)

    return Loaded(
        pm4py.__version__,
        {
            "paths": Question(paths, lambda found: [{"path": list(p), "journeys": int(n)} for p, n in found]),
            "transitions": Question(transitions, lambda graphs: _transitions(*graphs)),
            "transition counts": Question(lambda turn: pm4py.discover_dfg(log), lambda graph: _counts(graph)),
        },
    )


def _counts(graph: Graph) -> list[Row]:
    return [{"source": source, "target": target, "count": int(n)} for (source, target), n in graph[0].items()]


def _transitions(counts: Graph, times: Graph) -> list[Row]:
    return [
        row | {"median_seconds": float(times[0][row["source"], row["target"]]["median"])} for row in _counts(counts)
    ]


if __name__ == "__main__":
    answer(lambda: load(Path(sys.argv[1]), sys.argv[2]))
