"""Before each request: whether it may come in. It sees every request before any of its body is read."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote, urlsplit

from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..deadline import clear_deadline
from ..errors import BodyTooLarge, GraphsvcError, Refused, TooManyRequests, Unauthorized
from ..web.sessions import Sessions
from .keys import ANYBODY, Caller, Role
from .options import MIB, Options
from .problems import problem_of

#: Most bytes of a body elsewhere than at ``/events``: it is read whole, before the role is looked at.
MAX_BODY = 64 * 1024
_MAX_BODIES = {"/match": 16 * MIB, "/rules/preview": MIB}  # these hold lists; they are for who may write
_FORMS = frozenset({"/sign-in", "/sign-out", "/people"})
_MAX_FORM = 16 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json", "/sign-in", "/sign-out"})
_OPEN_FOLDER = "/static-offline-docs/"  # scripts and styles of the manual
_PAGES = ("/explore/", "/people/")  # and the overview: whoever brings no key there is asked to sign in
_UNLIMITED = frozenset({"/healthz", "/readyz"})


class Guard:
    """Lets a request in that brings a known key, does not come too often, and is not too large."""

    def __init__(self, app: ASGIApp, options: Options, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions
        self._options = options
        self._rate = options.limit
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clear_deadline()  # of the request before on this connection, whose context this may be
        try:
            headers = Headers(scope=scope)
            caller = self._caller(scope["path"], headers)
            await self._check_rate(scope, caller)
            if caller is None:
                raise Unauthorized("give a key of this service in the header X-API-Key")
            scope["state"]["caller"] = caller
            self._check_origin(scope, headers)
            limit = self._most(scope["path"], caller)
            _check_length(headers.get("content-length", ""), limit)
        except GraphsvcError as error:
            if isinstance(error, Unauthorized) and scope["method"] == "GET" and _is_page(scope["path"]):
                query = scope["query_string"].decode("latin-1")
                wanted = quote(f"{scope['path']}?{query}" if query else scope["path"], safe="/")
                await RedirectResponse(f"/sign-in?next={wanted}", 303)(scope, receive, send)
                return
            response = problem_of(scope["state"]["request_id"], error)
            if isinstance(error, Unauthorized) and "text/html" in headers.get("accept", ""):
                response.headers["WWW-Authenticate"] = 'Basic realm="graphsvc"'  # a browser then asks for the key
            await response(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)

    def _caller(self, path: str, headers: Headers) -> Caller | None:
        """Who asks; None: nobody that the service knows."""
        if not self._options.keys:
            return ANYBODY
        given = secret_of(headers)
        caller = self._options.keys.caller(given) if given else self._sessions.caller(headers)
        if caller:
            return caller
        if path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER):
            return Caller("", ANYBODY.role)  # these have nothing to hide
        return None

    def _most(self, path: str, caller: Caller) -> int:
        """How many bytes a body may have."""
        if path == "/events":
            return self._options.max_body
        if path in _FORMS:
            return _MAX_FORM
        return _MAX_BODIES.get(path, MAX_BODY) if caller.role >= Role.WRITE else MAX_BODY

    async def _check_rate(self, scope: Scope, caller: Caller | None) -> None:
        """Each key has its rate; whoever brings none, or a wrong one, has that of the address.

        Raises:
            TooManyRequests: it is used up.
        """
        address = (scope.get("client") or ("",))[0]
        who = ("key", caller.name) if caller and caller is not ANYBODY and caller.name else ("address", address)
        if scope["path"] in _UNLIMITED or await self._limiter.hit(self._rate, *who):
            return
        raise TooManyRequests(f"more than {self._options.rate.replace('/', ' requests per ')}; ask again later")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """A page of another site may not write with what the browser knows: a key, or that it is on this machine."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign = site in ("cross-site", "same-site")
        if site is None and origin is not None:  # as over plain HTTP
            foreign = urlsplit(origin).netloc != headers.get("host")
        if foreign and scope["method"] not in _SAFE and origin not in self._options.origins:
            raise Refused("a page of another site may not change anything here; allow it in GRAPHSVC_ORIGINS")


def _is_page(path: str) -> bool:
    return path in ("/", "/people") or path.startswith(_PAGES)


def secret_of(headers: Headers) -> str:
    """The key that a request brings: in ``X-API-Key``, as Bearer token, or as the password of Basic; else nothing."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if "x-api-key" in headers:
        return headers["x-api-key"]
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _check_length(length: str, limit: int) -> None:
    if length.isdigit() and int(length) > limit:
        raise BodyTooLarge(f"a body here may have {limit:,} bytes; send less at a time")


def _counted(receive: Receive, limit: int) -> Receive:
    """The body, which ends with an error where it grows too large: a chunked one does not tell its length."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        _check_length(str(taken), limit)
        return message

    return counted
