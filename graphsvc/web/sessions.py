"""Who is signed in: a browser holds a random token in a cookie, never the key."""

from __future__ import annotations

import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:  # who guards the service asks here, and is imported with it
    from ..api.keys import Caller

COOKIE = "graphsvc_session"
#: Seconds until a browser has to sign in again.
LIFETIME = 12 * 3_600
_MOST_OF_KEY = 20


class Sessions:
    """The sessions of one process; they end when it does."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Caller, float]] = {}  # in the order in which they began

    def begin(self, caller: Caller) -> str:
        """A new token for somebody; the oldest of the same key makes room where there are too many."""
        now, held = time.monotonic(), list(self._held.items())
        ended = [token for token, (_, until) in held if until <= now]
        own = [token for token, (other, until) in held if other.name == caller.name and until > now]
        for token in (*ended, *own[: max(0, len(own) + 1 - _MOST_OF_KEY)]):
            self._held.pop(token, None)
        token = secrets.token_urlsafe(32)
        self._held[token] = (caller, now + LIFETIME)
        return token

    def end(self, headers: Headers) -> None:
        """Forget the token that a request brings."""
        self._held.pop(_token(headers), None)

    def caller(self, headers: Headers) -> Caller | None:
        """Whoever signed in with the browser that sends this request; None: nobody, or too long ago."""
        caller, until = self._held.get(_token(headers), (None, 0.0))
        return caller if time.monotonic() < until else None


def _token(headers: Headers) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
