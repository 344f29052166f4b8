"""The figures and tables of a report, which describe and claim nothing."""

from __future__ import annotations

import numpy as np

from ..answers.funnel import count_funnel
from ..answers.funnel_params import FunnelParams
from ..answers.params import Filters, time_of
from ..answers.paths import PathsParams, count_paths
from ..answers.touches import TouchesParams, count_touches
from ..answers.walks import walk
from ..frame import JourneyFrame
from ..maps.words import duration, number, percent
from ..quality_rows import Quality
from .by_group import funnel
from .candidates import ask
from .model import Figures, Table
from .path import MainPath
from .people import People

TOP = 10


def figures(frame: JourneyFrame, filters: Filters, people: People) -> Figures:
    """What the filters leave of the graph, in numbers."""
    journeys = walk(frame, filters)
    converted = int(people.walks.converted.sum())
    times = people.walks.times
    return Figures(
        users=len(people),
        journeys=len(journeys),
        touchpoints=len(journeys.codes),
        channels=len(np.unique(people.channel)),
        converted=int(journeys.converted.sum()),
        open=int(journeys.open.sum()),
        users_converted=converted,
        conversion=converted / len(people) if len(people) else None,
        median_steps=float(np.median(journeys.lengths)) if len(journeys) else None,
        first=time_of(int(times.min())) if len(times) else None,
        last=time_of(int(times.max())) if len(times) else None,
    )


def tables(frame: JourneyFrame, filters: Filters, people: People, path: MainPath | None) -> list[Table]:
    """The most common paths, first and last touches, and the main path step by step."""
    found = [_touches(frame, filters), _paths(frame, filters)]
    return [_main_path(frame, people, path), *found] if path is not None else found


def _main_path(frame: JourneyFrame, people: People, path: MainPath) -> Table:
    asked = funnel(people, path)
    rows = count_funnel(frame, FunnelParams.model_validate({**people.filters.model_dump(), "step": path.written})).rows
    return Table(
        name=f"The main way to “{path.goal}”",
        note="Users who come so far at their best attempt, in this order; any time may pass and other touchpoints may "
        "lie between. The findings look at the first time and the day around it, so their numbers differ.",
        columns=["Step", "Users", "Of all who enter", "Of those before", "Usual time since the step before"],
        rows=[
            [
                row.label,
                number(row.users),
                percent(row.share),
                "–" if row.share_of_previous is None else percent(row.share_of_previous),
                duration(row.median_seconds),
            ]
            for row in rows
        ],
        command=asked.command,
    )


def _touches(frame: JourneyFrame, filters: Filters) -> Table:
    counted = count_touches(frame, TouchesParams.model_validate({**_shared(filters), "label": "channel", "top": TOP}))
    rows = [*counted.rows, *([counted.other] if counted.other else [])]
    return Table(
        name="Where journeys begin and end",
        note="Journeys by the channel of their first and of their last touchpoint.",
        columns=["Channel", "Begin here", "Share", "Of these convert", "End here", "Share"],
        rows=[
            [
                row.label or "all others",
                number(row.first),
                percent(row.first_share),
                "–" if row.first_conversion is None else percent(row.first_conversion),
                number(row.last),
                percent(row.last_share),
            ]
            for row in rows
        ],
        command=ask("touches", filters, top=TOP).command,
    )


def _paths(frame: JourneyFrame, filters: Filters) -> Table:
    counted = count_paths(frame, PathsParams.model_validate({**_shared(filters), "collapse": True, "top": TOP}))
    rows = [*counted.rows, *([counted.other] if counted.other else [])]
    return Table(
        name="How journeys begin",
        note="The first four touchpoints of a journey; repeats count once.",
        columns=["Path", "Journeys", "Share", "Users", "Of these journeys convert"],
        rows=[
            [
                " > ".join(row.path) or f"{number(counted.totals.distinct - len(counted.rows))} others",
                number(row.count),
                percent(row.share),
                number(row.users),
                percent(row.conversion),
            ]
            for row in rows
        ],
        command=f"{ask('paths', filters, top=TOP).command} --collapse",
    )


def _shared(filters: Filters) -> dict[str, object]:
    return filters.model_dump(exclude={"label", "by", "collapse"})


def identity(quality: Quality) -> Table:
    """How far the people of the graph can be trusted, without an identifier."""
    known = quality.users - quality.anonymous_users
    aside = sum(one.count for one in quality.set_aside)
    rows: list[tuple[str, int, str]] = [
        ("Users", quality.users, "resolved people, known or not"),
        ("Known by an identifier of their own", known, f"{percent(known / max(quality.users, 1))} of them"),
        ("Seen only once", quality.single_event_users, f"{percent(quality.single_event_share)} of all who were seen"),
    ]
    for band in quality.sizes:
        if band.users:
            name = f"With {band.size} identifier{'' if band.size == '1' else 's'}"
            rows.append((name, band.users, f"{number(band.identifiers)} identifiers in all"))
    rows += [
        ("Shared identifiers", quality.shared_identifiers, "used by several people, so they join nobody"),
        ("Links on which a large user hangs", quality.bridges.count, "if one is wrong, two people are taken for one"),
    ]
    for refused in quality.refused_links:
        rows.append((f"Refused links ({refused.reason})", refused.pairs, "pairs of identifiers kept apart"))
    rows.append(("Placeholders and blocked values", aside, "set aside: they name nobody"))
    return Table(
        name="How well people are known",
        note="Of the whole graph, whatever the filters say.",
        columns=["What", "How many", "What it means"],
        rows=[[name, number(count), means] for name, count, means in rows],
        explained=True,
        command="graphsvc quality",
    )
