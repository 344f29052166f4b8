"""The endpoints that ask: one per declared answer, the journeys behind its numbers, comparisons, segments, the map."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, create_model

from .answers import ANSWERS, COMPARABLE, Answer, Behind, Comparison, Filters, Result, answer
from .answers.steps import FlowParams
from .errors import InputError
from .graph import Graph
from .maps import journey_map
from .questions import Via
from .report import Report

_VIA = Field(default="auto", description="Count on the journey `frame` or by `cypher` (Neo4j); `auto` chooses.")

_Format = Literal["json", "html"]
_Name = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[\w-]+$", description="Name of the segment.")]


class Segment(BaseModel):
    """Who is in a segment."""

    predicate: Annotated[
        str,
        Field(
            min_length=1,
            max_length=10_000,
            description="A predicate on traits and other segments.",
            examples=["age >= 50 and region = north"],
        ),
    ]


class Changed(BaseModel):
    """A change of the graph."""

    revision: Annotated[int, Field(description="Revision of the graph since.")]


def add_answers(app: FastAPI, graph: Graph, *, keyed: bool) -> None:
    """Add the endpoints that ask.

    Args:
        app: to which they are added.
        graph: that is asked.
        keyed: every request brings a key; else nobody is shown identifiers.
    """
    for asked in ANSWERS.values():
        _add_answer(app, graph, asked)
        _add_journeys(app, graph, asked, keyed=keyed)
    for name in COMPARABLE:
        _add_comparison(app, graph, answer(name))
    _add_segments(app, graph)

    @app.get("/map", tags=["answers"], operation_id="journey_map", response_class=HTMLResponse)
    def interactive_map(parameters: Annotated[FlowParams, Query()]) -> HTMLResponse:
        """The journey map as one self-contained HTML page."""
        return HTMLResponse(journey_map(graph.frame(), parameters).html())

    report_query = create_model(
        "ReportQuery",
        __base__=Filters,
        rate=(float, Field(default=0.05, gt=0, lt=1, description="Rate of false findings that is accepted.")),
        format=(_Format, Field(default="json", description="As data, or as one self-contained page.")),
    )

    def report(parameters: Any) -> Any:
        given = parameters.model_dump(exclude_unset=True)
        as_page = given.pop("format", "json") == "html"
        found = graph.report(**given)
        return HTMLResponse(found.html()) if as_page else found

    report.__annotations__ = {"parameters": Annotated[report_query, Query()], "return": Any}
    summary = "The manager's report: findings that are not chance"
    app.get("/report", tags=["answers"], operation_id="report", summary=summary, response_model=Report)(report)


def _add_answer(app: FastAPI, graph: Graph, asked: Answer) -> None:
    """The endpoint of one declared answer; its query parameters are the answer's."""
    model = create_model(f"{asked.name.title()}Query", __base__=asked.parameters, via=(Via, _VIA))

    def endpoint(parameters: Any) -> Any:
        given = parameters.model_dump(exclude_unset=True)
        via: Via = given.pop("via", "auto")
        return graph.ask(asked.name, given, via=via)

    endpoint.__annotations__ = {"parameters": Annotated[model, Query()], "return": Result[asked.rows]}  # type: ignore[name-defined]
    app.get(f"/{asked.name}", tags=["answers"], operation_id=asked.name, summary=asked.question)(endpoint)


def _add_journeys(app: FastAPI, graph: Graph, asked: Answer, *, keyed: bool) -> None:
    """The endpoint that drills down into one answer."""
    model = create_model(
        f"{asked.name.title()}JourneysQuery",
        __base__=asked.parameters,
        row=(int, Field(default=1, ge=1, description="Row of the answer, from 1; the remainder stands last.")),
        column=(str, Field(default="journeys", description="Which of its numbers.")),
        first=(int, Field(default=0, ge=0, description="Journeys to skip.")),
        limit=(int, Field(default=100, ge=1, le=1_000, description="Journeys to show.")),
        identifiers=(
            bool,
            Field(default=False, description="Show the users' identifiers (a service with a key only)."),
        ),
    )

    def endpoint(parameters: Any) -> Any:
        given = parameters.model_dump(exclude_unset=True)
        page = {name: given.pop(name) for name in ("row", "column", "first", "limit", "identifiers") if name in given}
        if page.get("identifiers") and not keyed:
            raise InputError("identifiers are shown by a service that demands a key: set GRAPHSVC_API_KEY")
        return graph.journeys_behind(asked.name, given, **page)

    endpoint.__annotations__ = {"parameters": Annotated[model, Query()], "return": Behind}
    summary = f"The journeys behind a number of {asked.name}"
    app.get(f"/{asked.name}/journeys", tags=["answers"], operation_id=f"{asked.name}_journeys", summary=summary)(
        endpoint
    )


def _add_comparison(app: FastAPI, graph: Graph, asked: Answer) -> None:
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

    def endpoint(parameters: Any) -> Any:
        given = parameters.model_dump(exclude_unset=True)
        how = {name: given.pop(name) for name in ("a", "b", "rate", "confidence") if name in given}
        return graph.compare(asked.name, given, **how)

    endpoint.__annotations__ = {"parameters": Annotated[model, Query()], "return": Comparison}
    summary = f"Two segments or periods side by side in {asked.name}"
    app.get(f"/{asked.name}/compare", tags=["answers"], operation_id=f"compare_{asked.name}", summary=summary)(endpoint)


def _add_segments(app: FastAPI, graph: Graph) -> None:
    @app.get("/segments", tags=["segments"], operation_id="segments")
    def segments() -> dict[str, str]:
        """The named segments, each with its predicate."""
        return graph.segments()

    @app.put("/segments/{name}", tags=["segments"], operation_id="set_segment")
    def set_segment(name: _Name, segment: Segment) -> Changed:
        """Give a segment a name, or another predicate."""
        return Changed(revision=graph.name_segment(name, segment.predicate))

    @app.delete("/segments/{name}", tags=["segments"], operation_id="remove_segment")
    def remove_segment(name: _Name) -> Changed:
        """Take a named segment away."""
        return Changed(revision=graph.remove_segment(name))
