"""Around each request: its id, its line in the log, its numbers, what went wrong, and headers that browsers heed."""

from __future__ import annotations

import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .logs import LOGGER, log_fault
from .metrics import Metrics
from .problems import problem

_SANE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_PAGE = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"  # pages have policies of own
_MANUAL = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)


class Observer:
    """Tells about requests: by route, never by what was asked."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and tell about it when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SANE_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        begun, status = time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope["path"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, told)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception as error:
            log_fault(error, request_id=request_id)
            if not status:  # else half an answer is out already, and the server ends the connection
                detail = f"graphsvc failed ({type(error).__name__}); its log says where"
                await problem(request_id, 500, "fault", detail)(scope, receive, told)
        finally:
            self._tell(scope, status, time.perf_counter() - begun)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        self._metrics.answered(route, scope["method"], status, seconds)
        caller = scope["state"].get("caller")
        LOGGER.info(
            "request",
            extra={
                "method": scope["method"],
                "route": route,
                "status": status,
                "seconds": round(seconds, 6),
                "key": caller.name if caller else "",
                "request_id": scope["state"]["request_id"],
            },
        )


def _add_headers(headers: MutableHeaders, path: str, request_id: str) -> None:
    page = headers.get("content-type", "").startswith("text/html")
    policy = _MANUAL if path == "/docs" else _PAGE if page else _NOTHING
    headers.setdefault("Content-Security-Policy", policy)
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("X-Frame-Options", "DENY")
    headers["Referrer-Policy"] = "same-origin"  # with none at all, our own forms would send no origin
