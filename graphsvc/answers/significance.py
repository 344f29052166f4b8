"""Whether two groups of users differ by more than chance could make: tests of shares, corrected for their number.

A share of users is compared by the two-proportion z test with pooled variance (its square is Pearson's chi-squared
without correction) and the Wald interval of the difference; where an expected cell is below 5, by Fisher's exact test.
All p values of one comparison are one family, corrected by Benjamini and Hochberg.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: A chi-squared test is trusted from this expected count on.
LEAST_EXPECTED = 5


def proportions(users_a: int, users_b: int, of_a: int, of_b: int, confidence: float) -> dict[str, Any]:
    """Two shares of users, their difference and its test."""
    from scipy import stats  # takes a second to import, which other questions need not wait for

    users_a, users_b, of_a, of_b = int(users_a), int(users_b), int(of_a), int(of_b)
    share_a, share_b = (users / of if of else 0.0 for users, of in ((users_a, of_a), (users_b, of_b)))
    table = np.array([[users_a, of_a - users_a], [users_b, of_b - users_b]])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(table.sum(), 1)
    small = bool(expected.min() < LEAST_EXPECTED)
    if small:
        p_value = float(stats.fisher_exact(table).pvalue)
    else:
        p_value = float(stats.chi2_contingency(table, correction=False).pvalue)
    error = sum(share * (1 - share) / of for share, of in ((share_a, of_a), (share_b, of_b)) if of) ** 0.5
    reach = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    return {
        "users_a": users_a,
        "users_b": users_b,
        "of_a": of_a,
        "of_b": of_b,
        "share_a": share_a,
        "share_b": share_b,
        "difference": share_a - share_b,
        "low": max(share_a - share_b - reach, -1.0),
        "high": min(share_a - share_b + reach, 1.0),
        "p_value": p_value,
        "test": "fisher" if small else "z",
    }


def corrected(p_values: Sequence[float | None]) -> list[Any]:
    """Benjamini-Hochberg over those that are there; the others stay None."""
    from scipy import stats  # takes a second to import, which other questions need not wait for

    there = [nth for nth, value in enumerate(p_values) if value is not None]
    found: list[float | None] = [None] * len(p_values)
    if there:
        for nth, value in zip(there, stats.false_discovery_control([p_values[nth] for nth in there]), strict=True):
            found[nth] = float(value)
    return found
