"""Comparisons: what two segments, or two periods, do differently, and whether that can be chance.

The unit of every test is the user. A share of users is compared by the two-proportion z test with pooled variance
(its square is Pearson's chi-squared without correction) and the Wald interval of the difference; where an expected
cell is below 5, by Fisher's exact test. Times are compared by the Mann-Whitney U test on each user's median. All p
values of one comparison are one family, corrected by Benjamini and Hochberg.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from ..errors import QueryError
from ..frame import Flags, Floats, Ints, JourneyFrame
from ..segments import as_part
from ..settings import naive_utc
from .drill import Members
from .params import Filters, microseconds
from .result import Result, Row
from .walks import Walks, in_segment, walk

#: A chi-squared test is trusted from this expected count on.
LEAST_EXPECTED = 5
_PERIOD = re.compile(r"^\s*(\d{4}-\d\d-\d\d(?:T\S+)?)?\s*\.\.\s*(\d{4}-\d\d-\d\d(?:T\S+)?)?\s*$")
_FIRST, _LAST = -(2**62), 2**62

#: Rows of steps that are no touchpoint, in words.
_KINDS = {
    "begin": "begin",
    "earlier": "come from earlier steps",
    "other": "rarer labels",
    "converted": "left converted",
    "open": "left open",
    "dropped": "left dropped",
    "beyond": "go on to later steps",
}


class ComparedRow(Row):
    """One thing that people do, on both sides."""

    what: Annotated[str, Field(description="What the users do: the row of the answer in words.")]
    labels: Annotated[
        tuple[str, ...], Field(description="The labels that it names: of a path, or source and target; else none.")
    ] = ()
    users_a: Annotated[int, Field(description="Users of the first side who do it.")]
    users_b: Annotated[int, Field(description="Users of the second side who do it.")]
    of_a: Annotated[int, Field(description="Users of the first side that this is a share of.")]
    of_b: Annotated[int, Field(description="Users of the second side that this is a share of.")]
    share_a: Annotated[
        float,
        Field(description="Users of the first side who do it, of `of_a`; of attribution the share of its credit."),
    ]
    share_b: Annotated[float, Field(description="The same of the second side.")]
    difference: Annotated[float, Field(description="First minus second share.")]
    low: Annotated[
        float, Field(description="Interval of the difference (Wald; of attribution: percentiles, by drawing users).")
    ]
    high: Annotated[float, Field(description="Its upper end.")]
    p_value: Annotated[float, Field(description="Of the test that `test` names.")]
    q_value: Annotated[float, Field(description="Corrected for all tests of this comparison (Benjamini-Hochberg).")]
    test: Literal["z", "fisher", "permutation"]
    significant: Annotated[bool, Field(description="Whether the corrected value is within the accepted rate.")]
    median_seconds_a: Annotated[
        float | None, Field(description="Median of the users' own medians; null where there are no times.")
    ]
    median_seconds_b: Annotated[float | None, Field(description="The same of the second side.")]
    time_p_value: Annotated[
        float | None, Field(description="Mann-Whitney; null where a side has no times, or all are the same.")
    ]
    time_q_value: float | None
    time_significant: bool | None


class Side(BaseModel):
    """One of the two sides."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    given: Annotated[str, Field(description="Segment or period, as asked.")]
    users: Annotated[int, Field(description="Users with journeys that are counted.")]
    journeys: int
    converted: Annotated[int, Field(description="Journeys that converted.")]


