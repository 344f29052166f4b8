"""Personas: users who live alike, found by clustering what they do and who they are."""

from __future__ import annotations

import json
import weakref
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from ..errors import InputError, QueryError
from ..frame import Floats, Ints, JourneyFrame
from .declared import Answer, frame_only
from .drill import COUNTS, Members, members
from .params import Filters, time_of
from .result import Result, Row, result
from .tally import totals
from .walks import Walks, walk

MOST_CLUSTERS = 12
MOST_CATEGORIES = 12
_JUDGED = 5_000  # users on whom the number of clusters is judged
_MANY = 20_000  # users from which on the clusters are found in small batches
_TOLD = 5  # features by which a persona is described
_LEAST_USERS = 10


class PersonasParams(Filters):
    """What to ask of personas."""

    clusters: Annotated[
        int | None,
        Field(ge=2, le=MOST_CLUSTERS, description="How many personas; chosen by the silhouette if not given."),
    ] = None
    most: Annotated[int, Field(ge=2, le=MOST_CLUSTERS, description="At most so many, where they are chosen.")] = 8
    seed: Annotated[int, Field(ge=0, le=2**31, description="Of everything random.")] = 0


class Difference(Row):
    """What sets a persona apart."""

    feature: Annotated[str, Field(description="In words.")]
    here: Annotated[float, Field(description="Mean among its users; of yes or no the share.")]
    elsewhere: Annotated[float, Field(description="Mean among all other users.")]
    effect: Annotated[float, Field(description="Difference in standard deviations of all users.")]

    def __str__(self) -> str:
        return f"{self.feature} {self.here:.2f} ({self.elsewhere:.2f})"


class PersonaRow(Row):
    """One persona."""

    persona: Annotated[int, Field(description="1 is the largest.")]
    label: Annotated[str, Field(description="What sets it apart most, in a few words.")]
    users: int
    share: Annotated[float, Field(description="Of the users asked about.")]
    journeys: int
    converted: Annotated[int, Field(description="Of its journeys.")]
    open: int
    conversion: Annotated[float, Field(description="Converted over journeys, open ones included.")]
    differs: Annotated[list[Difference], Field(description="What sets it apart from all others, the most first.")]


@dataclass(frozen=True)
class _Feature:
    """Something known of users."""

    name: str  # in words
    more: str  # what a persona is called that has more of it than others
    less: str
    weight: float = 1.0  # of its standardised column


@dataclass(frozen=True)
class _Features:
    """What is known of ``V`` users: ``F`` columns."""

    users: Ints  # [V] rows in ``frame.users``
    values: Floats  # [V, F] as told
    told: list[_Feature]  # [F]


@dataclass(frozen=True)
class _Clustered:
    """What is kept of ``V`` users. Their features, users times columns, are not."""

    walks: Walks
    users: Ints  # [V] rows in ``frame.users``
    persona: Ints  # [V] of each user, from 0, the largest first
    rows: list[dict[str, Any]]  # of the answer
    silhouettes: dict[int, float]  # by number of clusters, as far as they were tried
    distinct: int  # users who are not alike in all that is looked at


def count_personas(frame: JourneyFrame, params: PersonasParams) -> Result[PersonaRow]:
    """Cluster users by what they do (channels, stages, how much, how long, outcome) and by their traits.

    Columns are standardised; k-means finds the clusters, from a seed. Their number is the one with the best mean
    silhouette (Rousseeuw 1987) on a sample of users. A feature sets a persona apart by the standardised difference
    of means.

    Raises:
        InputError: the extra ``personas`` (scikit-learn) is not installed.
        QueryError: there are too few users to tell apart.
    """
    found = _clustered(frame, params)
    counts = totals(found.walks, occurrences=len(found.walks), distinct=len(found.rows))
    tried = ", ".join(f"{number}: {value:.2f}" for number, value in sorted(found.silhouettes.items()))
    notes = [f"mean silhouette by number of personas (1 is clear, 0 is none): {tried}"]
    if max(found.silhouettes.values()) < 0.25:
        notes.append("the personas overlap: read them as tendencies")
    if params.clusters and found.distinct < params.clusters:
        notes.append(f"there are {found.distinct} personas, not {params.clusters}: all users are like one of so many")
    return result(
        PersonaRow,
        found.rows,
        None,
        counts,
        answer="personas",
        revision=frame.revision,
        parameters=params,
        data_end=time_of(frame.data_end) if frame.journeys else None,
        notes=notes,
    )


