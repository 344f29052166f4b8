"""The journey map's data twin: everything that the picture shows, as plain data with the same parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..answers.flow import Flow
from .picture import Footer, Picture


class JourneyMap(Picture):
    """A journey map: one step flow per layer, all asked with the same parameters, of everyone and of segments.

    A map is an aggregate: no identifier and no user key stands in it.
    """

    layers: Annotated[dict[str, Flow], Field(description="`all` first, then one flow for each segment.")]
    footer: Footer

    def html(self) -> str:
        """The map as one HTML page that needs nothing but itself: no network, no other file."""
        from .page import render

        return render(self)
