"""A page for each comparison: two segments or periods side by side, each difference drawn with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import combinations
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, create_model

from ..answers import ANSWERS, COMPARABLE, Comparison, Filters
from ..answers.compare import ComparedRow
from ..answers.params import time_of
from ..answers.sides import PERIOD
from ..answers.walks import in_segment
from ..errors import InputError, NotFound, QueryError, nearest
from ..frame import JourneyFrame
from ..graph import Graph
from ..maps import words
from ..maps.kinds import KINDS
from ..segments import together
from . import tables
from .asking import Asking
from .forms import Given
from .render import Tagging, address, page


class _Sides(Filters):
    """What a comparison is asked beside the parameters of the answer."""

    a: str
    b: str
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    confidence: Annotated[float, Field(gt=0, lt=1, description="Such as 0.95, which is 95 %.")] = 0.95


_ADDED = tuple(name for name in _Sides.model_fields if name not in Filters.model_fields)
_PERIOD_DAYS = 90
_MOST_SEGMENTS = 12  # among which two that share nobody are looked for


def add_compare(router: APIRouter, graph: Graph) -> None:
    """Add the pages of all comparisons."""

    @router.get("/explore/{name}/compare")
    def compare(name: str, request: Request, tagged: Tagging) -> Response:
        _comparable(name)
        if not graph.revision():
            return RedirectResponse("/", 303)
        asking = Asking.of(request, _model(name), frozenset(_ADDED))
        if asking.onward:
            return RedirectResponse(asking.onward, 303)
        found: Comparison | None = None
        status, problem = 200, ""
        if asking.wrong and not asking.missing:
            status, problem = QueryError.status, asking.wrong.get("", "")
        elif not asking.wrong:
            try:
                found = _compared(graph, name, asking)
            except InputError as error:
                status, problem = error.status, str(error)
        frame = graph.frame()
        made = page(
            request,
            "compare.html.j2",
            status,
            asked=ANSWERS[name],
            kinds=[(each, address(f"/explore/{each}/compare", _shared(asking.given))) for each in COMPARABLE],
            examples=list(_examples(frame)) if asking.missing else [],
            problem=problem,
            found=found,
            lasting=False,
            **asking.form(frame, hidden={"by"}),
            **(_shown(found, asking, frame.settings.segments) if found else {}),
        )
        if found:
            tagged.at(found.revision, made)
        return made

    @router.get("/explore/{name}/compare/table.csv")
    def table(name: str, request: Request, tagged: Tagging) -> Response:
        _comparable(name)
        asking = Asking.of(request, _model(name), frozenset(_ADDED))
        for parameter, fault in asking.wrong.items():
            raise QueryError(f"{parameter} {fault}".strip())
        found = _compared(graph, name, asking)
        made = tables.csv_file(tables.comparison_as_csv(found), f"{name}-compared")
        tagged.at(found.revision, made)
        return made


@cache
def _model(name: str) -> type[Filters]:
    return create_model(f"{name.title()}Comparison", __base__=(ANSWERS[name].parameters, _Sides))


def _comparable(name: str) -> None:
    if name not in COMPARABLE:
        raise NotFound(f"there is no comparison in {name!r}{nearest(name, COMPARABLE)}")


def _compared(graph: Graph, name: str, asking: Asking) -> Comparison:
    added = {parameter: held for parameter, held in asking.given.items() if parameter in _ADDED}
    return graph.compare(name, asking.question, **_Sides.model_validate(added).model_dump(include=set(_ADDED)))


def _shared(given: Given) -> Given:
    """What is asked of every comparison alike."""
    return {name: given[name] for name in (*_ADDED, *Filters.model_fields) if name in given}


def _shown(found: Comparison, asking: Asking, segments: dict[str, str]) -> dict[str, Any]:
    """What the page shows of a comparison."""
    timed = any(row.median_seconds_a is not None or row.median_seconds_b is not None for row in found.rows)
    return {
        "question": asking.question,
        "headline": _headline(found),
        "rows": [(what(row), row) for row in found.rows],
        "sides": [(side, _alone(found.answer, side.given, asking.question, segments)) for side in (found.a, found.b)],
        "told_apart": sum(row.significant for row in found.rows),
        "times_told_apart": sum(bool(row.time_significant) for row in found.rows),
        "small": sum(row.test == "fisher" for row in found.rows),
        "reach": max((abs(end) for row in found.rows for end in (row.low, row.high)), default=0) or 1.0,
        "timed": timed,
        "picture": _picture(asking.given, len(found.rows)) if found.answer == "transitions" and found.rows else None,
        "told": [(name, about.description) for name, about in ComparedRow.model_fields.items() if about.description],
    }


def _headline(found: Comparison) -> str:
    """The greatest difference that is not chance."""
    told = [row for row in found.rows if row.significant]
    if not told:
        return "Nothing here differs by more than chance could make."
    row = max(told, key=lambda each: abs(each.difference))
    sides = [(row.share_a, found.a.given), (row.share_b, found.b.given)]
    (more, those), (less, others) = sorted(sides, reverse=True)
    of = "the credit of " if found.answer == "attribution" else ""
    return (
        f"The greatest difference: {words.quoted(what(row))}, {words.percent(more)} of {of}{words.quoted(those)}, "
        f"but {words.percent(less)} of {of}{words.quoted(others)}."
    )


def what(row: ComparedRow) -> str:
    """What the users of a row do."""
    return " → ".join(row.labels) or row.what


def _picture(given: Given, rows: int) -> tuple[str, str, str]:
    """The comparison map of as many rows: its title, its address within this page, and to stand alone."""
    wanted = KINDS["comparison"]
    query = {name: held for name, held in given.items() if name in wanted.parameters.model_fields and name != "by"}
    query["top"] = [str(rows)]
    return wanted.title, address("/pictures/comparison", query), address("/map/comparison", query)


def _alone(name: str, side: str, question: Given, segments: dict[str, str]) -> str | None:
    """The page about one side; None where the page's own form could not ask about it."""
    period = PERIOD.match(side)
    if not period:
        chosen = question.get("segment")
        return address(f"/explore/{name}", question, segment=together(segments, str(chosen) if chosen else None, side))
    if "since" in question or "until" in question:
        return None
    since, until = period.groups()
    return address(f"/explore/{name}", question, since=since, until=until)


def _examples(frame: JourneyFrame) -> Iterator[tuple[str, Given]]:
    """Two segments that share nobody, and two periods, for who does not know what to enter."""
    named = list(frame.settings.segments)[:_MOST_SEGMENTS]
    inside = {name: in_segment(frame, name) for name in named}
    for one, other in combinations(named, 2):
        if inside[one].any() and inside[other].any() and not (inside[one] & inside[other]).any():
            yield f"{one} and {other}", {"a": one, "b": other}
            break
    if frame.journeys:
        end = time_of(frame.data_end).date() + timedelta(days=1)
        middle, begin = (end - timedelta(days=days) for days in (_PERIOD_DAYS, 2 * _PERIOD_DAYS))
        told = f"the last {_PERIOD_DAYS} days and the {_PERIOD_DAYS} before"
        yield told, {"a": f"{middle}..{end}", "b": f"{begin}..{middle}"}
