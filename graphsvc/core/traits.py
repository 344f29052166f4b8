"""Traits of users: for each trait the latest value by event time, ties by event key; undated rows count as oldest."""

from __future__ import annotations

import json
from typing import Any

import polars as pl


def of_users(events: pl.DataFrame) -> pl.DataFrame:
    """Traits by user.

    Args:
        events: columns user, key, at, traits (JSON object with sorted keys, or null).

    Returns:
        user, traits (JSON object with sorted keys); only users of whom a row tells any.
    """
    # Most users repeat the same few texts: keep each text once per user, at its latest row, before parsing any.
    told = (
        events.select("user", "key", "at", "traits")
        .drop_nulls("traits")
        .sort("user", "at", "key", nulls_last=False)
        .unique(["user", "traits"], keep="last", maintain_order=True)
    )
    single = pl.len().over("user") == 1
    if not len(told):
        return told.select("user", "traits")
    merged = (
        told.filter(~single)
        .group_by("user", maintain_order=True)
        .agg(pl.col("traits"))
        .with_columns(pl.col("traits").map_elements(_merge, return_dtype=pl.String))
    )
    return pl.concat([told.filter(single).select("user", "traits"), merged])


def parsed(texts: pl.Series) -> dict[str, dict[str, Any]]:
    """Each distinct traits text, parsed."""
    return {text: json.loads(text) for text in texts.unique().drop_nulls().to_list()}


def _merge(texts: pl.Series) -> str:
    """One object of several, the later one winning."""
    traits: dict[str, Any] = {}
    for text in texts:
        traits.update(json.loads(text))
    return canonical(traits)


def canonical(value: dict[str, Any]) -> str:
    """A JSON object as text: sorted keys, no spaces, readable letters."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
