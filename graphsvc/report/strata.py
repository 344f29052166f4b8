"""Two shares compared within strata, so that like is compared with like."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..answers.significance import LEAST_EXPECTED, proportions
from ..frame import Flags, Ints

CONFIDENCE = 0.95


def shares(does_a: Flags, does_b: Flags) -> dict[str, Any]:
    """Two shares of users, compared (``answers.significance``): difference, low and high (95 %), p_value, test."""
    found = proportions(int(does_a.sum()), int(does_b.sum()), len(does_a), len(does_b), CONFIDENCE)
    return {name: found[name] for name in ("difference", "low", "high", "p_value", "test")}


def stratified(does_a: Flags, does_b: Flags, stratum_a: Ints, stratum_b: Ints) -> dict[str, Any]:
    """Two shares of users, compared within strata as :func:`shares` does without.

    The difference is :func:`common_difference`, and has the sign of what the test, :func:`conditional`, looks at; the
    plain difference of the shares may have the other (Simpson's paradox).
    """
    strata = np.union1d(stratum_a, stratum_b)
    counted = [
        [
            [int(does[stratum == one].sum()), int((~does[stratum == one]).sum())]
            for does, stratum in ((does_a, stratum_a), (does_b, stratum_b))
        ]
        for one in strata
    ]
    tables = np.array(counted, dtype=np.int64).reshape(-1, 2, 2)
    difference, low, high = common_difference(tables)
    p_value, test = conditional(tables)
    return {"difference": difference, "low": low, "high": high, "p_value": p_value, "test": test}


def common_difference(tables: Ints) -> tuple[float, float, float]:
    """The mean difference of two shares within strata, with its 95 % interval.

    The weights are those of Mantel and Haenszel. The variance is that of Sato, Greenland and Robins (1989), which holds
    for few large strata and for many small ones.

    Args:
        tables: counts: [strata, 2, 2]; the first row is one side, the first column who does it.

    Returns:
        Difference, low and high; 0 between -1 and 1 where no stratum has users of both sides.
    """
    from scipy import stats  # here: most questions need none of it, and it takes long to import

    (does_a, does_b), (of_a, of_b) = tables[:, :, 0].T, tables.sum(axis=2).T
    total = of_a + of_b
    weight = float((of_a * of_b / total).sum())
    if not weight:
        return 0.0, -1.0, 1.0
    difference = float(((does_a * of_b - does_b * of_a) / total).sum()) / weight
    part_a, part_b = of_a / total, of_b / total
    skew = (does_b * part_a**2 - does_a * part_b**2 + part_a * part_b * (of_b - of_a) / 2).sum()
    spread = ((does_a * (of_b - does_b) + does_b * (of_a - does_a)) / total).sum() / 2
    error = max(float(difference * skew + spread), 0.0) ** 0.5 / weight
    reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * error
    return difference, max(difference - reach, -1.0), min(difference + reach, 1.0)


def conditional(tables: Ints) -> tuple[float, str]:
    """Whether rows and columns of 2 x 2 tables, one per stratum, are independent given the stratum.

    Given its margins, the first cell of each table is hypergeometric; the sum of these cells is compared with its mean
    and variance (Cochran, Mantel and Haenszel, without correction for continuity), or, where fewer than 5 are expected
    in a cell of the sum, with its exact distribution (Agresti 2013, section 7.3).

    Args:
        tables: counts: [strata, 2, 2].

    Returns:
        The two-sided p value, and ``cmh`` or ``exact``.
    """
    from scipy import stats

    tables = tables[(tables.sum(axis=1).min(axis=1) > 0) & (tables.sum(axis=2).min(axis=1) > 0)]  # others say nothing
    if not len(tables):
        return 1.0, "exact"
    total, row, column = tables.sum(axis=(1, 2)), tables[:, 0].sum(axis=1), tables[:, :, 0].sum(axis=1)
    observed, mean = int(tables[:, 0, 0].sum()), float((row * column / total).sum())
    variance = float((row * column / total * (total - row) / total * (total - column) / (total - 1)).sum())
    margins = tables.sum(axis=0)
    if min(mean, margins[0].sum() - mean, margins[:, 0].sum() - mean) >= LEAST_EXPECTED:
        return float(stats.chi2.sf((observed - mean) ** 2 / variance, 1)), "cmh"
    least = np.maximum(0, row + column - total)
    chance = np.ones(1)
    for n, c, r, low in zip(total, column, row, least, strict=True):
        chance = np.convolve(chance, stats.hypergeom(n, c, r).pmf(np.arange(low, min(r, c) + 1)))
    likely = chance[observed - int(least.sum())]
    return min(1.0, float(chance[chance <= likely * (1 + 1e-7)].sum())), "exact"
