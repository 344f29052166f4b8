"""Routers by role: where an endpoint stands says who may call it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Security
from fastapi.security import APIKeyHeader

from ..deadline import set_deadline
from ..errors import Refused
from .keys import Caller, Role
from .problems import described

_header = APIKeyHeader(
    name="X-API-Key", auto_error=False, description="A key; `Authorization: Bearer KEY`, or Basic with it, will do too."
)


@dataclass(frozen=True)
class Routers:
    """One router for each kind of endpoint."""

    open: APIRouter  # to everybody
    read: APIRouter  # answers, which never show an identifier; they are given up after the service's timeout
    reveal: APIRouter  # answers that show identifiers; for admin, and given up likewise
    write: APIRouter  # changes of the graph; never given up halfway
    admin: APIRouter  # changes that cannot be undone

    @classmethod
    def of(cls, timeout: float) -> Routers:
        """New routers.

        Args:
            timeout: seconds after which reading is given up.
        """

        async def in_time() -> None:
            set_deadline(timeout)

        def router(role: Role, *, reads: bool) -> APIRouter:
            demands = [Depends(_needs(role)), *([Depends(in_time)] if reads else [])]
            statuses = (401, 403, 422, 429, 503, *((504,) if reads else (413,)))
            return APIRouter(dependencies=demands, responses=described(*statuses))

        return cls(
            open=APIRouter(),
            read=router(Role.READ, reads=True),
            reveal=router(Role.ADMIN, reads=True),
            write=router(Role.WRITE, reads=False),
            admin=router(Role.ADMIN, reads=False),
        )

    def join(self, app: FastAPI) -> None:
        """Add all endpoints to the service."""
        for router in (self.open, self.read, self.reveal, self.write, self.admin):
            app.include_router(router)


def caller_of(request: Request) -> Caller:
    """Who asks, as the guard found out."""
    caller: Caller = request.state.caller
    return caller


def demand(request: Request, role: Role) -> None:
    """Refuse a caller of a lesser role.

    Raises:
        Refused: it is one.
    """
    caller = caller_of(request)
    if caller.role < role:
        raise Refused(f"this needs a key with the role {role}; the key given has the role {caller.role}")


def _needs(role: Role) -> Callable[..., Awaitable[None]]:
    async def needs(request: Request, _: Annotated[str | None, Security(_header)]) -> None:
        demand(request, role)

    return needs
