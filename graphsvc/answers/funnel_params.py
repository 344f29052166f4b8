"""What to ask of a funnel: its steps, as one writes them, and what an attempt at them has to keep to."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from .attempts import Order
from .params import Filters
from .written import WrittenStep

MOST_STEPS = 12
MOST_OPTIONAL = 4
MOST_IN_ANY_ORDER = 5
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class FunnelStep(WrittenStep):
    """One step of a funnel: ``ad|search`` (either), ``chat?`` (optional), ``buy <= 7d`` (so long after the last)."""

    grammar: ClassVar = re.compile(
        r"(?P<labels>.*?)(?P<optional>\?)?(\s*<=\s*(?P<amount>\d+(\.\d+)?)\s*(?P<unit>[smhd]))?", re.DOTALL
    )
    like: ClassVar = "`ad`, `ad|search`, `chat?` or `buy <= 7d`"

    optional: Annotated[bool, Field(description="A match may go on without it.")] = False
    within_seconds: Annotated[
        float | None,
        Field(gt=0, le=36_500 * 86_400, description="At most so long after the touchpoint matched before."),
    ] = None

    @classmethod
    def marked(cls, found: re.Match[str]) -> dict[str, Any]:
        """The fields that the marks of a text set."""
        within = float(found["amount"]) * _UNITS[found["unit"]] if found["unit"] else None
        return {"optional": found["optional"] is not None, "within_seconds": within}

    @property
    def marks(self) -> str:
        """The marks that set its fields."""
        optional = "?" * self.optional
        if self.within_seconds is None:
            return optional
        unit = next((unit for unit in "dhm" if self.within_seconds % _UNITS[unit] == 0), "s")
        return f"{optional} <= {self.within_seconds / _UNITS[unit]:.15g}{unit}"

    @property
    def within_us(self) -> int | None:
        """The time since the touchpoint matched before, in microseconds."""
        return None if self.within_seconds is None else round(self.within_seconds * 1e6)


class FunnelParams(Filters):
    """What to ask of a funnel."""

    step: Annotated[
        tuple[str, ...],
        Field(
            min_length=2,
            max_length=MOST_STEPS,
            description="The steps in order: a label, `ad|search` for either, `chat?` for an optional one, `buy <= 7d` "
            "for at most 7 days (s, m, h, d) after the step before; or JSON with labels, optional, within_seconds.",
        ),
    ]
    order: Annotated[
        Order,
        Field(
            description="`sequence`: other touchpoints may lie between; `strict`: none (of what exclude and collapse "
            "leave); `any`: the steps in any order, row i counting those who do i different ones."
        ),
    ] = "sequence"
    every_entry: Annotated[
        bool,
        Field(description="Each touchpoint of the first step is an entry, judged alone; else a journey's first only."),
    ] = True
    closed: Annotated[
        bool, Field(description="Enter at the first step only; else at any, counted at each step from there on.")
    ] = True
    window_hours: Annotated[
        float | None, Field(gt=0, le=876_000, description="At most so many hours from the entry to any later step.")
    ] = None
    not_between: Annotated[
        tuple[str, ...], Field(description="Labels that end an attempt when they occur between two of its steps.")
    ] = ()
    hold: Annotated[
        str | None,
        Field(
            description="What stays the same along a match: `channel`, `stage`, `name`, `source`, `properties.NAME`."
        ),
    ] = None

    @field_validator("step")
    @classmethod
    def _steps_parse(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            FunnelStep.parse(text)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        optional = [step.optional for step in self.steps]
        if self.order == "any" and (any(optional) or len(optional) > MOST_IN_ANY_ORDER):
            raise ValueError(f"a funnel in any order has at most {MOST_IN_ANY_ORDER} steps, none of them optional")
        if optional[0] or sum(not each for each in optional) < 2:
            raise ValueError("a funnel begins with a required step, and has another one")
        if sum(optional) > MOST_OPTIONAL:
            raise ValueError(f"a funnel has at most {MOST_OPTIONAL} optional steps")
        return self

    @property
    def steps(self) -> list[FunnelStep]:
        """The steps, parsed."""
        return [FunnelStep.parse(text) for text in self.step]

    @property
    def nested(self) -> bool:
        """Whether each row counts a part of those before it, optional steps apart."""
        return self.closed or self.order == "any"

    @property
    def window_us(self) -> int | None:
        """The window over the whole funnel in microseconds."""
        return None if self.window_hours is None else round(self.window_hours * 3_600 * 1e6)

    def own(self) -> dict[str, Any]:
        """What a statement takes beside the filters."""
        steps = [{"text": step.text, "labels": list(step.labels), "within": step.within_us} for step in self.steps]
        own = {"order": self.order, "every_entry": self.every_entry, "not_between": list(self.not_between)}
        return {"steps": steps, "window": self.window_us, **own}

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The labels that must be in the graph for this question to make sense, by kind."""
        labels = tuple(label for step in self.steps for label in step.labels)
        return [*super().named(), (self.label_kind, (*labels, *self.not_between))]
