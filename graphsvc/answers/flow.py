"""Step flow: for each step of the journeys, who is where, where they go next, and with which outcome they leave."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from ..frame import Flags, Ints, JourneyFrame
from .result import Row, Totals, emptied
from .steps import ENDS, Cells, FlowParams, Visits, cells_of, outcomes, ranks, visits_of
from .tally import totals
from .walks import Walks, walk

__all__ = ["ENDS", "MAX_NODES", "Flow", "FlowEdge", "FlowNode", "FlowParams", "flow"]

Kind = Literal["touchpoint", "other", "converted", "open", "dropped", "beyond"]

#: A flow never has more nodes; whatever is rarer goes into the ``other`` of its step.
MAX_NODES = 300


class FlowNode(Row):
    """A label at a step, or an outcome with which journeys leave after it."""

    id: Annotated[str, Field(description="`2.1`: most common label at step 2; `2.other`; `2.dropped`: left after it.")]
    step: Annotated[int, Field(description="From 1; of an end: the last step of those that leave by it.")]
    kind: Kind
    label: Annotated[str, Field(description="Label of the touchpoint; else the kind.")]
    journeys: Annotated[int, Field(description="Journeys that come through.")]
    users: Annotated[int, Field(description="Users with at least one of them.")]
    share: Annotated[float, Field(description="Of all journeys counted.")]
    share_of_step: Annotated[float, Field(description="Of the journeys that reach the step.")]
    median_seconds: Annotated[
        float | None, Field(description="Since the previous step; null at the first step and at ends.")
    ]
    converted: Annotated[int, Field(description="Of these journeys, those that convert, here or at another step.")]
    open: Annotated[int, Field(description="Of these journeys, those that are neither converted nor dropped yet.")]
    conversion: Annotated[float, Field(description="Converted over journeys, open ones included.")]
    channels: Annotated[dict[str, int], Field(description="Journeys by the channel of this touchpoint; none at ends.")]


class FlowEdge(Row):
    """Journeys that go from one node straight to the next."""

    source: str
    target: str
    journeys: int
    users: Annotated[int, Field(description="Users with at least one of these journeys.")]
    share_of_source: Annotated[float, Field(description="Of the journeys at the source.")]
    median_seconds: Annotated[float | None, Field(description="Between the two touchpoints; null to an end.")]


class Flow(BaseModel):
    """The journeys of a graph, step by step.

    As many journeys leave a node as come in: every journey starts at a node of step 1 and leaves by one end. It
    leaves with its outcome after its last touchpoint, wherever its goal lies; one that goes on past the depth leaves
    as ``beyond``.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    revision: Annotated[int, Field(description="Revision of the graph that was asked.")]
    parameters: FlowParams
    totals: Annotated[
        Totals, Field(description="What the flow was counted on; its shares are of the journeys counted.")
    ]
    nodes: Annotated[list[FlowNode], Field(description="By step: labels from the most common on, `other`, ends.")]
    edges: Annotated[list[FlowEdge], Field(description="In the order of their nodes.")]
    notes: Annotated[list[str], Field(description="What a reader should know: hidden journeys, folded labels.")]