class Comparison(BaseModel):
    """Two segments or periods, side by side."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    answer: Annotated[str, Field(description="Name of the answer that is compared.")]
    revision: int
    parameters: SerializeAsAny[Filters]
    a: Side
    b: Side
    rate: Annotated[float, Field(description="Accepted rate of false discoveries.")]
    confidence: Annotated[float, Field(description="Of the intervals.")]
    rows: Annotated[list[ComparedRow], Field(description="The most common of both together, from the top.")]
    notes: list[str]


@dataclass(frozen=True)
class Sides:
    """A frame that holds both sides only, and which walks are whose."""

    frame: JourneyFrame
    of_walk: Callable[[Walks], tuple[Flags, Flags]]
    notes: list[str]


def compare(
    frame: JourneyFrame,
    answer: str,
    count: Callable[[JourneyFrame, Any], Result[Any]],
    members: Callable[[JourneyFrame, Any], Members],
    params: Filters,
    *,
    a: str,
    b: str,
    rate: float = 0.05,
    confidence: float = 0.95,
) -> Comparison:
    """Compare the users of two segments, or of two periods (by journey start), in what an answer counts.

    Args:
        frame: all journeys.
        answer: name of the answer.
        count: how it is counted.
        members: which journeys its rows count; the column ``users`` is compared.
        params: its parameters; of both sides together they choose the rows.
        a: a segment (name or predicate), or a period as ``2026-01-01..2026-04-01`` (its end not included).
        b: another one of the same kind.
        rate: of false discoveries that is accepted.
        confidence: of the intervals.

    Raises:
        QueryError: a user is in both segments, a side is empty, or one is a segment and the other a period.
    """
    check_rates(rate, confidence)
    params = params.model_copy(update={"by": ()})
    sides = sides_of(frame, a, b, lambda both: walk(both, params))
    counted = members(sides.frame, params)
    walks = counted.walks
    in_a, in_b = sides.of_walk(walks)
    told_a, told_b = both_sides(walks, (in_a, a), (in_b, b))
    rows = [row.model_dump() for row in count(sides.frame, params).rows]
    users = counted.columns["users"]
    mine = [users_by_row(walks, users.row, users.walk, inside, len(rows)) for inside in (in_a, in_b)]
    of = [
        # The first step of a funnel is of all users, later ones of those who enter; an open one is entered anywhere.
        np.where((np.arange(len(rows)) > 0) & getattr(params, "nested", False), each[:1].sum(), side.users)
        for side, each in zip((told_a, told_b), mine, strict=True)
    ]
    tested = [
        proportions(users_a, users_b, of_a, of_b, confidence)
        for users_a, users_b, of_a, of_b in zip(mine[0], mine[1], of[0], of[1], strict=True)
    ]
    times = [_times(counted, row, in_a, in_b) for row in range(len(rows))]
    p_values = [each["p_value"] for each in tested] + [each["time_p_value"] for each in times]
    q_values = corrected(p_values)
    compared = []
    for nth, row in enumerate(rows):
        q, time_q = q_values[nth], q_values[nth + len(rows)]
        compared.append(
            ComparedRow(
                what=in_words(row),
                labels=tuple(row.get("path") or (row[end] for end in ("source", "target") if end in row)),
                **tested[nth],
                **times[nth],
                q_value=q,
                significant=q <= rate,
                time_q_value=time_q,
                time_significant=None if time_q is None else time_q <= rate,
            )
        )
    small = sum(row.test == "fisher" for row in compared)
    notes = list(sides.notes)
    if small:
        notes.append(
            f"{small:,} of {len(compared):,} rows are small (an expected count below {LEAST_EXPECTED}): Fisher's exact "
            "test; their intervals are rough"
        )
    return Comparison(
        answer=answer,
        revision=frame.revision,
        parameters=params,
        a=told_a,
        b=told_b,
        rate=rate,
        confidence=confidence,
        rows=compared,
        notes=notes,
    )


def check_rates(rate: float, confidence: float) -> None:
    """Refuse a rate or a confidence that is none.

    Raises:
        QueryError: one does not lie between 0 and 1.
    """
    if not 0 < rate < 1 or not 0 < confidence < 1:
        raise QueryError("rate and confidence lie between 0 and 1, such as 0.05 and 0.95")


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
    if _PERIOD.match(a) or _PERIOD.match(b):
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


def corrected(p_values: Sequence[float | None]) -> list[Any]:
    """Benjamini-Hochberg over those that are there; the others stay None."""
    from scipy import stats  # takes a second to import, which other questions need not wait for

    there = [nth for nth, value in enumerate(p_values) if value is not None]
    found: list[float | None] = [None] * len(p_values)
    if there:
        for nth, value in zip(there, stats.false_discovery_control([p_values[nth] for nth in there]), strict=True):
            found[nth] = float(value)
    return found


def in_words(row: dict[str, Any]) -> str:
    """A row of an answer as a text that names what it counts."""
    if "path" in row:
        return " > ".join(row["path"])
    if "source" in row:
        return f"{row['source']} > {row['target']}"
    if "step" in row and row.get("kind", "touchpoint") == "touchpoint":
        return f"step {row['step']}: {row['label']}"
    if "step" in row:  # no label of a touchpoint, whatever touchpoints are called
        return f"step {row['step']}, {_KINDS[row['kind']]}"
    return str(row["label"])


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
    found = _PERIOD.match(text)
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


def users_by_row(walks: Walks, row: Ints, walk: Ints, inside: Flags, rows: int) -> Ints:
    """Users of one side in each row: [rows]."""
    mine = inside[walk] & (row < rows)
    width = int(walks.user.max(initial=0)) + 1
    pairs = np.unique(row[mine] * width + walks.user[walk[mine]])
    return np.bincount(pairs // width, minlength=rows)


def proportions(users_a: int, users_b: int, of_a: int, of_b: int, confidence: float) -> dict[str, Any]:
    """Two shares of users, their difference and its test."""
    from scipy import stats  # takes a second to import, which other questions need not wait for

    users_a, users_b, of_a, of_b = int(users_a), int(users_b), int(of_a), int(of_b)
    share_a, share_b = (users / of if of else 0.0 for users, of in ((users_a, of_a), (users_b, of_b)))
    table = np.array([[users_a, of_a - users_a], [users_b, of_b - users_b]])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(table.sum(), 1)
    small = bool(expected.min() < LEAST_EXPECTED)
    if small:
        p_value = float(stats.fisher_exact(table).pvalue)
    else:
        p_value = float(stats.chi2_contingency(table, correction=False).pvalue)
    error = sum(share * (1 - share) / of for share, of in ((share_a, of_a), (share_b, of_b)) if of) ** 0.5
    reach = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    return {
        "users_a": users_a,
        "users_b": users_b,
        "of_a": of_a,
        "of_b": of_b,
        "share_a": share_a,
        "share_b": share_b,
        "difference": share_a - share_b,
        "low": max(share_a - share_b - reach, -1.0),
        "high": min(share_a - share_b + reach, 1.0),
        "p_value": p_value,
        "test": "fisher" if small else "z",
    }


def _times(counted: Members, row: int, in_a: Flags, in_b: Flags) -> dict[str, Any]:
    """The users' own medians on both sides, where the answer has times."""
    from scipy import stats  # takes a second to import, which other questions need not wait for

    none = {"median_seconds_a": None, "median_seconds_b": None, "time_p_value": None}
    if counted.seconds is None:
        return none
    at = np.flatnonzero(counted.seconds.row == row)
    walk, seconds = counted.seconds.walk[at], counted.seconds.seconds[at]
    sides: list[Floats] = []
    for inside in (in_a, in_b):
        mine = inside[walk]
        own = pl.DataFrame({"user": counted.walks.user[walk[mine]], "seconds": seconds[mine]})
        sides.append(own.group_by("user").agg(pl.col("seconds").median())["seconds"].to_numpy())
    medians = [float(np.median(side)) if len(side) else None for side in sides]
    # Times that are all the same, as within a path of one touchpoint, leave nothing to test.
    tested = all(len(side) for side in sides) and len(np.unique(np.concatenate(sides))) > 1
    p_value = float(stats.mannwhitneyu(*sides).pvalue) if tested else None
    return {"median_seconds_a": medians[0], "median_seconds_b": medians[1], "time_p_value": p_value}
