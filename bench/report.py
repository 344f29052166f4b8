"""From measurements to ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Goal:
    """What was to be reached, and what was."""

    what: str
    wanted: str
    measured: str
    reached: bool


@dataclass(frozen=True)
class Table:
    """A table of a section; its first column names the row, its second tells the ratio."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Section:
    """One measurement."""

    title: str
    told: str  # what was done, in sentences
    goals: list[Goal] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def duration(seconds: float) -> str:
    """A time for people: ``3.1 ms``, ``420 ms``, ``7.3 s``."""
    if seconds < 0.0095:
        return f"{seconds * 1_000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1_000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"


def spread(seconds: Sequence[float]) -> str:
    """Shortest and median of several times."""
    if len(seconds) == 1:
        return duration(seconds[0])
    return f"{duration(min(seconds))} / {duration(median(seconds))}"


def size(mib: float) -> str:
    """An amount of memory for people."""
    return f"{mib:,.0f} MiB" if mib < 1_024 else f"{mib / 1_024:.2f} GiB"


def times(ratio: float) -> str:
    """A ratio for people."""
    return f"{ratio:.2f} ×" if ratio < 9.995 else f"{ratio:.0f} ×"


def page(
    sections: Sequence[Section], facts: Sequence[str], command: str, events: int, left_out: Sequence[str] = ()
) -> str:
    """The whole page; ``left_out`` names the measurements that it lacks."""
    lines = [
        "# Speed and memory",
        "",
        f"Measured by `{command}`, which writes this page. {events:,} events of the generated example; peers on the",
        "same data in the same run, taking turns. Where two times stand, they are the shortest and the median of some",
        "runs; ratios are of the shortest. Memory is the most that the measured process ever held.",
        "",
        *(f"- {fact}" for fact in facts),
        "",
    ]
    if left_out:
        lines += ["Not in this run:", "", *(f"- {told}" for told in left_out), ""]
    goals = [goal for section in sections for goal in section.goals]
    rows = [[goal.what, goal.measured, goal.wanted, "yes" if goal.reached else "**no**"] for goal in goals]
    lines += ["## In short", "", *_table(Table(["", "measured", "wanted", "reached"], rows)), ""]
    for section in sections:
        lines += [f"## {section.title}", "", section.told, ""]
        for table in section.tables:
            lines += [*_table(table), ""]
        if section.notes:
            lines += [*(f"- {note}" for note in section.notes), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(table: Table) -> list[str]:
    ruler = ["---", *["---:"] * (len(table.header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (table.header, ruler, *table.rows)]
