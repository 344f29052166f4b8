"""Templates, style and policy of the pages. They escape everything and load nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader, StrictUndefined

from .. import __version__
from ..answers.result import Totals
from ..api.conditional import Tagged
from ..api.keys import ANYBODY
from ..api.roles import caller_of
from ..maps import shell, words
from ..maps.comparison_map import points

Query = Mapping[str, str | Sequence[str]]


class PageTagged(Tagged):
    """ETag and 304 of pages, which also say who is signed in."""

    keeps = False  # nobody is sent the page of another one

    def _asked(self, request: Request) -> tuple[Any, ...]:
        return (*super()._asked(request), caller_of(request), style())


#: What the endpoint of a page takes, to tag what it shows.
Tagging = Annotated[PageTagged, Depends()]


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One page.

    Args:
        request: that is answered.
        template: name of a file in ``templates/``.
        status: of the response.
        values: what the template shows.
    """
    caller = caller_of(request)
    text = (
        _environment()
        .get_template(template)
        .render(
            style=style(),
            version=__version__,
            here=request.url.path,
            caller=caller if caller.name and caller is not ANYBODY else None,
            **values,
        )
    )
    return HTMLResponse(text, status, headers={"Content-Security-Policy": _policy()})


def address(path: str, query: Query | None = None, **more: str | int | None) -> str:
    """A link with a query; what is None or empty is left out."""
    asked = {name: value for name, value in {**(query or {}), **more}.items() if value not in (None, "", [], ())}
    return f"{path}?{urlencode(asked, doseq=True)}" if asked else path


def day(time: Any) -> str:
    """``3 April 2026``."""
    return f"{time.day} {time:%B %Y}"


def basis(totals: Totals) -> str:
    """What an answer was counted on, in words."""
    told = [
        f"{words.counted(totals.counted, 'journey')} of {words.counted(totals.users, 'user')}",
        f"{words.number(totals.converted)} converted",
        f"{words.number(totals.open)} still open",
    ]
    return ", ".join(told)


def p_value(value: float | None) -> str:
    """``0.013``, ``<0.0001``."""
    return words.NONE if value is None else "<0.0001" if value < 0.0001 else f"{value:.2g}"


@cache
def style() -> str:
    """The style of all pages."""
    own = resources.files(__package__).joinpath("templates", "web.css").read_text(encoding="utf-8")
    return shell.asset("base.css") + own.replace("\r\n", "\n")


@cache
def _policy() -> str:
    """Their own style by its hash, forms and frames of this service, an icon that stands in the page; nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": words.number,
        "percent": words.percent,
        "duration": words.duration,
        "day": day,
        "basis": basis,
        "points": points,
        "p_value": p_value,
    }
    made.globals |= {"address": address, "counted": words.counted}
    return made
