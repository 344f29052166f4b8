"""The funnel as a picture: bars from wide to narrow, who stopped, and what they did instead."""

from __future__ import annotations

from itertools import pairwise

from ..answers import FunnelParams, FunnelRow, Result
from .scene import Line, Node, Scene, ScenePicture, Sign, Table, Text
from .words import NONE, counted, duration, number, percent, quoted

_LABELS = 160.0  # width of the column of labels
_ALL = 250.0  # width of the bar of all who enter
_BAR = 44.0  # height
_STOPPED_AT = _LABELS + _ALL + 40
_STOPPED = 230.0  # width of a box of those who stopped
_ROW = 104.0
_LINE = 15.5
_INSTEAD = 3  # told in the picture; the details tell all
_COLUMNS = (
    "Step", "Label", "Users", "Of those who enter", "Of the step before", "Journeys", "Attempts", "Median gap",
    "Nine of ten within", "Stopped", "Of these still open", "Instead",
)  # fmt: skip


class FunnelMap(ScenePicture):
    """How many get how far. An aggregate: no identifier and no user key stands in it."""

    answer: Result[FunnelRow]

    def scene(self) -> Scene:
        """Steps from top to bottom, each as wide as its users are many; right of it those who stopped there."""
        rows = self.answer.rows
        params = self.answer.parameters
        nested = isinstance(params, FunnelParams) and params.nested
        entered = max((row.users for row in rows), default=0) or 1
        tops = [0.0]
        for row in rows:
            tops.append(tops[-1] + max(_ROW, _stopped_height(row) + 18))
        nodes, lines = [], []
        for row, top in zip(rows, tops, strict=False):
            bar = _step(row, top, _ALL * row.users / entered, last=row is rows[-1])
            nodes.append(bar)
            if row.stopped:
                stopped = _stopped(row, top)
                nodes.append(stopped)
                lines.append(_leaving(row, bar, stopped, entered))
        steps = {row.step: node for row, node in zip(rows, (n for n in nodes if n.look == "bar"), strict=True)}
        required = [row for row in rows if not row.optional] if nested else []
        lines += [_going_on(row, steps[before.step], steps[row.step]) for before, row in pairwise(required)]
        return Scene(
            about=" · ".join(filter(None, ["Users by the steps that they reach", self.footer.period])),
            headline=_headline(rows, nested=nested),
            figures=[
                (number(rows[0].users), "enter" if nested else "reach the first step"),
                (number(rows[-1].users), "reach the last step"),
                *([(percent(rows[-1].share), "of those who enter")] if nested else []),
            ],
            alt="Steps of a funnel from top to bottom, each bar as wide as its users are many.",
            hint="Point at a bar or a box, or click to keep its details here.",
            nodes=nodes,
            lines=lines,
            legend=[
                Sign("bar", "touchpoint", "users who reach the step"),
                Sign("bar", "converted", "who reach the last one"),
                Sign("box", "dropped", "who stopped there, and what they did instead"),
            ],
            tables=[Table("Steps", _COLUMNS, [_cells(row) for row in rows])],
            notes=list(self.answer.notes),
            width=_STOPPED_AT + _STOPPED,
            height=tops[-1] - (_ROW - max(_BAR, _stopped_height(rows[-1]))),
        )


def _step(row: FunnelRow, top: float, width: float, *, last: bool) -> Node:
    caption = f"{counted(row.users, 'user')} · {percent(row.share)}"
    if row.share_of_previous is not None:
        caption += f"\n{percent(row.share_of_previous)} of the step before"
    if row.optional:
        caption += "\noptional"
    if row.median_seconds is not None:
        caption += f"\nhalf within {duration(row.median_seconds)}"
    return Node(
        id=f"step {row.step}",
        x=_LABELS + _ALL / 2,
        y=top + _BAR / 2,
        width=max(width, 2.0),
        height=_BAR,
        look="bar",
        tint="converted" if last else "touchpoint",
        label=f"{row.step}. {row.label}",
        heading=row.label,
        caption=caption,
        where=f"step {row.step}",
        facts=_facts(row),
        text=Text(dx=-_LABELS - _ALL / 2, align="left", room=_LABELS - 12, lines=1),
    )


