"""Journeys: each user's touchpoints in order, split by the graph's rule."""

from __future__ import annotations

import polars as pl

from ..settings import Settings
from ..tables import JOURNEYS

#: The columns of events that journeys are made of.
OF_EVENTS = ("key", "at", "name", "channel", "stage", "value", "currency")


def build(touchpoints: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The journeys of some users.

    Order is by time, then event key, so that ties fall the same way everywhere. The split ``gap`` begins a new journey
    where the silence is longer than the gap, ``conversion`` after each goal, ``none`` never.

    Args:
        touchpoints: columns ``OF_EVENTS``, ``user`` and ``component``; all touchpoints of a user or none.
        settings: of the graph.

    Returns:
        ``tables.JOURNEYS``, ordered by user and time.
    """
    ordered = touchpoints.select(
        "key",
        "user",
        "component",
        "at",
        "name",
        "channel",
        "currency",
        "value",
        stage=effective_stage(settings),
        goal=pl.col("name").is_in(list(settings.goals)),
    ).sort("user", "at", "key")
    return (
        ordered.with_columns(journey=_begins(settings).cum_sum())
        .group_by("journey", maintain_order=True)
        .agg(
            key=pl.col("key").first(),
            user=pl.col("user").first(),
            component=pl.col("component").first(),
            started_at=pl.col("at").first(),
            ended_at=pl.col("at").last(),
            steps=pl.len().cast(pl.Int64),
            converted=pl.col("goal").any(),
            value=pl.col("value").filter("goal").sum(),
            earning=(pl.col("value").is_not_null() & pl.col("goal")).sum(),
            currency=pl.col("currency").filter(pl.col("goal") & pl.col("value").is_not_null()).first(),
            currencies=pl.col("currency").filter(pl.col("goal") & pl.col("value").is_not_null()).n_unique(),
            touchpoints=pl.col("key"),
            names=pl.col("name"),
            channels=pl.col("channel"),
            stages=pl.col("stage"),
            times=pl.col("at").dt.epoch("us"),
            values=pl.col("value").fill_null(0.0),
        )
        .with_columns(
            value=pl.when((pl.col("earning") > 0) & (pl.col("currencies") == 1)).then("value"),
            currency=pl.when(pl.col("currencies") == 1).then("currency"),
        )
        .select(JOURNEYS.names())
        .cast(JOURNEYS)
    )


def effective_stage(settings: Settings) -> pl.Expr:
    """A touchpoint's stage: as the settings say for its name, else as its row says, else empty."""
    own = pl.col("stage").fill_null("")
    if not settings.stages:
        return own
    return pl.coalesce(pl.col("name").replace_strict(settings.stages, default=None, return_dtype=pl.String), own)


def _begins(settings: Settings) -> pl.Expr:
    """Whether a touchpoint (in order of user and time) begins a journey."""
    other_user = pl.col("user").ne_missing(pl.col("user").shift())
    if settings.split == "gap":
        return other_user | (pl.col("at").diff().dt.total_microseconds() > settings.gap_us)
    if settings.split == "conversion":
        return other_user | pl.col("goal").shift().fill_null(False)
    return other_user
