"""Steps of one process that holds a graph and answers: attribution, the same again, after a commit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

Said = dict[str, Any]
_BATCH = 20


def answering(url: str, folder: str, runs: int) -> Said:
    """Attribution, a question asked again, and the journey frame after small commits, on a graph that is there."""
    from graphsvc.graph import open as open_graph

    known = json.loads(Path(folder, "identifiers.json").read_text(encoding="utf-8"))
    with open_graph(url) as graph:
        frame = graph.frame()
        arrays = [frame.user, frame.offsets, frame.times, frame.values, frame.converted]
        arrays += [labels.codes for labels in (frame.name, frame.channel, frame.stage)]
        held = sum(array.nbytes for array in arrays) + frame.users.estimated_size() + frame.keys.estimated_size()
        said: Said = {"frame_mib": held / 2**20, "touchpoints": len(frame.times), "channels": len(frame.channel.texts)}
        markov = {"label": "channel", "model": ["markov"]}
        said["order_3"] = _times(runs, lambda turn: graph.ask("attribution", markov | {"order": 3, "seed": turn}))
        said["bootstrap"] = _times(runs, lambda turn: graph.ask("attribution", markov | {"rounds": 200, "seed": turn}))
        graph.paths()
        said["again"] = [median(_times(50, lambda _: graph.paths()))]
        said["renewed"], said["commits"] = [], []
        for run in range(runs * 3):
            keys = (known["keys"][(run * _BATCH + row) % len(known["keys"])].split(":", 1) for row in range(_BATCH))
            began = time.perf_counter()
            graph.add(
                [
                    {
                        "time": known["last"], "name": "product_view", "channel": "website",
                        "event_id": f"renewal-{run}-{row}", "identifiers": {kind: value},
                    }
                    for row, (kind, value) in enumerate(keys)
                ]
            )  # fmt: skip
            committed = time.perf_counter()
            frame = graph.frame()
            said["commits"].append(committed - began)
            said["renewed"].append(time.perf_counter() - committed)
        anew = graph.store.frame()
        same = np.array_equal(frame.times, anew.times) and np.array_equal(frame.user, anew.user)
        if not same or frame.revision != anew.revision:
            raise RuntimeError("the renewed frame is not the one that is read anew")
    return said


def _times(runs: int, ask: Callable[[int], object]) -> list[float]:
    seconds = []
    for turn in range(runs):
        began = time.perf_counter()
        ask(turn)
        seconds.append(time.perf_counter() - began)
    return seconds
