"""One person: found by an identifier, which stands in a body only; shown by key."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from ..api.heavy import heavy
from ..api.keys import Role
from ..api.roles import caller_of, demand
from ..errors import NotFound, QueryError, Refused
from ..graph import Graph
from ..maps import words
from ..users import User
from .explore import framed
from .render import page

_MOST_EVIDENCE = 50


async def sent(request: Request) -> dict[str, str]:
    """The fields of a form that a page of this service sends.

    Raises:
        Refused: a page of another site sends it.
        QueryError: it is none of theirs.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site not in (None, "same-origin", "none") or (site is None and foreign):
        raise Refused("this form was sent by a page of another site")
    try:
        told = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        raise QueryError("this form has more fields than any page here") from None
    return {name: values[-1] for name, values in told.items()}


Sent = Annotated[dict[str, str], Depends(sent)]


def add_people(router: APIRouter, graph: Graph) -> None:
    """Add the pages about one person. They are never kept: what they show depends on who looks."""

    @router.post("/people")
    def find(request: Request, told: Sent) -> Response:
        identifier = told.get("identifier", "").strip()
        try:
            if not identifier:
                raise QueryError("enter an identifier, such as an e-mail address or a customer number")
            return RedirectResponse(f"/people/{graph.lookup(identifier)}", 303)
        except (NotFound, QueryError) as error:
            return page(request, "find.html.j2", error.status, problem=str(error))

    @router.get("/people")
    def who(request: Request) -> Response:
        return page(request, "find.html.j2", problem="")

    @router.get("/people/{key}")
    def person(key: str, request: Request) -> Response:
        try:
            user = graph.user(key)
        except NotFound:
            with heavy():
                now = graph.people.whereabouts(key)
            if now.state == "moved":
                return RedirectResponse(f"/people/{now.users[0]}", 303)
            return page(request, "gone.html.j2", 404, found=now)
        admin = caller_of(request).role >= Role.ADMIN
        return page(
            request,
            "person.html.j2",
            user=user,
            admin=admin,
            kinds=sorted(Counter(each.type for each in user.identifiers).items()),
            evidence=_evidence(graph, user) if admin else [],
            outcomes={"converted": "converted", "dropped": "dropped off", "open": "still open"},
            drawable=bool(user.journeys),
        )

    @router.get("/people/{key}/identity")
    def identity(key: str, request: Request) -> Response:
        demand(request, Role.ADMIN)
        user = graph.user(key)
        if not user.identifiers:
            raise NotFound("that person has no identifiers")
        return framed(graph.people.picture(_named(user)[0]).html())


def _named(user: User) -> list[str]:
    return [f"{each.type}:{each.value}" for each in user.identifiers]


def _evidence(graph: Graph, user: User) -> list[dict[str, Any]]:
    """The links that join a person's identifiers, and those that were refused."""
    if not user.identifiers:
        return []
    drawn = graph.people.picture(_named(user)[0])
    return [
        {
            "a": edge.a,
            "b": edge.b,
            "refused": edge.verdict == "refused",
            "why": _why(edge.count, edge.decision, edge.declared, edge.reason),
            "seen": edge.last_seen,
        }
        for edge in drawn.edges[:_MOST_EVIDENCE]
    ]


def _why(count: int, decision: str | None, declared: bool, reason: str | None) -> str:
    told = [f"decided: {decision}"] if decision else []
    if count:
        told.append(f"{'declared in' if declared else 'seen together in'} {words.counted(count, 'event')}")
    if reason:
        told.append(f"refused: {reason.replace('_', ' ')}")
    return "; ".join(told)
