"""The transition map: what follows what, as labels and arrows between them."""

from __future__ import annotations

from collections import Counter

from ..answers import Result, TransitionRow
from .arrows_layout import BOX, Arrow, Box, Layout, place
from .scene import Line, Node, Scene, ScenePicture, Sign, Table, Text
from .words import counted, duration, number, percent, quoted

_WIDEST = 11.0
_COLUMNS = (
    "From", "To", "Transitions", "Of all", "Of source", "Users", "Journeys", "Median gap", "Nine of ten within",
)  # fmt: skip
_OTHER = ":other:"


class TransitionMap(ScenePicture):
    """What follows what. An aggregate: no identifier and no user key stands in it."""

    answer: Result[TransitionRow]

    def scene(self) -> Scene:
        """Labels as boxes, transitions as arrows as wide as they are common."""
        rows = self.answer.rows
        most = max((row.count for row in rows), default=1)
        arrows = [Arrow(*ends(row), row.count, max(_WIDEST * row.count / most, 1.2), number(row.count)) for row in rows]
        layout = place(arrows)
        lines = [
            Line(
                source=arrow.source,
                target=arrow.target,
                width=arrow.width,
                tint="back" if layout.back[nth] else "ribbon",
                dashed=layout.back[nth],
                facts=list(zip(_COLUMNS[2:], [text for text, _ in _cells(row)[2:]], strict=True)),
                curve=layout.curves[nth],
                text=arrow.word if layout.words[nth] else "",
                at=layout.words[nth],
            )
            for nth, (arrow, row) in enumerate(zip(arrows, rows, strict=True))
        ]
        nodes = _nodes(rows, layout)
        height = layout.height
        if self.answer.other is not None:
            nodes.append(_remainder(self.answer.other, self.answer.totals.distinct - len(rows), height))
            height += 76
        return Scene(
            about=about("What follows what", self.answer.parameters.label, self.footer.period),
            headline=_headline(self.answer),
            figures=[
                (number(self.answer.totals.occurrences), "transitions"),
                (number(self.answer.totals.users), "users"),
                (percent(sum(row.share for row in rows)), f"of all in the {counted(len(rows), 'arrow')} shown"),
            ],
            alt="Labels from left to right, joined by arrows that show what follows what.",
            hint="Point at a box or an arrow, or click to keep its details here.",
            nodes=nodes,
            lines=lines,
            legend=[
                Sign("line", "ribbon", "goes on (width and number: transitions)"),
                Sign("dashed", "back", "goes back"),
                Sign("box", "touchpoint", "darker: more transitions lead here or away"),
                *([Sign("more", "other", "rarer ones together")] if self.answer.other is not None else []),
            ],
            tables=[
                Table(
                    "Transitions",
                    _COLUMNS,
                    [_cells(row) for row in (*rows, *([self.answer.other] if self.answer.other else []))],
                )
            ],
            notes=list(self.answer.notes),
            width=max(layout.width, 400.0),
            height=height,
        )


def ends(row: TransitionRow) -> tuple[str, str]:
    """Its two labels; every row but the remainder has them."""
    return row.source or "", row.target or ""


def about(what: str, label: str, period: str) -> str:
    """What is counted, in a line below the title."""
    of = {"name": "touchpoints", "channel": "channels", "stage": "stages", "channel:name": "channels and touchpoints"}
    return " · ".join(filter(None, [what, f"labels are {of[label]}", period]))


def _nodes(rows: list[TransitionRow], layout: Layout) -> list[Node]:
    into, out = Counter[str](), Counter[str]()
    for row in rows:
        source, target = ends(row)
        out[source] += row.count
        into[target] += row.count
    most = max((into[label] + out[label] for label in layout.boxes), default=1)
    return [
        label_node(
            label,
            box,
            tint="touchpoint",
            strength=0.12 + 0.88 * (into[label] + out[label]) / most,
            facts=[("Transitions to it shown", number(into[label])), ("From it shown", number(out[label]))],
        )
        for label, box in layout.boxes.items()
    ]


def label_node(label: str, box: Box, *, tint: str, strength: float, facts: list[tuple[str, str]]) -> Node:
    """A label as a box."""
    return Node(
        id=label,
        x=box.x,
        y=box.y,
        width=BOX,
        height=box.height,
        look="box",
        tint=tint,
        strength=strength,
        label=label,
        caption="",
        where="",
        facts=facts,
        text=Text(room=BOX - 14, lines=2),
    )


def _remainder(other: TransitionRow, rarer: int, below: float) -> Node:
    """What is not drawn, as a box of its own."""
    return Node(
        id=_OTHER,
        x=200.0,
        y=below + 46,
        width=400.0,
        height=46.0,
        look="more",
        tint="other",
        strength=0.2,
        label=f"{counted(rarer, 'rarer transition')} not drawn",
        caption=f"together {number(other.count)}, {percent(other.share)} of all",
        where="",
        facts=list(zip(_COLUMNS[2:], [text for text, _ in _cells(other)[2:]], strict=True)),
        text=Text(room=384.0, lines=1),
    )


def _cells(row: TransitionRow) -> list[tuple[str, float | int | None]]:
    rest = row.rank is None
    return [
        ("Rarer ones" if rest else row.source or "", None),
        ("" if rest else row.target or "", None),
        (number(row.count), row.count),
        (percent(row.share), row.share),
        ("–", None) if row.share_of_source is None else (percent(row.share_of_source), row.share_of_source),
        (number(row.users), row.users),
        (number(row.journeys), row.journeys),
        (duration(row.median_seconds), row.median_seconds),
        (duration(row.p90_seconds), row.p90_seconds),
    ]


def _headline(answer: Result[TransitionRow]) -> str:
    """The most common transition from one label to another."""
    moving = next((row for row in answer.rows if not row.loop), None)
    if moving is None:
        return "No transitions to show." if not answer.rows else "Nothing is followed by anything but itself."
    source, target = ends(moving)
    return (
        f"The most common step leads from {quoted(source)} to {quoted(target)}: {counted(moving.count, 'time')}, "
        f"{percent(moving.share_of_source or 0)} of all that follows {quoted(source)}; half within "
        f"{duration(moving.median_seconds)}."
    )
