"""Channel and stage as a picture: a shaded grid with numbers."""

from __future__ import annotations

from ..answers import MatrixRow, Result
from .scene import Area, Heading, Node, Scene, ScenePicture, Sign, Table, Text
from .words import number, percent, quoted

#: As people go through them; stages of other names follow, by name.
_STAGES = ("awareness", "consideration", "purchase", "retention", "advocacy")
_NONE = "(no stage)"
_CHANNELS = 140.0  # width of the column of channels
_HEADS = 34.0
_WIDE, _HIGH = 112.0, 48.0  # of a cell
_GAP = 4.0
_COLUMNS = ("Channel", "Stage", "Users", "Of all users", "Touchpoints", "Of all touchpoints", "Journeys")


class MatrixMap(ScenePicture):
    """Which channel is used at which stage. An aggregate: no identifier and no user key stands in it."""

    answer: Result[MatrixRow]

    def scene(self) -> Scene:
        """Channels from top to bottom, stages from left to right; darker where more users are."""
        rows = self.answer.rows
        channels = sorted({row.channel for row in rows})
        stages = sorted({row.stage for row in rows}, key=_stage_order)
        most = max((row.share_of_users for row in rows), default=1.0) or 1.0
        left = {stage: _CHANNELS + nth * (_WIDE + _GAP) for nth, stage in enumerate(stages)}
        top = {channel: _HEADS + nth * (_HIGH + _GAP) for nth, channel in enumerate(channels)}
        return Scene(
            about=" · ".join(filter(None, ["Users and touchpoints by channel and stage", self.footer.period])),
            headline=_headline(rows),
            figures=[
                (number(self.answer.totals.users), "users"),
                (number(self.answer.totals.occurrences), "touchpoints"),
                (number(len(channels)), "channels"),
            ],
            alt="A grid of channels and stages, darker where more users are.",
            hint="Point at a cell, or click to keep its details here.",
            nodes=[
                Node(
                    id=f"{row.channel}\n{row.stage}",
                    x=left[row.stage] + _WIDE / 2,
                    y=top[row.channel] + _HIGH / 2,
                    width=_WIDE,
                    height=_HIGH,
                    look="cell",
                    tint="touchpoint",
                    strength=row.share_of_users / most,
                    label=percent(row.share_of_users),
                    caption=f"{percent(row.share)} of touches",
                    heading=row.channel,
                    where=row.stage,
                    facts=list(zip(_COLUMNS[2:], [text for text, _ in _cells(row)[2:]], strict=True)),
                    text=Text(room=_WIDE - 8, lines=1),
                )
                for row in sorted(rows, key=lambda row: (row.channel, _stage_order(row.stage)))
            ],
            lines=[],
            legend=[
                Sign("cell", "touchpoint", "share of all users (the darker, the more); below it, of all touchpoints"),
            ],
            tables=[Table("Cells", _COLUMNS, [_cells(row) for row in rows])],
            notes=list(self.answer.notes),
            width=_CHANNELS + len(stages) * (_WIDE + _GAP),
            height=_HEADS + len(channels) * (_HIGH + _GAP),
            headings=[
                *(Heading(left[stage] + _WIDE / 2, 16.0, stage, align="center", room=_WIDE - 4) for stage in stages),
                *(Heading(0.0, top[each] + _HIGH / 2, each, room=_CHANNELS - 10, lines=2) for each in channels),
            ],
            areas=[
                Area(left[stage], top[channel], left[stage] + _WIDE, top[channel] + _HIGH)
                for channel in channels
                for stage in stages
            ],
        )


def _stage_order(stage: str) -> tuple[int, str]:
    return (_STAGES.index(stage) if stage in _STAGES else len(_STAGES) + (stage == _NONE), stage)


def _cells(row: MatrixRow) -> list[tuple[str, float | int | None]]:
    return [
        (row.channel, None),
        (row.stage, None),
        (number(row.users), row.users),
        (percent(row.share_of_users), row.share_of_users),
        (number(row.count), row.count),
        (percent(row.share), row.share),
        (number(row.journeys), row.journeys),
    ]


def _headline(rows: list[MatrixRow]) -> str:
    """Where most users are."""
    if not rows:
        return "No touchpoints to show."
    row = min(rows, key=lambda row: (-row.users, row.channel, row.stage))
    return (
        f"Most users are met on {quoted(row.channel)} at the stage {quoted(row.stage)}: "
        f"{percent(row.share_of_users)} of them, with {percent(row.share)} of all touchpoints."
    )
