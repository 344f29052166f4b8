"""Feelings: how people feel at each label.

Sentiments lie between -1 and 1; touchpoints that carry none are passed over. Every mean is one of users: first each
user's own mean, then the mean of these, so that nobody who says much outweighs the others. Its interval is Student's t
over the users. Shares of negative, neutral and positive are of touchpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from ..frame import Floats, Ints, JourneyFrame
from .declared import Answer, frame_only
from .drill import Measure, Members, Unit
from .params import Filters, time_of
from .result import Result, Row, result
from .tally import totals
from .walks import Walks, walk

#: Sentiments from minus to plus so much, both included, are neutral.
NEUTRAL = 0.2
#: What fewer users feel or say is summed up with the rest unless asked for, so that no row stands on one person.
LEAST_USERS = 3
_DIGITS = 9  # means that agree in so many rank as equal, whatever order they were added up in

Top = Annotated[int, Field(ge=1, le=1_000, description="How many rows.")]
MinUsers = Annotated[int, Field(ge=1, description="What fewer users have part in goes into the remainder.")]


class FeelingsParams(Filters):
    """What to ask of feelings."""

    sort: Annotated[
        Literal["saddest", "count"],
        Field(description="The lowest mean first (`saddest`), or what most touchpoints tell of (`count`)."),
    ] = "saddest"
    top: Top = 20
    min_users: MinUsers = LEAST_USERS
    confidence: Annotated[float, Field(ge=0.5, le=0.999, description="Of the intervals.")] = 0.95


class FeelingRow(Row):
    """How people feel at one label."""

    rank: Annotated[int | None, Field(description="1 is the saddest, or the most common; null for the remainder.")]
    label: Annotated[str | None, Field(description="Null for the remainder.")]
    count: Annotated[int, Field(description="Touchpoints that carry a sentiment.")]
    share: Annotated[float, Field(description="Of all touchpoints that carry one; rows and remainder add up to 1.")]
    share_of_label: Annotated[float, Field(description="Of the label's touchpoints, those that carry a sentiment.")]
    users: Annotated[int, Field(description="Users whose sentiment is known here.")]
    journeys: Annotated[int, Field(description="Journeys with such a touchpoint.")]
    negative: Annotated[int, Field(description=f"Touchpoints with a sentiment below -{NEUTRAL}.")]
    neutral: Annotated[int, Field(description=f"Touchpoints with a sentiment from -{NEUTRAL} to {NEUTRAL}.")]
    positive: Annotated[int, Field(description=f"Touchpoints with a sentiment above {NEUTRAL}.")]
    share_negative: Annotated[float, Field(description="Of the touchpoints with a sentiment.")]
    share_neutral: Annotated[float, Field(description="Of the touchpoints with a sentiment.")]
    share_positive: Annotated[float, Field(description="Of the touchpoints with a sentiment.")]
    mean: Annotated[float, Field(description="Mean of the users' own means: each user counts once.")]
    low: Annotated[float | None, Field(description="Interval of the mean (t, over users); null for a single user.")]
    high: Annotated[float | None, Field(description="Interval of the mean (t, over users); null for a single user.")]


@dataclass(frozen=True)
class Felt:
    """The touchpoints that carry a sentiment: ``P`` of them."""

    walks: Walks
    walk: Ints  # [P] row in the walks
    at: Ints  # [P] index into the walks' touchpoints, ascending
    sentiment: Floats  # [P]

    @property
    def user(self) -> Ints:
        """Whose each is: [P]."""
        return self.walks.user[self.walk].astype(np.int64)

    @property
    def told(self) -> str:
        """A note on how many there are."""
        if not len(self.at):
            return "none of the counted touchpoints carries a sentiment; a mapping names its column"
        return f"{len(self.at):,} of the {len(self.walks.codes):,} counted touchpoints carry a sentiment"


def felt(frame: JourneyFrame, params: Filters) -> Felt:
    """The touchpoints left to count that carry a sentiment.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    walks = walk(frame, params)
    sentiment = frame.detail("sentiment").to_numpy()[walks.touchpoints]
    at = np.flatnonzero(~np.isnan(sentiment))
    walk_of = walks.walk_of
    return Felt(walks, walk_of[at], at, sentiment[at])


def user_means(group: Ints, user: Ints, value: Floats) -> tuple[Ints, Floats]:
    """The mean of each user in each group: their groups, ascending, and the means: [Q] each.

    Args:
        group: of each value: [P].
        user: whose it is: [P].
        value: [P].
    """
    width = int(user.max(initial=0)) + 1
    pairs, of = np.unique(group * width + user, return_inverse=True)
    return pairs // width, np.bincount(of, value) / np.bincount(of)


