"""Rows of the graph tables as what Neo4j keeps: maps of properties to send, columns to build frames from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from neo4j.graph import Entity, Node, Path, Relationship

from ..tables import EVENTS, TIME, USERS

Row = dict[str, Any]
_EPOCH = datetime(1970, 1, 1)

#: A row's own stage where it has none but the settings give its touchpoint one (a property cannot be null).
NO_STAGE = ""


def frame_of(rows: Sequence[Sequence[Any]], schema: pl.Schema) -> pl.DataFrame:
    """A frame from rows whose times are microseconds since 1970."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pl.DataFrame(
        [_series(name, column, dtype) for (name, dtype), column in zip(schema.items(), columns, strict=True)]
    )


def records_of(rows: Sequence[Sequence[Any]], schema: pl.Schema) -> list[Row]:
    """A few rows whose times are microseconds since 1970, as plain values."""

    def value_of(value: Any, dtype: pl.DataType) -> Any:
        if value is None:
            return None
        if dtype == TIME:
            return _EPOCH + timedelta(microseconds=value)
        return [int(text) for text in value] if dtype == pl.List(pl.Int64) else value

    names, dtypes = schema.names(), schema.dtypes()
    return [dict(zip(names, map(value_of, row, dtypes), strict=True)) for row in rows]


def _series(name: str, column: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    if dtype == TIME:
        return pl.Series(name, column, dtype=pl.Int64).cast(dtype)
    if not isinstance(dtype, pl.List):
        return pl.Series(name, column, dtype=dtype)
    # Flat values and offsets: polars takes ten times as long to look through nested lists.
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in column], dtype=np.int64)])
    texts = dtype.inner == pl.Int64  # see `microseconds`
    flat = pl.Series(chain.from_iterable(column), dtype=pl.String if texts else dtype.inner).cast(dtype.inner)
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), flat.to_arrow())
    return pl.Series(name, lists, dtype=dtype)


def microseconds(table: pl.DataFrame) -> pl.DataFrame:
    """A table with its times as microseconds since 1970: the driver takes 20 times as long for a time as for a number.

    In lists they are texts: Neo4j Community takes 8 times as long to read a property with ten numbers as one with ten
    texts (``docs/decisions.md``).
    """
    lists = pl.col(pl.List(pl.Int64)).cast(pl.List(pl.String))
    return table.with_columns(pl.col(TIME).dt.epoch("us"), lists)


def sent(table: pl.DataFrame) -> list[Row]:
    """The rows of a table as parameters, times in microseconds since 1970."""
    return microseconds(table).to_dicts() if len(table) else []


def user_rows(users: pl.DataFrame) -> list[Row]:
    """Users with each trait as a property of its own."""
    return [{**_traits(row["traits"]), **row} for row in sent(users)]


def _traits(text: str) -> Row:
    told = json.loads(text)
    return {
        name if name and name not in USERS else f"trait_{name}": _property(value)
        for name, value in sorted(told.items())
        if value is not None
    }


def _property(value: Any) -> Any:
    """A value that a Neo4j property can hold: JSON text where it is nested or too large a number."""
    simple = isinstance(value, str | bool | float) or (isinstance(value, int) and -(2**63) <= value < 2**63)
    return value if simple else json.dumps(value, ensure_ascii=False)


def identifier_rows(identifiers: pl.DataFrame) -> list[Row]:
    """Identifiers, each with the key of its user beside its properties."""
    rows = sent(identifiers.drop("user"))
    return [{"user": user, "properties": row} for user, row in zip(identifiers["user"], rows, strict=True)]


def link_rows(links: pl.DataFrame) -> list[Row]:
    """Links, each with its ends beside its properties."""
    rows = sent(links.drop("a", "b"))
    return [{"a": a, "b": b, "properties": row} for a, b, row in zip(links["a"], links["b"], rows, strict=True)]


def staged(events: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Events with step and effective stage; the row's own stage is kept beside where it differs."""
    own = pl.col("stage").fill_null(NO_STAGE)
    effective = pl.col("effective")
    return (
        events.join(places.select("key", "step", effective="stage"), on="key", how="inner", maintain_order="left")
        .with_columns(
            stage=pl.when(effective != "").then(effective),
            own_stage=pl.when(own != effective).then(own),
        )
        .select(*EVENTS.names(), "own_stage", "step")
    )


def places_of(journeys: pl.DataFrame) -> pl.DataFrame:
    """Where touchpoints stand: journey, step (from 1), key, stage (effective, empty for none), channel, at (us)."""
    return (
        journeys.select(
            "touchpoints", "stages", "channels", "times", journey="key", step=pl.int_ranges(1, pl.col("steps") + 1)
        )
        .explode("touchpoints", "stages", "channels", "times", "step")
        .select("journey", "step", key="touchpoints", stage="stages", channel="channels", at="times")
    )


def hops_of(places: pl.DataFrame) -> pl.DataFrame:
    """The NEXT relationships of some whole journeys: source, target, seconds."""
    hops = places.select(
        source=pl.col("key").shift(), target="key", seconds=(pl.col("at") - pl.col("at").shift()) / 1e6
    )
    return hops.filter(places["step"] > 1)


def plain(value: Any) -> Any:
    """A value of a user's own statement without the driver's types, fit for JSON and tables."""
    if isinstance(value, Node):
        return {"labels": sorted(value.labels), **_plain_properties(value)}
    if isinstance(value, Relationship):
        return {"type": value.type, **_plain_properties(value)}
    if isinstance(value, Path):
        steps: Iterable[Any] = (part for pair in zip(value.nodes, value.relationships, strict=False) for part in pair)
        return [plain(part) for part in (*steps, value.nodes[-1])]
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if value is None or isinstance(value, str | bool | int | float | datetime | date | time | timedelta):
        return value
    return value.to_native() if hasattr(value, "to_native") else str(value)


def _plain_properties(entity: Entity) -> Row:
    return {name: plain(value) for name, value in sorted(entity.items())}
