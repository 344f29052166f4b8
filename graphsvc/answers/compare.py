"""Comparisons: what two segments, or two periods, do differently, and whether that can be chance.

The unit of every test is the user. Shares of users are compared by the tests of ``significance``, times by the
Mann-Whitney U test on each user's median. All p values of one comparison are one family.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from ..errors import QueryError
from ..frame import Flags, Floats, JourneyFrame
from .drill import Members
from .params import Filters
from .result import Result, Row
from .sides import Side, both_sides, sides_of, users_by_row
from .significance import LEAST_EXPECTED, corrected, proportions
from .walks import walk

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
