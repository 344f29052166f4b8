"""One user, as an answer: traits, identifiers and journeys."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .settings import Settings, Utc
from .stores import UserRows

_EPOCH = datetime(1970, 1, 1)
Outcome = Literal["converted", "dropped", "open"]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class TouchpointRow(_Row):
    """One touchpoint of a journey."""

    key: Annotated[str, Field(description="Event key.")]
    at: Annotated[Utc, Field(description="Time, UTC.")]
    name: Annotated[str, Field(description="What was done.")]
    channel: Annotated[str, Field(description="Where it was done.")]
    stage: Annotated[str | None, Field(description="Stage of the customer journey, where it has one.")]
    value: Annotated[float, Field(description="Value, 0 where there is none.")]
    seconds: Annotated[float | None, Field(description="Seconds since the touchpoint before; null for the first.")]


class JourneyRow(_Row):
    """One journey."""

    key: Annotated[str, Field(description="Key of its first touchpoint.")]
    started_at: Annotated[Utc, Field(description="Time of its first touchpoint, UTC.")]
    ended_at: Annotated[Utc, Field(description="Time of its last touchpoint, UTC.")]
    steps: Annotated[int, Field(description="Number of its touchpoints.")]
    outcome: Annotated[
        Outcome, Field(description="`open`: not converted, and its last touch lies within the gap of the data's end.")
    ]
    value: Annotated[float | None, Field(description="Sum over its goals; null without any, or in several currencies.")]
    currency: Annotated[str | None, Field(description="Of the value.")]
    touchpoints: Annotated[list[TouchpointRow], Field(description="In order of time.")]


class IdentifierRow(_Row):
    """One identifier of the user."""

    type: Annotated[str, Field(description="Kind of identifier.", examples=["email"])]
    value: Annotated[str, Field(description="Normalised value. Personal data.")]
    first_seen: Annotated[Utc | None, Field(description="Time of the first event that holds it, UTC.")]
    last_seen: Annotated[Utc | None, Field(description="Time of the last event that holds it, UTC.")]


class User(_Row):
    """One resolved person."""

    key: Annotated[str, Field(description="User key: a salted hash, safe to stand in a URL.")]
    revision: Annotated[int, Field(description="Revision of the graph that was read.")]
    traits: Annotated[dict[str, Any], Field(description="What is known of the person, by name.")]
    excluded: Annotated[bool, Field(description="Staff, bot or test user by the settings: no journeys are kept.")]
    first_seen: Annotated[Utc | None, Field(description="Time of the first event, UTC.")]
    last_seen: Annotated[Utc | None, Field(description="Time of the last event, UTC.")]
    identifiers: Annotated[list[IdentifierRow], Field(description="Sorted by type and value.")]
    journeys: Annotated[list[JourneyRow], Field(description="By start.")]


def view(rows: UserRows) -> User:
    """A user as an answer."""
    settings, user = rows.head.settings or Settings(), rows.user
    identifiers = sorted(rows.identifiers, key=lambda row: str(row["key"]))
    journeys = sorted(rows.journeys, key=lambda row: (row["started_at"], row["key"]))
    return User(
        key=user["key"],
        revision=rows.head.revision,
        traits=json.loads(user["traits"]),
        excluded=user["excluded"],
        first_seen=user["first_seen"],
        last_seen=user["last_seen"],
        identifiers=[IdentifierRow(**{name: row[name] for name in IdentifierRow.model_fields}) for row in identifiers],
        journeys=[_journey(row, settings, rows.head.data_end) for row in journeys],
    )


def _journey(row: dict[str, Any], settings: Settings, data_end: datetime | None) -> JourneyRow:
    times = row["times"]
    return JourneyRow(
        **{name: row[name] for name in ("key", "started_at", "ended_at", "steps", "value", "currency")},
        outcome=outcome(row["converted"], row["ended_at"], settings, data_end),
        touchpoints=[
            TouchpointRow(
                key=key,
                at=_EPOCH + timedelta(microseconds=times[i]),
                name=row["names"][i],
                channel=row["channels"][i],
                stage=row["stages"][i] or None,
                value=row["values"][i],
                seconds=(times[i] - times[i - 1]) / 1e6 if i else None,
            )
            for i, key in enumerate(row["touchpoints"])
        ],
    )


def outcome(converted: bool, ended_at: datetime, settings: Settings, data_end: datetime | None) -> Outcome:
    """Converted beats open beats dropped."""
    if converted:
        return "converted"
    silence = (data_end - ended_at).total_seconds() * 1e6 if data_end else 0
    return "open" if silence <= settings.gap_us else "dropped"
