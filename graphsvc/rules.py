"""Rules of identity: how each type of identifier is read, trusted and limited.

They are part of the settings of a graph, so a change of rules derives the whole graph anew. A rules file holds what
differs from the defaults:

    default_region = "DE"        # phones without a country code are German

    [types.loyalty_card]
    unique = true                # nobody has two
    blocked = ["^9999"]          # cards that the shop hands out at the till
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import RulesError, nearest

Normaliser = Literal["trim", "lower", "email", "phone"]
Survivorship = Literal["latest", "earliest"] | tuple[str, ...]

WEAKEST = 1_000
TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class TypeRule(BaseModel):
    """What holds for one type of identifier; 0 switches a threshold off."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    priority: Annotated[int, Field(ge=1, description="Strength; 1 is the strongest.")] = WEAKEST
    unique: Annotated[bool, Field(description="A user has at most one value of it.")] = False
    limit: Annotated[int, Field(ge=0, description="A user has at most so many values of it; 0: any number.")] = 0
    shared_at: Annotated[
        int,
        Field(ge=0, description="Linked to so many values of one unique type, a value is shared; 0: never."),
    ] = 2
    hub_above: Annotated[
        int, Field(ge=0, description="Linked to more than so many values of any one type, a value is shared; 0: never.")
    ] = 50
    blocked: Annotated[
        tuple[str, ...],
        Field(description="Regular expressions (linear-time: no look-around, no back-references); values with a match "
              "anywhere never link."),
    ] = ()  # fmt: skip
    normalise: Annotated[
        Normaliser,
        Field(description="`trim`: outer spaces go; `lower`: and case; `email`: and all spaces; `phone`: to E.164."),
    ] = "trim"

    @model_validator(mode="before")
    @classmethod
    def _unique_values_are_not_shared(cls, given: Any) -> Any:
        """A value of a unique type is never shared because of other unique values, and a hub only where asked for."""
        if isinstance(given, dict) and given.get("unique"):
            return {"shared_at": 0, "hub_above": 0, **given}
        return given

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> TypeRule:
        if self.unique and self.limit > 1:
            raise ValueError(f"unique contradicts limit = {self.limit}; give one of them")
        if self.unique and self.shared_at:
            raise ValueError("shared_at has no meaning for a unique type, whose values may meet others; leave it out")
        if self.shared_at == 1:
            raise ValueError("shared_at = 1 would share every value that anybody logs in with; give 2 or more, or 0")
        return self

    @field_validator("blocked")
    @classmethod
    def _patterns_compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                everything = pl.Series([""]).str.contains(pattern).item()
            except pl.exceptions.ComputeError:
                raise ValueError(
                    f"{pattern!r} is not a regular expression that runs in linear time (no look-around, no "
                    "back-references)"
                ) from None
            if everything:
                raise ValueError(f"{pattern!r} matches the empty text, so it would block every value; anchor it: ^…$")
        return patterns

    @property
    def cap(self) -> int:
        """Most values of this type that one user has; 0: any number."""
        return 1 if self.unique else self.limit


#: What holds unless a graph's rules say otherwise.
DEFAULT_TYPES: dict[str, dict[str, Any]] = {
    "customer_id": {"priority": 1, "unique": True},
    "user_id": {"priority": 2},
    "loyalty_card": {"priority": 3},
    "email": {"priority": 4, "normalise": "email"},
    "phone": {"priority": 5, "normalise": "phone"},
    "discord": {"priority": 6},
    "handle": {"priority": 7},
    "device_id": {"priority": 8},
    "cookie": {"priority": 9},
    "session_id": {"priority": 10},
}
_OTHER = TypeRule()


