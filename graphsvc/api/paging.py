"""Long lists, a page at a time.

A cursor names a revision and a place in the list. At one revision every list has one order, so a place is as good as a
key, and nothing is shown twice or left out; when the graph has moved on the cursor is refused.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Query, Request, Response

from ..errors import CursorExpired, QueryError

Item = TypeVar("Item")
_FORM = struct.Struct(">QQ")

#: Entries of a page unless a caller says otherwise.
PAGE = 100
Cursor = Annotated[
    str | None, Query(max_length=40, description="From the `Link` header of the page before; none: the first page.")
]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most entries of a page.")]

#: What an endpoint with pages says of its headers.
LINKED = {"headers": {"Link": {"description": 'The next page: `<…>; rel="next"`.', "schema": {"type": "string"}}}}


def place(cursor: str | None) -> tuple[int | None, int]:
    """The revision and the place that a cursor names; no revision and the first place without one.

    Raises:
        QueryError: it is no cursor of ours.
    """
    if cursor is None:
        return None, 0
    try:
        revision, first = _FORM.unpack(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, struct.error):
        raise QueryError("that is no cursor; take the one of the Link header as it is") from None
    return revision, first


def check(begun: int | None, now: int) -> None:
    """Refuse to lead on in a list that has changed.

    Raises:
        CursorExpired: it has.
    """
    if begun is not None and begun != now:
        raise CursorExpired(f"the list has changed since revision {begun}; begin again without the cursor")


def link(request: Request, response: Response, revision: int, following: int) -> None:
    """Say where the next page begins."""
    cursor = base64.urlsafe_b64encode(_FORM.pack(revision, following)).decode().rstrip("=")
    url = request.url.include_query_params(cursor=cursor)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


def page(
    items: Sequence[Item], revision: int, cursor: str | None, limit: int, request: Request, response: Response
) -> list[Item]:
    """One page of a list.

    Args:
        items: the whole list, in an order that is fixed at the revision.
        revision: at which it was read.
        cursor: where the page begins.
        limit: how many it holds at most.
        request: that asked.
        response: which gets the link to the next page.

    Raises:
        CursorExpired: the list has changed since the page before.
    """
    begun, first = place(cursor)
    check(begun, revision)
    if first + limit < len(items):
        link(request, response, revision, first + limit)
    return list(items[first : first + limit])