def persona_members(frame: JourneyFrame, params: PersonasParams) -> Members:
    """The journeys of each persona."""
    found = _clustered(frame, params)
    row = _of_walk(found.walks, found.users, found.persona)
    columns = {name: COUNTS[name] for name in ("users", "journeys", "converted", "open")}
    return members(found.walks, row, np.arange(len(row), dtype=np.int64), columns)


def personas_of_users(frame: JourneyFrame, params: PersonasParams) -> dict[str, int]:
    """The persona of each user asked about, by user key."""
    found = _clustered(frame, params)
    keys = frame.users["key"].gather(found.users).to_list()
    return {key: persona + 1 for key, persona in zip(keys, found.persona.tolist(), strict=True)}


#: The last clusters: those who ask for personas mostly ask for the journeys behind them next, of the same frame.
_last: list[tuple[weakref.ref[JourneyFrame], PersonasParams, _Clustered]] = []


def _forget(_: object, last: list[Any] = _last) -> None:
    """Let go of the clusters of a frame that is gone; at the end of the process the name may be gone before it."""
    last.clear()


def _clustered(frame: JourneyFrame, params: PersonasParams) -> _Clustered:
    for made_of, asked, found in [*_last]:
        if made_of() is frame and asked == params:
            return found
    found = _cluster(frame, params)
    _last[:] = [(weakref.ref(frame, _forget), params, found)]
    return found


def _cluster(frame: JourneyFrame, params: PersonasParams) -> _Clustered:
    try:
        from sklearn.cluster import KMeans, MiniBatchKMeans
        from sklearn.metrics import silhouette_score
    except ImportError:
        raise InputError("personas need scikit-learn: pip install 'graphsvc[personas]'") from None
    walks = walk(frame, params)
    users = np.unique(walks.user.astype(np.int64))
    features = _features(frame, walks) if len(users) >= _LEAST_USERS else None
    if features is None or len(np.unique(features.values, axis=0)) < 3:
        raise QueryError(f"{len(users):,} users with journeys are too few, or too alike, to tell personas apart")
    spread = features.values.std(axis=0)
    scaled = (features.values - features.values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    scaled *= np.array([feature.weight for feature in features.told])
    distinct = len(np.unique(scaled, axis=0))
    numbers = [min(params.clusters, distinct)] if params.clusters else range(2, min(params.most, distinct - 1) + 1)
    sample = np.random.default_rng(params.seed).permutation(len(scaled))[:_JUDGED]
    best: tuple[float, Ints] | None = None
    silhouettes: dict[int, float] = {}
    for number in numbers:
        method = KMeans if len(scaled) < _MANY else MiniBatchKMeans
        labels = method(n_clusters=number, n_init=5, random_state=params.seed).fit_predict(scaled).astype(np.int64)
        judged = labels[sample]
        several = 1 < len(np.unique(judged)) < len(judged)
        silhouettes[number] = float(silhouette_score(scaled[sample], judged)) if several else 0.0
        if best is None or silhouettes[number] > best[0]:
            best = silhouettes[number], labels
    if best is None:  # at least one number is tried
        raise QueryError("no number of personas was tried")
    sizes = np.bincount(best[1])
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    persona = rank[best[1]]
    return _Clustered(walks, features.users, persona, _rows(walks, features, persona), silhouettes, distinct)


def _features(frame: JourneyFrame, walks: Walks) -> _Features:
    """What each user does, and who they are."""
    users, first = np.unique(walks.user.astype(np.int64), return_index=True)
    row = np.searchsorted(users, walks.user)  # [W]
    of_touch = np.repeat(row, walks.lengths)
    touches = np.bincount(of_touch, minlength=len(users)).astype(np.float64)
    found: list[tuple[_Feature, Floats]] = []
    for kind, labels in (("channel", frame.channel), ("stage", frame.stage)):
        codes = labels.codes[walks.touchpoints].astype(np.int64)
        counts = np.bincount(of_touch * len(labels.texts) + codes, minlength=len(users) * len(labels.texts))
        shares = counts.reshape(len(users), -1) / touches[:, None]
        for code, text in enumerate(labels.texts):
            name = f"share of touchpoints with {kind} {text}"
            found.append((_Feature(name, f"more {text}", f"less {text}"), shares[:, code]))
    last = np.append(first[1:], len(walks)) - 1  # walks are ordered by user and start
    begin, end = walks.times[walks.offsets[:-1][first]], walks.times[walks.offsets[1:][last] - 1]
    counts_of_users = {
        "touchpoints": touches,
        "journeys": np.bincount(row, minlength=len(users)).astype(np.float64),
        "days from first to last touchpoint": (end - begin) / 86_400e6,
    }
    for name, count in counts_of_users.items():
        found.append((_Feature(name, f"more {name}", f"fewer {name}"), count))
    converted = (np.bincount(row, weights=walks.converted, minlength=len(users)) > 0).astype(np.float64)
    found.append((_Feature("ever converted", "more often converted", "less often converted"), converted))
    found += _traits(frame, users)
    telling = [(feature, values) for feature, values in found if values.std() > 0]
    values = np.stack([values for _, values in telling], axis=1) if telling else np.empty((len(users), 0))
    return _Features(users, values, [feature for feature, _ in telling])


def _traits(frame: JourneyFrame, users: Ints) -> list[tuple[_Feature, Floats]]:
    """Traits as columns: numbers as they are (unknown: their mean), texts one column for each common one.

    Traits that hold saved personas are no evidence of personas.
    """
    texts = frame.users["traits"].fill_null("{}").gather(users)
    known = {text: json.loads(text) for text in texts.unique()}
    rows = [known[text] for text in texts]
    found: list[tuple[_Feature, Floats]] = []
    for name in sorted({name for traits in known.values() for name in traits} - {*frame.settings.personas}):
        said = [traits.get(name) for traits in rows]
        plain = [value for value in said if value is not None]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in plain):
            numbers = np.array([np.nan if value is None else float(value) for value in said])
            feature = _Feature(name, f"higher {name}", f"lower {name}")
            found.append((feature, np.where(np.isnan(numbers), np.nanmean(numbers), numbers)))
            continue
        categories = sorted({_as_text(value) for value in plain})
        if len(categories) > MOST_CATEGORIES:
            continue
        for category in categories:
            held = np.array([value is not None and _as_text(value) == category for value in said], dtype=np.float64)
            words = f"{name} more often {category}", f"{name} less often {category}"
            found.append((_Feature(f"{name} is {category}", *words, weight=len(categories) ** -0.5), held))
    return found


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _of_walk(walks: Walks, users: Ints, persona: Ints) -> Ints:
    """The persona of each walk's user."""
    row: Ints = persona[np.searchsorted(users, walks.user)]
    return row


