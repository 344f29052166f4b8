"""Free text for the eyes of many: what may point at a person is masked, and spellings of one question are one."""

from __future__ import annotations

import polars as pl

#: A shown text ends after so many characters.
LONGEST = 200

#: What is masked, in this order. It errs on the side of masking too much; names cannot be told from other words.
_MASKS = (
    (r"\S+\s?@\s\S+|\S*@\S+", "[address]"),  # e-mail addresses, also with spaces about the @, and handles
    (r"(?i)\b(?:https?://|www\.)\S+", "[link]"),  # may carry tokens and numbers
    (r"\+?\(?\d(?:[\s().\-/]{0,3}\d){6,}", "[number]"),  # phones, dates: seven or more digits, however grouped
    (r"\w*\d{5,}\w*", "[number]"),  # orders, customers, postcodes: five or more digits in a row
)


def masked(texts: pl.Series) -> pl.Series:
    """Texts without e-mail addresses, handles, links and long numbers, on one line, of at most ``LONGEST`` characters.

    Characters of one look are made one first (NFKC), so that wide digits do not slip through.
    """
    shown = texts.str.normalize("NFKC")
    for pattern, mask in _MASKS:
        shown = shown.str.replace_all(pattern, mask)
    shown = shown.str.replace_all(r"\s+", " ").str.strip_chars()
    long = shown.str.len_chars() > LONGEST
    return shown.zip_with(~long, shown.str.slice(0, LONGEST) + "…")


def same_words(masked: pl.Series) -> pl.Series:
    """Texts that are equal where the masked texts differ in nothing but case, spaces and punctuation at the ends."""
    return masked.str.to_lowercase().str.replace(r"^[\s¿¡]+", "").str.replace(r"[\s.,;:!?…]+$", "")
