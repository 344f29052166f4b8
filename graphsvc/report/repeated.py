"""Two shares of tries compared where users try several times, on one side or on both."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import Flags, Floats, Ints
from .strata import CONFIDENCE


def by_user(users_a: Ints, does_a: Flags, users_b: Ints, does_b: Flags) -> dict[str, Any]:
    """Compare the shares of two sides' tries by user: difference, low and high (95 %), p_value, test.

    The difference is a sum over tries, so it is a sum over users, of whom each adds what all their tries on both sides
    add together. Users are independent of each other, whatever binds the tries of one: the variance is that of the
    users' sums. Under the hypothesis that the shares are equal it makes the test (the generalised score test, Boos
    1992), with each side's own share the interval (Rao and Scott 1992, for clustered binary data).

    Args:
        users_a: the user of each try of the first side: [n].
        does_a: what came of it: [n].
        users_b: the same of the second side: [m].
        does_b: [m].
    """
    from scipy import stats  # here: most questions need none of it, and it takes long to import

    _, user = np.unique(np.concatenate([users_a, users_b]), return_inverse=True)
    does = np.concatenate([does_a, does_b]).astype(np.float64)
    first = np.arange(len(does)) < len(does_a)
    weight = np.where(first, 1 / len(does_a), -1 / len(does_b))
    difference = float(weight @ does)

    def error(expected: Floats | float) -> float:
        return float(np.sqrt((np.bincount(user, weights=weight * (does - expected)) ** 2).sum()))

    under_null = error(float(does.mean()))
    p_value = float(2 * stats.norm.sf(abs(difference) / under_null)) if under_null else 1.0
    reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * error(np.where(first, does_a.mean(), does_b.mean()))
    return {
        "difference": difference,
        "low": max(difference - reach, -1.0),
        "high": min(difference + reach, 1.0),
        "p_value": p_value,
        "test": "by_user",
    }
