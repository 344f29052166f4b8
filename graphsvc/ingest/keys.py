"""Event keys."""

from __future__ import annotations

from hashlib import blake2s

import polars as pl

#: Between fields, and between name and text of a field; doubled within a text by ``_plain``.
_FIELD, _TEXT, _ESCAPE = "\x1e", "\x1f", "\x1b"


def row_keys(columns: pl.DataFrame, source: str) -> pl.Series:
    """A hash (BLAKE2s, 32 hex digits) of source and raw fields for each row.

    Null fields are left out and names are sorted, so that neither the order of the columns nor a column that is empty
    throughout matters. Equal keys mean equal rows: separators within names and texts are escaped.
    """
    pieces: list[pl.Expr] = [pl.lit(_escaped(source))]
    for name in sorted(columns.columns):
        texts = columns[name]
        if texts.str.contains_any([_FIELD, _TEXT, _ESCAPE]).any():
            texts = texts.str.replace_many({mark: _escaped(mark) for mark in (_FIELD, _TEXT, _ESCAPE)})
        before = pl.lit(f"{_FIELD}{_escaped(name)}{_TEXT}")
        if texts.null_count():
            pieces.append((before + pl.lit(texts)).fill_null(""))
        else:
            pieces += [before, pl.lit(texts)]
    rows = pl.select(pl.concat_str(pieces)).to_series()
    if len(rows) != columns.height:  # no column at all
        rows = rows.new_from_index(0, columns.height)
    digests = [blake2s(row, digest_size=16).digest() for row in rows.cast(pl.Binary)]
    return pl.Series(digests, dtype=pl.Binary).bin.encode("hex")


def _escaped(text: str) -> str:
    for mark, letter in ((_ESCAPE, "0"), (_FIELD, "1"), (_TEXT, "2")):
        text = text.replace(mark, _ESCAPE + letter)
    return text
