"""A form from the parameters of an answer, and what was entered, from and to the query of an address."""

from __future__ import annotations

import types
import typing
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ..answers import Filters
from ..frame import JourneyFrame

Given = dict[str, str | list[str]]
Kind = Literal["choice", "check", "checks", "date", "number", "text", "list"]

#: What is seen of each answer's form at first, in this order; the rest is folded.
_FIRST = (
    *("a", "b", "step", "segment", "by", "since", "until", "label"),
    *("where", "around", "steps", "depth", "model", "at", "top"),
)
#: Titles of parameters, and shorter hints where the declared ones say more than a form needs.
_TITLES = {
    "segment": "For whom",
    "by": "Side by side",
    "since": "Journeys from",
    "until": "Journeys before",
    "label": "Shown by",
    "where": "Looking at",
    "around": "Around which touchpoint",
    "steps": "Touchpoints of a path",
    "depth": "How many steps",
    "step": "Steps, in order",
    "model": "Models",
    "at": "Asked at",
    "top": "Rows at most",
    "channel": "With a touchpoint on",
    "stage": "With a touchpoint at stage",
    "collapse": "Count repeats once",
    "exclude": "Leave out",
    "lookback_days": "Days looked back",
    "split": "A journey ends by",
    "gap_days": "Days of silence that end it",
    "goal": "Count as conversion",
    "min_count": "Least times of a row",
    "min_journeys": "Least journeys of a row",
    "min_users": "Least users of a row",
    "a": "One side",
    "b": "The other side",
    "rate": "False findings accepted",
    "confidence": "Confidence of the intervals",
}
_HINTS = {
    "segment": "A segment, or traits such as age >= 50.",
    "by": "",
    "since": "Those that start on this day or later.",
    "until": "Those that start before this day.",
    "label": "",
    "where": "",
    "around": "Where you look around one.",
    "steps": "",
    "depth": "",
    "top": "",
    "model": "All that are common unless chosen.",
    "a": "A segment, traits such as age >= 50, or a period such as 2026-01-01..2026-04-01, its end not in it.",
    "b": "The same kind; nobody may be in both segments.",
    "rate": "As a share of the differences that are called beyond chance.",
}
_EMPTY_LINES = 2
_FIRST_LINES = 4


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Field:
    """One field of a form."""

    name: str
    title: str
    hint: str
    kind: Kind
    values: list[str]  # as entered; of a list with lines to fill in
    choices: list[Choice]
    known: str  # name of the list of known values to propose, or nothing
    default: str
    least: str
    most: str
    required: bool
    fault: str

    @property
    def value(self) -> str:
        """What stands in a field of one value."""
        return self.values[0] if self.values else ""


def entered(model: type[Filters], query: Iterable[tuple[str, str]]) -> Given:
    """What the query of an address says, without blanks: texts by name, lists where a parameter takes several."""
    given: Given = {}
    for name, text in query:
        if not text.strip():
            continue
        if takes_several(model, name):
            typing.cast("list[str]", given.setdefault(name, [])).append(text)
        else:
            given[name] = text
    return given


def takes_several(model: type[BaseModel], name: str) -> bool:
    """Whether a parameter takes several values; one that the model lacks does not."""
    return name in model.model_fields and _is_tuple(model.model_fields[name])


def canonical(model: type[Filters], given: Given) -> Given:
    """The same without what goes without saying, in the order of the parameters: equal questions, equal addresses."""
    told = {name: given[name] for name in model.model_fields if name in given}
    return {name: value for name, value in told.items() if value != _default(model.model_fields[name])} | {
        name: value for name, value in given.items() if name not in model.model_fields
    }


def faults(model: type[Filters], given: Given) -> dict[str, str]:
    """What cannot be asked, in plain words by parameter; what concerns several stands under an empty name."""
    try:
        model.model_validate({name: value for name, value in given.items() if name in model.model_fields})
    except ValidationError as error:
        return {str(one["loc"][0]) if one["loc"] else "": _plainly(one) for one in error.errors()}
    return {}


def _plainly(error: Any) -> str:
    limits = error.get("ctx", {})
    told = {
        "missing": "is needed",
        "too_short": f"needs at least {limits.get('min_length')}",
        "too_long": f"takes at most {limits.get('max_length')}",
        "greater_than_equal": f"must be {limits.get('ge')} or more",
        "greater_than": f"must be more than {limits.get('gt')}",
        "less_than_equal": f"must be {limits.get('le')} or less",
        "less_than": f"must be less than {limits.get('lt')}",
        "int_parsing": "must be a whole number",
        "float_parsing": "must be a number",
        "literal_error": f"must be one of {limits.get('expected')}",
        "value_error": str(limits.get("error")),
    }
    if error["type"].startswith("datetime"):
        return "must be a day such as 2026-01-31"
    return told.get(error["type"], str(error["msg"]))


