"""The endpoints that ask: each declared answer, the journeys behind its numbers, comparisons, the map, the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, create_model

from ..answers import ANSWERS, COMPARABLE, Answer, Behind, Comparison, Filters, Result, answer
from ..graph import Graph
from ..maps.kinds import KINDS, Kind
from ..questions import Via
from ..report import Report
from .conditional import Tagged, TaggedNow
from .keys import Role
from .paging import LINKED, PAGE, Cursor, Limit, check, link, place
from .problems import described
from .roles import Routers, demand

_VIA = Field(default="auto", description="Count on the journey `frame` or by `cypher` (Neo4j); `auto` chooses.")

_Format = Literal["json", "html"]
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


def add_answers(routers: Routers, graph: Graph) -> None:
    """Add the endpoints that ask."""
    for asked in ANSWERS.values():
        _add_answer(routers, graph, asked)
        _add_journeys(routers, graph, asked)
    for name in COMPARABLE:
        _add_comparison(routers, graph, answer(name))
    _add_report(routers, graph)
    _add_map(routers, graph, KINDS["journey"], "/map", "journey_map")
    for kind in KINDS.values():
        if not kind.by_identifier:  # POST /identity-map draws that one
            _add_map(routers, graph, kind, f"/map/{kind.name}", f"map_{kind.name}")


def _taking(model: type[BaseModel], tag: type[Tagged] = Tagged) -> Callable[[_Endpoint], _Endpoint]:
    """Say what an endpoint's ``parameters`` and ``tagged`` are: the fields of a model, in the query, and a tag."""

    def annotated(endpoint: _Endpoint) -> _Endpoint:
        more = {"parameters": Annotated[model, Query()], "tagged": Annotated[Tagged, Depends(tag)]}
        endpoint.__annotations__ = {**endpoint.__annotations__, **more}
        return endpoint

    return annotated


def _add_map(routers: Routers, graph: Graph, kind: Kind, path: str, operation: str) -> None:
    """The endpoint of one kind of picture; its query parameters are the kind's."""

    @routers.read.get(
        path,
        tags=["answers"],
        operation_id=operation,
        summary=f"Picture: {kind.title}",
        description=f"{kind.told} One self-contained HTML page.",
        responses=described(404),
        response_class=HTMLResponse,
    )
    @_taking(kind.parameters, TaggedNow if kind.name == "timeline" else Tagged)
    def endpoint(parameters: BaseModel, tagged: Tagged) -> HTMLResponse:
        revision = tagged.revision  # before drawing: a tag may be older than what it stands for, never newer
        picture = graph.map(kind.name, **parameters.model_dump(exclude_unset=True))
        page = HTMLResponse(picture.html())
        tagged.at(min(revision, picture.revision or revision), page)
        return page


def _add_report(routers: Routers, graph: Graph) -> None:
    """The endpoint of the manager's report."""
    model = create_model(
        "ReportQuery",
        __base__=Filters,
        rate=(float, Field(default=0.05, gt=0, lt=1, description="Rate of false findings that is accepted.")),
        format=(_Format, Field(default="json", description="As data, or as one self-contained page.")),
    )

    @routers.read.get(
        "/report",
        tags=["answers"],
        operation_id="report",
        summary="The manager's report: what stands out beyond chance",
        description="Opportunities, weaknesses, gaps and inefficiencies, each a sentence with its numbers. With "
        "`format=html` it is one self-contained page.",
        response_model=Report,
    )
    @_taking(model)
    def endpoint(parameters: BaseModel, tagged: Tagged) -> Any:
        given = parameters.model_dump(exclude_unset=True)
        as_page = given.pop("format", "json") == "html"
        found = graph.report(**given)
        page = HTMLResponse(found.html()) if as_page else None
        tagged.at(found.revision, page)
        return page or found


def _add_answer(routers: Routers, graph: Graph, asked: Answer) -> None:
    """The endpoint of one declared answer; its query parameters are the answer's."""
    model = create_model(f"{asked.name.title()}Query", __base__=asked.parameters, via=(Via, _VIA))

    @routers.read.get(
        f"/{asked.name}",
        tags=["answers"],
        operation_id=asked.name,
        summary=asked.question,
        description=f"{_a_row(asked.rows)} What is below the last row is summed up as `other`; `totals` and `notes` "
        f"say what was counted and left out. `/{asked.name}/journeys` lists the journeys behind each number.",
        response_model=_described(asked),
    )
    @_taking(model)
    def endpoint(parameters: BaseModel, tagged: Tagged) -> Response:
        given = parameters.model_dump(exclude_unset=True)
        via: Via = given.pop("via", "auto")
        found = graph.ask(asked.name, given, via=via)
        response = Response(found.model_dump_json(), media_type="application/json")
        tagged.at(found.revision, response)
        return response


