"""ETag and 304: an answer is the same as long as the graph's revision, the version and the question are."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, cast

from fastapi import FastAPI, Request, Response

from .. import __version__
from ..graph import Graph
from .kept import ANSWERS_REVISION
from .roles import caller_of

_KEEP = "private, no-cache"  # keep it, and ask each time whether it still holds


class NotModified(Exception):
    """What the caller holds is current."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


class Tagged:
    """A dependency of endpoints that count: answers 304 at once where the caller holds the answer already."""

    keeps = True  # what was sent may be sent again (``kept``)

    def __init__(self, request: Request, response: Response) -> None:
        """Compare what the caller holds with the graph as it stands.

        Raises:
            NotModified: it is current.
        """
        self._request, self._response = request, response
        self._question = hashlib.blake2b(repr(self._asked(request)).encode(), digest_size=12)
        self._graph: Graph = request.app.state.graph
        held = request.headers.get("if-none-match")
        if held and self._tag(self.revision) in [each.strip() for each in held.split(",")]:
            raise NotModified(self._tag(self.revision))

    @cached_property
    def revision(self) -> int:
        """The revision of the graph when the request came; looked up where it is needed."""
        return self._revision(self._graph)

    def at(self, revision: int, response: Response | None = None) -> None:
        """Tag the answer with the revision that it speaks of, which may be older than the graph is by now."""
        headers = (response or self._response).headers
        headers["ETag"], headers["Cache-Control"] = self._tag(revision), _KEEP
        if self.keeps:
            setattr(self._request.state, ANSWERS_REVISION, revision)

    def _asked(self, request: Request) -> tuple[Any, ...]:
        """What the answer depends on beside the revision."""
        role = caller_of(request).role  # who may see less must not be told that more still holds
        return __version__, role, request.url.path, sorted(request.query_params.multi_items())

    def _revision(self, graph: Graph) -> int:
        """The revision that answers speak of now."""
        return graph.revision()

    def _tag(self, revision: int) -> str:
        return f'W/"{revision}-{self._question.hexdigest()}"'


class TaggedNow(Tagged):
    """The same for endpoints that show the graph as it stands at this moment."""

    keeps = False

    def _revision(self, graph: Graph) -> int:
        return graph.store.revision()


def add_conditional(app: FastAPI) -> None:
    """Answer 304 where :class:`Tagged` says so."""

    def not_modified(_: Request, error: Exception) -> Response:
        return Response(status_code=304, headers={"ETag": cast(NotModified, error).tag, "Cache-Control": _KEEP})

    app.add_exception_handler(NotModified, not_modified)
