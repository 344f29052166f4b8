"""The endpoints about one user. Users go by key; a raw identifier stands in a body only."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ..graph import Graph
from ..users import User
from .conditional import TaggedNow
from .keys import Role
from .paging import LINKED, PAGE, Cursor, Limit, page
from .problems import described
from .roles import Routers, demand

UserKey = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="User key.", examples=["0f3c9a6b2d7e41588c1f2a3b4c5d6e7f"])
]
Identifiers = Annotated[bool, Query(description="Show the user's identifiers too (a key with the role admin only).")]


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


def add_users(routers: Routers, graph: Graph) -> None:
    """Add the endpoints about one user."""

    @routers.read.post("/users/lookup", tags=["users"], operation_id="lookup_user", responses=described(404))
    def lookup_user(wanted: Lookup) -> Found:
        """The user that has an identifier."""
        return Found(key=graph.lookup(wanted.identifier))

    @routers.read.get(
        "/users/{key}/journeys",
        tags=["users"],
        operation_id="user_journeys",
        responses={200: LINKED, **described(404, 410)},
        response_model=User,
    )
    def user_journeys(
        key: UserKey,
        request: Request,
        response: Response,
        tagged: Annotated[TaggedNow, Depends()],
        identifiers: Identifiers = False,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> Response:
        """One person with journeys by start, each with its touchpoints in order. Times are UTC.

        The list of identifiers is empty unless `identifiers` asks for them.
        """
        if identifiers:
            demand(request, Role.ADMIN)
        user = graph.user(key)
        journeys = page(user.journeys, user.revision, cursor, limit, request, response)
        shown = user.model_copy(update={"journeys": journeys, "identifiers": user.identifiers if identifiers else []})
        # Written as it stands: to validate again what was just made takes longer than to find it.
        written = Response(shown.model_dump_json(), media_type="application/json", headers=dict(response.headers))
        if not identifiers:  # which nobody keeps
            tagged.at(user.revision, written)
        return written
