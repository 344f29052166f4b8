"""Steps of section j: who is who, at the speed of scipy, event by event, through a hub, and while data grows."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

Said = dict[str, Any]
_TOUCHPOINTS = 1_000  # of the person who has many
_HUB_BEGAN = datetime(2026, 1, 1)


def resolution(persons: int, identifiers: int, links: int, conflicts: int, runs: int) -> Said:
    """``partition`` and scipy's bare components on the same links, in turn; then whether they agree."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from graphsvc.core.partition import partition

    from .people_links import conflicted, people

    made = people(persons, identifiers, links, conflicts)
    a, b = made.links["a"].to_numpy(), made.links["b"].to_numpy()
    bare, ours = [], []
    for _ in range(runs):
        began = time.perf_counter()
        graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(identifiers, identifiers))
        count, label = connected_components(graph, directed=False)
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        split = partition(made.links, made.kinds)
        ours.append(time.perf_counter() - began)
    first = np.full(count, identifiers, dtype=np.int64)
    np.minimum.at(first, label, np.arange(identifiers))
    component = first[label]
    broken = conflicted(component, made.kinds)
    differing = int((split.component != component).sum() + (split.user != component)[~broken].sum())
    return {
        "bare": bare,
        "ours": ours,
        "components": int(count),
        "conflicts": len(np.unique(component[broken])),
        "users": len(np.unique(split.user)),
        "refused": len(split.reasons) - split.reasons.null_count(),
        "still_broken": int(conflicted(split.user, made.kinds).sum()),
        "differing": differing,
    }


def single_events(url: str, folder: str, count: int) -> Said:
    """Add events one by one: to as many people of the example, then to one who has a thousand touchpoints."""
    from graphsvc.graph import open as open_graph

    known = json.loads(Path(folder, "identifiers.json").read_text(encoding="utf-8"))
    keys, last = known["keys"], datetime.fromisoformat(known["last"]) + timedelta(days=1)

    def event(number: int, key: str) -> dict[str, Any]:
        kind, value = key.split(":", 1)
        at = (last + timedelta(seconds=number)).isoformat()
        told = {"event_id": f"j{number}", "time": at, "name": "product_view", "channel": "website"}
        return {**told, "identifiers": {kind: value}}

    with open_graph(url) as graph:

        def timed(numbers: range, to: Sequence[str]) -> list[float]:
            seconds = []
            for number, key in zip(numbers, to, strict=True):
                record = event(number, key)
                began = time.perf_counter()
                report = graph.add([record])
                seconds.append(time.perf_counter() - began)
                if report.new != 1:
                    raise RuntimeError("an event was not new")
            return seconds

        timed(range(3), keys[:3])  # opens connections
        of_many = timed(range(3, 3 + count), keys[3 : 3 + count])
        user = graph.user(graph.lookup(keys[-1]))
        there = sum(journey.steps for journey in user.journeys)
        graph.add([event(100_000 + number, keys[-1]) for number in range(max(0, _TOUCHPOINTS - count - there))])
        of_one = timed(range(200_000, 200_000 + count), [keys[-1]] * count)
    return {"of_many": of_many, "of_one": of_one}


def hub_file(path: str, first: int, count: int, hub: bool) -> Said:
    """Write events of as many accounts, all from one device (or each from its own)."""
    with Path(path).open("w", encoding="utf-8") as out:
        for number in range(first, first + count):
            identifiers = {"customer_id": f"c{number}", "device_id": "kiosk" if hub else f"d{number}"}
            at = _HUB_BEGAN + timedelta(seconds=number)
            told = {"event_id": f"h{number}", "time": at.isoformat(), "name": "product_view", "channel": "website"}
            print(json.dumps({**told, "identifiers": identifiers}), file=out)
    return {}


def add_file(url: str, file: str) -> Said:
    """Ingest one file, into a graph that is open already."""
    from graphsvc.graph import open as open_graph

    with open_graph(url) as graph:
        began = time.perf_counter()
        report = graph.ingest([file])
        seconds = time.perf_counter() - began
        counts = graph.status().counts
    return {"seconds": seconds, "new": report.new, "users": counts["users"]}


def growth(files: list[str], mappings: list[str], shares: list[float]) -> Said:
    """Resolve growing parts of the example in the order of arrival; what becomes of user keys from part to part."""
    from graphsvc.core import Derived
    from graphsvc.ingest import load_mapping, read_events
    from graphsvc.settings import Settings

    read = [load_mapping(Path(path)) for path in mappings]
    events = _arrived(pl.concat(batch.events for batch in read_events(files, read))).unique("key", maintain_order=True)
    settings = Settings(salt="benchmark")
    steps: list[Said] = []
    before: pl.DataFrame | None = None
    for share in shares:
        part = events.head(round(share * len(events)))
        now = Derived(part.lazy(), settings).identifiers.select("key", "user")
        if before is not None:
            steps.append({"share": share, "rows": len(part), **_kept(before, now)})
        before = now
    return {"rows": len(events), "steps": steps}


def _arrived(events: pl.DataFrame) -> pl.DataFrame:
    """Events in the order of arrival: late, as the systems of the example are; undated rows at any time."""
    from graphsvc.example.scenes import DAY
    from graphsvc.example.systems import EVENT_SYSTEMS
    from graphsvc.example.trouble import LATE

    rng = np.random.default_rng(1)
    usual = {system.name: system.arrives for system in EVENT_SYSTEMS}
    low, high = (
        events["source"].replace_strict({name: arrives[end] for name, arrives in usual.items()}, default=0.0)
        for end in (0, 1)
    )
    count = len(events)
    late = np.where(rng.random(count) < LATE, rng.uniform(0, 3 * DAY, count), 0)
    delay = rng.uniform(low.to_numpy(), high.to_numpy()) + late
    at = events["at"].dt.epoch("ms").to_numpy() / 1_000  # NaN where undated
    anywhen = rng.uniform(np.nanmin(at), np.nanmax(at), count)
    return events[np.argsort(np.where(np.isnan(at), anywhen, at + delay), kind="stable")]


def _kept(before: pl.DataFrame, now: pl.DataFrame) -> Said:
    """Of the earlier users: who neither merged nor split, and how many of those have another key."""
    met = before.drop_nulls("user").join(now, on="key", how="left", suffix="_now")
    alone = met.group_by("user_now").agg(earlier=pl.col("user").n_unique()).filter(pl.col("earlier") == 1)
    whole = met.group_by("user").agg(
        later=pl.col("user_now").n_unique(), lost=pl.col("user_now").null_count(), now=pl.col("user_now").first()
    )
    stayed = whole.filter((pl.col("later") == 1) & (pl.col("lost") == 0))
    stayed = stayed.join(alone, left_on="now", right_on="user_now")
    changed = stayed.filter(pl.col("user") != pl.col("now"))
    return {"users": len(whole), "stayed": len(stayed), "changed": len(changed)}
