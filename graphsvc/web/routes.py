"""All pages put together."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from ..api.options import Options
from ..api.roles import Routers
from ..errors import GraphsvcError
from ..graph import Graph
from .compare import add_compare
from .entry import add_entry
from .explore import add_explore
from .overview import add_overview
from .people import add_people
from .render import page
from .sessions import Sessions


class _PageRoute(APIRoute):
    """A route whose errors are pages, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await answer(request)
            except GraphsvcError as error:
                title = HTTPStatus(error.status).phrase
                return page(request, "error.html.j2", error.status, title=title, problem=str(error))

        return shown


def add_pages(routers: Routers, graph: Graph, options: Options, sessions: Sessions) -> None:
    """Add all pages; they stand beside the API, and not in its document."""
    asking = APIRouter(route_class=_PageRoute, include_in_schema=False)
    add_overview(asking, graph)
    add_compare(asking, graph)
    add_explore(asking, graph)
    add_people(asking, graph)
    routers.read.include_router(asking)
    entry = APIRouter(route_class=_PageRoute, include_in_schema=False)
    add_entry(entry, options, sessions)
    routers.open.include_router(entry)
