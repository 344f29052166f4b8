"""What every answer can be asked: which journeys count, and what along them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..frame import Label
from ..settings import Split, Utc

DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)


class Filters(BaseModel):
    """The filters and options that all answers share.

    Segment, channel, stage and time range choose whole journeys; label, collapse, exclude and lookback shape what is
    left of each; split and gap say where a journey ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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

    @property
    def lookback_us(self) -> int | None:
        """The lookback in microseconds."""
        return None if self.lookback_days is None else round(self.lookback_days * DAY_US)


def microseconds(time: datetime) -> int:
    """A naive UTC time in microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def time_of(microseconds: int) -> datetime:
    """The naive UTC time that is so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
