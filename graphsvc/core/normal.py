"""Raw identifiers as identifier keys: one form for one value, and nothing for values that point at nobody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from ..errors import QueryError
from ..rules import TYPE, Normaliser, Rules

#: Whole values, without quotes and spaces and in any case, that say nothing about a person.
PLACEHOLDERS = (
    "",
    "-",
    "null",
    "none",
    "nil",
    "undefined",
    "unknown",
    "n/a",
    "na",
    "nan",
    "anonymous",
    "guest",
    "true",
    "false",
    "0",
    "[objectobject]",
)
_PLACEHOLDER_PATTERN = r"^(?:test@.*|[0-]*)$"  # test@… and any run of zeros and hyphens
_E164 = r"^\+[1-9][0-9]{6,14}$"
_PLAIN = re.compile(r"[!-~]+")  # without spaces, and in letters whose small forms everybody agrees on
_FEW = 50  # so few are brought into form one by one, as columns cost more than they save


def normalised(identifiers: pl.Series, rules: Rules) -> pl.Series:
    """Raw ``type:value`` texts as identifier keys; null where the value is a placeholder or blocked."""
    name = identifiers.name or "key"
    if len(identifiers) <= _FEW:
        plain = _plain(identifiers.to_list(), rules)
        if plain is not None:
            keys = [None if _says_nothing(value) else f"{kind}:{value}" for kind, value in plain]
            return pl.Series(name, keys, dtype=pl.String)
    parts = _parts(identifiers, rules)
    usable = ~_is_placeholder(pl.col("value"))
    for kind, rule in rules.types.items():
        for pattern in rule.blocked:
            usable &= ~((pl.col("kind") == kind) & pl.col("value").str.contains(pattern))
    key = pl.when(usable).then(pl.concat_str("kind", "value", separator=":"))
    return parts.select(key.alias(name)).to_series()


def sought(identifier: str, rules: Rules) -> str:
    """The identifier key of a text that somebody looks for (a placeholder's, too, which nobody has).

    Raises:
        QueryError: it is not ``type:value``.
    """
    if not TYPE.fullmatch(identifier.partition(":")[0]) or ":" not in identifier:
        raise QueryError("write an identifier as type:value, for example email:ann@example.org")
    return _keys([identifier], rules)[0]


def meant(text: str, rules: Rules) -> list[str]:
    """The identifier keys that a text may mean, ``type:value`` or a bare value, the likeliest first."""
    kind, colon, _ = text.partition(":")
    texts = [text] if colon and TYPE.fullmatch(kind) else []
    if kind not in rules.types:
        texts += [f"{each}:{text}" for each in rules.strongest_first]
    return _keys(texts, rules)


def _keys(identifiers: Sequence[str], rules: Rules) -> list[str]:
    parts = _plain(identifiers, rules)
    if parts is None:
        parts = _parts(pl.Series(identifiers, dtype=pl.String), rules).rows()
    return [f"{kind}:{value or ''}" for kind, value in parts]


def by_raw(raw: pl.Series, rules: Rules) -> pl.DataFrame:
    """The distinct raw identifiers that are usable: raw, identifier (its key)."""
    distinct = _distinct(raw)
    known = pl.DataFrame({"raw": distinct, "identifier": normalised(distinct, rules)})
    return known.drop_nulls("identifier") if known["identifier"].null_count() else known


def keys_of(identifiers: pl.Series, rules: Rules) -> dict[str, str | None]:
    """The key of every raw identifier that some rows hold (a series of lists); None where it is not usable."""
    raw = _distinct(identifiers.explode())
    return dict(zip(raw, normalised(raw, rules), strict=True))


def usable_identifiers(events: pl.DataFrame, rules: Rules) -> pl.Series:
    """The distinct identifier keys that some events hold."""
    return by_raw(events["identifiers"].explode(), rules)["identifier"].unique()


def _distinct(raw: pl.Series) -> pl.Series:
    """The distinct ones of some texts, without null."""
    distinct = raw.unique()
    return distinct.drop_nulls() if distinct.null_count() else distinct


def _parts(identifiers: pl.Series, rules: Rules) -> pl.DataFrame:
    """kind and value of raw identifiers, the value as its type's normaliser leaves it."""
    split = pl.col("raw").str.splitn(":", 2)
    kind, value = split.struct.field("field_0"), split.struct.field("field_1").str.strip_chars()
    emails, lowered = _types(rules, "email"), [*_types(rules, "email"), *_types(rules, "lower")]
    value = pl.when(kind.is_in(lowered)).then(value.str.to_lowercase()).otherwise(value)
    value = pl.when(kind.is_in(emails)).then(value.str.replace_all(r"\s", "")).otherwise(value)
    loose = kind.is_in(_types(rules, "phone")) & ~value.str.contains(_E164)
    parts = identifiers.alias("raw").to_frame().select(kind=kind, value=value, loose=loose)  # all in one pass
    if not parts["loose"].any():
        return parts.drop("loose")
    brought = parts.filter("loose")["value"].unique()
    numbers = {text: _e164(text, rules.default_region) for text in brought.drop_nulls()}
    return parts.select(
        "kind",
        value=pl.when("loose")
        .then(pl.col("value").replace_strict(numbers, default=None, return_dtype=pl.String))
        .otherwise("value"),
    )


def _plain(identifiers: Sequence[str | None], rules: Rules) -> list[tuple[str, str]] | None:
    """What :func:`_parts` makes of plain texts; None where one of them is not, or its type has blocked patterns."""
    parts = []
    for text in identifiers:
        kind, colon, value = (text or "").partition(":")
        rule = rules.of(kind)
        if not colon or rule.blocked or not _PLAIN.fullmatch(value):
            return None
        if rule.normalise in ("email", "lower"):
            value = value.lower()
        elif rule.normalise == "phone" and not re.match(_E164, value):
            value = _e164(value, rules.default_region)
        parts.append((kind, value))
    return parts


def _types(rules: Rules, normaliser: Normaliser) -> list[str]:
    return [kind for kind, rule in rules.types.items() if rule.normalise == normaliser]


@lru_cache(maxsize=100_000)
def _e164(text: str, region: str | None) -> str:
    """A phone number with country code and nothing but digits; a text that is none stays as it is.

    Source: ITU-T E.164, by the library ``phonenumbers``.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return text
    whole = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return whole if re.fullmatch(_E164, whole) else text  # "extension 12" would become +4912


def forget_numbers() -> None:
    """Let go of the phone numbers that were read lately."""
    _e164.cache_clear()


def _is_placeholder(value: pl.Expr) -> pl.Expr:
    """Whether a value says nothing about a person."""
    bare = value.str.replace_all(r"[\s\"'`]", "").str.to_lowercase()
    return bare.is_in(PLACEHOLDERS) | bare.str.contains(_PLACEHOLDER_PATTERN)


def _says_nothing(value: str) -> bool:
    """The same for one plain value."""
    bare = re.sub(r"[\"'`]", "", value).lower()
    return bare in PLACEHOLDERS or re.match(_PLACEHOLDER_PATTERN, bare) is not None
