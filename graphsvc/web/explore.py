"""A page for each answer: its form, picture and table, downloads, the Cypher behind, the journeys behind a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from ..answers import ANSWERS, Answer, Result
from ..errors import CypherUnsupported, InputError, NotFound, QueryError, nearest
from ..graph import Graph
from ..maps.kinds import KINDS, draw, kind
from . import forms, tables
from .cypher import for_browser
from .forms import Given
from .render import PageTagged, address, page

#: The kind of picture that tells most about an answer.
_PICTURES = {
    "paths": "journey",
    "steps": "journey",
    "transitions": "transitions",
    "funnel": "funnel",
    "matrix": "matrix",
}
_PAGE = 50
_MOST_ARROWS = 200
_MOST_DIGITS = 9
_Tagged = Annotated[PageTagged, Depends()]


@dataclass(frozen=True)
class Part:
    """One table of a page."""

    segment: str  # that it is about, of those side by side; else nothing
    found: Result[Any]
    rows: list[tuple[int, list[tables.Cell]]]  # each with its place, from 1
    query: Given  # that asks for it alone


def add_explore(router: APIRouter, graph: Graph) -> None:
    """Add the pages of all answers."""
    counting: dict[str, frozenset[str]] = {}  # which columns of an answer journeys stand behind

    def columns_of_journeys(asked: Answer, given: Given) -> frozenset[str]:
        if asked.name not in counting:
            params = asked.parse(given)
            counting[asked.name] = graph.on_frame(lambda frame: frozenset(asked.members(frame, params).columns))
        return counting[asked.name]

    @router.get("/explore/{name}")
    def explore(name: str, request: Request, tagged: _Tagged) -> Response:
        asked = _declared(name)
        if not graph.revision():
            return RedirectResponse("/", 303)
        given = forms.entered(asked.parameters, request.query_params.multi_items())
        neat = forms.canonical(asked.parameters, given)
        if neat != given or any(not text.strip() for _, text in request.query_params.multi_items()):
            return RedirectResponse(address(request.url.path, neat), 303)
        wrong = forms.faults(asked.parameters, given)
        missing = set(wrong) == {"step"} and "step" not in given
        shown: dict[str, Any] = {"parts": [], "picture": None, "cypher": None, "columns": []}
        status, problem = 200, ""
        if wrong and not missing:
            status, problem = QueryError.status, wrong.get("", "")
        elif not wrong:
            try:
                shown |= _answered(graph, asked, given, columns_of_journeys(asked, given))
            except InputError as error:
                status, problem = error.status, str(error)
        first, more = forms.fields(asked, given, known := forms.known_values(graph.frame()), {} if missing else wrong)
        made = page(
            request,
            "answer.html.j2",
            status,
            asked=asked,
            given=given,
            first=first,
            more=more,
            unfolded=any(field.name in given or field.fault for field in more),
            known=known,
            missing=missing,
            example=_example(graph) if missing else [],
            wrong=wrong if status != 200 else {},
            titles={field.name: field.title for field in [*first, *more]},
            problem=problem,
            **shown,
        )
        if shown["parts"]:
            tagged.at(shown["parts"][0].found.revision, made)
        return made

    @router.get("/explore/{name}/table.csv")
    def table(name: str, request: Request, tagged: _Tagged) -> Response:
        asked = _declared(name)
        found = graph.ask(name, forms.entered(asked.parameters, request.query_params.multi_items()))
        made = Response(
            tables.as_csv(found),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
        tagged.at(found.revision, made)
        return made

    @router.get("/explore/{name}/journeys")
    def journeys(name: str, request: Request, tagged: _Tagged) -> Response:
        asked = _declared(name)
        given = forms.entered(asked.parameters, request.query_params.multi_items())
        row, column, at = (str(given.pop(one, "")) for one in ("row", "column", "page"))
        if not _is_number(row) or not _is_number(at or "1") or int(at or 1) < 1:
            raise QueryError("row and page are numbers from 1")
        first = (int(at or 1) - 1) * _PAGE
        found = graph.journeys_behind(name, given, row=int(row), column=column, first=first, limit=_PAGE)
        shown = [each for each in tables.columns(asked.rows) if each.kind == "text" or each.name in ("step", "share")]
        made = page(
            request,
            "journeys.html.j2",
            asked=asked,
            given=given,
            found=found,
            row=[(each.title, tables.text_of(each.name, held)) for each in shown if (held := found.row[each.name])],
            column=next(each for each in tables.columns(asked.rows) if each.name == column),
            query={**given, "row": row, "column": column},
            first=first,
            at=int(at or 1),
            beyond=first + _PAGE < found.journeys,
        )
        tagged.at(found.revision, made)
        return made

    @router.get("/pictures/{name}")
    def picture(name: str, request: Request, tagged: _Tagged) -> Response:
        """A picture to stand in a page of this service; ``/map`` gives the same to stand alone."""
        wanted = kind(name)
        if wanted.by_identifier:
            raise NotFound("that picture is shown on the page of a person")
        given: dict[str, Any] = {}
        for parameter, text in request.query_params.multi_items():
            several = forms.takes_several(wanted.parameters, parameter)
            given[parameter] = [*given.get(parameter, []), text] if several else text
        revision = tagged.revision  # before drawing: a tag may be older than what it stands for, never newer
        made = framed(draw(graph, name, given).html())
        if name != "timeline":  # which shows the graph as it stands at this moment
            tagged.at(revision, made)
        return made


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def framed(html: str) -> HTMLResponse:
    """A picture that pages of this service may show in a frame; its own policy stands in it."""
    return HTMLResponse(
        html,
        headers={
            "X-Frame-Options": "SAMEORIGIN",
            "Content-Security-Policy": "object-src 'none'; frame-ancestors 'self'; sandbox allow-scripts",
        },
    )


def _declared(name: str) -> Answer:
    if name not in ANSWERS:
        raise NotFound(f"there is no page about {name!r}{nearest(name, ANSWERS)}")
    return ANSWERS[name]


def _answered(graph: Graph, asked: Answer, given: Given, counting: frozenset[str]) -> dict[str, Any]:
    """What a page shows of an answer.

    Raises:
        InputError: it cannot be asked like that.
    """
    found = graph.ask(asked.name, given)
    columns = tables.columns(asked.rows, [*found.rows, *([found.other] if found.other else [])])
    parts = list(_parts(found, columns, given, counting))
    try:
        cypher = for_browser(asked, found.parameters, graph.settings(), found.data_end)
    except CypherUnsupported as error:
        cypher = ("", str(error))
    return {
        "parts": parts,
        "columns": columns,
        "picture": _picture(asked, given, found.parameters) if found.rows else None,
        "cypher": cypher,
    }


def _parts(found: Result[Any], columns: list[tables.Column], given: Given, counting: frozenset[str]) -> Iterator[Part]:
    alone = {name: value for name, value in given.items() if name != "by"}
    for segment, part in [("", found), *zip(found.parameters.by, found.segments, strict=True)]:
        rows = [*part.rows, *([part.other] if part.other else [])]
        query = {**alone, **({"segment": str(part.parameters.segment)} if segment else {})}
        shown = [tables.cells(row, columns, counting) for row in rows]
        yield Part(segment, part, list(enumerate(shown, start=1)), query)


def _picture(asked: Answer, given: Given, params: Any) -> tuple[str, str, str] | None:
    """The picture that fits: its title, its address within this page, and to stand alone."""
    if asked.name not in _PICTURES:
        return None
    wanted = KINDS[_PICTURES[asked.name]]
    query = {name: value for name, value in given.items() if name in wanted.parameters.model_fields and name != "by"}
    if wanted.name == "journey":
        if given.get("where", "start") != "start":
            return None  # the map steps from the start
        if asked.name != "steps":
            query.pop("top", None)
        if given.get("by") and "segment" not in given:
            query["layer"] = given["by"]
    if wanted.name == "transitions" and params.top > _MOST_ARROWS:
        query.pop("top", None)
    return wanted.title, address(f"/pictures/{wanted.name}", query), address(f"/map/{wanted.name}", query)


def _example(graph: Graph) -> list[str]:
    """Some steps that many take, for who does not know what to enter: the end of the most common converted path."""
    rows = graph.ask("paths", {"where": "end", "steps": 4, "collapse": True}).rows
    best = max(rows, key=lambda row: row.converted, default=None)
    steps = list(dict.fromkeys(best.path)) if best else []
    return steps if len(steps) > 1 else []
