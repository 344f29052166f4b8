"""Falls: where feeling falls from one touchpoint to the next.

A fall is tested by Wilcoxon's signed-rank test (two-sided) on the users' own mean changes, so that each user counts
once; changes of nothing are left out of it, as Wilcoxon does. All pairs with enough users are one family, whether they
fall or not, corrected by Benjamini and Hochberg.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from ..frame import Floats, Ints, JourneyFrame
from .declared import Answer, frame_only
from .drill import Measure, Members
from .feelings import LEAST_USERS, MinUsers, Top, felt, means, places, user_means
from .params import Filters, time_of
from .result import Count, Journeys, Result, Row, Share, Users, result
from .tally import totals
from .walks import Walks

_DIGITS = 12  # changes that agree in so many tie in the test


class FallsParams(Filters):
    """What to ask of falls."""

    top: Top = 20
    min_users: MinUsers = LEAST_USERS
    skip_silent: Annotated[
        bool,
        Field(
            description="Compare each touchpoint that carries a sentiment with the next one that does, past those that "
            "carry none; else with its neighbour alone."
        ),
    ] = False


class FallRow(Row):
    """How feeling changes from one label to the next."""

    rank: Annotated[int | None, Field(description="1 is the deepest fall; null for the remainder.")]
    source: Annotated[str | None, Field(description="Label before; null for the remainder.")]
    target: Annotated[str | None, Field(description="Label after; null for the remainder.")]
    count: Count
    share: Share
    users: Users
    journeys: Journeys
    fell: Annotated[int, Field(description="Occurrences in which the sentiment is lower after than before.")]
    before: Annotated[float, Field(description="Mean sentiment before, of the users' own means.")]
    after: Annotated[float, Field(description="Mean sentiment after, of the users' own means.")]
    change: Annotated[float, Field(description="After minus before.")]
    p_value: Annotated[
        float | None, Field(description="Wilcoxon's signed-rank test of the users' changes; null for the remainder.")
    ]
    q_value: Annotated[
        float | None,
        Field(description="Corrected for all pairs with enough users (Benjamini-Hochberg); null for the remainder."),
    ]


@dataclass(frozen=True)
class _SentimentPairs:
    """``P`` neighbouring pairs of sentiments, in ``G`` groups by their labels."""

    walks: Walks
    walk: Ints  # [P]
    before: Floats  # [P]
    after: Floats  # [P]
    ends: Ints  # [G, 2] codes of the labels, ascending
    ranked: Ints  # groups that are shown, in order
    row: Ints  # [P]
    p_values: Floats  # of each ranked group
    q_values: Floats
    tested: int  # groups in the family

    @property
    def user(self) -> Ints:
        """Whose each pair is: [P]."""
        return self.walks.user[self.walk].astype(np.int64)


def count_falls(frame: JourneyFrame, params: FallsParams) -> Result[FallRow]:
    """Count neighbouring touchpoints that both carry a sentiment, from the deepest mean fall on.

    A row is a pair of labels at which feeling falls on the whole, of at least ``min_users`` users; whatever rises, is
    rarer or stands below the last row is in the remainder. Ranks tie by source, then target.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    found, told = _counted(frame, params)
    measured = _measures(found)
    rows = []
    for nth, group in enumerate(found.ranked):
        source, target = (found.walks.texts[code] for code in found.ends[group])
        tests = {"p_value": float(found.p_values[nth]), "q_value": float(found.q_values[nth])}
        rows.append({"rank": nth + 1, "source": source, "target": target, **measured[nth], **tests})
    nobody: dict[str, Any] = dict.fromkeys(("rank", "source", "target", "p_value", "q_value"))
    notes = [told]
    if found.tested:
        notes.append(f"{found.tested:,} pairs of labels with {params.min_users:,} or more users are tested together")
    return result(
        FallRow,
        rows,
        {**nobody, **measured[len(rows)]} if len(rows) in measured else None,
        totals(found.walks, occurrences=len(found.row), distinct=len(found.ends)),
        answer="falls",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=notes,
    )


