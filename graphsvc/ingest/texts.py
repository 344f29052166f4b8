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


def trimmed(texts: pl.Expr) -> pl.Expr:
    """Without outer spaces; null where nothing is left."""
    stripped = texts.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def numbers(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Finite numbers from trimmed texts, and where a text is none. ``12,50`` is 12.5; ``1,250`` could be two things."""
    if texts.null_count() == len(texts):
        return texts.cast(pl.Float64), texts.is_not_null()
    read = texts.cast(pl.Float64, strict=False)
    if read.null_count() > texts.null_count():
        comma = texts.str.contains(r"^[+-]?[0-9]+,[0-9]{1,2}$").fill_null(False).arg_true()
        read = read.scatter(comma, texts.gather(comma).str.replace(",", ".").cast(pl.Float64))
    read = read.set(~read.is_finite(), None)
    return read, texts.is_not_null() & read.is_null()


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
    label = pl.lit(f"{json.dumps(name, ensure_ascii=False)}:")
    distinct = texts.unique()
    if 2 * len(distinct) > len(texts):
        return pl.select(label + pl.lit(_literals(texts))).to_series()
    return texts.replace_strict(distinct, pl.select(label + pl.lit(_literals(distinct))).to_series())


def _literals(texts: pl.Series) -> pl.Series:
    """Texts as JSON values."""
    text = pl.col("text")
    literal = (
        pl.when(text.is_in(["true", "false"]) | text.str.contains(_INTEGER))
        .then(text)
        .when(text == "-0")
        .then(pl.lit("0"))
        .when(text.str.contains(_DECIMAL))
        .then(text.str.replace(r"(\.[0-9]+?)0+$", "$1"))  # 1.50 is 1.5
        .otherwise(pl.concat_str(pl.lit('"'), text, pl.lit('"')))
    )
    literals = texts.to_frame("text").select(pl.when(text.is_not_null()).then(literal)).to_series()
    special = texts.str.contains(_ESCAPED).fill_null(False).arg_true()
    return literals.scatter(special, [json.dumps(value, ensure_ascii=False) for value in texts.gather(special)])


def identifier_lists(columns: Mapping[str, Sequence[pl.Series]], height: int) -> pl.Series:
    """Sorted, distinct ``type:value`` texts, one list a row, from the columns of each type.

    A text that is a JSON list stands for several values.
    """
    pieces = [
        (kind, texts)
        for kind in sorted(columns, key=lambda kind: f"{kind}:")  # the order of the texts, whatever the values
        for texts in columns[kind]
    ]
    single = all(len(of_kind) == 1 for of_kind in columns.values())
    if single and not any(texts.str.starts_with("[").any() for _, texts in pieces):
        return _side_by_side([(f"{kind}:" + texts) for kind, texts in pieces], height)
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


def _side_by_side(columns: Sequence[pl.Series], height: int) -> pl.Series:
    """One list for each row of what the columns hold there, without nulls.

    It counts the offsets by itself, which takes a fraction of the time of ``concat_list`` and ``list.drop_nulls``.
    """
    by_row = np.arange(len(columns) * height).reshape(len(columns), height).T.ravel()
    texts = pl.concat([pl.Series(dtype=pl.String), *columns]).gather(by_row)
    kept = texts.is_not_null()
    counts = kept.to_numpy().reshape(height, len(columns)).sum(axis=1)
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
