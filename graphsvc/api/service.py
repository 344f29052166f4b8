"""The endpoints about the service itself: whether it runs, what the graph holds, numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Response
from pydantic import BaseModel, Field

from .. import __version__
from ..errors import GraphsvcError
from ..graph import Graph
from ..settings import Utc
from .conditional import TaggedNow
from .jobs import Jobs
from .metrics import CONTENT_TYPE, Metrics
from .problems import described
from .roles import Routers


class Health(BaseModel):
    """The service runs."""

    status: Annotated[Literal["ok"], Field(description="It runs.")]
    version: Annotated[str, Field(description="Version of graphsvc.", examples=["0.1.0"])]


class Ready(BaseModel):
    """The store answers."""

    status: Annotated[Literal["ready"], Field(description="It answers.")]
    revision: Annotated[int, Field(description="Revision of the graph; 0: no graph yet.")]


class Held(BaseModel):
    """What the graph holds."""

    version: Annotated[str, Field(description="Version of graphsvc.")]
    store: Annotated[str, Field(description="Engine of the store and its version.", examples=["DuckDB 2.0.0"])]
    schema_version: Annotated[int, Field(description="Version of the graph's shape.")]
    revision: Annotated[int, Field(description="Revision of the graph; 0: no graph yet.")]
    counts: Annotated[
        dict[str, int],
        Field(description="Number of events, users, identifiers, links, touchpoints, journeys, channels, decisions …"),
    ]
    data_from: Annotated[Utc | None, Field(description="First touchpoint, UTC.")]
    data_to: Annotated[Utc | None, Field(description="Latest touchpoint, UTC.")]
    settings: Annotated[dict[str, Any] | None, Field(description="Settings of the graph; null: no graph yet.")]


def add_service(routers: Routers, graph: Graph, metrics: Metrics, jobs: Jobs) -> None:
    """Add the endpoints about the service itself."""

    @routers.open.get("/healthz", tags=["service"], operation_id="healthz")
    async def healthz() -> Health:
        """Whether the service runs."""
        return Health(status="ok", version=__version__)

    @routers.open.get("/readyz", tags=["service"], operation_id="readyz", responses=described(503))
    def readyz() -> Ready:
        """Whether the store answers."""
        return Ready(status="ready", revision=graph.store.revision())

    @routers.read.get("/status", tags=["service"], operation_id="status")
    def status(tagged: Annotated[TaggedNow, Depends()]) -> Held:
        """What the graph holds: counts, settings, versions, data range."""
        now = graph.status()
        tagged.at(now.revision)
        settings = now.settings.model_dump(mode="json", exclude={"salt"}) if now.settings else None
        return Held(
            version=__version__,
            store=now.store,
            schema_version=now.schema,
            revision=now.revision,
            counts=now.counts,
            data_from=now.data_from,
            data_to=now.data_to,
            settings=settings,
        )

    @routers.read.get("/metrics", tags=["service"], operation_id="metrics", response_class=Response)
    def numbers() -> Response:
        """Numbers of the service in Prometheus' text format. They say nothing of what was asked, or of whom."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    revisions = {"revision": "Revision of the graph.", "answers_revision": "Revision that answers speak of."}
    metrics.measure(revisions, lambda: _revisions(graph))
    metrics.measure(_FRAME, lambda: _frame(graph))
    metrics.measure({"jobs": "Jobs that wait or run."}, lambda: {"jobs": jobs.waiting()})


#: The journey frame in memory; all of them are 0 while there is none.
_FRAME = {
    "frame_revision": "Revision of the graph that the journey frame in memory holds; 0: none is in memory.",
    "frame_age_seconds": "Seconds since the journey frame in memory was made.",
    "frame_bytes": "Bytes of the journey frame in memory.",
}


def _frame(graph: Graph) -> Mapping[str, float]:
    held = graph.frame_in_memory()
    if held is None:
        return dict.fromkeys(_FRAME, 0)
    frame, age = held
    return {"frame_revision": frame.revision, "frame_age_seconds": age, "frame_bytes": frame.nbytes}


def _revisions(graph: Graph) -> Mapping[str, float]:
    try:
        return {"revision": graph.store.revision(), "answers_revision": graph.revision()}
    except GraphsvcError:
        return {}  # the numbers of a service whose store is away are wanted most