def flow(frame: JourneyFrame, params: FlowParams) -> Flow:
    """Count the flow of journeys over the first steps. Labels of a step rank by journeys, ties by text.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    walks = walk(frame, params)
    visits = visits_of(walks, walks.offsets[:-1], 0, 0, params.depth - 1)
    cells = cells_of(walks, visits)
    ends, end = np.unique(visits.step[visits.last] * len(ENDS) + outcomes(walks, visits), return_inverse=True)
    named = _named(cells, params, budget=MAX_NODES - len(ends) - len(np.unique(cells.step)))
    places, place_of_cell = _places(walks, cells, named)
    place = place_of_cell[cells.of_visit]
    end_place = len(places) + end

    nodes = _nodes(frame, walks, visits, places + _end_places(ends), place, end_place)
    moves = _moves(walks, visits, place, end_place)
    edges = [
        FlowEdge(
            source=nodes[source].id,
            target=nodes[target].id,
            journeys=journeys,
            users=users,
            share_of_source=journeys / nodes[source].journeys,
            median_seconds=median,
        )
        for source, target, journeys, users, median in moves.iter_rows()
    ]
    folded = int((~named).sum())
    counted = totals(walks, occurrences=len(walks), distinct=len(cells.step))
    return Flow(
        revision=frame.revision,
        parameters=params,
        totals=counted,
        nodes=sorted(nodes, key=lambda node: (node.step, node.kind in ENDS)),
        edges=edges,
        notes=_notes(params, counted, folded),
    )


def _named(cells: Cells, params: FlowParams, budget: int) -> Flags:
    """Which cells are nodes of their own: the top ones of each step, of these the most common within the budget."""
    eligible = (ranks(cells) < params.top) & (cells.journeys >= params.min_journeys)
    by_size = np.lexsort((cells.code, cells.step, -cells.journeys, ~eligible))
    named = np.zeros(len(eligible), dtype=np.bool_)
    named[by_size[:budget]] = True
    return named & eligible


def _places(walks: Walks, cells: Cells, named: Flags) -> tuple[list[dict[str, Any]], Ints]:
    """The touchpoint nodes in order, as far as they are known before counting, and the place of each cell: [K]."""
    places: list[dict[str, Any]] = []
    place_of_cell = np.empty(len(named), dtype=np.int64)
    rank = 0
    for cell in np.lexsort((cells.code, -cells.journeys, ~named, cells.step)).tolist():
        step = int(cells.step[cell]) + 1
        new_step = not places or places[-1]["step"] != step
        rank = 1 if new_step else rank + 1
        if named[cell]:
            label = walks.texts[cells.code[cell]]
            places.append({"id": f"{step}.{rank}", "step": step, "kind": "touchpoint", "label": label})
        elif new_step or places[-1]["kind"] != "other":
            places.append({"id": f"{step}.other", "step": step, "kind": "other", "label": "other"})
        place_of_cell[cell] = len(places) - 1
    return places, place_of_cell


def _end_places(ends: Ints) -> list[dict[str, Any]]:
    places = []
    for which in ends.tolist():
        step, kind = which // len(ENDS) + 1, ENDS[which % len(ENDS)]
        places.append({"id": f"{step}.{kind}", "step": step, "kind": kind, "label": kind})
    return places


def _nodes(
    frame: JourneyFrame, walks: Walks, visits: Visits, places: list[dict[str, Any]], place: Ints, end_place: Ints
) -> list[FlowNode]:
    """All nodes, measured: each visit counts at its touchpoint, each last visit at its end too."""
    gap = walks.times[visits.at] - walks.times[np.maximum(visits.at - 1, 0)]
    at_step = np.bincount(visits.step)
    channels = _channels(frame, walks, visits, place)
    everyone = np.concatenate([visits.walk, visits.walk[visits.last]])
    measures = (
        pl.DataFrame(
            {
                "place": np.concatenate([place, end_place]),
                "user": walks.user[everyone],
                "converted": walks.converted[everyone],
                "open": walks.open[everyone],
                "gap": np.concatenate([gap, np.zeros(len(everyone) - len(gap), dtype=np.int64)]),
                "follows": np.concatenate([visits.step > 0, np.zeros(len(everyone) - len(gap), dtype=np.bool_)]),
            }
        )
        .group_by("place")
        .agg(
            pl.len().alias("journeys"),
            pl.col("user").n_unique().alias("users"),
            pl.col("converted").sum(),
            pl.col("open").sum(),
            (pl.col("gap").filter("follows").median() / 1e6).alias("median_seconds"),
        )
        .sort("place")
    )
    return [
        FlowNode(
            **places[row],
            journeys=journeys,
            users=users,
            share=journeys / len(walks),
            share_of_step=journeys / int(at_step[places[row]["step"] - 1]),
            median_seconds=median,
            converted=converted,
            open=still_open,
            conversion=converted / journeys,
            channels=channels.get(row, {}),
        )
        for row, journeys, users, converted, still_open, median in measures.iter_rows()
    ]


def _channels(frame: JourneyFrame, walks: Walks, visits: Visits, place: Ints) -> dict[int, dict[str, int]]:
    """Journeys by channel at each place, most common channel first."""
    codes = frame.channel.codes[walks.touchpoints[visits.at]]
    counts = pl.DataFrame({"place": place, "code": codes}).group_by("place", "code").agg(journeys=pl.len())
    by_place: dict[int, dict[str, int]] = {}
    for row, code, journeys in counts.sort("place", "journeys", "code", descending=[False, True, False]).iter_rows():
        by_place.setdefault(row, {})[frame.channel.texts[code]] = journeys
    return by_place


def _moves(walks: Walks, visits: Visits, place: Ints, end_place: Ints) -> pl.DataFrame:
    """Source, target, journeys, users and median seconds of each edge; nodes by number, ends after touchpoints."""
    last = np.zeros(len(place), dtype=np.bool_)
    last[visits.last] = True
    onward = np.flatnonzero(~last)
    target, gap = np.empty(len(place), dtype=np.int64), np.zeros(len(place), dtype=np.int64)
    target[visits.last] = end_place
    target[onward] = place[onward + 1]  # the visits of a walk are contiguous
    gap[onward] = walks.times[visits.at[onward + 1]] - walks.times[visits.at[onward]]
    moves = {"source": place, "target": target, "user": walks.user[visits.walk], "gap": gap, "last": last}
    return (
        pl.DataFrame(moves)
        .group_by("source", "target")
        .agg(
            pl.len().alias("journeys"),
            pl.col("user").n_unique().alias("users"),
            (pl.col("gap").filter(~pl.col("last")).median() / 1e6).alias("median_seconds"),
        )
        .sort("source", "target")
    )


def _notes(params: FlowParams, counted: Totals, folded: int) -> list[str]:
    """What a reader of this flow should know."""
    notes = []
    if not counted.counted:
        notes.append("nothing is left to count; loosen the filters" if counted.journeys else "no journeys yet")
    if counted.chosen < counted.journeys:
        notes.append(f"the filters choose {counted.chosen:,} of {counted.journeys:,} journeys")
    if counted.counted < counted.chosen:
        notes.append(emptied(params, counted))
    if params.lookback_days is not None:
        notes.append(f"touchpoints over {params.lookback_days:g} days before a journey's last one are left out")
    if folded:
        notes.append(f"{folded:,} rarer labels of single steps are folded into other")
    if counted.open:
        notes.append(f"{counted.open:,} of {counted.counted:,} journeys are still open: they may yet convert")
    return notes
