"""Event keys of rows without an event id."""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

#: Before each field, and between its name and its text. Where a name or text holds one of the three, it is escaped.
_FIELD, _TEXT, _ESCAPE = "\x1e", "\x1f", "\x1b"
_ESCAPED = {_FIELD: _ESCAPE + "1", _TEXT: _ESCAPE + "2", _ESCAPE: _ESCAPE + "0"}


def row_keys(columns: pl.DataFrame, source: str) -> pl.Series:
    """A hash (BLAKE2b, 32 hex digits) of source and raw fields for each row.

    Null fields are left out and the names are sorted, so that neither the order of the columns nor a column that is
    empty throughout matters. Equal keys mean equal rows.
    """
    pieces = [pl.lit(_escaped(source))]
    to_escape = columns.select(pl.all().str.contains(f"[{_FIELD}{_TEXT}{_ESCAPE}]").any())
    for name in sorted(columns.columns):
        text = pl.col(name)
        if to_escape[name].item():
            text = text.str.replace_many(_ESCAPED)
        before = pl.lit(f"{_FIELD}{_escaped(name)}{_TEXT}")
        pieces += [(before + text).fill_null("")] if columns[name].null_count() else [before, text]
    rows = columns.select(pl.concat_str(pieces).cast(pl.Binary)).to_series()
    if not columns.width:  # one row for all: a literal has no height
        rows = rows.new_from_index(0, columns.height)
    return pl.Series([blake2b(row, digest_size=16).hexdigest() for row in rows.to_list()], dtype=pl.String)


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in text)
