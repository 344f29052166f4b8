"""Questions: what people ask most, and where.

Questions are free text and may hold personal data. So what is shown of them is masked (``masking.masked``), and only a
question that enough users ask is shown at all; the words of all others are counted in the remainder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from ..frame import Ints, JourneyFrame
from .declared import Answer, frame_only
from .drill import COUNTS, Members, members
from .feelings import LEAST_USERS, Top, places
from .masking import masked, same_words
from .params import Filters, time_of
from .result import Count, Journeys, Rank, Result, Row, Share, Users, result
from .tally import totals
from .walks import Walks, walk

MOST_LABELS = 5


class QuestionsParams(Filters):
    """What to ask of questions."""

    at: Annotated[tuple[str, ...], Field(description="Only what is asked at touchpoints of these labels.")] = ()
    top: Top = 20
    min_users: Annotated[
        int,
        Field(
            ge=1,
            description="A question of fewer users goes into the remainder, so that nobody's own words are shown.",
        ),
    ] = LEAST_USERS

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """The labels that must be in the graph for this question to make sense, by kind."""
        return [*super().named(), (self.label_kind, self.at)]


class AskedAt(Row):
    """A label at which a question is asked."""

    label: str
    users: Annotated[int, Field(description="Users who ask it there.")]

    def __str__(self) -> str:
        return f"{self.label} {self.users:,}"


class QuestionRow(Row):
    """One question, in whatever spelling."""

    rank: Rank
    question: Annotated[
        str | None,
        Field(
            description="Its most common spelling, without e-mail addresses, handles, links and long numbers; null for "
            "the remainder."
        ),
    ]
    count: Count
    share: Share
    users: Users
    journeys: Journeys
    labels: Annotated[
        list[AskedAt],
        Field(description=f"Where it is asked, by users: the first {MOST_LABELS} labels; none for the remainder."),
    ]


@dataclass(frozen=True)
class _AskedQuestions:
    """The touchpoints that carry a question: ``P`` of them."""

    walks: Walks
    walk: Ints  # [P] row in the walks
    code: Ints  # [P] label
    shown: pl.Series  # [P] masked text
    row: Ints  # [P]
    rows: int  # questions that are shown
    distinct: int
    rare: int  # questions of too few users


def count_questions(frame: JourneyFrame, params: QuestionsParams) -> Result[QuestionRow]:
    """Count the most common questions.

    Questions that differ in nothing but case, spaces, punctuation at the ends and what is masked are one. Ranks tie by
    text, as do spellings and labels of one question.

    Raises:
        UnknownName: the parameters name something that the graph does not hold.
    """
    found = _counted(frame, params)
    measured, spelled, asked_at = _measures(found), _spellings(found), _labels(found)
    rows = [
        {"rank": nth + 1, "question": spelled[nth], "labels": asked_at[nth], **measured[nth]}
        for nth in range(found.rows)
    ]
    nobody: dict[str, Any] = {"rank": None, "question": None, "labels": []}
    return result(
        QuestionRow,
        rows,
        {**nobody, **measured[found.rows]} if found.rows in measured else None,
        totals(found.walks, occurrences=len(found.row), distinct=found.distinct),
        answer="questions",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=_notes(found, params),
    )


def question_members(frame: JourneyFrame, params: QuestionsParams) -> Members:
    """The journeys behind each question."""
    found = _counted(frame, params)
    return members(found.walks, found.row, found.walk, {name: COUNTS[name] for name in ("count", "users", "journeys")})


def _counted(frame: JourneyFrame, params: QuestionsParams) -> _AskedQuestions:
    walks = walk(frame, params)
    texts = frame.detail("question").gather(walks.touchpoints)
    asks = texts.is_not_null().to_numpy()
    if params.at:
        wanted = np.array([text in params.at for text in walks.texts], dtype=np.bool_)
        asks = asks & wanted[walks.codes]
    at = np.flatnonzero(asks)
    walk_of = walks.walk_of[at]

    shown = masked(texts.gather(at))
    words = same_words(shown)
    distinct = words.unique().sort()
    group = words.cast(pl.Enum(distinct)).to_physical().to_numpy().astype(np.int64)
    askers = np.unique(group * (len(frame.users) + 1) + walks.user[walk_of]) // (len(frame.users) + 1)
    users = np.bincount(askers, minlength=len(distinct))
    ranked = np.argsort(-np.bincount(group, minlength=len(distinct)), kind="stable")
    ranked = ranked[users[ranked] >= params.min_users][: params.top]
    return _AskedQuestions(
        walks,
        walk_of,
        walks.codes[at].astype(np.int64),
        shown,
        places(group, ranked, len(distinct)),
        len(ranked),
        len(distinct),
        int((users < params.min_users).sum()),
    )


def _measures(found: _AskedQuestions) -> dict[int, dict[str, Any]]:
    """Counts of each row that occurs."""
    by_row = (
        pl.DataFrame({"row": found.row, "user": found.walks.user[found.walk], "walk": found.walk})
        .group_by("row")
        .agg(
            pl.len().alias("count"),
            pl.col("user").n_unique().alias("users"),
            pl.col("walk").n_unique().alias("journeys"),
        )
    )
    return {measured.pop("row"): measured for measured in by_row.iter_rows(named=True)}


def _spellings(found: _AskedQuestions) -> list[str]:
    """The most common masked text of each row that is shown."""
    by_row = (
        pl.DataFrame({"row": found.row, "shown": found.shown})
        .filter(pl.col("row") < found.rows)
        .group_by("row", "shown")
        .len()
        .sort("row", -pl.col("len").cast(pl.Int64), "shown")
        .unique("row", keep="first", maintain_order=True)
    )
    return by_row["shown"].to_list()


def _labels(found: _AskedQuestions) -> list[list[dict[str, Any]]]:
    """The labels at which each row that is shown is asked, by users."""
    by_label = (
        pl.DataFrame({"row": found.row, "code": found.code, "user": found.walks.user[found.walk]})
        .filter(pl.col("row") < found.rows)
        .group_by("row", "code")
        .agg(users=pl.col("user").n_unique().cast(pl.Int64))
        .sort("row", -pl.col("users"), "code")
    )
    labels: list[list[dict[str, Any]]] = [[] for _ in range(found.rows)]
    for row, code, users in by_label.iter_rows():
        if len(labels[row]) < MOST_LABELS:
            labels[row].append({"label": found.walks.texts[code], "users": users})
    return labels


def _notes(found: _AskedQuestions, params: QuestionsParams) -> list[str]:
    """What a reader of questions should know."""
    if not len(found.row):
        return ["none of the counted touchpoints carries a question; a mapping names its column"]
    notes = ["e-mail addresses, handles, links and long numbers are masked"]
    if found.rare:
        notes.append(
            f"{found.rare:,} questions of fewer than {params.min_users:,} users each are counted as other, their words "
            "not shown"
        )
    return notes


ANSWER = Answer(
    "questions",
    "What do people ask, and where?",
    ("--top 10", "--label stage --at consideration"),
    QuestionsParams,
    QuestionRow,
    count_questions,
    question_members,
    frame_only,
)
