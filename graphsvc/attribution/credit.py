"""Attribution: what part of the conversions, and of their value, each label is given by each model.

Every model but ``markov`` is a sum over paths: it divides each path's conversions among its touches. Markov's effects
come out of a chain whose moves are sums over paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from ..errors import QueryError, UnknownName, nearest
from ..frame import Floats, Ints
from . import markov, rules
from .paths import NONE, PathTable, added, path_table
from .shapley import firsts, shapley

Model = Literal[
    "first",
    "last",
    "last_non_direct",
    "linear",
    "time_decay",
    "u_shaped",
    "j_shaped",
    "inverse_j",
    "markov",
    "shapley",
    "shapley_ordered",
]
MODELS: tuple[Model, ...] = get_args(Model)


@dataclass(frozen=True)
class Options:
    """What the models can be told."""

    order: int = 1  # of the Markov chain
    half_life_days: float = 7.0  # of time decay
    direct: frozenset[str] = frozenset({"direct"})  # labels of visits that nothing led to

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 4:
            raise QueryError(f"the order of a Markov chain is 1 to 4, not {self.order}")
        if not 0 < self.half_life_days < np.inf:
            raise QueryError(f"a half-life is a number of days above 0, not {self.half_life_days}")


@dataclass(frozen=True)
class Columns:
    """To whom a model gives credit: ``C`` labels, or labels by position; the last is ``(none)``."""

    code: Ints  # [C] of the label, the number of labels for ``(none)``
    position: Ints  # [C] of the label among those of its path, 0 where the model does not tell
    of_touch: Ints  # [M] column of each touch
    by_position: bool = False  # whether the model tells positions


@dataclass(frozen=True)
class Credits:
    """What a model gives: ``C`` amounts."""

    columns: Columns
    conversions: Floats  # [C]
    value: Floats  # [C]


_RULES: dict[Model, Callable[[PathTable, Options], Floats]] = {
    "first": lambda table, options: rules.first(table),
    "last": lambda table, options: rules.last(table),
    "last_non_direct": lambda table, options: rules.last_non_direct(table, options.direct),
    "linear": lambda table, options: rules.linear(table),
    "time_decay": lambda table, options: rules.time_decay(table, options.half_life_days),
    "u_shaped": lambda table, options: rules.position(table, rules.U_SHAPED),
    "j_shaped": lambda table, options: rules.position(table, rules.J_SHAPED),
    "inverse_j": lambda table, options: rules.position(table, rules.INVERSE_J),
}


def attribute(
    table: PathTable | pl.DataFrame,
    models: Sequence[Model] = (),
    *,
    order: int = 1,
    half_life_days: float = 7.0,
    direct: Sequence[str] = ("direct",),
) -> pl.DataFrame:
    """Credit the labels of a table of paths with its conversions.

    The credits of each model add up to the conversions (and to their value). A path without labels credits
    ``(none)`` in every model.

    Args:
        table: of paths; a frame is read by :func:`path_table`: columns ``path``, ``conversions``, and where known
            ``value``, ``nulls`` and ``days``.
        models: names among ``MODELS``; all that the table allows unless given (``time_decay`` needs days).
        order: of the Markov chain, 1 to 4.
        half_life_days: of ``time_decay``.
        direct: labels that ``last_non_direct`` passes over.

    Returns:
        Columns model, label, position (of ``shapley_ordered``, else null), conversions, value: by model, the most
        credited first.

    Raises:
        InputError: the table cannot be read.
        QueryError: ``time_decay`` of a table without days, an option out of range.
        UnknownName: no model has that name.
    """
    table = path_table(table) if isinstance(table, pl.DataFrame) else table
    options = Options(order, half_life_days, frozenset(direct))
    asked = models or [model for model in MODELS if model != "time_decay" or table.days is not None]
    unled = bool(table.conversions[table.lengths == 0].any())
    rows = []
    for model in asked:
        given = credit(table, model, options)
        conversions, value = given.conversions.tolist(), given.value.tolist()
        for at in ranked(table, given.columns, given.conversions):
            if at == len(conversions) - 1 and not unled:
                continue
            position = int(given.columns.position[at]) or None
            rows.append((model, label_of(table, given.columns, at), position, conversions[at], value[at]))
    schema = {
        "model": pl.String,
        "label": pl.String,
        "position": pl.Int64,
        "conversions": pl.Float64,
        "value": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def credit(table: PathTable, model: Model, options: Options) -> Credits:
    """What one model gives to each label.

    Raises:
        QueryError: ``time_decay`` of a table without days.
        UnknownName: there is no such model.
    """
    if model == "markov":
        chain = markov.chain(table, options.order)
        effects = markov.removal_effects(chain, *chain.weigh(table.conversions, table.nulls))
        columns = plain_columns(table)
        return Credits(columns, *(with_effects(effects, *_touched(table, by)) for by in (False, True)))
    columns, weight = split(table, model, options)
    return Credits(columns, *(_summed(table, columns, weight, by_value=by) for by in (False, True)))


def split(table: PathTable, model: Model, options: Options) -> tuple[Columns, Floats]:
    """How a model that looks at one path at a time divides it: who can be credited, and each touch's part: [M]."""
    if model in _RULES:
        return plain_columns(table), _RULES[model](table, options)
    if model not in ("shapley", "shapley_ordered"):
        raise UnknownName(f"there is no attribution model {model!r}{nearest(model, MODELS)}")
    found = firsts(table)
    weight = shapley(table, found)
    if model == "shapley":
        return plain_columns(table), weight
    most = int(found.labels.max(initial=0)) + 1
    place = table.codes * np.int64(most) + np.where(found.first, found.position, 0)
    present = np.unique(place[found.first])
    of_touch = np.searchsorted(present, place)  # of a repeated label: any, it is given nothing
    code = np.append(present // most, len(table.texts))
    of_touch = np.minimum(of_touch, max(len(present) - 1, 0))
    return Columns(code, np.append(present % most, 0), of_touch, by_position=True), weight


def plain_columns(table: PathTable) -> Columns:
    """One column per label."""
    code = np.arange(len(table.texts) + 1, dtype=np.int64)
    return Columns(code, np.zeros_like(code), table.codes.astype(np.int64))


def with_effects(effects: Floats, touched: float, untouched: float) -> Floats:
    """Credits by removal effect, then ``(none)``: [labels + 1].

    Args:
        effects: share of conversions lost without each label: [labels].
        touched: conversions, or value, of the paths with touches.
        untouched: of those without.
    """
    total = effects.sum()
    return np.append(effects / total * touched if total > 0 else np.zeros_like(effects), untouched)


def ranked(table: PathTable, columns: Columns, amount: Floats) -> list[int]:
    """The columns from the most credited on; equal amounts (but for rounding) by label, then position."""
    rounded = (-np.round(amount, 9)).tolist()
    return sorted(
        range(len(amount)), key=lambda at: (rounded[at], label_of(table, columns, at), int(columns.position[at]))
    )


def label_of(table: PathTable, columns: Columns, at: int) -> str:
    """The label of a column."""
    code = int(columns.code[at])
    return table.texts[code] if code < len(table.texts) else NONE


def _touched(table: PathTable, by_value: bool) -> tuple[float, float]:
    """What paths with touches earn, and what those without do."""
    measure, held = table.measure(by_value=by_value), table.lengths > 0
    return float(measure[held].sum()), float(measure[~held].sum())


def _summed(table: PathTable, columns: Columns, weight: Floats, *, by_value: bool) -> Floats:
    measure = table.measure(by_value=by_value)
    credits = added(weight * measure[table.path], columns.of_touch, len(columns.code))
    credits[-1] += measure[table.lengths == 0].sum()
    return credits
