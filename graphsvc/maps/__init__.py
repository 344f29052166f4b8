"""Pictures of journeys and people, each with the data twin behind it: ``kinds`` declares them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..answers.params import time_of
from ..answers.steps import FlowParams
from ..errors import QueryError
from ..frame import JourneyFrame

if TYPE_CHECKING:  # a picture is imported when it is drawn: a question should start fast
    from .flow_map import JourneyMap

__all__ = ["EVERYONE", "journey_map"]

#: The layer of all journeys that the parameters choose.
EVERYONE = "all"


def journey_map(
    frame: JourneyFrame,
    params: FlowParams | None = None,
    segments: Sequence[str] = (),
    title: str = "Customer journeys, step by step",
) -> JourneyMap:
    """Count a journey map.

    Args:
        frame: the journeys.
        params: which journeys, and how they are shown; the same for all layers.
        segments: names of segments, or predicates on traits; each is a layer beside that of everyone.
        title: what is seen.

    Raises:
        UnknownName: something is named that the graph does not hold.
        QueryError: a segment is asked for twice, or bears the name of the layer of everyone.
    """
    from ..answers.flow import flow
    from .flow_map import JourneyMap
    from .picture import Footer

    params = params or FlowParams()
    if EVERYONE in segments or len(set(segments)) < len(segments):
        raise QueryError(f"each layer needs its own name, and {EVERYONE!r} is that of everyone: {', '.join(segments)}")
    if params.segment is not None and segments:
        raise QueryError("choose one segment for the whole map, or several as layers, but not both")
    layers = {params.segment or EVERYONE: flow(frame, params)}
    for segment in segments:
        layers[segment] = flow(frame, params.model_copy(update={"segment": segment}))
    asked = params.model_dump(mode="json", exclude_defaults=True) | params.model_dump(
        mode="json", include={"label", "depth", "top"}
    )
    return JourneyMap(
        title=title,
        layers=layers,
        footer=Footer.of(
            "journey map",
            asked | ({"segments": list(segments)} if segments else {}),
            first=time_of(int(frame.times.min())) if len(frame.times) else None,
            last=time_of(frame.data_end) if len(frame.times) else None,
            revision=frame.revision,
        ),
    )
