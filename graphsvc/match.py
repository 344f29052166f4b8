"""Fuzzy matches of a list of people: who is written twice, with slips of the pen, and how sure that is.

``splink`` weighs each pair of records that share something (Fellegi and Sunter, "A theory for record linkage", 1969):
how much oftener do two records agree like that when they are one person than when they are two? ``held_back`` then
looks at all links at once: a link that alone joins two large dense groups goes to review, not into the graph.

It needs the extra: ``pip install 'graphsvc[match]'``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from .core.normal import PLACEHOLDERS
from .errors import InputError
from .review import HELD, LINKS, held_back

#: The columns that are compared; ``identifier`` ("type:value") names the record.
COLUMNS = (
    "first_name", "last_name", "birth_date", "postcode", "city", "street", "email", "phone", "national_id",
)  # fmt: skip
#: Shorter lists are too short to learn weights from: they get fixed ones.
LEARN_FROM = 500
#: A value that more records share brings no pairs by itself: it would bring millions, and says little.
BLOCK_AT_MOST = 200
#: 1 is for declared links; matched ones stay below.
SUREST = 0.999999
_SAMPLED_PAIRS = 1_000_000
_SIGNS = r"[^\p{L}\p{N}]"
_PHONE_DIGITS = 9  # what is left of numbers with and without country code

#: Columns by whose common values pairs are brought together; ``year`` and ``day`` are parts of the birth date.
_BLOCKS = (
    ("national_id",), ("email",), ("phone",), ("birth_date",), ("street",), ("first_name", "last_name"),
    ("last_name", "postcode"), ("first_name", "postcode"), ("last_name", "year"), ("first_name", "year"),
    ("last_name", "day"), ("first_name", "day"), ("postcode", "year"), ("postcode", "day"), ("last_name", "city"),
    ("first_name", "city"), ("first_letters", "last_letters", "year"), ("first_letters", "last_letters", "postcode"),
)  # fmt: skip
#: Blocks in which weights are learnt: each trains the columns that it does not hold.
_LESSONS = (("first_name", "last_name"), ("birth_date",), ("national_id",), ("email",), ("phone",), ("street",),
            ("last_name", "postcode"), ("first_name", "postcode"))  # fmt: skip
_LESSON_PAIRS = 100

_SAME = '"$_l" = "$_r"'
_SWAPPED = '"first_name_l" = "last_name_r" AND "last_name_l" = "first_name_r"'


def _alike(least: float) -> str:
    return f'jaro_winkler_similarity("$_l", "$_r") >= {least}'


def _slips(most: int) -> str:
    return f'levenshtein("$_l", "$_r") <= {most}'


_NAME = ((_SAME, 0.72, 0.005), (_alike(0.92), 0.1, 0.003), (_alike(0.88), 0.03, 0.004), (_alike(0.7), 0.05, 0.03))
_PLACE = ((_SAME, 0.7, 0.02), (_alike(0.9), 0.15, 0.005), (_alike(0.75), 0.05, 0.02))
_NUMBER = ((_SAME, 0.85, 0.0001), (_slips(1), 0.08, 0.0002), (_slips(2), 0.03, 0.0008))
#: By column its levels of agreement, best first: the condition, its share among pairs of one person and of two people
#: (where the list is too short to learn them). What is left is "different".
_LEVELS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "first_name": _NAME,
    "last_name": _NAME,
    "birth_date": ((_SAME, 0.8, 0.0001), (_slips(1), 0.1, 0.001), (_slips(2), 0.03, 0.01),
                   ('substr("$_l", 1, 4) = substr("$_r", 1, 4)', 0.03, 0.02)),
    "postcode": ((_SAME, 0.7, 0.01), (_slips(1), 0.1, 0.01), (_slips(2), 0.05, 0.05),
                 ('substr("$_l", 1, 2) = substr("$_r", 1, 2)', 0.05, 0.1)),
    "city": _PLACE,
    "street": ((_SAME, 0.6, 0.002), (_alike(0.9), 0.2, 0.003), (_alike(0.75), 0.05, 0.03)),
    "email": ((_SAME, 0.7, 0.0001), ("split_part(\"$_l\", '@', 1) = split_part(\"$_r\", '@', 1)", 0.08, 0.0005),
              (_alike(0.9), 0.1, 0.001)),
    "phone": _NUMBER,
    "national_id": _NUMBER,
}  # fmt: skip


@dataclass(frozen=True)
class Matched:
    """What came of a list: links to take, links for review (both sorted by a and b), and what the user should know."""

    links: pl.DataFrame  # LINKS; a < b, confidence from the threshold to below 1
    held: pl.DataFrame  # HELD
    notes: list[str]


def match(people: pl.DataFrame, *, threshold: float = 0.9, seed: int = 0) -> Matched:
    """Links between the records of a list that are probably one person.

    Args:
        people: a row per record: ``identifier`` ("type:value", unique) and two or more of ``COLUMNS``, as text.
        threshold: the least probability of a link, above 0 and at most 1.
        seed: of the random sample of pairs in a long list.

    Returns:
        The same for the same rows in whatever order.

    Raises:
        InputError: splink is missing, or the list or the threshold cannot be used; the message says why.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"threshold {threshold:g}: give a probability above 0 and at most 1, such as 0.9")
    records, notes = _records(people)
    if records.height < 2:
        return Matched(LINKS.to_frame(), HELD.to_frame(), notes)
    pairs = _weighed(records, seed, notes)
    links = pairs.filter(pl.col("confidence") >= min(threshold, SUREST)).sort("a", "b")
    held = held_back(links)
    notes.append(f"{links.height:,} links of {threshold:g} or more; {held.height:,} of them held back for review.")
    return Matched(links.join(held, on=["a", "b"], how="anti"), held, notes)