def _a_row(model: type[BaseModel]) -> str:
    return f"A row is: {(model.__doc__ or '').splitlines()[0]}"


def _described(asked: Answer) -> type[BaseModel]:
    """An answer for the OpenAPI document: its parameters are those of this answer, also for each segment."""
    name, model = f"{asked.name.title()}Answer", Result[asked.rows]  # type: ignore[name-defined]
    about, each = model.model_fields["parameters"].description, model.model_fields["segments"].description
    return create_model(
        name,
        __base__=model,
        __doc__=asked.question,
        parameters=(asked.parameters, Field(description=about)),
        segments=(list[name], Field(default=[], description=each)),  # type: ignore[valid-type]
    )


def _add_journeys(routers: Routers, graph: Graph, asked: Answer) -> None:
    """The endpoint that drills down into one answer."""
    model = create_model(
        f"{asked.name.title()}JourneysQuery",
        __base__=asked.parameters,
        row=(int, Field(default=1, ge=1, description="Row of the answer, from 1; the remainder stands last.")),
        column=(str, Field(default="journeys", description="Which of its numbers.")),
        identifiers=(
            bool,
            Field(default=False, description="Show the users' identifiers (a key with the role admin only)."),
        ),
        cursor=(Cursor, None),
        limit=(Limit, PAGE),
    )

    @routers.read.get(
        f"/{asked.name}/journeys",
        tags=["answers"],
        operation_id=f"{asked.name}_journeys",
        summary=f"The journeys behind a number of {asked.name}",
        description=f"Asked with the parameters of `/{asked.name}`, it lists as many journeys (or journeys of as many "
        "users) as stand in that row and column, by user and start.",
        responses={200: LINKED, **described(410)},
    )
    @_taking(model)
    def endpoint(parameters: BaseModel, request: Request, response: Response, tagged: Tagged) -> Behind:
        given = parameters.model_dump(exclude_unset=True)
        page = {name: given.pop(name) for name in ("row", "column", "identifiers") if name in given}
        if page.get("identifiers"):
            demand(request, Role.ADMIN)
        limit = given.pop("limit", PAGE)
        begun, first = place(given.pop("cursor", None))
        found = graph.journeys_behind(asked.name, given, **page, first=first, limit=limit)
        check(begun, found.revision)
        if first + limit < found.journeys:
            link(request, response, found.revision, first + limit)
        if not page.get("identifiers"):  # which nobody keeps
            tagged.at(found.revision)
        return found


def _add_comparison(routers: Routers, graph: Graph, asked: Answer) -> None:
    """The endpoint that compares two segments or periods in one answer."""
    model = create_model(
        f"{asked.name.title()}ComparisonQuery",
        __base__=asked.parameters,
        a=(
            str,
            Field(description="A segment, or a period as `2026-01-01..2026-04-01` (by journey start; its end not in)."),
        ),
        b=(str, Field(description="Another one of the same kind.")),
        rate=(float, Field(default=0.05, gt=0, lt=1, description="Rate of false discoveries that is accepted.")),
        confidence=(float, Field(default=0.95, gt=0, lt=1, description="Of the intervals.")),
    )

    @routers.read.get(
        f"/{asked.name}/compare",
        tags=["answers"],
        operation_id=f"compare_{asked.name}",
        summary=f"Two segments or periods side by side in {asked.name}",
        description="Each difference with its interval, its p value, and whether it stands after correction for many "
        "comparisons. The unit is the user.",
    )
    @_taking(model)
    def endpoint(parameters: BaseModel, tagged: Tagged) -> Comparison:
        given = parameters.model_dump(exclude_unset=True)
        how = {name: given.pop(name) for name in ("a", "b", "rate", "confidence") if name in given}
        found = graph.compare(asked.name, given, **how)
        tagged.at(found.revision)
        return found
