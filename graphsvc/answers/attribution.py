"""Attribution: which channel earns the conversions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator

from .. import attribution as core
from ..attribution import Credits, Drawn, Interval, Model, Options, PathTable
from ..frame import Ints, JourneyFrame, Label
from .declared import Answer, frame_only
from .drill import Members, members
from .goal_paths import GoalPaths, goal_paths, led_up_by
from .params import Filters, time_of
from .result import Result, Row, result
from .tally import totals

DIRECT = ("direct",)


class AttributionParams(Filters):
    """What to ask of attribution."""

    lookback_from: ClassVar[str] = "their goal"  # what a lookback counts back from

    label: Annotated[
        Label, Field(description="What is credited: the touchpoint's `channel`, `name`, `stage` or `channel:name`.")
    ] = "channel"
    lookback_days: Annotated[
        float | None,
        Field(gt=0, le=36_500, description="Only touchpoints within so many days before the goal."),
    ] = None
    collapse: Annotated[
        bool,
        Field(description="Credit a run of touchpoints with one label once, as its first (`markov` never collapses)."),
    ] = False
    model: Annotated[
        tuple[Model, ...],
        Field(description="Which models; unless given, all but `shapley_ordered`, which has many rows."),
    ] = ()
    order: Annotated[
        int, Field(ge=1, le=4, description="Order of the `markov` chain: labels that the next one depends on.")
    ] = 1
    half_life_days: Annotated[
        float, Field(gt=0, le=36_500, description="Days in which `time_decay` halves what a touchpoint is given.")
    ] = 7.0
    direct: Annotated[tuple[str, ...], Field(description="Labels that `last_non_direct` passes over where it can.")] = (
        DIRECT
    )
    by_value: Annotated[
        bool, Field(description="Shares, ranks and intervals of the value, not of the number, of conversions.")
    ] = False
    currency: Annotated[
        str | None, Field(description="Only values in this currency count; needed where goals are paid in several.")
    ] = None
    spend: Annotated[
        tuple[str, ...],
        Field(description="What was spent on labels, as `label=amount`, in the currency of the values."),
    ] = ()
    rounds: Annotated[
        int, Field(ge=0, le=10_000, description="Rounds of the bootstrap that makes intervals; 0: no intervals.")
    ] = 0
    seed: Annotated[int, Field(ge=0, description="Of the bootstrap: the same seed, the same intervals.")] = 0
    confidence: Annotated[float, Field(ge=0.5, le=0.999, description="Of the intervals.")] = 0.95

    @field_validator("spend")
    @classmethod
    def _spend_reads(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        _spend(given)
        return given

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that are asked for."""
        return tuple(dict.fromkeys(self.model)) or tuple(model for model in core.MODELS if model != "shapley_ordered")

    @property
    def options(self) -> Options:
        """The options of the models."""
        return Options(self.order, self.half_life_days, frozenset(self.direct))

    def within(self, segment: str, segments: Mapping[str, str]) -> Self:
        """The same question about the users of a further segment; what was spent on them alone, nobody said."""
        return super().within(segment, segments).model_copy(update={"spend": ()})

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The labels that must be in the graph for this question to make sense, by kind."""
        direct = self.direct if self.direct != DIRECT else ()
        return [*super().named(), (self.label_kind, (*direct, *_spend(self.spend)))]


class AttributionRow(Row):
    """What one model credits to one label."""

    model: Annotated[Model, Field(description="Name of the model.")]
    label: Annotated[str, Field(description="`(none)`: conversions with no touchpoint before them.")]
    position: Annotated[
        int | None,
        Field(description="Of `shapley_ordered`: whether the label came first, second, … into the path; else null."),
    ]
    conversions: Annotated[float, Field(description="Credited conversions; each model's add up to all of them.")]
    value: Annotated[float, Field(description="Credited value; each model's adds up to all of it.")]
    share: Annotated[float, Field(description="Of the model's credits (of value with `by_value`).")]
    users: Annotated[int, Field(description="Users with a conversion that the label led up to, credited or not.")]
    journeys: Annotated[int, Field(description="Journeys with such a conversion.")]
    low: Annotated[float | None, Field(description="Lower bound of the credit; null without rounds.")]
    high: Annotated[float | None, Field(description="Upper bound of the credit; null without rounds.")]
    spend: Annotated[float | None, Field(description="What was spent on it; null where not said.")]
    cost_per_conversion: Annotated[
        float | None, Field(description="Spend ÷ credited conversions; null where one is missing.")
    ]
    roas: Annotated[
        float | None, Field(description="Return on spend: credited value ÷ spend; null where one is missing.")
    ]


def count_attribution(frame: JourneyFrame, params: AttributionParams) -> Result[AttributionRow]:
    """Credit labels with the conversions that they led up to.

    Rows stand by model, then by credit; equal credits by label. The credits of each model add up to the conversions
    and their value. Labels that lead to no conversion stand with zeros.

    Raises:
        QueryError: there are no goals, or they are paid in several currencies.
        UnknownName: the parameters name something that the graph does not hold.
    """
    found = goal_paths(frame, params, params.currency)
    return result(
        AttributionRow,
        [row for one in _credited(found, params) for row in _rows(found, params, one)],
        None,
        totals(found.walks, occurrences=int(found.table.conversions.sum()), distinct=found.table.distinct),
        answer="attribution",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=_notes(found, params),
    )


def attribution_members(frame: JourneyFrame, params: AttributionParams) -> Members:
    """The journeys behind each row: those with a conversion that its label (at its position) led up to."""
    found = goal_paths(frame, params, params.currency)
    led_up = led_up_by(found)
    row, walk, above = [], [], 0
    for one in _credited(found, params.model_copy(update={"rounds": 0})):
        place = np.full(len(one.credits.columns.code), -1, dtype=np.int64)
        place[one.rows] = np.arange(above, above + len(one.rows))
        row.append(place[led_up.columns(one.credits.columns)])
        walk.append(led_up.walk)
        above += len(one.rows)
    return members(found.walks, np.concatenate(row), np.concatenate(walk), {"users": "users", "journeys": "journeys"})


@dataclass(frozen=True)
class _Credited:
    """What one model credits, and which of its columns are rows of the answer."""

    model: Model
    credits: Credits
    rows: list[int]
    users: Ints  # [C]
    journeys: Ints  # [C]
    interval: Interval | None


def _credited(found: GoalPaths, params: AttributionParams) -> Iterator[_Credited]:
    """Each model that is asked for."""
    table, options = found.table, params.options
    judged = table.collapsed() if params.collapse else table  # by every model but Markov's
    intervals = _intervals(found, params, options, judged)
    led_up = led_up_by(found)
    spend = _spend(params.spend)
    seen = np.bincount(table.codes, minlength=len(table.texts) + 1) > 0
    seen[-1] = (table.lengths == 0).any()
    seen[:-1] |= np.array([text in spend for text in table.texts], dtype=np.bool_)
    for model in params.models:
        credits = core.credit(table if model == "markov" else judged, model, options)
        ranked = core.ranked(table, credits.columns, credits.value if params.by_value else credits.conversions)
        rows = [at for at in ranked if seen[credits.columns.code[at]]]
        yield _Credited(model, credits, rows, *led_up.counts(credits.columns), intervals.get(model))


def _intervals(
    found: GoalPaths, params: AttributionParams, options: Options, judged: PathTable
) -> dict[Model, Interval]:
    if not params.rounds:
        return {}
    users, user = np.unique(found.walks.user, return_inverse=True)
    drawn = Drawn(user[found.walk], len(users), params.rounds, params.seed, params.confidence)
    return core.intervals(found.table, params.models, options, drawn, by_value=params.by_value, judged=judged)


def _rows(found: GoalPaths, params: AttributionParams, one: _Credited) -> Iterator[dict[str, Any]]:
    """The rows of one model."""
    credits, interval = one.credits, one.interval
    worth = float(found.table.value.sum())
    total = worth if params.by_value else float(found.table.conversions.sum())
    spend = _spend(params.spend)
    for at in one.rows:
        conversions, value = float(credits.conversions[at]), float(credits.value[at])
        label, position = core.label_of(found.table, credits.columns, at), int(credits.columns.position[at])
        spent = None if position else spend.get(label)
        yield {
            "model": one.model,
            "label": label,
            "position": position or None,
            "conversions": conversions,
            "value": value,
            "share": (value if params.by_value else conversions) / total if total else 0.0,
            "users": int(one.users[at]),
            "journeys": int(one.journeys[at]),
            "low": None if interval is None else float(interval.low[at]),
            "high": None if interval is None else float(interval.high[at]),
            "spend": spent,
            "cost_per_conversion": spent / conversions if spent is not None and conversions > 0 else None,
            "roas": value / spent if spent and worth else None,
        }


def _spend(given: Sequence[str]) -> dict[str, float]:
    """What was spent on each label, from texts ``label=amount``.

    Raises:
        ValueError: no amount, a negative one, or two for one label.
    """
    spend: dict[str, float] = {}
    for text in given:
        label, _, amount = text.rpartition("=")
        try:
            spent = float(amount)
        except ValueError:
            spent = math.nan
        if not label or not (math.isfinite(spent) and spent >= 0):
            raise ValueError(f"cannot read {text!r}; write label=amount, for example email=1200.50")
        if label in spend:
            raise ValueError(f"two amounts for {label!r}")
        spend[label] = spent
    return spend


def _notes(found: GoalPaths, params: AttributionParams) -> list[str]:
    """What a reader of these credits should know."""
    conversions, nulls = int(found.table.conversions.sum()), int(found.table.nulls.sum())
    if not conversions:
        return ["none of the counted journeys holds a goal: there is nothing to credit"]
    notes = []
    none = int((found.table.lengths == 0).sum())
    if none:
        notes.append(f"{none:,} of the {conversions:,} conversions have no touchpoint before them, and credit (none)")
    if nulls and "markov" in params.models:
        notes.append(f"markov weighs {nulls:,} paths without a goal against {conversions:,} with one")
    if found.waiting:
        notes.append(
            f"{found.waiting:,} journeys may still lead to a goal: what they hold since their last one is left out"
        )
    if found.unvalued:
        notes.append(
            f"{found.unvalued:,} conversions paid in another currency than {params.currency} count without value"
        )
    if params.by and params.spend:
        notes.append("what was spent is not told apart by segment: the rows of segments have no spend")
    return notes


ANSWER = Answer(
    "attribution",
    "Which channel earns its money?",
    (
        "--model last --model linear --model markov --order 2",
        "--by-value --lookback-days 30 --segment older --rounds 200",
        "--spend search=1200 --spend instagram=900",
        "--spend @spend.csv",
    ),
    AttributionParams,
    AttributionRow,
    count_attribution,
    attribution_members,
    frame_only,
)
