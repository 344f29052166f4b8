"""Whose are events that only shared identifiers point at: anonymous sessions, or the nearest login."""

from __future__ import annotations

import polars as pl

SESSION_GAP_US = 30 * 60 * 1_000_000  # a longer pause ends an anonymous session


def sessions(anonymous: pl.DataFrame) -> pl.DataFrame:
    """The sessions of events that only shared identifiers point at.

    Args:
        anonymous: row, key, at (null for undated rows, each a session of its own), code (their strongest identifier).

    Returns:
        row, code, first: key of the session's first event (by time, then key).
    """
    begins = (
        (pl.col("code") != pl.col("code").shift())
        | pl.col("at").is_null()
        | pl.col("at").shift().is_null()
        | (pl.col("at").diff().dt.total_microseconds() > SESSION_GAP_US)
    )
    ordered = anonymous.sort("code", "at", "key").with_columns(session=begins.fill_null(True).cum_sum())
    return ordered.select("row", "code", first=pl.col("key").first().over("session"))


def nearest_logins(anonymous: pl.DataFrame, logins: pl.DataFrame, minutes: float) -> pl.DataFrame:
    """For each anonymous event the nearest login with its shared identifier, within a limit.

    Of two that are equally near the earlier counts, then the one of the smaller event key.

    Args:
        anonymous: row, key, at, code.
        logins: row, key, at, code (the shared identifier).
        minutes: the limit, inclusive.

    Returns:
        row, login (row of the login); only those that have one.
    """
    dated = anonymous.drop_nulls("at").sort("at")
    ways = []
    for strategy in ("backward", "forward"):
        # Of logins at one time the smallest key: the last one before, the first one after.
        found = logins.sort("at", "key").unique(["code", "at"], keep="first", maintain_order=True)
        ways.append(
            dated.join_asof(
                found.select("code", "at", login="row", met=pl.col("at")),
                on="at",
                by="code",
                strategy=strategy,
                check_sortedness=False,  # it is sorted; polars cannot see that within groups
            ).drop_nulls("login")
        )
    near = pl.concat(ways).with_columns(away=(pl.col("at") - pl.col("met")).abs().dt.total_microseconds())
    return (
        near.filter(pl.col("away") <= minutes * 60_000_000)
        .sort("away", "met")
        .unique("row", keep="first", maintain_order=True)
        .select("row", "login")
    )