def _records(people: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """identifier and the usable columns in one form, sorted by identifier; and notes."""
    if "identifier" not in people.columns:
        raise InputError(f"the list has no column identifier; it has {', '.join(people.columns) or 'none'}")
    identifier = people["identifier"].cast(pl.String)
    if identifier.null_count() or identifier.is_duplicated().any():
        raise InputError("each row needs an identifier of its own, such as customer_id:17; some are missing or twice")
    given = [name for name in COLUMNS if name in people.columns]
    records = people.select(pl.col("identifier").cast(pl.String), pl.col(given).cast(pl.String)).sort("identifier")
    notes: list[str] = []
    dates = {"birth_date": _date(records["birth_date"], notes)} if "birth_date" in given else {}
    records = records.with_columns(**{name: _plain(name) for name in given if name not in dates}, **dates)
    bare = pl.col(given).str.replace_all(_SIGNS, "")
    nobody = bare.is_in([*{re.sub(r"\W", "", word) for word in PLACEHOLDERS}]) | bare.str.contains("^0+$")
    records = records.with_columns(pl.when(~nobody).then(pl.col(given)))
    used = [name for name in given if records[name].drop_nulls().n_unique() > 1]
    if len(used) < 2 and people.height > 1:
        have = ", ".join(used) or "none"
        raise InputError(f"two or more columns with different values are needed, of {', '.join(COLUMNS)}; here: {have}")
    notes.insert(0, f"Compared: {', '.join(used)}.")
    other = sorted({*people.columns} - {"identifier", *used})
    if other:
        notes.append(f"Not used (unknown, empty or everywhere the same): {', '.join(other)}.")
    return records.select("identifier", *used), notes


def _plain(name: str) -> pl.Expr:
    """A column's values without case, accents and the ways in which people punctuate."""
    text = pl.col(name).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.strip_chars()
    if name == "email":
        return text.str.replace_all(r"\s", "")
    if name == "phone":
        return text.str.replace_all(r"[^0-9]", "").str.tail(_PHONE_DIGITS)
    if name in ("postcode", "national_id"):
        return text.str.replace_all(_SIGNS, "")
    return text.str.replace_all(r"['’`´]", "").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _date(given: pl.Series, notes: list[str]) -> pl.Series:
    """Birth dates as yyyymmdd; of 03/04/1980 the day is first unless the list shows that the month is."""
    text = given.str.strip_chars().alias("text").to_frame()
    parts = text.select(
        pl.col("text"),
        iso=pl.col("text").str.extract_groups(r"^(?<y>\d{4})\D?(?<m>\d{2})\D?(?<d>\d{2})(?:\D.*)?$"),
        local=pl.col("text").str.extract_groups(r"^(?<one>\d{1,2})\D(?<two>\d{1,2})\D(?<y>\d{4})$"),
    ).unnest("iso").with_columns(
        pl.col("local").struct.field("one").str.zfill(2), pl.col("local").struct.field("two").str.zfill(2),
        late=pl.col("local").struct.field("y"),
    )  # fmt: skip
    month_first = bool(((parts["two"] > "12") & (parts["one"] <= "12")).sum() > (parts["one"] > "12").sum())
    if parts["late"].drop_nulls().len() and not month_first and not (parts["one"] > "12").any():
        notes.append("Birth dates such as 03/04/1980 were read day first; nothing in the list shows which it is.")
    day, month = ("two", "one") if month_first else ("one", "two")
    odd = parts.filter(pl.col("y").is_null() & pl.col("late").is_null() & (pl.col("text") != "")).height
    if odd:
        notes.append(f"{odd:,} birth dates are in no known form (1980-04-03, 19800403, 3.4.1980) and were left out.")
    whole = [pl.concat_str("y", "m", "d"), pl.concat_str("late", month, day)]
    return parts.select(birth_date=pl.coalesce(whole)).to_series()


def _weighed(records: pl.DataFrame, seed: int, notes: list[str]) -> pl.DataFrame:
    """The pairs that share something, as LINKS of any confidence above one in a hundred."""
    try:
        import duckdb
        from splink import DuckDBAPI, Linker
    except ImportError:
        raise InputError("matching needs splink: pip install 'graphsvc[match]'") from None
    columns = records.columns[1:]
    table, rules = _blocked(records, notes)
    learn = records.height >= LEARN_FROM
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "identifier",
        "probability_two_random_records_match": 1 / records.height,  # every record has one double, on average
        "comparisons": [_comparison(name, columns, learn) for name in columns],
        "blocking_rules_to_generate_predictions": [_rule(key) for key in rules.values()],
        "retain_matching_columns": False,
    }
    with _quiet(), duckdb.connect(":memory:") as connection:
        # One thread: sums of floats come out the same each time, and a seeded sample draws the same rows.
        connection.execute("SET threads = 1; SET enable_progress_bar = false")
        api = DuckDBAPI(connection)
        people = api.register(table.to_arrow())
        if learn:
            settings = _learnt(Linker(people, settings, log_level=None), table, rules, seed, notes)
        else:
            notes.append(f"Fixed weights: {records.height:,} records are too few to learn them ({LEARN_FROM} needed).")
        scored: Any = Linker(people, settings, log_level=None).inference.predict(0.01, warning_mode="never")
        pairs = pl.DataFrame(scored.as_pyarrow_table())
    ends = ["identifier_l", "identifier_r"]
    confidence = pl.col("match_probability").round(6).clip(0, SUREST)
    return pairs.select(a=pl.min_horizontal(ends), b=pl.max_horizontal(ends), confidence=confidence)