def fall_members(frame: JourneyFrame, params: FallsParams) -> Members:
    """The journeys behind each pair."""
    found, _ = _counted(frame, params)
    fell = found.after < found.before
    return Members(
        found.walks,
        {
            "count": Measure(found.row, found.walk, "occurrences"),
            "users": Measure(found.row, found.walk, "users"),
            "journeys": Measure(found.row, found.walk, "journeys"),
            "fell": Measure(found.row[fell], found.walk[fell], "occurrences"),
        },
    )


def _counted(frame: JourneyFrame, params: FallsParams) -> tuple[_SentimentPairs, str]:
    """The pairs, and a note on what they are made of."""
    feelings = felt(frame, params)
    walks, at = feelings.walks, feelings.at
    pairs = feelings.walk[1:] == feelings.walk[:-1]
    if not params.skip_silent:
        pairs &= at[1:] == at[:-1] + 1
    first = np.flatnonzero(pairs)
    walk_of, before, after = feelings.walk[first], feelings.sentiment[first], feelings.sentiment[first + 1]
    ends = np.stack([walks.codes[at[first]], walks.codes[at[first + 1]]], axis=1).astype(np.int64)
    number = ends[:, 0] * max(len(walks.texts), 1) + ends[:, 1]
    _, example, group = np.unique(number, return_index=True, return_inverse=True)

    of, change = user_means(group, walks.user[walk_of].astype(np.int64), after - before)
    users, mean = means(of, change, len(example))
    family = np.flatnonzero(users >= params.min_users)
    begins, ends_ = np.searchsorted(of, family), np.searchsorted(of, family, side="right")
    p_values, q_values = _tested([change[slice(*each)] for each in zip(begins, ends_, strict=True)])
    chosen = np.argsort(mean[family], kind="stable")
    chosen = chosen[mean[family][chosen] < 0][: params.top]
    ranked = family[chosen]
    counted = _SentimentPairs(
        walks,
        walk_of,
        before,
        after,
        ends[example],
        ranked,
        places(group, ranked, len(example)),
        p_values[chosen],
        q_values[chosen],
        len(family),
    )
    return counted, feelings.told


def _tested(changes: list[Floats]) -> tuple[Floats, Floats]:
    """p and q value of each pair, from its users' changes."""
    if not changes:
        return np.empty(0), np.empty(0)
    from scipy import stats  # here: most questions need none of it, and it takes long to import

    p_values = []
    for each in changes:
        moved = each.round(_DIGITS)
        moved = moved[moved != 0]
        p_values.append(float(stats.wilcoxon(moved).pvalue) if len(moved) else 1.0)
    return np.array(p_values), np.asarray(stats.false_discovery_control(p_values))


def _measures(found: _SentimentPairs) -> dict[int, dict[str, Any]]:
    """Counts and means of each row that occurs."""
    counted = (
        pl.DataFrame({"row": found.row, "user": found.user, "walk": found.walk, "fell": found.after < found.before})
        .group_by("row")
        .agg(
            pl.len().alias("count"),
            pl.col("user").n_unique().alias("users"),
            pl.col("walk").n_unique().alias("journeys"),
            pl.col("fell").sum(),
        )
    )
    group, before = user_means(found.row, found.user, found.before)
    _, after = user_means(found.row, found.user, found.after)
    measured = {}
    for each in counted.iter_rows(named=True):
        mine = slice(*np.searchsorted(group, (each["row"], each["row"] + 1)))
        was, became = float(before[mine].mean()), float(after[mine].mean())
        measured[each.pop("row")] = {**each, "before": was, "after": became, "change": became - was}
    return measured


ANSWER = Answer(
    "falls",
    "Where does feeling fall from one step to the next?",
    ("--skip-silent", "--label stage --skip-silent --collapse"),
    FallsParams,
    FallRow,
    count_falls,
    fall_members,
    frame_only,
)
