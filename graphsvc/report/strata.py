"""Two shares compared within strata, so that like is compared with like."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from ..answers.compare import LEAST_EXPECTED, proportions
from ..frame import Flags, Ints

CONFIDENCE = 0.95


def shares(does_a: Flags, does_b: Flags) -> dict[str, Any]:
    """Two shares of users, their difference and its test (``answers.compare``), as p_value, test, low and high."""
    found = proportions(int(does_a.sum()), int(does_b.sum()), len(does_a), len(does_b), CONFIDENCE)
    return {name: found[name] for name in ("p_value", "test", "low", "high")}


def stratified(does_a: Flags, does_b: Flags, stratum_a: Ints, stratum_b: Ints) -> dict[str, Any]:
    """Two shares, tested within strata: p_value and test of :func:`conditional`, low and high of :func:`shares`."""
    strata = np.union1d(stratum_a, stratum_b)
    tables = [
        [
            [int(does[stratum == one].sum()), int((~does[stratum == one]).sum())]
            for does, stratum in ((does_a, stratum_a), (does_b, stratum_b))
        ]
        for one in strata
    ]
    p_value, test = conditional(np.array(tables, dtype=np.int64).reshape(-1, 2, 2))
    return {**shares(does_a, does_b), "p_value": p_value, "test": test}


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
