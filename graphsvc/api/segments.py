"""The endpoints about named segments."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel, Field

from ..graph import Graph
from .conditional import TaggedNow
from .problems import described
from .roles import Routers

_Name = Annotated[
    str,
    Path(min_length=1, max_length=100, pattern=r"^[\w-]+$", description="Name of the segment.", examples=["older"]),
]


class Segment(BaseModel):
    """Who is in a segment."""

    predicate: Annotated[
        str,
        Field(
            min_length=1,
            max_length=10_000,
            description="A predicate on traits and other segments.",
            examples=["age >= 50 and region = north"],
        ),
    ]


class Changed(BaseModel):
    """A change of the graph."""

    revision: Annotated[int, Field(description="Revision of the graph since.")]


def add_segments(routers: Routers, graph: Graph) -> None:
    """Add the endpoints about named segments."""

    @routers.read.get("/segments", tags=["segments"], operation_id="segments", responses=described(404))
    def segments(tagged: Annotated[TaggedNow, Depends()]) -> dict[str, str]:
        """The named segments, each with its predicate."""
        tagged.at(tagged.revision)
        return graph.segments()

    @routers.write.put("/segments/{name}", tags=["segments"], operation_id="set_segment", responses=described(404))
    def set_segment(name: _Name, segment: Segment) -> Changed:
        """Give a segment a name, or another predicate."""
        return Changed(revision=graph.name_segment(name, segment.predicate))

    @routers.write.delete(
        "/segments/{name}", tags=["segments"], operation_id="remove_segment", responses=described(404)
    )
    def remove_segment(name: _Name) -> Changed:
        """Take a named segment away."""
        return Changed(revision=graph.remove_segment(name))