def _rows(walks: Walks, features: _Features, persona: Ints) -> list[dict[str, Any]]:
    of_walk = _of_walk(walks, features.users, persona)
    measures = (
        pl.DataFrame({"row": of_walk, "user": walks.user, "converted": walks.converted, "open": walks.open})
        .group_by("row")
        .agg(
            pl.col("user").n_unique().alias("users"),
            pl.len().alias("journeys"),
            pl.col("converted").sum(),
            pl.col("open").sum(),
            pl.col("converted").mean().alias("conversion"),
        )
        .sort("row")
    )
    spread = features.values.std(axis=0)
    rows = []
    for measured in measures.iter_rows(named=True):
        row = measured.pop("row")
        inside = persona == row
        here = features.values[inside].mean(axis=0)
        elsewhere = features.values[~inside].mean(axis=0)
        effect = (here - elsewhere) / spread
        told = np.argsort(-np.abs(effect), kind="stable")[:_TOLD].tolist()
        differs = [
            {"feature": features.told[nth].name, "here": here[nth], "elsewhere": elsewhere[nth], "effect": effect[nth]}
            for nth in told
        ]
        leading = [(features.told[nth], effect[nth]) for nth in told[:3]]
        label = ", ".join(feature.more if more > 0 else feature.less for feature, more in leading)
        share = measured["users"] / len(features.users)
        rows.append({"persona": row + 1, "label": label, **measured, "share": share, "differs": differs})
    return rows


ANSWER = Answer(
    "personas",
    "Who are they?",
    ("", "--clusters 4 --channel website"),
    PersonasParams,
    PersonaRow,
    count_personas,
    persona_members,
    frame_only,
)