def known_values(frame: JourneyFrame) -> dict[str, list[str]]:
    """What the graph holds, to propose it: names of touchpoints, channels, stages, segments."""
    return {
        "name": frame.name.texts,
        "channel": frame.channel.texts,
        "stage": frame.stage.texts,
        "segment": list(frame.settings.segments),
    }


def fields(
    model: type[Filters],
    given: Given,
    known: Mapping[str, Sequence[str]],
    wrong: Mapping[str, str],
    hidden: Container[str] = (),
) -> tuple[list[Field], list[Field]]:
    """The fields of a form: those seen at first, and the rest.

    Args:
        model: the parameters of an answer, and what its page adds to them.
        given: what was entered.
        known: what the graph holds, by kind (:func:`known_values`).
        wrong: what cannot be asked, by parameter (:func:`faults`).
        hidden: parameters that have no field.
    """
    declared = {name: about for name, about in model.model_fields.items() if name not in hidden}
    made = {name: _field(name, about, given, known, wrong.get(name, "")) for name, about in declared.items()}
    first = [made[name] for name in _FIRST if name in made]
    return first, [field for name, field in made.items() if name not in _FIRST]


def _field(name: str, about: FieldInfo, given: Given, known: Mapping[str, Sequence[str]], fault: str) -> Field:
    inner, several = _inner(about.annotation), _is_tuple(about)
    held = given.get(name, [])
    values = list(held) if isinstance(held, list) else [held]
    proposed = _proposed(name, str(given.get("label", about.default if name == "label" else "")))
    choices: list[Choice] = []
    if typing.get_origin(inner) is Literal:
        kind: Kind = "checks" if several else "choice"
        choices = [Choice(value, value.replace("_", " "), value in values) for value in typing.get_args(inner)]
    elif inner is bool:
        kind = "choice" if about.default else "check"
        choices = [Choice("true", "yes", values == ["true"]), Choice("false", "no", values == ["false"])]
    elif name in ("channel", "stage", "by") and known[proposed]:
        kind = "checks"
        offered = [*known[proposed], *(value for value in values if value not in known[proposed])]
        choices = [Choice(value, value, value in values) for value in offered]
    elif several:
        kind = "list"
        values += [""] * (_EMPTY_LINES if values else _FIRST_LINES if about.is_required() else _EMPTY_LINES)
    elif inner is datetime:
        kind = "date"
    else:
        kind = "number" if inner in (int, float) else "text"
    default = _default(about)
    if kind == "choice" and not any(choice.chosen for choice in choices):
        choices = [Choice(each.value, each.text, each.value == default) for each in choices]
    return Field(
        name=name,
        title=_TITLES.get(name, name.replace("_", " ").capitalize()),
        hint=_HINTS.get(name, about.description or "").replace("`", ""),
        kind=kind,
        values=values,
        choices=choices,
        known=proposed,
        default=default if isinstance(default, str) else "",
        least=_limit(about, "ge"),
        most=_limit(about, "le"),
        required=about.is_required(),
        fault=fault,
    )


def _proposed(name: str, label: str) -> str:
    """The kind of known values that a parameter takes."""
    if name in ("segment", "by", "a", "b"):
        return "segment"
    if name in ("channel", "stage"):
        return name
    if name in ("exclude", "goal"):
        return "name"
    if name in ("step", "around", "at", "not_between", "direct"):
        return label if label in ("channel", "stage") else "name"
    return ""


def _is_tuple(about: FieldInfo) -> bool:
    kinds = (about.annotation, *typing.get_args(about.annotation))  # itself, or one of a union
    return any(typing.get_origin(kind) is tuple for kind in kinds)


def _inner(annotation: Any) -> Any:
    """The type of one value."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated or origin is tuple:
        return _inner(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        (inner,) = (each for each in typing.get_args(annotation) if each is not type(None))
        return _inner(inner)
    return annotation


def _default(about: FieldInfo) -> str | list[str] | None:
    """What a parameter is unless given, as an address would say it; None where nothing stands for it."""
    if about.is_required() or about.default is None:
        return None
    if isinstance(about.default, tuple):
        return list(about.default)
    return str(about.default).lower() if isinstance(about.default, bool) else f"{about.default}".removesuffix(".0")


def _limit(about: FieldInfo, name: str) -> str:
    return next((f"{getattr(each, name)}" for each in about.metadata if hasattr(each, name)), "")
