"""Columns of text to labels, numbers, identifiers and JSON objects, a million rows at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from ..tables import STRINGS
from .records import as_text

#: The texts that ``segments.typed`` takes for a number.
_INTEGER = "^(?:0|-?[1-9][0-9]{0,14})$"
_DECIMAL = r"^-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,9}$"
_ESCAPED = r'["\\\x00-\x1f]'

_FINITE = pl.when(pl.col("read").is_finite()).then("read")

#: A text as a JSON value, and whether it has letters that JSON escapes.
_TEXT = pl.col("text")
_LITERAL = (
    pl.when(_TEXT.is_in(["true", "false"]) | _TEXT.str.contains(_INTEGER))
    .then(_TEXT)
    .when(_TEXT == "-0")
    .then(pl.lit("0"))
    .when(_TEXT.str.contains(_DECIMAL))
    .then(_TEXT.str.replace(r"(\.[0-9]+?)0+$", "$1"))  # 1.50 is 1.5
    .otherwise(pl.concat_str(pl.lit('"'), _TEXT, pl.lit('"')))
)
_SPECIAL = _TEXT.str.contains(_ESCAPED).alias("special")


def trimmed(texts: pl.Expr) -> pl.Expr:
    """Without outer spaces; null where nothing is left."""
    stripped = texts.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def numbers(texts: pl.Series) -> pl.Series:
    """Finite numbers from trimmed texts, null where one is none. ``12,50`` is 12.5; ``1,250`` could be two things."""
    if texts.null_count() == len(texts):
        return texts.cast(pl.Float64)
    read = texts.cast(pl.Float64, strict=False)
    if read.null_count() > texts.null_count():
        comma = texts.str.contains(r"^[+-]?[0-9]+,[0-9]{1,2}$").fill_null(False).arg_true()
        read = read.scatter(comma, texts.gather(comma).str.replace(",", ".").cast(pl.Float64))
    return read.to_frame("read").select(_FINITE).to_series()


def objects(columns: Mapping[str, pl.Series], height: int) -> pl.Series:
    """JSON objects with sorted keys, one a row, from columns of texts; null where no column has a value.

    Values become numbers and booleans as ``segments.typed`` has it.
    """
    members = [_members(name, texts) for name, texts in sorted(columns.items())]
    if not members:
        return pl.Series([None], dtype=pl.String).new_from_index(0, height)
    inner = pl.concat_str([pl.lit(member) for member in members], separator=",", ignore_nulls=True).alias("inner")
    braced = pl.when(pl.col("inner") != "").then(pl.format("{{{}}}", "inner"))
    return pl.select(inner).select(braced).to_series()


def _members(name: str, texts: pl.Series) -> pl.Series:
    """One member of each object, ``"name":value``, null where the text is. Each distinct text is treated once."""
    label = f"{json.dumps(name, ensure_ascii=False)}:"
    distinct = texts.unique()
    if 2 * len(distinct) > len(texts):
        return _labelled(label, texts)
    return texts.replace_strict(distinct, _labelled(label, distinct))


def _labelled(label: str, texts: pl.Series) -> pl.Series:
    """Texts as JSON values, after a label."""
    literal = pl.when(_TEXT.is_not_null()).then(pl.lit(label) + _LITERAL)
    members, special = texts.to_frame("text").select(literal.alias("member"), _SPECIAL).get_columns()
    if special.any():
        at = special.fill_null(False).arg_true()
        escaped = [label + json.dumps(value, ensure_ascii=False) for value in texts.gather(at)]
        members = members.scatter(at, escaped)
    return members


def identifier_lists(columns: Mapping[str, Sequence[pl.Series]], height: int) -> pl.Series:
    """Sorted, distinct ``type:value`` texts, one list a row, from the columns of each type.

    A text that is a JSON list stands for several values.
    """
    pieces = [
        (kind, texts)
        for kind in sorted(columns, key=lambda kind: f"{kind}:")  # the order of the texts, whatever the values
        for texts in columns[kind]
    ]
    if pieces and len(pieces) == len(columns):  # one column of each type
        table = pl.DataFrame([texts.alias(str(at)) for at, (_, texts) in enumerate(pieces)])
        if not any(table.select(pl.all().str.starts_with("[").any()).row(0)):
            prefixed = (pl.lit(f"{kind}:") + pl.col(str(at)) for at, (kind, _) in enumerate(pieces))
            return _side_by_side(table.select(column.alias(str(at)) for at, column in enumerate(prefixed)))
    if not pieces:
        return pl.Series([[]], dtype=STRINGS).new_from_index(0, height)
    rows = pl.int_range(height, dtype=pl.Int64, eager=True).alias("row")
    stacked = pl.concat(
        _values(rows, texts).select("row", identifier=pl.lit(f"{kind}:") + trimmed(pl.col("value")))
        for kind, texts in pieces
    )
    found = (
        stacked.drop_nulls().unique().sort("row", "identifier").group_by("row", maintain_order=True).agg("identifier")
    )
    lists = rows.to_frame().join(found, on="row", how="left", maintain_order="left")["identifier"]
    return lists.fill_null(pl.Series([[]], dtype=STRINGS))


def _side_by_side(table: pl.DataFrame) -> pl.Series:
    """One list for each row of what the columns hold there, without nulls.

    It counts the offsets by itself, which takes a fraction of the time of ``concat_list`` and ``list.drop_nulls``.
    """
    height, width = table.shape
    by_row = np.arange(width * height).reshape(width, height).T.ravel()
    columns = [texts.alias("") for texts in table.get_columns()]
    texts = pl.concat(columns).gather(by_row) if width > 1 else columns[0]
    kept = texts.is_not_null()
    counts = kept.to_numpy().reshape(height, width).sum(axis=1)
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int64())
    return pl.Series(pa.LargeListArray.from_arrays(offsets, texts.filter(kept).to_arrow()), dtype=STRINGS)


def _values(rows: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """The values that each text stands for: row, value."""
    found = pl.DataFrame({"row": rows, "value": texts})
    several = pl.col("value").str.starts_with("[").fill_null(False)
    listed = found.filter(several).with_columns(
        pl.col("value").map_elements(_listed, return_dtype=STRINGS)  # few rows: most texts are one value
    )
    return pl.concat([found.filter(~several), listed.explode("value")])


def _listed(text: str) -> list[str | None]:
    """The values of a JSON list of plain values; a text that is none, but begins like one, is a value itself."""
    try:
        values = json.loads(text)
        if any(isinstance(value, list | dict) for value in values):
            return [text]
        listed = [as_text(value) for value in values]
        "".join(value or "" for value in listed).encode()  # a lone surrogate has no UTF-8
    except (ValueError, RecursionError):
        return [text]
    return listed
