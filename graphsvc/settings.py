"""Settings of a graph: what shapes it beside its events. They travel with the graph and are stored in it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, field_validator

from .errors import SettingsConflict, validated
from .rules import Rules

Split = Literal["none", "gap", "conversion"]
ChannelKind = Literal["digital", "offline"]


def naive_utc(time: datetime) -> datetime:
    """A time in UTC without saying so; one without an offset is taken to be UTC."""
    try:
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError:
        raise ValueError("the time is out of range") from None


#: A time without a zone that means UTC; one with an offset is moved there. In JSON it says so (``…T10:15:00Z``).
Utc = Annotated[
    datetime,
    AfterValidator(naive_utc),
    PlainSerializer(lambda time: time.replace(tzinfo=UTC), return_type=datetime, when_used="json"),
]

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
    segments: Annotated[
        dict[str, str],
        Field(description="Named predicates on traits: `older = 'age >= 50'`; they may name each other."),
    ] = {}
    personas: Annotated[
        tuple[str, ...], Field(description="Traits that hold saved personas, so that none are made of them.")
    ] = ()
    rules: Annotated[Rules, Field(description="Rules of identity, by identifier type (docs/identity.md).")] = Rules()
    retain_from: Annotated[
        Utc | None, Field(description="Events before this time are forgotten and refused (UTC).")
    ] = None

    @field_validator("segments", "exclude")
    @classmethod
    def _predicates_parse(cls, value: Any) -> Any:
        from .segments import can_be_named, find, parse

        named = value if isinstance(value, dict) else {}
        for name in named:
            if not can_be_named(name):
                raise ValueError(f"a segment has a name, with at most one kind of quotation marks in it, not {name!r}")
            find(named, name)
        for predicate in () if isinstance(value, dict) else value.traits:
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
        if not fresh and not proposed:
            return self
        given = validated(Settings, {"salt": self.salt, **proposed}, "settings of the mapping")
        if fresh:
            return given
        now, wanted = flat(self.model_dump()), flat(given.model_dump())
        clashes = sorted(key for key in flat(proposed).keys() & now.keys() if now[key] != wanted[key])
        if clashes:
            raise SettingsConflict(
                f"the mapping sets {', '.join(clashes)} otherwise than the graph does; "
                "change the graph with `graphsvc resolve --settings FILE`, or take the line out of the mapping"
            )
        told, merged = given.model_dump(), self.model_dump()
        for name, value in proposed.items():
            if name == "rules":
                for part in ("types", "survivorship"):
                    merged[name][part] |= {
                        key: told[name][part][key] for key in value.get(part, {}).keys() - merged[name][part]
                    }
            elif name in _BY_KEY:
                merged[name] |= {key: told[name][key] for key in value}
        return Settings.model_validate(merged)


#: Settings whose entries are compared one by one: a later mapping may add some.
_BY_KEY = ("stages", "channels", "segments")


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings, whole or in part, as one value per dotted name (``stages.ad``, ``rules.types.email.limit``)."""
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and (prefix or name in (*_BY_KEY, "rules")):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[f"{prefix}{name}"] = value
    return values


def migrated(text: str, schema: int) -> str:
    """Settings as an older schema stored them, as the present one does."""
    settings = json.loads(text)
    if schema < 2:  # priorities became rules
        types = {name: {"priority": priority} for name, priority in settings.pop("priority", {}).items()}
        settings["rules"] = {"types": types}
    return Settings.model_validate(settings).model_dump_json()