def _blocked(records: pl.DataFrame, notes: list[str]) -> tuple[pl.DataFrame, dict[tuple[str, ...], str]]:
    """The records with a key column for each block that their columns allow; and the key's name by block."""
    parts = {"birth_date": {"year": (0, 4), "day": (4, 4)}, "first_name": {"first_letters": (0, 3)},
             "last_name": {"last_letters": (0, 3)}}  # fmt: skip
    for name, cuts in parts.items():
        if name in records.columns:
            records = records.with_columns(**{cut: pl.col(name).str.slice(*place) for cut, place in cuts.items()})
    # A list of two columns such as names and a city has few of the pairs above; single columns join in.
    single = tuple((name,) for name in COLUMNS)
    wanted = [block for block in dict.fromkeys(_BLOCKS + single) if {*block} <= {*records.columns}]
    keys: dict[tuple[str, ...], str] = {}
    crowded: list[str] = []
    for block in wanted:
        key = keys[block] = "key_" + "_".join(block)
        values = [pl.col(part) for part in block]
        if block == ("first_name", "last_name"):  # names in each other's place meet as well
            values = [pl.min_horizontal(values), pl.max_horizontal(values)]
        whole = pl.when(pl.all_horizontal(pl.col(part).is_not_null() for part in block))
        records = records.with_columns(whole.then(pl.concat_str(values, separator="|")).alias(key))
        few = pl.len().over(key) <= BLOCK_AT_MOST
        if len(block) == 1 and not records.select((few | pl.col(key).is_null()).all()).item():
            crowded.append(block[0])
        records = records.with_columns(pl.when(few).then(key).alias(key))
    if crowded:
        notes.append(f"More than {BLOCK_AT_MOST} records share a value of {', '.join(crowded)}; alone it pairs nobody.")
    return records, keys


