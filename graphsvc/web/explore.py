"""A page for each answer: its form, picture and table, downloads, the Cypher behind, the journeys behind a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import create_model

from ..answers import ANSWERS, COMPARABLE, Answer, Filters, Result
from ..errors import CypherUnsupported, InputError, NotFound, QueryError, nearest
from ..graph import Graph
from ..maps.kinds import KINDS, draw, kind
from ..settings import Settings
from . import forms, tables
from .asking import Asking
from .cypher import for_browser
from .forms import Given
from .render import Tagging, address, page

#: The kind of picture that tells most about an answer.
_PICTURES = {
    "paths": "journey",
    "steps": "journey",
    "transitions": "transitions",
    "funnel": "funnel",
    "matrix": "matrix",
}
#: Answers that take long to count: their pages do so once the button of the form is pressed, which the address tells.
_LASTING = frozenset({"personas"})
_BUTTON = frozenset({"asked"})
_PAGE = 50
_MOST_ARROWS = 200
_MOST_DIGITS = 9


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
    def explore(name: str, request: Request, tagged: Tagging) -> Response:
        asked = _declared(name)
        if not graph.revision():
            return RedirectResponse("/", 303)
        lasting = name in _LASTING
        asking = Asking.of(request, *((_with_button(name), _BUTTON) if lasting else (asked.parameters,)))
        if asking.onward:
            return RedirectResponse(asking.onward, 303)
        waiting = lasting and not _BUTTON & asking.given.keys()
        shown: dict[str, Any] = {"parts": [], "picture": None, "cypher": None, "columns": []}
        status, problem = 200, ""
        if asking.wrong and not asking.missing:
            status, problem = QueryError.status, asking.wrong.get("", "")
        elif not asking.wrong and not waiting:
            try:
                shown |= _answered(graph, asked, asking.question, columns_of_journeys(asked, asking.question))
            except InputError as error:
                status, problem = error.status, str(error)
        made = page(
            request,
            "answer.html.j2",
            status,
            asked=asked,
            question=asking.question,
            example=_example(graph) if asking.missing else [],
            lasting=lasting,
            waiting=waiting,
            saved=_saved_personas(graph.settings()) if waiting else [],
            compared=_compared(name, asking.question) if name in COMPARABLE else None,
            problem=problem,
            **asking.form(graph.frame(), hidden=_BUTTON),
            **shown,
        )
        if shown["parts"]:
            tagged.at(shown["parts"][0].found.revision, made)
        return made

    @router.get("/explore/{name}/table.csv")
    def table(name: str, request: Request, tagged: Tagging) -> Response:
        asked = _declared(name)
        found = graph.ask(name, forms.entered(asked.parameters, request.query_params.multi_items()))
        made = tables.csv_file(tables.as_csv(found), name)
        tagged.at(found.revision, made)
        return made

    @router.get("/explore/{name}/journeys")
    def journeys(name: str, request: Request, tagged: Tagging) -> Response:
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
            back=address(f"/explore/{name}", given, asked="yes" if name in _LASTING else None),
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
    def picture(name: str, request: Request, tagged: Tagging) -> Response:
        """A picture to stand in a page of this service; ``/map`` gives the same to stand alone."""
        wanted = kind(name)
        if wanted.by_identifier:
            raise NotFound("that picture is shown on the page of a person")
        given: dict[str, Any] = {}
        for parameter, text in request.query_params.multi_items():
            several = forms.takes_several(wanted.parameters, parameter)
            given[parameter] = [*given.get(parameter, []), text] if several else text
        revision = tagged.revision  # before drawing: a tag may be older than what it stands for, never newer
        drawn = draw(graph, name, given)
        made = framed(drawn.html())
        if name != "timeline":  # which shows the graph as it stands at this moment
            tagged.at(min(revision, drawn.revision or revision), made)
        return made


@cache
def _with_button(name: str) -> type[Filters]:
    return create_model(f"{name.title()}Page", __base__=ANSWERS[name].parameters, asked=(str, ""))


def _compared(name: str, question: Given) -> str:
    """Where two groups are compared in what an answer counts: those that stand side by side, if there are two."""
    sides = question.get("by", [])
    chosen = dict(zip("ab", sides, strict=True)) if len(sides) == 2 else {}
    return address(f"/explore/{name}/compare", {**chosen, **question}, by=None)


def _saved_personas(settings: Settings) -> list[str]:
    """The segments that saved personas are by now."""
    predicates = {f"{trait}-": f"{trait} = " for trait in settings.personas}
    return [
        name
        for name, predicate in settings.segments.items()
        if any(predicate == told + name.removeprefix(begin) for begin, told in predicates.items())
    ]


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