class Rules(BaseModel):
    """The rules of identity of one graph."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    types: Annotated[
        dict[str, TypeRule], Field(description="Rule by identifier type; what is left out is as by default.")
    ] = Field(default_factory=dict, validate_default=True)
    default_region: Annotated[
        str | None, Field(description="Country of phone numbers without a country code: `DE`, `US` (ISO 3166).")
    ] = None
    nearest_login_minutes: Annotated[
        float | None,
        Field(
            gt=0,
            le=525_600,
            description="Events of shared identifiers alone go to the login nearest in time, within so many minutes; "
            "unless given they stay anonymous.",
        ),
    ] = None
    survivorship: Annotated[
        dict[str, Survivorship],
        Field(description="Which value of a trait stays: `latest` (the default), `earliest`, or a list of sources, "
              "the first that tells it wins."),
    ] = {}  # fmt: skip

    @field_validator("types", mode="before")
    @classmethod
    def _over_the_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for name in given:
            if not TYPE.fullmatch(str(name)):
                raise ValueError(f"{name!r} is no identifier type: letters, digits, _ and -, beginning with a letter")
        return {name: _laid_over(DEFAULT_TYPES.get(name, {}), given.get(name, {})) for name in [*DEFAULT_TYPES, *given]}

    @field_validator("default_region")
    @classmethod
    def _region_is_known(cls, region: str | None) -> str | None:
        if region is None:
            return None
        from phonenumbers import SUPPORTED_REGIONS

        if region.upper() not in SUPPORTED_REGIONS:
            raise ValueError(f"{region!r} is no country code of two letters such as DE or US")
        return region.upper()

    def of(self, kind: str) -> TypeRule:
        """The rule of an identifier type."""
        return self.types.get(kind, _OTHER)

    @property
    def strongest_first(self) -> list[str]:
        """The types that have a rule, by priority and name."""
        return sorted(self.types, key=lambda name: (self.types[name].priority, name))


def _laid_over(default: dict[str, Any], given: Any) -> Any:
    """A type's rule with what is given in place of the default; ``unique = false`` also frees its thresholds."""
    if isinstance(given, TypeRule):
        return given
    return {**default, **given} if isinstance(given, dict) else given


def demand_known_types(rules: Rules, former: Rules, held: Iterable[str]) -> None:
    """Refuse new rules for types that no identifier of a graph has: a slip of the pen would go unnoticed.

    Raises:
        RulesError: a type that is neither held, nor had a rule before, nor has one by default.
    """
    known = {*held, *former.types, *DEFAULT_TYPES}
    if unknown := sorted(set(rules.types) - known):
        raise RulesError(f"no identifier of the graph has the type {unknown[0]!r}{nearest(unknown[0], known)}")


def load_rules(path: Path) -> Rules:
    """The rules in a TOML file.

    Raises:
        RulesError: it cannot be read or does not validate; the message names file, line or key, and what is allowed.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{path}: {error}") from None
    try:
        return Rules.model_validate(given)
    except ValidationError as error:
        wrong = (_told(one["loc"], one) for one in error.errors())
        raise RulesError(f"{path}: {'; '.join(wrong)}") from None


def _told(location: tuple[int | str, ...], fault: Any) -> str:
    """Where a rules file is wrong, and why."""
    parts = [str(part) for part in location if "literal" not in str(part) and "tuple" not in str(part)]
    what = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        what = "there is no such key" + nearest(parts[-1], (TypeRule if "types" in parts else Rules).model_fields)
    return f"{'.'.join(parts)}: {what}"


def in_words(rules: Rules) -> list[str]:
    """The rules as sentences, the strongest type first."""
    lines = [_type_in_words(name, rules.types[name]) for name in rules.strongest_first]
    if rules.default_region:
        lines.append(f"Phone numbers without a country code are of {rules.default_region}.")
    if rules.nearest_login_minutes is None:
        lines.append("Events of shared identifiers alone stay anonymous: one user per value and session.")
    else:
        lines.append(
            "Events of shared identifiers alone go to the login nearest in time within "
            f"{rules.nearest_login_minutes:g} minutes, else they stay anonymous."
        )
    for trait, way in sorted(rules.survivorship.items()):
        which = f"the {way} one" if isinstance(way, str) else f"that of {', else '.join(way)}, else the latest"
        lines.append(f"Of several values of the trait {trait}, {which} stays.")
    return lines


def _type_in_words(name: str, rule: TypeRule) -> str:
    kept = {
        "trim": "outer spaces are ignored",
        "lower": "case and outer spaces are ignored",
        "email": "case and spaces are ignored",
        "phone": "numbers are brought to the form +4930123456",
    }
    clauses = [f"priority {rule.priority}" if rule.priority < WEAKEST else "the weakest", kept[rule.normalise]]
    if rule.unique:
        clauses.append("a user has at most one")
    elif rule.limit:
        clauses.append(f"a user has at most {rule.limit}")
    if rule.shared_at:
        clauses.append(f"shared when it meets {rule.shared_at} values of a unique type")
    if rule.hub_above:
        clauses.append(f"shared when it meets more than {rule.hub_above} values of any one type")
    if rule.blocked:
        clauses.append("set aside when it matches " + " or ".join(rule.blocked))
    return f"{name}: {', '.join(clauses)}."
