"""retentioneering 5: an event stream in pandas, its tools on top.

It has no tool that counts paths. The nearest is its step matrix (labels per step); for whole paths, its own truncation
to the first four events and one pandas count on the result.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["RETENTIONEERING_NO_TRACK"] = "1"  # before the import

import pandas as pd
import retentioneering
from retentioneering import Eventstream

from bench.answering import Loaded, Question, Row, answer


def load(folder: Path) -> Loaded:
    """Read the touchpoints and make an event stream; a path of theirs is a journey of ours."""
    frame = pd.read_parquet(folder / "journeys.parquet", columns=["journey", "time", "name"])
    stream = Eventstream(frame, {"path_cols": ["journey"], "event_col": "name", "timestamp_col": "time"})

    def paths(turn: int) -> pd.Series[int]:
        first_four = stream.truncate_paths("path_start", {"pattern": "path_start", "offset": 4})
        return first_four.df.groupby("journey", sort=False)["name"].agg(tuple).value_counts().head(20 + turn)

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
            "paths": Question(
                paths, lambda found: [{"path": list(p), "journeys": int(n)} for p, n in found.items()]
            ),
            "transitions": Question(transitions, lambda matrices: _counts(matrices[0])),
            "transition counts": Question(lambda turn: stream.transition_graph_data("count"), _counts),
            "labels by step": Question(lambda turn: stream.step_matrix_data(max_steps=4), lambda matrix: []),
        },
    )


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
