"""Signing in with a key, and out again: a browser keeps a random token, which this process knows, and not the key."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..api.options import Options
from .people import Sent
from .render import page
from .sessions import COOKIE, LIFETIME, Sessions


def add_entry(router: APIRouter, options: Options, sessions: Sessions) -> None:
    """Add the pages to sign in and out; a service without keys sends everybody on."""

    @router.get("/sign-in")
    def ask(request: Request, next: str = "/") -> Response:
        if not options.keys:
            return RedirectResponse(_within(next), 303)
        return page(request, "sign_in.html.j2", next=_within(next), problem="")

    @router.post("/sign-in")
    def sign_in(request: Request, told: Sent) -> Response:
        caller = options.keys.caller(told.get("key", "").strip())
        onward = _within(told.get("next", "/"))
        if caller is None:
            problem = "This service does not know that key."
            return page(request, "sign_in.html.j2", 401, next=onward, problem=problem)
        sessions.end(request.headers)
        made = RedirectResponse(onward, 303)
        made.set_cookie(
            COOKIE,
            sessions.begin(caller),
            max_age=LIFETIME,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return made

    @router.post("/sign-out")
    def sign_out(request: Request, told: Sent) -> Response:
        sessions.end(request.headers)
        made = RedirectResponse("/sign-in" if options.keys else "/", 303)
        made.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return made


def _within(address: str) -> str:
    """An address of this service; its overview in place of any other."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else "/"
