"""What events say of identifiers: which ones each event holds, and which pairs were met together."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from ..tables import Rows, collected

#: Why evidence does not count.
WITHDRAWN, IN_REVIEW = 1, 2


def seen_identifiers(events: Rows, known: pl.DataFrame, vocabulary: pl.Series) -> pl.DataFrame:
    """One row per event and usable identifier: row (number of the event), at, code (position in the vocabulary).

    Args:
        events: identifiers, at.
        known: raw, identifier; the usable raw identifiers.
        vocabulary: sorted identifier keys.
    """
    code = known["identifier"].cast(pl.Enum(vocabulary)).to_physical().cast(pl.UInt32)
    codes = known.select("raw", code=code)
    held = events.select("at", raw="identifiers").with_row_index("row").explode("raw")
    if isinstance(held, pl.DataFrame):
        seen = held.join(codes, on="raw").select("row", "at", "code")
    else:
        seen = held.join(codes.lazy(), on="raw").select("row", "at", "code").collect()
    # Two raw forms of one row may be one identifier, where forms differ at all.
    return seen.unique() if known["identifier"].n_unique() < len(known) else seen


def links_between(
    seen: pl.DataFrame, events: Rows, width: int, withdrawn: Collection[tuple[int, int]] = ()
) -> pl.DataFrame:
    """Links per pair of identifier codes a < b.

    Statements on ``withdrawn`` pairs, and matches that wait for review, are told only where there is nothing else; such
    a link is idle.

    Returns:
        pair, count, first_seen, last_seen, confidence, declared, sources, idle (0 or the reason), a, b; by pair.
    """
    pairs = pairs_of(seen, events, width)
    if not withdrawn and not pairs["waiting"].any():
        return aggregated(pairs, width).with_columns(idle=pl.lit(0, dtype=pl.Int64))
    given_up = pl.Series([a * width + b for a, b in withdrawn], dtype=pl.Int64).implode()
    idle = pairs.select(
        idle=pl.when(pl.col("pair").is_in(given_up) & (pl.col("stated") | pl.col("waiting")))
        .then(WITHDRAWN)
        .when("waiting")
        .then(IN_REVIEW)
        .otherwise(0)
        .cast(pl.Int64)
    )["idle"]
    left = aggregated(pairs.filter(idle == 0), width).with_columns(idle=pl.lit(0, dtype=pl.Int64))
    lost = aggregated(pairs.with_columns(idle=idle).filter(idle != 0), width)
    lost = lost.join(pl.DataFrame({"pair": pairs["pair"], "idle": idle}).filter(idle != 0).unique(), on="pair")
    return pl.concat([left, lost.join(left, on="pair", how="anti").select(left.columns)]).sort("pair")


def pairs_of(seen: pl.DataFrame, events: Rows, width: int) -> pl.DataFrame:
    """One row per event and pair of its identifiers: row, at, pair (a * width + b), source, stated, waiting, declared,
    confidence. A link row states its pair: with certainty (declared), or with a confidence below 1 (matched); a review
    row is a match that waits for a decision.
    """  # fmt: skip
    several = seen.filter(seen["row"].is_duplicated())
    pairs = (
        several.join(several.select("row", b="code"), on="row")
        .filter(pl.col("code") < pl.col("b"))
        .select("row", "at", pair=pl.col("code").cast(pl.Int64) * width + pl.col("b"))
    )
    stated, confidence = pl.col("kind") == "link", pl.col("confidence").fill_null(1.0)
    evidence = events.select(
        "source",
        stated=stated,
        waiting=pl.col("kind") == "review",
        declared=stated & (confidence >= 1),
        confidence=confidence,
    )
    return pl.concat([pairs, collected(evidence)[pairs["row"]]], how="horizontal")


def aggregated(pairs: pl.DataFrame, width: int, *by: str) -> pl.DataFrame:
    """Evidence per pair (and by more columns)."""
    key = ["pair", *by]
    sources = pairs.select(*key, "source").unique().sort("source").group_by(key).agg(sources=pl.col("source"))
    return (
        pairs.group_by(key)
        .agg(
            count=pl.len().cast(pl.Int64),
            first_seen=pl.col("at").min(),
            last_seen=pl.col("at").max(),
            confidence=pl.col("confidence").max(),
            declared=pl.col("declared").any(),
        )
        .join(sources, on=key)
        .sort(key)
        .with_columns(a=pl.col("pair") // max(width, 1), b=pl.col("pair") % max(width, 1))
    )
