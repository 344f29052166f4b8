"""The HTTP service. Thin: each endpoint asks a ``Graph``; errors are problem details (RFC 9457) of one tree."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, Literal, cast

from fastapi import Body, FastAPI, Path, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from . import __version__
from .api_answers import add_answers
from .api_people import add_people
from .errors import GraphsvcError, InputError
from .graph import Graph
from .users import User

MAX_EVENTS = 10_000
MAX_BYTES = 16 * 1024 * 1024
_OPEN_PATHS = ("/healthz", "/readyz", "/docs", "/openapi.json")
_OPEN_FOLDER = "/static-offline-docs/"  # scripts and styles of the manual
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "testserver"]


class RejectedEvent(BaseModel):
    """A record that was not taken."""

    line: Annotated[int, Field(description="Which record of the request, from 1.")]
    field: Annotated[str | None, Field(description="The field at fault, where it is one.")]
    reason: str


class Ingested(BaseModel):
    """What became of the records of a request."""

    rows: Annotated[int, Field(description="Records in the request.")]
    new: Annotated[int, Field(description="Events that the graph did not hold.")]
    duplicates: Annotated[int, Field(description="Events that it held already.")]
    conflicts: Annotated[int, Field(description="Records with the event key of another one; one of the two stays.")]
    replaced: Annotated[int, Field(description="Former events that a record took the place of (`replace`).")]
    erased: Annotated[int, Field(description="Refused: they hold an identifier of somebody who was erased.")]
    forgotten: Annotated[int, Field(description="Records before the retention date, which are refused.")]
    rejects: list[RejectedEvent]
    revision: Annotated[int, Field(description="Revision of the graph afterwards.")]


class Lookup(BaseModel):
    """Whom to look for. An identifier is personal data: it stands in the body, never in a URL."""

    model_config = ConfigDict(extra="forbid")

    identifier: Annotated[
        str,
        Field(
            min_length=1,
            max_length=600,
            description="`type:value`, or the bare value of a known type.",
            examples=["email:ann@example.org"],
        ),
    ]


class Found(BaseModel):
    """The user that has an identifier."""

    key: Annotated[str, Field(description="User key, for `/users/{key}/journeys`.")]


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"]
    version: str


class Ready(BaseModel):
    """The store answers."""

    status: Literal["ready"]
    revision: Annotated[int, Field(description="Revision of the graph; 0: no graph yet.")]


def create_app(graph: Graph, *, api_key: str | None = None) -> FastAPI:
    """The service over one graph.

    Args:
        graph: what it serves; the caller closes it.
        api_key: demanded in ``X-API-Key`` of every request but the health checks. Without one the service answers
            requests that are addressed to this machine's loopback names only.
    """

    @asynccontextmanager
    async def warmed(_: FastAPI) -> AsyncIterator[None]:
        graph.warm()
        yield

    app = FastAPIOffline(  # its manual at /docs loads nothing from elsewhere
        redoc_url=None,
        title="graphsvc",
        version=__version__,
        summary="Customer journeys as a graph: add events, ask what people do.",
        lifespan=warmed,
        dependencies=[Security(APIKeyHeader(name="X-API-Key", auto_error=False))] if api_key else [],
        responses={422: {"description": "A problem (RFC 9457): what was given and what is allowed."}},
    )
    app.add_exception_handler(GraphsvcError, _problem_of_ours)
    app.add_exception_handler(RequestValidationError, _problem_of_request)
    app.add_exception_handler(HTTPException, _problem_of_http)
    app.add_exception_handler(Exception, _problem_unforeseen)
    app.middleware("http")(_guard(api_key))
    if api_key is None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=_LOOPBACK)
    _add_health(app, graph)
    _add_events(app, graph)
    _add_users(app, graph)
    add_answers(app, graph, keyed=api_key is not None)
    add_people(app, graph)
    return app


def _guard(api_key: str | None) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    """Middleware: the API key, the size of a body, and a few headers that browsers heed."""

    async def guard(request: Request, forward: Callable[[Request], Awaitable[Response]]) -> Response:
        given = request.headers.get("x-api-key", "")
        path = request.url.path
        open_to_all = api_key is None or path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)
        allowed = open_to_all or hmac.compare_digest(given.encode(), (api_key or "").encode())
        length = request.headers.get("content-length", "0")
        if not allowed:
            response: Response = problem(401, "unauthorized", "give the API key in the header X-API-Key")
        elif request.method == "POST" and (not length.isdigit() or "content-length" not in request.headers):
            response = problem(411, "length-required", "send the body with a Content-Length")
        elif int(length) > MAX_BYTES:
            response = problem(413, "too-large", f"a body may have {MAX_BYTES:,} bytes; send the events in parts")
        else:
            response = await forward(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return guard


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """Problem details (RFC 9457)."""
    body = {"type": f"urn:graphsvc:{code}", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body | more, status, media_type="application/problem+json")


def _problem_of_ours(_: Request, error: Exception) -> JSONResponse:
    ours = cast(GraphsvcError, error)
    return problem(ours.status, ours.code, str(ours))


def _problem_of_request(_: Request, error: Exception) -> JSONResponse:
    found = cast(RequestValidationError, error).errors()
    faults = [{"field": ".".join(str(part) for part in each["loc"]), "reason": each["msg"]} for each in found]
    detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults[:5])
    return problem(422, "bad-query", detail, errors=faults)


def _problem_of_http(_: Request, error: Exception) -> JSONResponse:
    http = cast(HTTPException, error)
    return problem(http.status_code, "http", str(http.detail))


def _problem_unforeseen(_: Request, error: Exception) -> JSONResponse:
    """A fault of ours; what it says may quote data, so only its kind is told (the log has the rest)."""
    return problem(500, "fault", f"graphsvc failed ({type(error).__name__}); its log says where")


def _add_health(app: FastAPI, graph: Graph) -> None:
    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("docs")

    @app.get("/healthz", tags=["service"], operation_id="healthz")
    def healthz() -> Health:
        """Whether the service runs."""
        return Health(status="ok", version=__version__)

    @app.get("/readyz", tags=["service"], operation_id="readyz")
    def readyz() -> Ready:
        """Whether the store answers."""
        return Ready(status="ready", revision=graph.store.revision())


def _add_events(app: FastAPI, graph: Graph) -> None:
    @app.post("/events", tags=["events"], operation_id="add_events")
    def add_events(
        events: Annotated[
            list[dict[str, Any]],
            Body(
                max_length=MAX_EVENTS,
                description="Records with `time`, `name`, `channel`, `identifiers` and, as known, `event_id`, `stage`, "
                "`value`, `cost`, `currency`, `sentiment`, `question`, `traits`, `properties`. With `kind`: `profile` "
                "tells traits only, `link` declares two identifiers one person.",
                examples=[
                    [
                        {
                            "time": "2026-03-01T10:15:00Z",
                            "name": "product_view",
                            "channel": "website",
                            "identifiers": {"cookie": "c-17", "email": "ann@example.org"},
                            "traits": {"age": 34},
                        }
                    ]
                ],
            ),
        ],
        replace: Annotated[bool, Query(description="Records take the place of events with their key.")] = False,
    ) -> Ingested:
        """Add events. Good records go in, bad ones are named with a reason; the same record twice adds nothing."""
        report = graph.add(events, replace=replace)
        graph.warm()
        rejects = [RejectedEvent(line=each.line, field=each.field, reason=each.reason) for each in report.rejects]
        counts = {name: getattr(report, name) for name in Ingested.model_fields if name != "rejects"}
        return Ingested(**counts, rejects=rejects)


def _add_users(app: FastAPI, graph: Graph) -> None:
    @app.post("/users/lookup", tags=["users"], operation_id="lookup_user")
    def lookup_user(wanted: Lookup) -> Found:
        """The user that has an identifier."""
        return Found(key=graph.lookup(wanted.identifier))

    @app.get("/users/{key}/journeys", tags=["users"], operation_id="user_journeys")
    def user_journeys(key: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="User key.")]) -> User:
        """One person with all journeys, each with its touchpoints in order."""
        return graph.user(key)


def demand_key(host: str, api_key: str | None) -> None:
    """Refuse to serve other machines without a key.

    Raises:
        InputError: the host is not a loopback address, and there is no key.
    """
    if host not in ("127.0.0.1", "::1", "localhost") and not api_key:
        raise InputError(
            f"serving on {host} lets other machines in: set GRAPHSVC_API_KEY to a secret of your own, "
            "or serve on 127.0.0.1"
        )
