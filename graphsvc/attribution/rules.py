"""Models that look at one path at a time: what part of its conversion each of its touches is given.

Every function takes a table of ``P`` paths with ``M`` touches and returns weights ``[M]`` that add up to 1 along each
path that has touches.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..errors import QueryError
from ..frame import Flags, Floats, Ints
from .paths import PathTable, added

#: Percent for the first touch, all between, and the last.
U_SHAPED = (40, 20, 40)
J_SHAPED = (20, 20, 60)
INVERSE_J = (60, 20, 20)


def first(table: PathTable) -> Floats:
    """All to the first touch."""
    return _all_to(table, _starts(table))


def last(table: PathTable) -> Floats:
    """All to the last touch."""
    return _all_to(table, _ends(table))


def last_non_direct(table: PathTable, direct: Collection[str]) -> Floats:
    """All to the last touch that is not direct; where all are direct, to the last.

    Args:
        table: of paths.
        direct: labels that stand for a visit that nothing led to.
    """
    if not len(table.codes):
        return np.zeros(0)
    is_direct: Flags = np.array([text in direct for text in table.texts], dtype=np.bool_)[table.codes]
    found = np.maximum.reduceat(np.where(is_direct, -1, np.arange(len(table.codes))), _starts(table))
    return _all_to(table, np.where(found < 0, _ends(table), found))


def linear(table: PathTable) -> Floats:
    """The same to each touch."""
    return 1.0 / table.lengths[table.path]


def time_decay(table: PathTable, half_life_days: float) -> Floats:
    """Half as much to a touch that lies one half-life further before the conversion.

    Args:
        table: of paths, with days.
        half_life_days: above 0.

    Raises:
        QueryError: the table says nothing about times.
    """
    if table.days is None:
        raise QueryError("time_decay needs times: give the table of paths a column days, or leave this model out")
    if not len(table.codes):
        return np.zeros(0)
    # Counted from the touch nearest to the conversion, so that not all of a path vanishes below the smallest number.
    nearest = np.minimum.reduceat(table.days, _starts(table))
    weight = np.exp2(-(table.days - np.repeat(nearest, table.lengths[table.lengths > 0])) / half_life_days)
    return _normalised(table, weight)


def position(table: PathTable, percent: tuple[float, float, float]) -> Floats:
    """Fixed parts to the first touch, to all between together, and to the last.

    Without a touch between, the ends keep their proportion; a single touch gets all.

    Args:
        table: of paths.
        percent: for the first, for those between, for the last.
    """
    weight = np.zeros(len(table.codes))
    weight[:] = percent[1] / np.maximum(table.lengths - 2, 1)[table.path]
    weight[_starts(table)] = percent[0]
    weight[_ends(table)] = percent[2]
    return _normalised(table, weight)


def _starts(table: PathTable) -> Ints:
    """The first touch of each path that has any."""
    starts: Ints = table.offsets[:-1][table.lengths > 0]
    return starts


def _ends(table: PathTable) -> Ints:
    """The last touch of each path that has any."""
    ends: Ints = table.offsets[1:][table.lengths > 0] - 1
    return ends


def _all_to(table: PathTable, touches: Ints) -> Floats:
    weight = np.zeros(len(table.codes))
    weight[touches] = 1.0
    return weight


def _normalised(table: PathTable, weight: Floats) -> Floats:
    """Weights that add up to 1 along each path."""
    return weight / added(weight, table.path, len(table))[table.path]
