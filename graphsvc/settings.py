"""Settings of a graph: what shapes it beside its events. They travel with the graph and are stored in it."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from .errors import SettingsConflict

Split = Literal["none", "gap", "conversion"]
ChannelKind = Literal["digital", "offline"]


def _naive_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError:
        raise ValueError("the time is out of range") from None


#: A time without a zone that means UTC; one with an offset is moved there.
Utc = Annotated[datetime, AfterValidator(_naive_utc)]

#: Identifier types from the strongest (1) on; a type without an entry is the weakest.
DEFAULT_PRIORITY = {
    "customer_id": 1,
    "user_id": 2,
    "loyalty_card": 3,
    "email": 4,
    "phone": 5,
    "discord": 6,
    "handle": 7,
    "device_id": 8,
    "cookie": 9,
    "session_id": 10,
}
WEAKEST = 1_000

OFFLINE_CHANNELS = ("store", "stores", "shop", "event", "events", "phone", "call_center", "mail", "print")


class Exclude(BaseModel):
    """Who leaves no touchpoints: bots, staff and test users. Their rows stay stored and come back when a rule goes."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    identifiers: Annotated[
        tuple[str, ...],
        Field(description="Identifier patterns, `type:value` with `*` and `?`: `email:*@brand.example`."),
    ] = ()
    traits: Annotated[tuple[str, ...], Field(description="Segment predicates on traits: `staff = true`.")] = ()
    names: Annotated[
        tuple[str, ...], Field(description="Touchpoint names that never make a touchpoint: `heartbeat`.")
    ] = ()

    @property
    def identifier_regex(self) -> str | None:
        """One regular expression for all identifier patterns, or None where there is none."""
        wild = {"*": ".*", "?": "."}
        texts = ("".join(wild.get(letter, re.escape(letter)) for letter in pattern) for pattern in self.identifiers)
        return "^(?s:" + "|".join(texts) + ")$" if self.identifiers else None


class Settings(BaseModel):
    """The settings of one graph. Two graphs with equal events and equal settings are equal."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    salt: Annotated[str, Field(min_length=8, description="Salt of the user keys; random unless given.")] = Field(
        default_factory=lambda: secrets.token_hex(16)
    )
    goals: Annotated[tuple[str, ...], Field(description="Touchpoint names that count as conversion.")] = ()
    stages: Annotated[dict[str, str], Field(description="Stage by touchpoint name; wins over the row's own.")] = {}
    channels: Annotated[dict[str, ChannelKind], Field(description="Kind by channel name: `digital` or `offline`.")] = {}
    split: Annotated[Split, Field(description="Where one journey ends and the next begins.")] = "none"
    gap_days: Annotated[
        float,
        Field(
            gt=0, le=36_500, description="Silence, in days, that ends a journey (split `gap`) and closes an open one."
        ),
    ] = 30.0
    exclude: Annotated[Exclude, Field(description="Bots, staff and test users.")] = Exclude()
    segments: Annotated[dict[str, str], Field(description="Named predicates on traits: `older = 'age >= 50'`.")] = {}
    priority: Annotated[dict[str, int], Field(description="Strength of identifier types; 1 is the strongest.")] = (
        DEFAULT_PRIORITY
    )
    retain_from: Annotated[
        Utc | None, Field(description="Events before this time are forgotten and refused (UTC).")
    ] = None

    @field_validator("segments", "exclude")
    @classmethod
    def _predicates_parse(cls, value: Any) -> Any:
        from .segments import parse

        for predicate in value.values() if isinstance(value, dict) else value.traits:
            parse(predicate)
        return value

    @property
    def gap_us(self) -> int:
        """The gap in microseconds."""
        return round(self.gap_days * 86_400_000_000)

    def kind_of(self, channel: str) -> ChannelKind:
        """Kind of a channel: as set, else offline for the usual offline names, else digital."""
        return self.channels.get(channel) or ("offline" if channel.lower() in OFFLINE_CHANNELS else "digital")

    def joined(self, proposed: dict[str, Any], *, fresh: bool) -> Settings:
        """These settings with those that a mapping proposes.

        A fresh graph takes them all. Later a mapping may add what is not yet said (a stage of a new touchpoint, a
        kind of a new channel, a segment) and must agree with the rest.

        Raises:
            SettingsConflict: a proposed value differs from the graph's, which would change what is already stored.
        """
        merged = self.model_dump()
        given = Settings.model_validate({"salt": self.salt, **proposed}).model_dump()
        for name in sorted(proposed):
            now, wanted = merged[name], given[name]
            if isinstance(now, dict) and name != "exclude":
                stated = {key: wanted[key] for key in proposed[name]}
                clashes = [key for key in sorted(now.keys() & stated.keys()) if now[key] != stated[key]]
                what = f"{name} of {', '.join(map(repr, clashes))}"
                wanted = {**now, **stated}
            else:
                clashes = [name] if now != wanted else []
                what = name
            if clashes and not fresh:
                raise SettingsConflict(
                    f"the mapping sets {what} otherwise than the graph does; "
                    "change the graph with `graphsvc resolve --settings FILE`, or take the line out of the mapping"
                )
            merged[name] = wanted
        return Settings.model_validate(merged)