def _stopped_height(row: FunnelRow) -> float:
    lines = 1 + min(len(row.instead), _INSTEAD) + (row.open > 0)
    return 16 + _LINE * lines if row.stopped else 0.0


def _stopped(row: FunnelRow, top: float) -> Node:
    told = [f"then {instead.label} {number(instead.users)}" for instead in row.instead[:_INSTEAD]]
    if row.open:
        told.append(f"{number(row.open)} of them may still go on")
    height = _stopped_height(row)
    return Node(
        id=f"stopped {row.step}",
        x=_STOPPED_AT + _STOPPED / 2,
        y=top + height / 2,
        width=_STOPPED,
        height=height,
        look="box",
        tint="dropped",
        strength=0.18,
        label=f"{number(row.stopped)} stopped ({percent(row.stopped / row.users if row.users else 0)})",
        caption="\n".join(told),
        heading="Stopped",
        where=f"after step {row.step}",
        facts=[
            ("Users", number(row.stopped)),
            ("Still open", number(row.open)),
            *((f"Then {instead.label}", number(instead.users)) for instead in row.instead),
        ],
        text=Text(dx=-_STOPPED / 2 + 12, align="left", room=_STOPPED - 24, lines=1),
    )


def _leaving(row: FunnelRow, bar: Node, stopped: Node, entered: int) -> Line:
    start, end = bar.x + bar.width / 2, stopped.x - _STOPPED / 2
    y = bar.y
    return Line(
        source=bar.id,
        target=stopped.id,
        width=max(30 * row.stopped / entered, 1.5),
        tint="dropped",
        facts=[("Users", number(row.stopped))],
        curve=[start, y, (start + end) / 2, y, (start + end) / 2, y, end, y],
        arrow=False,
    )


def _going_on(row: FunnelRow, before: Node, after: Node) -> Line:
    return Line(
        source=before.id,
        target=after.id,
        width=after.width,
        tint="ribbon",
        facts=[("Users", number(row.users)), ("Median gap", duration(row.median_seconds))],
        band=[
            before.x - before.width / 2, before.x + before.width / 2, before.y + _BAR / 2,
            after.x - after.width / 2, after.x + after.width / 2, after.y - _BAR / 2,
        ],
    )  # fmt: skip


def _facts(row: FunnelRow) -> list[tuple[str, str]]:
    return list(zip(_COLUMNS[2:11], [text for text, _ in _cells(row)[2:11]], strict=True))


def _cells(row: FunnelRow) -> list[tuple[str, float | int | None]]:
    of_previous = row.share_of_previous
    return [
        (str(row.step), None),
        (row.label + (" (optional)" if row.optional else ""), None),
        (number(row.users), row.users),
        (percent(row.share), row.share),
        (NONE, None) if of_previous is None else (percent(of_previous), of_previous),
        (number(row.journeys), row.journeys),
        (number(row.entries), row.entries),
        (duration(row.median_seconds), row.median_seconds),
        (duration(row.p90_seconds), row.p90_seconds),
        (number(row.stopped), row.stopped),
        (number(row.open), row.open),
        (", ".join(str(instead) for instead in row.instead) or NONE, None),
    ]


def _headline(rows: list[FunnelRow], *, nested: bool) -> str:
    """How many get through, and after which step most stop."""
    if not rows or not rows[0].users:
        return "Nobody enters this funnel."
    if not nested:
        most = max(rows, key=lambda row: (row.users, -row.step))
        return f"Most users reach {quoted(most.label)}: {counted(most.users, 'user')}. They may enter at any step."
    said = f"{percent(rows[-1].share)} of those who enter get through."
    worst = max(rows, key=lambda row: (row.stopped, -row.step))
    if worst.stopped:
        said += f" Most are lost after {quoted(worst.label)}: {counted(worst.stopped, 'user')}"
        said += f", {percent(worst.stopped / worst.users)} of those who get there."
    return said
