"""The service put together. Thin: each endpoint asks a ``Graph``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from .. import __version__
from ..errors import InputError
from ..graph import Graph
from ..web.sessions import Sessions
from .answers import add_answers
from .conditional import add_conditional
from .events import add_events
from .guard import Guard
from .jobs import Jobs, add_jobs
from .kept import KeptAnswers
from .keys import Keys
from .metrics import Metrics
from .observe import Observer
from .options import Options
from .people import add_people
from .problems import Problem, add_problems
from .roles import Routers
from .segments import add_segments
from .service import add_service
from .tracing import add_tracing
from .users import add_users

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "testserver"]
_MANUAL = """
Add events, ask what people do, find out who is who.

**Keys.** A service with keys wants one in `X-API-Key`. A key with the role *read* may ask, *write* may also add and
change, *admin* may also see raw identifiers and erase. **Answers** carry the revision of the graph that they speak of,
and an `ETag`: ask again with `If-None-Match` and get 304 as long as nothing has changed. **Lists** come in pages; the
header `Link` leads to the next. **Errors** are problem details (RFC 9457) with a stable `type`. **Times** are UTC.
"""
_TAGS = [
    {"name": "events", "description": "Put events in."},
    {"name": "answers", "description": "Ask what people do; every number shows the journeys that it counts."},
    {"name": "segments", "description": "Name groups of users."},
    {"name": "users", "description": "Look at one user."},
    {"name": "identity", "description": "Who is who: rules, explanations, decisions, erasure."},
    {"name": "service", "description": "Whether all is well."},
]


def create_app(graph: Graph, options: Options | None = None) -> FastAPI:
    """The service over one graph.

    Args:
        graph: what it serves; the caller closes it.
        options: how it is run. Without keys it answers requests that are addressed to this machine's loopback names
            only, and to those everything.
    """
    from ..web.routes import add_pages  # which stand on this package

    options = options or Options()
    sessions = Sessions()
    jobs, metrics, routers = Jobs(graph, options), Metrics(), Routers.of(options.timeout)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        graph.allow_age(options.max_age)
        graph.warm()
        yield
        jobs.stop()

    app = FastAPIOffline(  # its manual at /docs loads nothing from elsewhere
        redoc_url=None,
        title="graphsvc",
        version=__version__,
        summary="Customer journeys as a graph: add events, ask what people do.",
        description=_MANUAL,
        openapi_tags=_TAGS,
        lifespan=running,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # FastAPI's own would tell what was asked
    )
    app.state.graph = graph
    add_problems(app)
    add_conditional(app)
    add_service(routers, graph, metrics, jobs)
    add_events(routers, graph, options, jobs)
    add_jobs(routers, jobs)
    add_answers(routers, graph)
    add_segments(routers, graph)
    add_users(routers, graph)
    add_people(routers, graph)
    add_pages(routers, graph, options, sessions)
    routers.join(app)
    _describe_problems(app)
    app.add_middleware(KeptAnswers, graph=graph)  # of these, the last one added is the first to see a request
    app.add_middleware(Guard, options=options, sessions=sessions)
    if not options.keys:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=_LOOPBACK)
    if options.origins:
        app.add_middleware(CORSMiddleware, allow_origins=options.origins, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(Observer, metrics=metrics)
    add_tracing(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Have the OpenAPI document describe the one shape of all errors."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            schemas = document["components"]["schemas"]
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= {**problem.pop("$defs"), "Problem": problem}
            for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape, which is never sent
                schemas.pop(unused, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def demand_keys(host: str, keys: Keys) -> None:
    """Refuse to serve other machines without a key.

    Raises:
        InputError: the host is not a loopback address, and there is no key.
    """
    if host not in ("127.0.0.1", "::1", "localhost") and not keys:
        raise InputError(
            f"serving on {host} lets other machines in: set GRAPHSVC_API_KEY to a secret of your own, "
            "or GRAPHSVC_KEYS_FILE (`graphsvc keys`), or serve on 127.0.0.1"
        )
