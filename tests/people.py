"""Small hand-made graphs for tests of answers: people written as lists, and random ones by hypothesis."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import strategies as st

from graphsvc.answers import Result
from graphsvc.core import journeys
from graphsvc.frame import DETAILS, JourneyFrame, aligned, build
from graphsvc.settings import Settings
from graphsvc.tables import TIME

from .oracle import DAY, Asked, Person, Touch

START = datetime(2024, 1, 1)
START_US = 1_704_067_200_000_000


def person(key: str, walk: str, /, *, start_hours: float = 0, step_hours: float = 1, **traits: Any) -> Person:
    """One person from a text: ``person("ann", "ad shop/web cart", age=50)``; without a channel: ``web``.

    Touchpoints follow each other at an even pace; a number among them adds so many hours of silence.
    """
    hours = start_hours
    touches: list[Touch] = []
    for word in walk.split():
        if word.replace(".", "", 1).isdigit():
            hours += float(word)
            continue
        name, _, channel = word.partition("/")
        at = START_US + round(hours * 3_600_000_000)
        touches.append(Touch(at, f"{key}-{len(touches):02}", name, channel or "web", ""))
        hours += step_hours
    return Person(key, traits, touches)


def frame_of(
    people: Sequence[Person], details: Mapping[str, Mapping[str, Any]] | None = None, **settings: Any
) -> JourneyFrame:
    """The journey frame of some people; ``details`` (such as sentiments) stand under event keys."""
    chosen = Settings(salt="of the tests", **settings)
    table = journeys.build(touchpoints_of(people), chosen)
    traits = {"key": [one.key for one in people], "traits": [json.dumps(one.traits) for one in people]}
    return build(
        table,
        pl.DataFrame(traits, schema={"key": pl.String, "traits": pl.String}),
        revision=1,
        settings=chosen,
        data_end=max((touch.time for one in people for touch in one.touches), default=0),
        load=lambda name: aligned(table, _detail(details or {}, name), name),
    )


def _detail(details: Mapping[str, Mapping[str, Any]], name: str) -> pl.DataFrame:
    """Key and detail of the touchpoints that have it."""
    told = [(key, held[name]) for key, held in details.items() if held.get(name) is not None]
    return pl.DataFrame(told, schema={"key": pl.String, name: DETAILS.get(name, pl.String())}, orient="row")


def touchpoints_of(people: Sequence[Person]) -> pl.DataFrame:
    """What ``core.journeys`` builds journeys from."""
    return pl.DataFrame(
        [
            {
                "key": touch.key,
                "user": one.key,
                "component": one.key,
                "at": datetime(1970, 1, 1) + timedelta(microseconds=touch.time),
                "name": touch.name,
                "channel": touch.channel,
                "stage": touch.stage or None,
                "value": None,
                "currency": None,
            }
            for one in people
            for touch in one.touches
        ],
        schema=dict.fromkeys(("key", "user", "component", "name", "channel", "stage", "currency"), pl.String)
        | {"at": TIME, "value": pl.Float64},
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    """A text, or the JSON text of something nested; nothing where it is a number or a truth value."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value if isinstance(value, str) else None


#: Predicates, and what they mean to somebody who reads them.
SEGMENTS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "age >= 50": lambda traits: _number(traits.get("age")) and traits["age"] >= 50,
    "age != 50": lambda traits: _number(traits.get("age")) and traits["age"] != 50,
    "age in (20, 50)": lambda traits: _number(traits.get("age")) and traits["age"] in (20, 50),
    "region = north": lambda traits: traits.get("region") == "north",
    "region != north": lambda traits: _text(traits.get("region")) not in (None, "north"),
    "region > north": lambda traits: (_text(traits.get("region")) or "") > "north",
    "member = true": lambda traits: traits.get("member") is True,
    "not (age >= 50 or region = north) and not member = true": lambda traits: (
        (_number(traits.get("age")) and traits["age"] < 50)
        and (_text(traits.get("region")) not in (None, "north"))
        and traits.get("member") is False
    ),
    "age < 50 and region = north or member = false": lambda traits: (
        (_number(traits.get("age")) and traits["age"] < 50 and traits.get("region") == "north")
        or traits.get("member") is False
    ),
}

