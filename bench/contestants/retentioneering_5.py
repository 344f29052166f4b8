"""retentioneering 5: an event stream in pandas, its tools on top.

It has no tool that counts paths. The nearest is its step matrix (labels per step); for whole paths, its own truncation
to the first four events and one pandas count on the result.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["RETENTIONEERING_NO_TRACK"] = "1"  # before the import

import pandas as pd
import retentioneering
from retentioneering import Eventstream

from bench.answering import Loaded, Question, Row, answer


def load(folder: Path) -> Loaded:
    """Read the touchpoints and make an event stream; a path of theirs is a journey of ours."""
    frame = pd.read_parquet(folder / "journeys.parquet", columns=["journey", "time", "name"])
    stream = Eventstream(frame, {"path_cols": ["journey"], "event_col": "name", "timestamp_col": "time"})

    def paths(turn: int) -> Any:
        first_four = stream.truncate_paths("path_start", {"pattern": "path_start", "offset": 4}).df
        step = first_four.groupby("journey").cumcount()
        wide = first_four.assign(step=step, name=first_four["name"].astype(str))
        wide = wide.pivot(index="journey", columns="step", values="name")  # a tenth of the time of joining texts
        return wide.value_counts(dropna=False).head(20 + turn)

    def transitions(turn: int) -> list[pd.DataFrame]:
        return [
            stream.transition_graph_data("count"),
            stream.transition_graph_data("unique_paths"),
            stream.transition_graph_data("time_median"),
            stream.transition_graph_data("time_q95"),
        ]

    return Loaded(
        retentioneering.__version__,
        {
            "paths": Question(paths, _paths),
            "transitions": Question(transitions, _transitions),
            "transition counts": Question(lambda turn: stream.transition_graph_data("count"), _counts),
            "steps": Question(lambda turn: stream.step_matrix_data(max_steps=8), lambda matrix: []),
            "funnel": Question(
                lambda turn: stream.funnel_data(steps=["product_view", "add_to_cart", "purchase"]),
                lambda found: [
                    {"step": nth, "journeys": step["unique_paths"]} for nth, step in enumerate(found["steps"], start=1)
                ],
            ),
            "labels by step": Question(lambda turn: stream.step_matrix_data(max_steps=4), lambda matrix: []),
        },
    )


def _paths(found: Any) -> list[Row]:
    return [{"path": [name for name in path if isinstance(name, str)], "journeys": int(n)} for path, n in found.items()]


def _transitions(matrices: list[pd.DataFrame]) -> list[Row]:
    counts, paths, medians, _ = matrices
    return [
        row
        | {
            "journeys": int(paths.loc[row["source"], row["target"]]),
            "median_seconds": medians.loc[row["source"], row["target"]].total_seconds(),
        }
        for row in _counts(counts)
    ]


def _counts(matrix: pd.DataFrame) -> list[Row]:
    inner = matrix.drop(index=["path_start", "path_end"], columns=["path_start", "path_end"])
    return [
        {"source": source, "target": target, "count": int(count)}
        for source, row in inner.iterrows()
        for target, count in row.items()
        if count
    ]


if __name__ == "__main__":
    answer(lambda: load(Path(sys.argv[1])))
