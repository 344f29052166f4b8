"""The two sides of a comparison: segments that nobody shares, or periods, and who stands on which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..errors import QueryError
from ..frame import Flags, Ints, JourneyFrame
from ..segments import as_part
from ..settings import naive_utc
from .params import microseconds
from .walks import Walks, in_segment

#: How a period is written: its first day, and the one after its last.
PERIOD = re.compile(r"^\s*(\d{4}-\d\d-\d\d(?:T\S+)?)?\s*\.\.\s*(\d{4}-\d\d-\d\d(?:T\S+)?)?\s*$")
_FIRST, _LAST = -(2**62), 2**62


class Side(BaseModel):
    """One of the two sides."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    given: Annotated[str, Field(description="Segment or period, as asked.")]
    users: Annotated[int, Field(description="Users with journeys that are counted.")]
    journeys: int
    converted: Annotated[int, Field(description="Journeys that converted.")]


@dataclass(frozen=True)
class Sides:
    """A frame that holds both sides only, and which walks are whose."""

    frame: JourneyFrame
    of_walk: Callable[[Walks], tuple[Flags, Flags]]
    notes: list[str]


def sides_of(frame: JourneyFrame, a: str, b: str, walks: Callable[[JourneyFrame], Walks]) -> Sides:
    """The two sides: segments, or periods.

    Args:
        frame: all journeys.
        a: a segment or period.
        b: another one of the same kind.
        walks: what the question counts on a frame.

    Raises:
        QueryError: a user is in both segments, periods overlap, or one is a segment and the other a period.
    """
    if PERIOD.match(a) or PERIOD.match(b):
        return _periods(frame, a, b, walks)
    return _segments(frame, a, b)


def both_sides(walks: Walks, *sides: tuple[Flags, str]) -> list[Side]:
    """What stands on each side.

    Raises:
        QueryError: a side is empty.
    """
    found = [_side(walks, inside, given) for inside, given in sides]
    for side in found:
        if not side.users:
            raise QueryError(f"{side.given!r} has no journeys to compare; loosen the filters")
    return found


def users_by_row(walks: Walks, row: Ints, walk: Ints, inside: Flags, rows: int) -> Ints:
    """Users of one side in each row: [rows]."""
    mine = inside[walk] & (row < rows)
    width = int(walks.user.max(initial=0)) + 1
    pairs = np.unique(row[mine] * width + walks.user[walk[mine]])
    return np.bincount(pairs // width, minlength=rows)


def _segments(frame: JourneyFrame, a: str, b: str) -> Sides:
    in_a, in_b = in_segment(frame, a), in_segment(frame, b)
    if both := int((in_a & in_b).sum()):
        first, second = (as_part(side, frame.settings.segments) for side in (a, b))
        raise QueryError(
            f"{both:,} users are in both {a!r} and {b!r}; compare segments that nobody shares, such as "
            f"{first} and not {second}"
        )
    narrowed = replace(frame, only_users=in_a | in_b)
    return Sides(narrowed, lambda walks: (in_a[walks.user], in_b[walks.user]), [])


def _periods(frame: JourneyFrame, a: str, b: str, walks_of: Callable[[JourneyFrame], Walks]) -> Sides:
    period_a, period_b = _period(a), _period(b)
    if max(period_a[0], period_b[0]) < min(period_a[1], period_b[1]):
        raise QueryError(f"the periods {a} and {b} overlap; a journey belongs to the period in which it starts")
    both = replace(frame, periods=(period_a, period_b))

    def of_walk(walks: Walks) -> tuple[Flags, Flags]:
        began = frame.times[walks.started]
        in_a, in_b = ((began >= since) & (began < until) for since, until in (period_a, period_b))
        return in_a, in_b

    walks = walks_of(both)
    in_a, in_b = of_walk(walks)
    returning = np.intersect1d(walks.user[in_a], walks.user[in_b])
    if not len(returning):
        return Sides(both, of_walk, [])
    stay = np.ones(len(frame.users), dtype=np.bool_)
    stay[returning] = False
    note = f"{len(returning):,} users have journeys in both periods and are left out"
    return Sides(replace(both, only_users=stay), of_walk, [note])


def _period(text: str) -> tuple[int, int]:
    found = PERIOD.match(text)
    if not found:
        raise QueryError(f"compare two segments, or two periods like 2026-01-01..2026-04-01; {text!r} is no period")
    try:
        since, until = (naive_utc(datetime.fromisoformat(day)) if day else None for day in found.groups())
    except ValueError:
        raise QueryError(f"{text!r} is no period; write it like 2026-01-01..2026-04-01") from None
    return (_FIRST if since is None else microseconds(since), _LAST if until is None else microseconds(until))


def _side(walks: Walks, inside: Flags, given: str) -> Side:
    users = len(np.unique(walks.user[inside]))
    return Side(given=given, users=users, journeys=int(inside.sum()), converted=int(walks.converted[inside].sum()))
