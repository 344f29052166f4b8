"""Answers sent before, sent again as they are while the revision that answers speak of stays the same.

What an endpoint does for them (look at the parameters, find the answer, write it as JSON) takes far longer than to send
the bytes, and many people ask the same.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..graph import Graph
from .keys import Role

#: Under this name an endpoint leaves, in the request's state, the revision that its answer speaks of.
ANSWERS_REVISION = "answers_revision"
_MOST = 32 * 1024 * 1024  # bytes kept in all
_LONGEST = 1024 * 1024  # bytes of one that is kept
_LONGEST_QUERY = 2_000  # bytes of a question that is
_PASSED_ON_EVERY = 0.2  # seconds
_OVERHEAD = 4_000  # bytes of one beside its body: the question, headers, what holds them
_Asked = tuple[Role, str, bytes]  # by whom, path, query
_Header = tuple[bytes, bytes]


@dataclass
class _Kept:
    revision: int
    route: object  # for the numbers and the log
    tag: str
    headers: list[_Header]
    body: bytes
    passed_on: float = 0.0  # when the question was last passed on, to see whether there is a newer answer

    @property
    def size(self) -> int:
        """Bytes that it takes, at most."""
        return len(self.body) + _OVERHEAD


class KeptAnswers:
    """Sends what was sent before to the same question, if it still holds; notes what endpoints answer."""

    def __init__(self, app: ASGIApp, graph: Graph) -> None:
        self._app = app
        self._graph = graph
        self._lock = threading.Lock()
        self._answers: OrderedDict[_Asked, _Kept] = OrderedDict()
        self._bytes = 0
        self._forgotten = 0  # how often
        graph.when_forgetting(self.forget)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http" or scope["method"] != "GET" or len(scope["query_string"]) > _LONGEST_QUERY:
            await self._app(scope, receive, send)
            return
        asked = (scope["state"]["caller"].role, scope["path"], scope["query_string"])
        forgotten, kept = self._forgotten, self._answers.get(asked)
        if kept is not None and self._will_do(kept):
            scope["route"] = kept.route
            await _send_again(kept, Headers(scope=scope).get("if-none-match", ""), send)
            return
        answer = _Answer(send)
        await self._app(scope, receive, answer.send)
        revision = scope["state"].get(ANSWERS_REVISION)
        if revision is not None and revision == self._graph.revision_at_hand():  # else it would not be sent again
            self._keep(asked, answer.kept(revision, scope.get("route")), forgotten)

    def _will_do(self, kept: _Kept) -> bool:
        """Whether an answer still holds, or is young enough while somebody else's request has a newer one counted."""
        now = self._graph.revision_at_hand()
        if now is None or kept.revision == now:
            return now is not None
        asked_at = time.monotonic()
        if asked_at - kept.passed_on > _PASSED_ON_EVERY:
            kept.passed_on = asked_at
            return False
        return self._graph.is_young(kept.revision)

    def forget(self) -> None:
        """Let go of all answers: somebody who is in them was erased."""
        with self._lock:
            self._forgotten += 1
            self._answers.clear()
            self._bytes = 0

    def _keep(self, asked: _Asked, kept: _Kept | None, forgotten: int) -> None:
        """Keep an answer in the place of the former one to the same question, and as many others as there is room.

        Args:
            asked: the question.
            kept: the answer; None: it cannot be kept.
            forgotten: how often all was forgotten when the question came; an answer from before is not kept.
        """
        with self._lock:
            if kept is None or forgotten != self._forgotten:
                return
            if former := self._answers.pop(asked, None):
                self._bytes -= former.size
            self._answers[asked] = kept
            self._bytes += kept.size
            while self._bytes > _MOST:
                _, oldest = self._answers.popitem(last=False)
                self._bytes -= oldest.size


async def _send_again(kept: _Kept, held: str, send: Send) -> None:
    """Send an answer, or that the caller holds it already."""
    current = kept.tag in [each.strip() for each in held.split(",")]
    headers = [header for header in kept.headers if not current or header[0] in (b"etag", b"cache-control")]
    await send({"type": "http.response.start", "status": 304 if current else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if current else kept.body})


class _Answer:
    """An answer on its way out; its body is noted where it comes in one piece."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self._headers: list[_Header] = []
        self._body, self._in_pieces = b"", False

    async def send(self, message: Message) -> None:
        """Note a message, and send it."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body" and not self._in_pieces:
            self._in_pieces = message.get("more_body", False)
            self._body = b"" if self._in_pieces else message.get("body", b"")
        await self._send(message)

    def kept(self, revision: int, route: object) -> _Kept | None:
        """What may be sent again; None: nothing."""
        tag = dict(self._headers).get(b"etag")
        if self._status != 200 or tag is None or not self._body or len(self._body) > _LONGEST:
            return None
        return _Kept(revision, route, tag.decode("latin-1"), self._headers, self._body)
