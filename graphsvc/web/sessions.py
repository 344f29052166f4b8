"""Who is signed in: a browser holds a random token in a cookie, never the key."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:  # who guards the service asks here, and is imported with it
    from ..api.keys import Caller

COOKIE = "graphsvc_session"
#: Seconds until a browser has to sign in again.
LIFETIME = 12 * 3_600
_MOST = 10_000


class Sessions:
    """The sessions of one process; they end when it does."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def begin(self, caller: Caller) -> str:
        """A new token for somebody; the oldest makes room where there are too many."""
        token = secrets.token_urlsafe(32)
        self._held[token] = (caller, time.monotonic() + LIFETIME)
        while len(self._held) > _MOST:
            self._held.popitem(last=False)
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
