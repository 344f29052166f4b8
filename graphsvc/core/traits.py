"""Traits of users: for each trait one value of those that rows tell.

The latest by event time unless the rules say otherwise, ties by event key. Dated rows come before undated ones, for the
earliest as for the latest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from ..rules import Survivorship
from ..tables import Rows, chunks, collected


def of_users(events: Rows, owners: pl.Series, survivorship: Mapping[str, Survivorship]) -> pl.DataFrame:
    """Traits by user.

    Args:
        events: columns key, at, source, traits (JSON object with sorted keys, or null).
        owners: number of each event's user.
        survivorship: for some traits which value stays.

    Returns:
        owner, traits (JSON object with sorted keys); only users of whom a row tells any.
    """
    if survivorship:
        return _chosen(events, owners, survivorship)
    # Most users repeat the same few texts: keep each text once per user, at its latest row, before parsing any.
    parts = [
        _latest(chunk.with_columns(owner=owners[first : first + len(chunk)]).drop_nulls("traits"))
        for first, chunk in chunks(events.select("key", "at", "traits"))
    ]
    told = _latest(pl.concat(parts)) if len(parts) > 1 else parts[0]
    if told["owner"].n_unique() == len(told):
        return told[["owner", "traits"]]
    single = pl.len().over("owner") == 1
    merged = (
        told.filter(~single)
        .group_by("owner", maintain_order=True)
        .agg(pl.col("traits"))
        .with_columns(pl.col("traits").map_elements(_merge, return_dtype=pl.String))
    )
    return pl.concat([told.filter(single).select("owner", "traits"), merged])


def _chosen(events: Rows, owners: pl.Series, survivorship: Mapping[str, Survivorship]) -> pl.DataFrame:
    """Traits by user where not every trait goes by the latest row."""
    told = collected(events.select("key", "at", "source", "traits")).with_columns(owner=owners).drop_nulls("traits")
    rows = told.sort("owner", "at", "key", nulls_last=False).group_by("owner", maintain_order=True).agg(pl.all())
    texts = [
        _by_rule(zip(texts, sources, times, strict=True), survivorship)
        for texts, sources, times in rows.select("traits", "source", "at").iter_rows()
    ]
    return rows.select("owner", traits=pl.Series(texts, dtype=pl.String))


def _by_rule(rows: Iterable[tuple[str, str, Any]], survivorship: Mapping[str, Survivorship]) -> str:
    """One object of the rows of one user, which come in order of time (undated ones first)."""
    told = [(json.loads(text), source, at is not None) for text, source, at in rows]
    chosen = {name: value for traits, _, _ in told for name, value in traits.items()}
    for name, way in survivorship.items():
        if way == "earliest":
            later_first = told[::-1]
            for traits, _, _ in [row for row in told if not row[2]] + [row for row in later_first if row[2]]:
                chosen |= {name: traits[name]} if name in traits else {}
        elif way != "latest":
            for source in reversed(way):
                for traits, told_by, _ in told:
                    chosen |= {name: traits[name]} if told_by == source and name in traits else {}
    return canonical(chosen)


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
