"""What every answer can be asked: which journeys count, and what along them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..frame import Label
from ..segments import together
from ..settings import Split, Utc

DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)


class Filters(BaseModel):
    """The filters and options that all answers share.

    Segment, channel, stage and time range choose whole journeys; label, collapse, exclude and lookback shape what is
    left of each; split, gap and goal say where a journey ends and how.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lookback_from: ClassVar[str] = "a journey's last one"  # what a lookback counts back from

    segment: Annotated[
        str | None,
        Field(description="Only users of a segment: its name, or a predicate on traits such as `age >= 50`."),
    ] = None
    channel: Annotated[
        tuple[str, ...], Field(description="Only journeys that hold a touchpoint of one of these channels.")
    ] = ()
    stage: Annotated[
        tuple[str, ...], Field(description="Only journeys that hold a touchpoint of one of these stages.")
    ] = ()
    since: Annotated[
        Utc | None, Field(description="Only journeys that start at this time or later (UTC where no offset is given).")
    ] = None
    until: Annotated[
        Utc | None, Field(description="Only journeys that start before this time (UTC where no offset is given).")
    ] = None
    label: Annotated[
        Label, Field(description="What stands for a touchpoint: its `name`, `channel`, `stage` or `channel:name`.")
    ] = "name"
    collapse: Annotated[
        bool, Field(description="Count a run of touchpoints with one label once, at the time of its first.")
    ] = False
    exclude: Annotated[tuple[str, ...], Field(description="Touchpoint names to leave out of every journey.")] = ()
    lookback_days: Annotated[
        float | None,
        Field(gt=0, le=36_500, description="Only touchpoints within so many days before the journey's last one."),
    ] = None
    split: Annotated[
        Split | None,
        Field(description="Where a journey ends: `none`, `gap` or `conversion`; as the graph is stored unless given."),
    ] = None
    gap_days: Annotated[
        float | None,
        Field(
            gt=0,
            le=36_500,
            description="Days of silence that end a journey (split `gap`) and close an open one; default as stored.",
        ),
    ] = None

    goal: Annotated[
        tuple[str, ...], Field(description="Touchpoint names that count as conversion here; the graph's goals if none.")
    ] = ()
    by: Annotated[
        tuple[str, ...],
        Field(max_length=20, description="The answer once more for each of these segments (of what is chosen)."),
    ] = ()

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The labels that must be in the graph for this question to make sense, by kind."""
        return [("channel", self.channel), ("stage", self.stage), ("touchpoint", (*self.exclude, *self.goal))]

    def within(self, segment: str, segments: Mapping[str, str]) -> Self:
        """The same question about the users who are in a further segment, too.

        Args:
            segment: its name or its predicate.
            segments: the named ones.
        """
        return self.model_copy(update={"segment": together(segments, self.segment, segment), "by": ()})

    def own(self) -> dict[str, Any]:
        """What a statement of ``cypher/answers`` takes beside the filters."""
        return self.model_dump(exclude=set(Filters.model_fields))

    @property
    def label_kind(self) -> str:
        """What error messages call a label of this question."""
        return "touchpoint" if self.label == "name" else self.label

    @property
    def lookback_us(self) -> int | None:
        """The lookback in microseconds."""
        return None if self.lookback_days is None else round(self.lookback_days * DAY_US)


class Placed(Filters):
    """Filters of an answer that looks at journeys from some place in them."""

    where: str = "start"
    around: Annotated[str | None, Field(description="Label of the touchpoint to look around (`where=around`).")] = None

    @model_validator(mode="after")
    def _around_something(self) -> Self:
        if (self.where == "around") != (self.around is not None):
            raise ValueError("where=around goes with around=LABEL, the label of a touchpoint")
        return self

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The labels that must be in the graph for this question to make sense, by kind."""
        return [*super().named(), (self.label_kind, (self.around,) if self.around is not None else ())]


def microseconds(time: datetime) -> int:
    """A naive UTC time in microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def time_of(microseconds: int) -> datetime:
    """The naive UTC time that is so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
