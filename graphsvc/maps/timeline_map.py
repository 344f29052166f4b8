"""One user's timeline: touchpoints in order, a lane for each channel, journeys with their gaps and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from ..users import JourneyRow, TouchpointRow
from .room import Room
from .scene import Area, Heading, Line, Node, Scene, ScenePicture, Sign, Table, Text
from .words import KIND_NAMES, counted, duration, number, quoted

#: Most touchpoints of a picture, the latest; the table holds all.
MOST = 200
_LANES = 96.0  # width of the column of channels
_TOP = 58.0  # of the first lane
_LANE = 78.0
_DOT = 16.0
_LABEL = 84.0  # room for a touchpoint's name
_STEP = 68.0  # from one touchpoint to the next, at least
_BETWEEN = 128.0  # from one journey to the next
_HOUR, _DAY, _WEEK = 3_600, 86_400, 604_800
_COLUMNS = ("When (UTC)", "Journey", "Outcome", "Touchpoint", "Channel", "Stage", "Since the one before", "Value")


class Timeline(ScenePicture):
    """One user's journeys. It holds no identifiers, but it is about one person: keep it as you keep the records."""

    user: Annotated[str, Field(description="User key.")]
    journeys: Annotated[list[JourneyRow], Field(description="By time.")]

    def scene(self) -> Scene:
        """Touchpoints from left to right; the longer the time between two, the wider, but not to scale."""
        touched = [touchpoint for journey in self.journeys for touchpoint in journey.touchpoints]
        hidden = max(len(touched) - MOST, 0)
        shown = _latest(self.journeys, hidden)
        lanes = {channel: nth for nth, channel in enumerate(dict.fromkeys(t.channel for j in shown for t in j.touches))}
        bottom = _TOP + len(lanes) * _LANE
        drawn = _Drawing(lanes, bottom)
        for journey in shown:
            drawn.add(journey)
        return Scene(
            about=" · ".join(filter(None, ["One user, touchpoint by touchpoint", self._period()])),
            headline=_headline(self.journeys),
            figures=[
                (number(len(self.journeys)), "journey" if len(self.journeys) == 1 else "journeys"),
                (number(len(touched)), "touchpoints"),
                (number(len({touchpoint.channel for touchpoint in touched})), "channels"),
            ],
            alt="Touchpoints of one user from left to right by time, in a lane for each channel.",
            hint="Point at a touchpoint, or click to keep its details here.",
            nodes=drawn.nodes,
            lines=drawn.lines,
            legend=[
                Sign("dot", "touchpoint", "touchpoint"),
                Sign("line", "ribbon", "the next one, and how long after (not to scale)"),
                *(Sign(kind, kind, KIND_NAMES[kind].lower()) for kind in ("converted", "open", "dropped")),
            ],
            tables=[Table("Touchpoints", _COLUMNS, _rows(self.journeys))],
            notes=[f"The first {counted(hidden, 'touchpoint')} are not drawn; the table holds them."] if hidden else [],
            width=max(drawn.right, 400.0),
            height=bottom,
            headings=drawn.headings,
            areas=[
                *drawn.areas,
                *(Area(0, _TOP + nth * _LANE, drawn.right, _TOP + nth * _LANE + 1, "rule") for nth in lanes.values()),
            ],
            warning="About one person. It holds no identifiers, but share it only with people who may see what this "
            "person did: erasing the person from the graph does not reach this file.",
        )

    def _period(self) -> str:
        if not self.journeys:
            return ""
        return f"{_day(self.journeys[0].started_at)} to {_day(max(journey.ended_at for journey in self.journeys))}"


@dataclass(frozen=True)
class _Shown:
    """What is drawn of a journey."""

    number: int
    journey: JourneyRow
    touches: list[TouchpointRow]
    silence: float | None  # seconds since the journey before ended


def _latest(journeys: Sequence[JourneyRow], hidden: int) -> list[_Shown]:
    """The journeys without the first touchpoints."""
    shown: list[_Shown] = []
    for nth, journey in enumerate(journeys):
        skipped = min(hidden, len(journey.touchpoints))
        hidden -= skipped
        if skipped < len(journey.touchpoints):
            silence = (journey.started_at - journeys[nth - 1].ended_at).total_seconds() if shown else None
            shown.append(_Shown(nth + 1, journey, journey.touchpoints[skipped:], silence))
    return shown


