"""Traits of users: for each trait the latest value by event time, ties by event key; undated rows count as oldest."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from ..tables import chunks


def of_users(events: pl.LazyFrame, owners: pl.Series) -> pl.DataFrame:
    """Traits by user.

    Args:
        events: columns key, at, traits (JSON object with sorted keys, or null).
        owners: number of each event's user.

    Returns:
        owner, traits (JSON object with sorted keys); only users of whom a row tells any.
    """
    # Most users repeat the same few texts: keep each text once per user, at its latest row, before parsing any.
    parts = [
        _latest(chunk.with_columns(owner=owners[first : first + len(chunk)]).drop_nulls("traits"))
        for first, chunk in chunks(events.select("key", "at", "traits"))
    ]
    told = _latest(pl.concat(parts))
    single = pl.len().over("owner") == 1
    if not len(told):
        return told.select("owner", "traits")
    merged = (
        told.filter(~single)
        .group_by("owner", maintain_order=True)
        .agg(pl.col("traits"))
        .with_columns(pl.col("traits").map_elements(_merge, return_dtype=pl.String))
    )
    return pl.concat([told.filter(single).select("owner", "traits"), merged])


def _latest(told: pl.DataFrame) -> pl.DataFrame:
    """Each text once per user, where it was told last; in order of user and time."""
    return told.sort("owner", "at", "key", nulls_last=False).unique(
        ["owner", "traits"], keep="last", maintain_order=True
    )


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