def means(group: Ints, mean: Floats, groups: int) -> tuple[Ints, Floats]:
    """Users of each group and the mean of their means, up to rounding: [groups] each; every group has a user."""
    users = np.bincount(group, minlength=groups)
    return users, (np.bincount(group, mean, minlength=groups) / users).round(_DIGITS)


def places(group: Ints, ranked: Ints, groups: int) -> Ints:
    """The row of each occurrence: that of its group among the ranked ones, or the remainder's, their number: [P]."""
    row = np.full(groups, len(ranked), dtype=np.int64)
    row[ranked] = np.arange(len(ranked))
    return row[group]


def count_feelings(frame: JourneyFrame, params: FeelingsParams) -> Result[FeelingRow]:
    """Count sentiments by label. Ranks tie by label; labels of fewer than ``min_users`` users are in the remainder.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    found, labels, ranked, row = _counted(frame, params)
    walks = found.walks
    held = np.bincount(walks.codes, minlength=len(walks.texts))[labels]  # touchpoints of each label
    measured = _measures(found, row, params.confidence)
    rows = [{"rank": nth + 1, "label": walks.texts[labels[one]]} for nth, one in enumerate(ranked)]
    rows.append({"rank": None, "label": None})
    touchpoints = np.bincount(places(np.arange(len(labels)), ranked, len(labels)), held)
    told = [
        {**row, **measured[nth], "share_of_label": measured[nth]["count"] / float(touchpoints[nth])}
        for nth, row in enumerate(rows)
        if nth in measured
    ]
    return result(
        FeelingRow,
        told[: len(ranked)],
        told[-1] if len(ranked) in measured else None,
        totals(walks, occurrences=len(found.at), distinct=len(labels)),
        answer="feelings",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=[found.told],
    )


def feeling_members(frame: JourneyFrame, params: FeelingsParams) -> Members:
    """The journeys behind each label."""
    found, _, _, row = _counted(frame, params)
    every: dict[str, Unit] = {"count": "occurrences", "users": "users", "journeys": "journeys"}
    columns = {name: Measure(row, found.walk, unit) for name, unit in every.items()}
    for name, band in _bands(found.sentiment).items():
        columns[name] = Measure(row[band], found.walk[band], "occurrences")
    return Members(found.walks, columns)


def _counted(frame: JourneyFrame, params: FeelingsParams) -> tuple[Felt, Ints, Ints, Ints]:
    """Sentiments, the codes of the labels that have some, which of these are shown, and the row of each sentiment."""
    found = felt(frame, params)
    labels, group = np.unique(found.walks.codes[found.at].astype(np.int64), return_inverse=True)
    users, mean = means(*user_means(group, found.user, found.sentiment), len(labels))
    by = mean if params.sort == "saddest" else -np.bincount(group, minlength=len(labels))
    ranked = np.argsort(by, kind="stable")
    ranked = ranked[users[ranked] >= params.min_users][: params.top]
    return found, labels, ranked, places(group, ranked, len(labels))


def _bands(sentiment: Floats) -> dict[str, Any]:
    """Which sentiments are negative, neutral and positive: [P] each."""
    negative, positive = sentiment < -NEUTRAL, sentiment > NEUTRAL
    return {"negative": negative, "neutral": ~(negative | positive), "positive": positive}


def _measures(found: Felt, row: Ints, confidence: float) -> dict[int, dict[str, Any]]:
    """Counts, shares, mean and interval of each row that occurs."""
    bands = _bands(found.sentiment)
    counted = (
        pl.DataFrame({"row": row, "user": found.user, "walk": found.walk, **bands})
        .group_by("row")
        .agg(
            pl.len().alias("count"),
            pl.col("user").n_unique().alias("users"),
            pl.col("walk").n_unique().alias("journeys"),
            *(pl.col(name).sum() for name in bands),
            *(pl.col(name).mean().alias(f"share_{name}") for name in bands),
        )
    )
    group, mean = user_means(row, found.user, found.sentiment)
    measured = {}
    for each in counted.iter_rows(named=True):
        begin, end = np.searchsorted(group, (each["row"], each["row"] + 1))
        measured[each.pop("row")] = {**each, **_interval(mean[begin:end], confidence)}
    return measured


def _interval(values: Floats, confidence: float) -> dict[str, float | None]:
    """Mean of some users' values with its t interval, which ends where sentiments do."""
    from scipy import stats  # here: most questions need none of it, and it takes long to import

    mean = float(values.mean())
    if len(values) < 2:
        return {"mean": mean, "low": None, "high": None}
    reach = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1)) * float(stats.sem(values))
    return {"mean": mean, "low": max(mean - reach, -1.0), "high": min(mean + reach, 1.0)}


ANSWER = Answer(
    "feelings",
    "How do people feel, and where?",
    ("--label stage --sort count", "--segment older --top 10"),
    FeelingsParams,
    FeelingRow,
    count_feelings,
    feeling_members,
    frame_only,
)
