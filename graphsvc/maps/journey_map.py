"""The journey map's data twin: everything that the picture shows, as plain data with the same parameters."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..answers.flow import Flow
from ..pages import Page


class Footer(BaseModel):
    """What a map was counted on."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    query: Annotated[str, Field(description="The answer that was asked for.")]
    parameters: Annotated[dict[str, Any], Field(description="What was asked: every parameter that shapes the map.")]
    first: Annotated[datetime | None, Field(description="Earliest touchpoint of the graph (UTC).")]
    last: Annotated[datetime | None, Field(description="Latest touchpoint of the graph (UTC).")]
    revision: Annotated[int, Field(description="Revision of the graph.")]
    version: Annotated[str, Field(description="Version of graphsvc.")]


class JourneyMap(Page, BaseModel):
    """A journey map: one step flow per layer, all asked with the same parameters, of everyone and of segments.

    Equal maps are equal pages, byte by byte. A map is an aggregate: no identifier and no user key stands in it.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    title: Annotated[str, Field(description="What is seen.")]
    layers: Annotated[dict[str, Flow], Field(description="`all` first, then one flow for each segment.")]
    footer: Footer

    def html(self) -> str:
        """The map as one HTML page that needs nothing but itself: no network, no other file."""
        from .page import render

        return render(self)

    def _repr_html_(self) -> str:
        """The map inside a notebook: its page in a frame of its own, which can reach nothing around it."""
        page = html.escape(self.html(), quote=True)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="900" frameborder="0"></iframe>'
