"""What every picture is: a page, a thing that a notebook shows, and told what it was counted on."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..pages import Page
from ..version import __version__


class Footer(BaseModel):
    """What a map was counted on."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    query: Annotated[str, Field(description="The answer that was asked for.")]
    parameters: Annotated[dict[str, Any], Field(description="What was asked: every parameter that shapes the map.")]
    first: Annotated[datetime | None, Field(description="Earliest touchpoint of the graph (UTC).")]
    last: Annotated[datetime | None, Field(description="Latest touchpoint of the graph (UTC).")]
    revision: Annotated[int, Field(description="Revision of the graph.")]
    version: Annotated[str, Field(description="Version of graphsvc.")]

    @classmethod
    def of(
        cls, query: str, parameters: dict[str, Any], *, first: datetime | None, last: datetime | None, revision: int
    ) -> Footer:
        """The footer of what this version of graphsvc draws."""
        return cls(
            query=query,
            parameters=parameters,
            first=first,
            last=last,
            revision=revision,
            version=__version__,
        )

    @property
    def period(self) -> str:
        """``1 March 2025 to 3 April 2026``; empty without data."""
        if self.first is None or self.last is None:
            return ""
        first, last = (f"{day.day} {day:%B %Y}" for day in (self.first, self.last))
        return first if first == last else f"{first} to {last}"


class Picture(Page, BaseModel):
    """A picture's data twin: all that it shows, as typed data. Equal twins are equal pages, byte by byte."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    title: Annotated[str, Field(description="What is seen.")]

    @property
    def revision(self) -> int | None:
        """Revision of the graph that is shown; None where the picture does not say."""
        footer: Footer | None = getattr(self, "footer", None)
        return footer.revision if footer else None

    def _repr_html_(self) -> str:
        """The picture inside a notebook: its page in a frame of its own, which can reach nothing around it."""
        page = html.escape(self.html(), quote=True)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="900" frameborder="0"></iframe>'
