"""The envelope of every answer: its rows, what they leave out, and what both were counted on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from ..settings import Utc
from .params import Filters

#: Below so many users a row says little about people in general.
FEW_USERS = 10

Rank = Annotated[int | None, Field(description="1 is the most common; null for the remainder.")]
Count = Annotated[int, Field(description="Occurrences.")]
Share = Annotated[float, Field(description="Of all occurrences; rows and remainder add up to 1.")]
Users = Annotated[int, Field(description="Users with at least one occurrence.")]
Journeys = Annotated[int, Field(description="Journeys with at least one occurrence.")]


class Row(BaseModel):
    """One row of an answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)


AnyRow = TypeVar("AnyRow", bound=Row)


class Totals(BaseModel):
    """What an answer was counted on."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    journeys: Annotated[int, Field(description="Journeys of the graph, before any filter.")]
    chosen: Annotated[int, Field(description="Journeys that the filters choose.")]
    counted: Annotated[int, Field(description="Chosen journeys that keep at least one touchpoint.")]
    users: Annotated[int, Field(description="Users of the counted journeys.")]
    converted: Annotated[int, Field(description="Counted journeys that converted.")]
    open: Annotated[int, Field(description="Counted journeys that are still open.")]
    occurrences: Annotated[int, Field(description="What shares are of.")]
    distinct: Annotated[int, Field(description="Different paths, transitions … among the occurrences.")]


class Result(BaseModel, Generic[AnyRow]):
    """An answer: its first rows, the remainder, and what both were counted on."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    answer: Annotated[str, Field(description="Name of the answer.")]
    revision: Annotated[int, Field(description="Revision of the graph that was asked.")]
    parameters: Annotated[SerializeAsAny[Filters], Field(description="What was asked.")]
    rows: Annotated[list[AnyRow], Field(description="In the order of the answer: by rank, by step, …")]
    other: Annotated[AnyRow | None, Field(description="Everything below the last row; null where nothing remains.")]
    totals: Annotated[Totals, Field(description="What rows and remainder were counted on.")]
    data_end: Annotated[Utc | None, Field(description="Latest touchpoint of the graph (UTC).")]
    notes: Annotated[list[str], Field(description="What a reader should know: hidden journeys, small numbers.")]
    segments: Annotated[
        list[Result[AnyRow]],
        Field(description="The answer for each segment that `by` names, in this order; its own is in the parameters."),
    ] = []


def result(
    model: type[AnyRow],
    rows: Sequence[dict[str, Any]],
    other: dict[str, Any] | None,
    totals: Totals,
    *,
    answer: str,
    revision: int,
    parameters: Filters,
    data_end: datetime | None,
    notes: Sequence[str] = (),
) -> Result[AnyRow]:
    """Put an answer into its envelope; where rows have no share of their own, it is that of their count.

    Args:
        model: of the rows.
        rows: their measures, in order.
        other: those of the remainder, where there is one.
        totals: what all were counted on.
        answer: its name.
        revision: of the graph that was asked.
        parameters: what was asked.
        data_end: latest touchpoint of the graph.
        notes: what a reader of this answer should know beside the usual.
    """

    def shared(measures: dict[str, Any]) -> AnyRow:
        if "count" in measures and "share" not in measures:
            measures = {**measures, "share": measures["count"] / totals.occurrences}
        return model.model_validate(measures)

    return Result(
        answer=answer,
        revision=revision,
        parameters=parameters,
        rows=[shared(row) for row in rows],
        other=None if other is None else shared(other),
        totals=totals,
        data_end=data_end,
        notes=[*notes, *_notes(parameters, totals, rows, other)],
    )


def emptied(parameters: Filters, totals: Totals) -> str:
    """A note on the chosen journeys of which nothing is left."""
    within = "" if parameters.lookback_days is None else " within the lookback"
    gone = totals.chosen - totals.counted
    return f"{gone:,} of the {totals.chosen:,} chosen journeys hold nothing but excluded touchpoints{within}"


def _notes(
    parameters: Filters, totals: Totals, rows: Sequence[dict[str, Any]], other: dict[str, Any] | None
) -> list[str]:
    """What a reader of these rows should know."""
    notes = []
    if not totals.journeys:
        notes.append("the graph holds no journeys yet")
    elif not totals.counted:
        notes.append("nothing is left to count; loosen the filters")
    elif not totals.occurrences:
        notes.append(f"what is asked about occurs in none of the {totals.counted:,} counted journeys")
    if totals.chosen < totals.journeys:
        notes.append(f"the filters choose {totals.chosen:,} of {totals.journeys:,} journeys")
    if totals.counted < totals.chosen:
        notes.append(emptied(parameters, totals))
    if parameters.lookback_days is not None:
        before = parameters.lookback_from
        notes.append(f"touchpoints over {parameters.lookback_days:g} days before {before} are left out")
    if other is not None:
        share = f", {other['count'] / totals.occurrences:.1%} of all," if "count" in other else ""
        notes.append(f"{totals.distinct - len(rows):,} more rows{share} are summed up as other")
    if totals.open:
        notes.append(f"{totals.open:,} of the {totals.counted:,} counted journeys are open: they may still convert")
    few = sum(row.get("users", FEW_USERS) < FEW_USERS for row in rows)
    if few:
        notes.append(f"{few:,} of the {len(rows):,} rows have fewer than {FEW_USERS} users: too few to generalise from")
    return notes