class _Drawing:
    """Puts one journey after another to the right of what is there."""

    def __init__(self, lanes: dict[str, int], bottom: float) -> None:
        self.nodes: list[Node] = []
        self.lines: list[Line] = []
        self.areas: list[Area] = []
        self.headings = [
            Heading(0.0, _TOP + nth * _LANE + 26, channel, room=_LANES - 14, lines=2) for channel, nth in lanes.items()
        ]
        self.right = _LANES
        self._lanes, self._bottom = lanes, bottom
        self._free = dict.fromkeys(lanes, _LANES)  # from where on a lane has room for a label
        self._room = Room()

    def add(self, shown: _Shown) -> None:
        """Draw a journey."""
        left = self.right + (_BETWEEN if shown.silence is not None else 0.0)
        if shown.silence is not None:
            text = f"{duration(shown.silence)} of silence"
            self.headings.append(Heading(left - _BETWEEN / 2, 36.0, text, align="center", room=_BETWEEN - 8))
        x, dated_to, day = left + _LABEL / 2 - _STEP, left, None
        dots: list[Node] = []
        for nth, touch in enumerate(shown.touches):
            x = max(x + _STEP + (_wider(touch.seconds) if nth else 0.0), self._free[touch.channel] + _LABEL / 2)
            self._free[touch.channel] = x + _LABEL / 2 + 8
            if touch.at.date() != day and x - 24 >= dated_to:
                self.headings.append(Heading(x, 36.0, _day(touch.at), align="center", room=100.0))
                dated_to, day = x + 60, touch.at.date()
            dots.append(self._dot(shown, touch, x, len(self.nodes) + nth))
        for dot in dots:
            self._room.take(dot.x, dot.y, _DOT + 16, _DOT)
            self._room.take(dot.x, dot.y + 27, _LABEL, 30)
        for before, after, touch in zip(dots, dots[1:], shown.touches[1:], strict=False):
            self._join(before, after, touch)
        end = self._end(shown, dots[-1])
        self.nodes += [*dots, end]
        self.right = end.x + 102
        for lane in self._free:
            self._free[lane] = self.right
        self.areas.append(Area(left, 0.0, self.right, self._bottom))
        touchpoints = counted(len(shown.journey.touchpoints), "touchpoint")
        told = f"Journey {shown.number}: {touchpoints}, {KIND_NAMES[shown.journey.outcome].lower()}"
        self.headings.append(Heading(left + 8, 14.0, told, room=max(self.right - left - 10, 60)))

    def _dot(self, shown: _Shown, touch: TouchpointRow, x: float, nth: int) -> Node:
        return Node(
            id=f"touch {nth}",
            x=x,
            y=_TOP + self._lanes[touch.channel] * _LANE + 18,
            width=_DOT,
            height=_DOT,
            look="dot",
            tint="touchpoint",
            label=touch.name,
            caption="",
            where=f"journey {shown.number}",
            facts=[
                ("When (UTC)", _time(touch.at)),
                ("Channel", touch.channel),
                ("Stage", touch.stage or "–"),
                ("Since the one before", duration(touch.seconds)),
                ("Value", f"{touch.value:g}" if touch.value else "–"),
            ],
            text=Text(dy=27.0, room=_LABEL - 4, lines=2),
        )

    def _end(self, shown: _Shown, last: Node) -> Node:
        outcome = shown.journey.outcome
        return Node(
            id=f"end {shown.number}",
            x=last.x + _LABEL / 2 + 12,
            y=last.y,
            width=14.0,
            height=14.0,
            look="end",
            tint=outcome,
            label=KIND_NAMES[outcome],
            caption="",
            where=f"end of journey {shown.number}",
            facts=[
                ("From", _time(shown.journey.started_at)),
                ("To", _time(shown.journey.ended_at)),
                ("Touchpoints", number(shown.journey.steps)),
            ],
            text=Text(dx=12.0, align="left", room=86.0, lines=1),
        )

    def _join(self, before: Node, after: Node, touch: TouchpointRow) -> None:
        start, end = before.x + _DOT / 2, after.x - _DOT / 2
        middle = (start + end) / 2
        # Names stand below dots: a line down drops late and a line up rises early, so that neither runs through one.
        out, in_ = (end, end - 22) if after.y > before.y else (start + 22, start)
        word = duration(touch.seconds) if (touch.seconds or 0) >= _HOUR else ""
        near = [(middle, before.y), (middle, after.y), (middle, (before.y + after.y) / 2), (middle, before.y - 9)]
        self.lines.append(
            Line(
                source=before.id,
                target=after.id,
                width=2.0,
                tint="ribbon",
                facts=[("After", duration(touch.seconds))],
                curve=[start, before.y, out, before.y, in_, after.y, end, after.y],
                text=word,
                at=self._room.word(word, near),
            )
        )


def _wider(seconds: float | None) -> float:
    """What a long time adds between two touchpoints."""
    long = seconds or 0
    return 60.0 if long >= _WEEK else 40.0 if long >= _DAY else 20.0 if long >= _HOUR else 0.0


def _rows(journeys: Sequence[JourneyRow]) -> list[list[tuple[str, float | int | None]]]:
    return [
        [
            (_time(touch.at), None),
            (number(nth), nth),
            (KIND_NAMES[journey.outcome], None),
            (touch.name, None),
            (touch.channel, None),
            (touch.stage or "–", None),
            (duration(touch.seconds), touch.seconds),
            (f"{touch.value:g}", touch.value),
        ]
        for nth, journey in enumerate(journeys, start=1)
        for touch in journey.touchpoints
    ]


def _headline(journeys: Sequence[JourneyRow]) -> str:
    """How this user came, and what became of it."""
    if not journeys:
        return "No journeys are kept of this user."
    first, last = journeys[0].touchpoints[0], journeys[-1]
    converted = sum(journey.outcome == "converted" for journey in journeys)
    ends = {"converted": "converted", "open": "still open", "dropped": "dropped off"}
    of = f"{converted} of {counted(len(journeys), 'journey')} converted" if len(journeys) > 1 else "One journey"
    return (
        f"First met by {quoted(first.name)} on {quoted(first.channel)}. {of}; the last one: {ends[last.outcome]} after "
        f"{quoted(last.touchpoints[-1].name)}."
    )


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _time(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