def _rule(key: str, more: tuple[str, ...] = ()) -> dict[str, str]:
    return {"blocking_rule": " AND ".join(f'l."{name}" = r."{name}"' for name in (*more, key)), "sql_dialect": "duckdb"}


def _comparison(name: str, columns: list[str], learn: bool) -> dict[str, Any]:
    """splink's settings of one column; rare values weigh more than common ones in lists that tell which is which."""
    null = {"sql_condition": f'"{name}_l" IS NULL OR "{name}_r" IS NULL', "is_null_level": True}
    given = list(_LEVELS[name])
    if name in ("first_name", "last_name") and {"first_name", "last_name"} <= {*columns}:
        given.insert(1, (_SWAPPED, 0.03, 0.0005))
    given.append(("ELSE", 1 - sum(m for _, m, _ in given), 1 - sum(u for _, _, u in given)))
    levels = [
        {"sql_condition": sql.replace("$", name), "m_probability": m, **({} if learn else {"u_probability": u})}
        for sql, m, u in given
    ]
    if learn:
        levels[0] |= {"tf_adjustment_column": name, "tf_adjustment_weight": 1.0}
    return {"output_column_name": name, "comparison_levels": [null, *levels]}


def _learnt(
    linker: Any, table: pl.DataFrame, rules: dict[tuple[str, ...], str], seed: int, notes: list[str]
) -> dict[str, Any]:
    """The settings with weights from the list: chance agreement from random pairs, the rest by expectation maximising.

    What no pair showed keeps the fixed weight of a short list.
    """
    # One more than a million: splink warns of the round number.
    training = linker.training
    training.estimate_u_using_random_sampling(_SAMPLED_PAIRS + 1, seed, min_count_per_level=None, num_chunks=1)
    taught: set[str] = set()
    columns = {name for name in table.columns if name in _LEVELS}
    for block in (block for block in _LESSONS if block in rules and columns - {*block}):
        sizes = table[rules[block]].drop_nulls().value_counts()["count"].cast(pl.Float64)
        if (sizes * (sizes - 1)).sum() / 2 >= _LESSON_PAIRS:
            rule = _rule(rules[block], block)["blocking_rule"]
            training.estimate_parameters_using_expectation_maximisation(rule, max_pairs=_SAMPLED_PAIRS)
            taught |= columns - {*block}
    settings: dict[str, Any] = linker.misc.save_model_to_json()
    for comparison in settings["comparisons"]:
        name = comparison["output_column_name"]
        known = _comparison(name, list(_LEVELS), False)["comparison_levels"]
        fixed = {level["sql_condition"]: level for level in known}
        for level in comparison["comparison_levels"]:
            if not level.get("is_null_level"):
                for which in ("m_probability", "u_probability"):
                    level[which] = level.get(which) or fixed[level["sql_condition"]][which]
    if columns - taught:
        notes.append(f"Fixed weights for {', '.join(sorted(columns - taught))}: too few pairs to learn them from.")
    return settings


@contextmanager
def _quiet() -> Iterator[None]:
    """splink logs each step of its training; what matters of it is in the notes."""
    log = logging.getLogger("splink")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
