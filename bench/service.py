"""Measurements of a running service: attribution, asking again, after a commit, and under load."""

from __future__ import annotations

from statistics import median, quantiles

from .context import Bench
from .load import MAX_AGE
from .report import Goal, Section, Table, duration, size, spread

SECONDS, READS, WRITES = 60, 100, 1


def answering(bench: Bench) -> Section:
    """(l) Attribution, the same question again, the frame after a small commit."""
    section = Section(
        "A service that answers",
        "Exact Markov attribution of order 3 over all channels; 200 bootstrap rounds of order 1; a question that was "
        "asked before, on an unchanged graph; then batches of 20 events, each written and followed by the journey "
        "frame that it leads to, which is made from the former one and at the end compared with one read anew.",
    )
    for name, url, env in bench.stores():
        said = bench.step("answering", env, url=url, folder=bench.exported, runs=bench.runs).said
        measured = [
            (f"Markov of order 3 over {said['channels']} channels", said["order_3"], 2.0, "< 2 s"),
            ("200 bootstrap rounds of Markov, order 1", said["bootstrap"], 10.0, "< 10 s"),
            ("the same question again", said["again"], 0.005, "< 5 ms"),
            ("the frame after a batch of 20 events", said["renewed"], 0.1, "< 100 ms"),
        ]
        for what, seconds, most, wanted in measured:
            reached = median(seconds) < most
            section.goals.append(Goal(f"{what}, {name}", wanted, duration(median(seconds)), reached))
        rows = [[what, spread(seconds)] for what, seconds, _, _ in measured]
        rows.append(["such a batch, from records to commit", spread(said["commits"])])
        section.tables.append(Table([name, "time"], rows))
    frame = said["frame_mib"]
    section.goals.append(Goal(f"memory of the frame, {said['touchpoints']:,} touchpoints", "< 200 MB",
                              size(frame), frame * 2**20 < 200e6))  # fmt: skip
    return section


def loaded(bench: Bench) -> Section:
    """(m) Under load: 100 reads and 1 write a second."""
    section = Section(
        "Under load",
        f"`graphsvc serve` in a process of its own, with answers that may be {MAX_AGE} s old (`GRAPHSVC_MAX_AGE`); "
        f"{READS} reads and {WRITES} write a second for {SECONDS} s, sent when they are due, whether or not earlier "
        "ones have come back. Nine reads in ten are one of ten questions, one finds a person and shows the journeys. "
        "The client runs on the same two cores. A read's time counts from when it was due. Afterwards the graph is "
        "compared, table by table, with what all its events come to in one go.",
    )
    rows = []
    for name, url, env in bench.stores():
        asked = {"seconds": SECONDS, "reads": READS, "writes": WRITES}
        said = bench.step("load", env, url=url, folder=bench.exported, **asked).said
        p95 = quantiles(said["reads"], n=20)[-1]
        section.goals += [
            Goal(f"p95 under load, {name}", "< 150 ms", duration(p95), p95 < 0.150),
            Goal(f"errors under load, {name}", "0", f"{said['failures']}", not said["failures"]),
            Goal(f"the graph afterwards, {name}", "right", "right" if said["right"] else "wrong", said["right"]),
        ]
        slow = quantiles(said["writes"], n=20)[-1]
        rows.append(
            [
                name,
                f"{len(said['reads']):,}",
                duration(median(said["reads"])),
                duration(p95),
                duration(max(said["reads"])),
                f"{duration(median(said['writes']))} / {duration(slow)}",
                duration(max(said["ages"], default=0.0)),
            ]
        )
        section.notes += [f"**{name}: {failed}**" for failed in said["failed"]]
    header = ["", "reads", "median", "p95", "longest", "writes, median / p95", "oldest answer"]
    section.tables.append(Table(header, rows))
    return section