NAMES, CHANNELS, STAGES = ("a", "ab", "b", "buy", "ende"), ("web", "shop"), ("", "early", "late")
traits = st.fixed_dictionaries(
    {},
    optional={
        "age": st.sampled_from([20, 50, 50.5, 80, "50", True]),
        "region": st.sampled_from(["north", "south", 50, ["north"], {"no": 1}]),
        "member": st.booleans(),
    },
)


@st.composite
def crowds(draw: st.DrawFn, most: int = 6) -> list[Person]:
    """Some people with some touchpoints each, half a day apart or at the same time."""
    people = []
    for number in range(draw(st.integers(1, most))):
        touch = st.tuples(
            st.integers(0, 24), st.sampled_from(NAMES), st.sampled_from(CHANNELS), st.sampled_from(STAGES)
        )
        touches = [
            Touch(START_US + half * DAY // 2, f"{number}-{nth}", name, channel, stage)
            for nth, (half, name, channel, stage) in enumerate(draw(st.lists(touch, min_size=1, max_size=9)))
        ]
        people.append(Person(f"user {number}", draw(traits), touches))
    return people


def _some(present: set[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """Mostly none, else one or two of those that are there."""
    some = st.lists(st.sampled_from(sorted(present)), min_size=1, max_size=2, unique=True).map(tuple)
    return st.one_of(st.just(()), st.just(()), some)


def _maybe(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), some)


half_days = st.integers(1, 12).map(lambda halves: halves / 2)
moments = st.integers(0, 24).map(lambda halves: START + timedelta(days=halves / 2))
settings = st.fixed_dictionaries(
    {
        "goals": st.sampled_from([("buy",), ("buy", "ende"), ()]),
        "split": st.sampled_from(["none", "gap", "conversion"]),
        "gap_days": half_days,
    }
)


@st.composite
def filters(draw: st.DrawFn, people: Sequence[Person]) -> dict[str, Any]:
    """Filters that name only what is there."""
    touches = [touch for one in people for touch in one.touches]
    return {
        "segment": draw(_maybe(st.sampled_from(sorted(SEGMENTS)))),
        "channel": draw(_some({touch.channel for touch in touches})),
        "stage": draw(_some({touch.stage or "(no stage)" for touch in touches})),
        "since": draw(_maybe(moments)),
        "until": draw(_maybe(moments)),
        "label": draw(st.sampled_from(["name", "channel", "stage", "channel:name"])),
        "collapse": draw(st.booleans()),
        "exclude": draw(_some({touch.name for touch in touches})),
        "lookback_days": draw(_maybe(half_days)),
        "split": draw(_maybe(st.sampled_from(["none", "gap", "conversion"]))),
        "gap_days": draw(_maybe(half_days)),
        "goal": draw(_some({touch.name for touch in touches})),
    }


FILTERS = [name for name in Asked.__dataclass_fields__ if name not in ("goals", "member")]


def asked(given: Mapping[str, Any], stored: Mapping[str, Any]) -> Asked:
    """The same question for the oracle: settings filled in, the segment by its meaning."""
    known = {name: value for name, value in given.items() if name in Asked.__dataclass_fields__ and value is not None}
    meaning: dict[str, Any] = {"member": SEGMENTS[given["segment"]]} if given["segment"] else {}
    if given["goal"]:
        meaning["goals"] = given["goal"]
    return Asked(**{**stored, **known, **meaning})


def rows_of(found: Result[Any]) -> list[dict[str, Any]]:
    """The rows of an answer, the remainder last where there is one."""
    return [row.model_dump() for row in (*found.rows, *([found.other] if found.other else []))]


def same(found: Result[Any], expected: Mapping[str, Any]) -> None:
    """Rows, remainder and totals are those of the oracle, floats up to rounding."""
    dumped = found.model_dump()
    assert dumped["totals"] == expected["totals"]
    assert len(dumped["rows"]) == len(expected["rows"])
    assert (dumped["other"] is None) == (expected["other"] is None)
    pairs = [*zip(dumped["rows"], expected["rows"], strict=True), (dumped["other"], expected["other"])]
    for row, known in pairs:
        if row is not None:
            assert row == {
                name: pytest.approx(value) if isinstance(value, float) else value for name, value in known.items()
            }
