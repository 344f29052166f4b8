"""The overview: what the graph holds, where journeys begin, what people do, where they leave, and what can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..answers import ANSWERS, TouchRow
from ..graph import Graph
from .render import Tagging, address, page

_TOUCHES = {"label": "name", "top": 1_000}
_SHOWN = 8


@dataclass(frozen=True)
class Leaving:
    """A touchpoint after which journeys are given up."""

    label: str
    dropped: int
    share: float  # of all that are dropped
    ends: int
    journeys: str  # link to those that end there


def add_overview(router: APIRouter, graph: Graph) -> None:
    """Add the overview."""

    @router.get("/")
    def overview(request: Request, tagged: Tagging, segment: str = "") -> Response:
        held = graph.status()
        if held.settings is None:
            return page(request, "begin.html.j2")
        chosen = {"segment": segment} if segment else {}
        first = graph.ask("touches", {**chosen, "top": _SHOWN})
        last = graph.ask("touches", {**chosen, **_TOUCHES})
        paths = graph.ask("paths", {**chosen, "top": _SHOWN})
        shown = page(
            request,
            "overview.html.j2",
            segment=segment,
            segments=sorted(held.settings.segments),
            held=held,
            first=first,
            paths=paths,
            leaving=_leaving(last.rows, chosen),
            dropped=sum(map(_dropped, last.rows)),
            goals=held.settings.goals,
            questions=[(asked, address(f"/explore/{asked.name}", chosen)) for asked in ANSWERS.values()],
            comparison=address("/explore/transitions/compare", a=segment),
            chosen=chosen,
        )
        tagged.at(min(held.revision, first.revision, last.revision, paths.revision), shown)
        return shown


def _leaving(rows: list[TouchRow], chosen: dict[str, str]) -> list[Leaving]:
    """Where most journeys are given up: their last touch, and neither converted nor open."""
    lost = sum(map(_dropped, rows))
    ranked = sorted(enumerate(rows, start=1), key=lambda one: (-_dropped(one[1]), one[0]))
    query: dict[str, Any] = {**chosen, **_TOUCHES}
    return [
        Leaving(
            label=str(row.label),
            dropped=_dropped(row),
            share=_dropped(row) / lost,
            ends=row.last,
            journeys=address("/explore/touches/journeys", query, row=place, column="last"),
        )
        for place, row in ranked[:_SHOWN]
        if _dropped(row)
    ]


def _dropped(row: TouchRow) -> int:
    return row.last - row.last_converted - row.last_open
