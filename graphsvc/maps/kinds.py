"""The kinds of pictures, each declared once: the CLI, the API and Python derive theirs from the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..answers import Comparison, FunnelParams, MatrixParams, Result, TransitionsParams
from ..answers.steps import FlowParams
from ..errors import QueryError, UnknownName, nearest, validated

if TYPE_CHECKING:  # a picture is imported when it is drawn: a question should start fast
    from ..graph import Graph
    from .picture import Footer, Picture


class JourneyMapParams(FlowParams):
    """What to ask of a journey map."""

    layer: Annotated[
        tuple[str, ...] | None,
        Field(description="A segment to switch to within the map; every named segment unless given."),
    ] = None


class TransitionMapParams(TransitionsParams):
    """What to ask of a transition map."""

    top: Annotated[int, Field(ge=1, le=200, description="How many transitions; the rest is said as one.")] = 30


class ComparisonParams(TransitionMapParams):
    """What to ask of a comparison."""

    a: Annotated[str, Field(description="A segment, or a period as `2026-01-01..2026-04-01` (end not included).")]
    b: Annotated[str, Field(description="Another one of the same kind.")]
    rate: Annotated[float, Field(gt=0, lt=1, description="Rate of false discoveries that is accepted.")] = 0.05
    confidence: Annotated[float, Field(gt=0, lt=1, description="Of the intervals.")] = 0.95


class TimelineParams(BaseModel):
    """Whose timeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Annotated[str, Field(min_length=1, max_length=100, description="User key, as `graphsvc user` shows it.")]


class IdentityParams(BaseModel):
    """Whose identifiers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identifier: Annotated[str, Field(description="An identifier as type:value, for example email:ann@example.org.")]


@dataclass(frozen=True)
class Kind:
    """One kind of picture."""

    name: str
    told: str
    title: str  # unless another is given
    examples: tuple[str, ...]  # of its options on the command line
    parameters: type[BaseModel]
    draw: Callable[[Graph, Any, str], Picture]
    by_identifier: bool = False  # asked for by a raw identifier, which has no place in a URL


def kind(name: str) -> Kind:
    """The declaration of a kind.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in KINDS:
        raise UnknownName(f"there is no map {name!r}{nearest(name, KINDS)}")
    return KINDS[name]


def draw(graph: Graph, name: str, parameters: Mapping[str, Any], title: str | None = None) -> Picture:
    """Draw a picture of a graph.

    Args:
        graph: what is drawn.
        name: of the kind.
        parameters: its parameters by name.
        title: what is seen, in other words than its own.

    Raises:
        UnknownName: there is no such kind or parameter, or the graph does not hold what a parameter names.
        QueryError: a parameter has a value that is not allowed.
    """
    wanted = kind(name)
    for given in parameters.keys() - wanted.parameters.model_fields.keys():
        raise UnknownName(f"map {name} has no parameter {given!r}{nearest(given, wanted.parameters.model_fields)}")
    asked = validated(wanted.parameters, parameters, f"map {name}")
    if getattr(asked, "by", ()):
        raise QueryError("a map shows one answer: choose one segment, switch layers of a journey map, or compare two")
    return wanted.draw(graph, asked, title or wanted.title)


def _journey(graph: Graph, params: JourneyMapParams, title: str) -> Picture:
    from . import journey_map

    flow = FlowParams(**params.model_dump(exclude={"layer"}))
    graph.settings()  # there is a graph
    frame = graph.frame()  # which may be a little older: the segments are its own
    named = () if params.segment else tuple(frame.settings.segments)
    return journey_map(frame, flow, segments=named if params.layer is None else params.layer, title=title)


def _transitions(graph: Graph, params: TransitionMapParams, title: str) -> Picture:
    from .transition_map import TransitionMap

    answer = graph.ask("transitions", params.model_dump())
    return TransitionMap(title=title, answer=answer, footer=_footer(graph, answer, params))


def _funnel(graph: Graph, params: FunnelParams, title: str) -> Picture:
    from .funnel_map import FunnelMap

    answer = graph.ask("funnel", params.model_dump())
    return FunnelMap(title=title, answer=answer, footer=_footer(graph, answer, params))


def _comparison(graph: Graph, params: ComparisonParams, title: str) -> Picture:
    from .comparison_map import ComparisonMap

    how = params.model_dump(include={"a", "b", "rate", "confidence"})
    answer = graph.compare("transitions", params.model_dump(exclude=set(how)), **how)
    return ComparisonMap(title=title, answer=answer, footer=_footer(graph, answer, params))


def _timeline(graph: Graph, params: TimelineParams, title: str) -> Picture:
    from .picture import Footer
    from .timeline_map import Timeline

    user = graph.user(params.user)
    seen = graph.status()
    footer = Footer.of("timeline", params.model_dump(), first=seen.data_from, last=seen.data_to, revision=user.revision)
    return Timeline(title=title, user=user.key, journeys=user.journeys, footer=footer)


def _identity(graph: Graph, params: IdentityParams, title: str) -> Picture:
    return graph.people.picture(params.identifier, title=title)


def _matrix(graph: Graph, params: MatrixParams, title: str) -> Picture:
    from .matrix_map import MatrixMap

    answer = graph.ask("matrix", params.model_dump())
    return MatrixMap(title=title, answer=answer, footer=_footer(graph, answer, params))


def _footer(graph: Graph, answer: Result[Any] | Comparison, params: BaseModel) -> Footer:
    from .picture import Footer

    asked = params.model_dump(mode="json", exclude_defaults=True)
    seen = graph.status()
    query = f"{answer.answer} compared" if isinstance(answer, Comparison) else answer.answer
    return Footer.of(query, asked, first=seen.data_from, last=seen.data_to, revision=answer.revision)


#: By name.
KINDS: dict[str, Kind] = {
    declared.name: declared
    for declared in (
        Kind(
            "journey",
            "Step by step, from left to right: where journeys begin, go on and end.",
            "Customer journeys, step by step",
            ("--depth 6 --collapse --label channel:name --layer older --layer younger",),
            JourneyMapParams,
            _journey,
        ),
        Kind(
            "transitions",
            "What follows what: labels, and arrows as wide as they are common.",
            "What follows what",
            ("--top 40 --segment older", "--label channel --collapse"),
            TransitionMapParams,
            _transitions,
        ),
        Kind(
            "funnel",
            "How many get how far, and what the others do instead: bars from wide to narrow.",
            "Who gets how far",
            ("--step add_to_cart --step checkout --step purchase",),
            FunnelParams,
            _funnel,
        ),
        Kind(
            "comparison",
            "Two segments or periods in what follows what: differences by colour, sign and line.",
            "What two groups do differently",
            ("--a older --b younger", "--a ..2025-04-01 --b 2025-04-01.. --top 20"),
            ComparisonParams,
            _comparison,
        ),
        Kind(
            "timeline",
            "One user's touchpoints by time, in a lane for each channel. About one person.",
            "One user’s journeys",
            ("--user 0123456789abcdef0123456789abcdef",),
            TimelineParams,
            _timeline,
        ),
        Kind(
            "identity",
            "One person's identifiers and the links between them. The file holds personal data.",
            "Who is who",
            ("--identifier email:ann@example.org",),
            IdentityParams,
            _identity,
            by_identifier=True,
        ),
        Kind(
            "matrix",
            "Channel by stage: a shaded grid of the shares of users and of touchpoints.",
            "Which channel at which stage",
            ("--segment older",),
            MatrixParams,
            _matrix,
        ),
    )
}
