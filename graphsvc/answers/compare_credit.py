"""Two segments or periods side by side in what channels earn."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import attribution as core
from ..frame import JourneyFrame
from .attribution import AttributionParams
from .compare import ComparedRow, Comparison, check_rates
from .goal_paths import goal_paths, led_up_by
from .sides import both_sides, sides_of, users_by_row
from .significance import corrected

#: Rounds of drawing and dealing users where the question names none.
ROUNDS = 199


def compare_attribution(
    frame: JourneyFrame, params: AttributionParams, *, a: str, b: str, rate: float, confidence: float
) -> Comparison:
    """Compare the shares of credit that two groups of users give to each label (see ``compare.compare``).

    Tests and intervals are made by drawing and dealing out users (``attribution.differences``), as often as ``rounds``
    says; all models and labels that lead to a conversion on either side are one family.

    Raises:
        QueryError: see ``compare.compare`` and ``attribution.count_attribution``.
    """
    check_rates(rate, confidence)
    params = params.model_copy(update={"by": ()})
    sides = sides_of(frame, a, b, lambda both: goal_paths(both, params, params.currency).walks)
    found = goal_paths(sides.frame, params, params.currency)
    walks = found.walks
    in_a, in_b = sides.of_walk(walks)
    told_a, told_b = both_sides(walks, (in_a, a), (in_b, b))
    users, user = np.unique(walks.user, return_inverse=True)
    mine = np.zeros(len(users), dtype=np.bool_)
    mine[user[in_a]] = True
    rounds = params.rounds or ROUNDS
    drawn = core.Drawn(user[found.walk], len(users), rounds, params.seed, confidence)
    judged = found.table.collapsed() if params.collapse else found.table
    apart = core.differences(
        found.table, params.models, params.options, drawn, mine, by_value=params.by_value, judged=judged
    )
    led_up = led_up_by(found)
    rows: list[dict[str, Any]] = []
    for model, one in apart.items():
        columns = core.credit(found.table if model == "markov" else judged, model, params.options).columns
        column = led_up.columns(columns)
        counts = [users_by_row(walks, column, led_up.walk, inside, len(columns.code)) for inside in (in_a, in_b)]
        for at in np.flatnonzero((one.share_a > 0) | (one.share_b > 0)).tolist():
            position = f", position {columns.position[at]}" if columns.position[at] else ""
            rows.append(
                {
                    "what": f"{model}{position}: {core.label_of(found.table, columns, at)}",
                    "users_a": int(counts[0][at]),
                    "users_b": int(counts[1][at]),
                    "share_a": float(one.share_a[at]),
                    "share_b": float(one.share_b[at]),
                    "low": float(one.low[at]),
                    "high": float(one.high[at]),
                    "p_value": float(one.p_value[at]),
                }
            )
    q_values = corrected([row["p_value"] for row in rows])
    compared = [
        ComparedRow(
            **row,
            of_a=told_a.users,
            of_b=told_b.users,
            difference=row["share_a"] - row["share_b"],
            q_value=q_value,
            significant=q_value <= rate,
            test="permutation",
            median_seconds_a=None,
            median_seconds_b=None,
            time_p_value=None,
            time_q_value=None,
            time_significant=None,
        )
        for row, q_value in zip(rows, q_values, strict=True)
    ]
    told = "value" if params.by_value else "conversions"
    return Comparison(
        answer="attribution",
        revision=frame.revision,
        parameters=params,
        a=told_a,
        b=told_b,
        rate=rate,
        confidence=confidence,
        rows=compared,
        notes=[
            *sides.notes,
            f"shares are of the credited {told} of each side; tests and intervals by drawing users {rounds:,} times, "
            f"so no p value is below {1 / (rounds + 1):.2g}",
        ],
    )
