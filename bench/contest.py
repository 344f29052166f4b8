"""Several contestants, loaded side by side, asked the same question in turn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .children import Child, ChildFailed

Row = dict[str, Any]


@dataclass
class Contestant:
    """One of them, with what it took and what it answered."""

    name: str
    child: Child
    load_seconds: float = 0.0
    version: str = ""
    questions: list[str] = field(default_factory=list)
    first: dict[str, float] = field(default_factory=dict)  # seconds of the first ask, by question
    seconds: dict[str, list[float]] = field(default_factory=dict)  # of the later ones
    rows: dict[str, list[Row]] = field(default_factory=dict)  # what it answered first
    peak_mib: float = 0.0
    failed: str = ""  # why it is out


@contextmanager
def contest(
    commands: Mapping[str, Sequence[str]], logs: Path, environment: Mapping[str, str]
) -> Iterator[list[Contestant]]:
    """Start the contestants, one after the other so that loading is not a race; memory is known after the block."""
    contestants: list[Contestant] = []
    try:
        for name, command in commands.items():
            one = Contestant(name, Child(command, logs / f"{name.replace(' ', '-')}.log", environment))
            contestants.append(one)
            loaded = one.child.hear()
            one.load_seconds, one.version, one.questions = loaded["seconds"], loaded["version"], loaded["questions"]
        yield contestants
        for one in contestants:
            if not one.failed:
                one.peak_mib = one.child.finish().peak_mib
    finally:
        for one in contestants:
            one.child.stop()


def ask_in_turn(contestants: Sequence[Contestant], question: str, turns: int) -> None:
    """Ask all who know the question: once to see the rows, then ``turns`` times, each time with another going first."""
    able = [one for one in contestants if question in one.questions and not one.failed]
    for turn in range(turns + 1):
        start = turn % len(able)
        for one in able[start:] + able[:start]:
            if one.failed:
                continue
            try:
                said = one.child.ask(question=question, turn=turn, show=turn == 0)
            except ChildFailed as failure:
                one.failed = str(failure).strip().splitlines()[-1]
                continue
            if turn == 0:
                one.first[question], one.rows[question] = said["seconds"], said["rows"]
            else:
                one.seconds.setdefault(question, []).append(said["seconds"])


#: By question: what a row is told by, and what it counts.
_KEYS = {
    "paths": (["path"], "journeys"),
    "transitions": (["source", "target"], "count"),
    "steps": (["step", "label"], "journeys"),
    "funnel": (["step"], "journeys"),
    "touches": (["segment", "side", "label"], "journeys"),
}


def disagreements(ours: Contestant, other: Contestant, question: str) -> list[str]:
    """Where the other's rows differ from ours, in words; empty where all that both computed is equal."""
    key, count = _KEYS[question]
    of_paths = question == "paths"
    mine, theirs = ours.rows[question], other.rows[question]
    if not theirs:
        return []  # their answer has another shape
    if "kind" not in theirs[0]:  # touchpoints alone, no outcomes
        mine = [row for row in mine if row.get("kind", "touchpoint") == "touchpoint"]
    mine_by, theirs_by = ({" > ".join(map(str, (r[k] for k in key))): r for r in rows} for rows in (mine, theirs))
    found = []
    counts = [sorted((row[count] for row in rows), reverse=True) for rows in (mine, theirs)]
    if counts[0] != counts[1]:
        found.append(f"other {count}: {counts[1][:3]} … against our {counts[0][:3]} …")
    last = min(counts[0], default=0)
    for row_key in mine_by.keys() ^ theirs_by.keys():  # rows that tie for the last rank may differ
        row = mine_by.get(row_key) or theirs_by[row_key]
        if not of_paths or row[count] != last:
            found.append(f"{row_key} only in {'ours' if row_key in mine_by else 'theirs'}")
    for row_key in mine_by.keys() & theirs_by.keys():
        for column in mine_by[row_key].keys() & theirs_by[row_key].keys() - {*key}:
            a, b = mine_by[row_key][column], theirs_by[row_key][column]
            if not _equal(a, b, _tolerance(column, other.name)):
                found.append(f"{column} of {row_key}: {b} against our {a}")
    return found


def _equal(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=tolerance)
    return bool(a == b)


def _tolerance(column: str, contestant: str) -> float:
    """How far apart two equal numbers may lie: retentioneering counts whole seconds between neighbours."""
    return 1.0 if column.endswith("_seconds") and contestant == "retentioneering" else 1e-6
