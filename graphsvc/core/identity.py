"""Who is who: identifiers, the links between them, and the users that they add up to.

The way from rows to people, told once:

1. Every identifier of every row is normalised; placeholders (``null``, ``guest``, ``0000-0000`` …) are set aside.
2. Each row links all its usable identifiers pairwise; links are counted per pair.
3. Identifiers that links connect form a component: a user. Its key is a salted hash of its founding identifier
   (earliest, then strongest type, then key), so that it does not depend on the order of arrival.
4. A row belongs to the user of its strongest usable identifier; without one it is an anonymous user of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..settings import WEAKEST, Settings
from ..tables import IDENTIFIERS, LINKS

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


#: What a row without a usable identifier hangs on is this and its key; no identifier's type is empty.
ANONYMOUS = ":event:"


@dataclass(frozen=True)
class Identity:
    """The resolved people of some whole components."""

    identifiers: pl.DataFrame  # tables.IDENTIFIERS
    links: pl.DataFrame  # tables.LINKS
    users: pl.DataFrame  # user, component; by user key
    owners: pl.Series  # one number per event, in the order given: its user's position in ``users``


def normalised(identifiers: pl.Series) -> pl.Series:
    """Raw ``type:value`` texts as identifier keys; null where the value is a placeholder.

    Outer spaces go from every value, and e-mail addresses are lower-cased.
    """
    kind, value = _normal_parts(pl.col("raw"))
    key = pl.when(~_is_placeholder(value)).then(pl.concat_str(kind, value, separator=":")).alias("key")
    return identifiers.alias("raw").to_frame().select(key)["key"]


def sought(identifier: str) -> str:
    """The identifier key of a text that somebody looks for (a placeholder's, too, which nobody has)."""
    kind, value = _normal_parts(pl.lit(identifier))
    return str(pl.select(pl.concat_str(kind, value, separator=":")).item())


def _normal_parts(raw: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    parts = raw.str.splitn(":", 2)
    kind, value = parts.struct.field("field_0"), parts.struct.field("field_1").str.strip_chars()
    return kind, pl.when(kind == "email").then(value.str.to_lowercase()).otherwise(value)


def _is_placeholder(value: pl.Expr) -> pl.Expr:
    bare = value.str.replace_all(r"[\s\"'`]", "").str.to_lowercase()
    return bare.is_in(PLACEHOLDERS) | bare.str.contains(_PLACEHOLDER_PATTERN)


def key_of(founding: str, salt: str) -> str:
    """A user's key: 32 hex digits that a founding identifier always hashes to under one salt."""
    return hashlib.sha256(f"{salt}\0{founding}".encode()).hexdigest()[:32]


def resolve(events: pl.LazyFrame, settings: Settings) -> Identity:
    """Resolve the people behind some events.

    Args:
        events: rows of ``tables.EVENTS``; of each raw component either all rows or none.
        settings: of the graph.
    """
    raw = events.select(raw=pl.col("identifiers").explode()).unique().collect().drop_nulls()
    known = raw.with_columns(identifier=normalised(raw["raw"])).drop_nulls("identifier")
    vocabulary = known["identifier"].unique().sort()  # codes order like keys
    seen = _seen(events, known, vocabulary)
    links = _links(seen, events, len(vocabulary))
    component = _components(links, len(vocabulary))
    identifiers = _identifiers(seen, vocabulary, component, settings)
    users, owners = _owners(seen, events, identifiers, settings)
    return Identity(
        identifiers=identifiers.select(IDENTIFIERS.names()).cast(IDENTIFIERS),
        links=_named(links, identifiers),
        users=users,
        owners=owners,
    )


def _seen(events: pl.LazyFrame, known: pl.DataFrame, vocabulary: pl.Series) -> pl.DataFrame:
    """One row per event and usable identifier: row (number of the event), at, code (position in the vocabulary)."""
    code = known["identifier"].cast(pl.Enum(vocabulary)).to_physical().cast(pl.UInt32)
    codes = known.select("raw", code=code)
    seen = (
        events.select("at", raw="identifiers")
        .with_row_index("row")
        .explode("raw")
        .join(codes.lazy(), on="raw", how="inner")
        .select("row", "at", "code")
        .collect()
    )
    # Two raw forms of one row may be one identifier, where forms differ at all.
    return seen.unique() if len(vocabulary) < len(known) else seen


def _links(seen: pl.DataFrame, events: pl.LazyFrame, width: int) -> pl.DataFrame:
    """Links per pair of identifier codes a < b: count, first_seen, last_seen, sources, confidence, declared."""
    several = seen.filter(pl.col("row").is_duplicated())
    pairs = (
        several.join(several.select("row", b="code"), on="row")
        .filter(pl.col("code") < pl.col("b"))
        .select("row", "at", pair=pl.col("code").cast(pl.Int64) * width + pl.col("b"))
    )
    evidence = events.select(
        "source", declared=pl.col("kind") == "link", confidence=pl.col("confidence").fill_null(1.0)
    ).collect()
    pairs = pl.concat([pairs, evidence[pairs["row"]]], how="horizontal")
    sources = pairs.select("pair", "source").unique().sort("source").group_by("pair").agg(sources=pl.col("source"))
    return (
        pairs.group_by("pair")
        .agg(
            count=pl.len().cast(pl.Int64),
            first_seen=pl.col("at").min(),
            last_seen=pl.col("at").max(),
            confidence=pl.col("confidence").max(),
            declared=pl.col("declared").any(),
        )
        .join(sources, on="pair")
        .sort("pair")
        .with_columns(a=pl.col("pair") // max(width, 1), b=pl.col("pair") % max(width, 1))
    )


def _components(links: pl.DataFrame, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each identifier code the smallest code that links connect it with."""
    if not len(links):
        return np.arange(count, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    smallest = np.full(int(label.max()) + 1, count, dtype=np.int64)
    np.minimum.at(smallest, label, np.arange(count, dtype=np.int64))
    return smallest[label]  # type: ignore[no-any-return]


def _identifiers(
    seen: pl.DataFrame, vocabulary: pl.Series, component: np.ndarray[tuple[int], np.dtype[np.int64]], settings: Settings
) -> pl.DataFrame:
    """The identifiers table in code order, with ``priority`` beside it."""
    when = seen.group_by("code").agg(first_seen=pl.col("at").min(), last_seen=pl.col("at").max()).sort("code")
    table = (
        pl.DataFrame(
            {"key": vocabulary, "component": component, "status": "active"},
            schema_overrides={"key": pl.String, "component": pl.Int64, "status": pl.String},
        )
        .hstack(when.drop("code"))
        .with_columns(pl.col("key").str.splitn(":", 2).struct.rename_fields(["type", "value"]).struct.unnest())
        .with_columns(priority=pl.col("type").replace_strict(settings.priority, default=WEAKEST, return_dtype=pl.Int64))
    )
    founders = (
        table.sort("first_seen", "priority", "key", nulls_last=True)
        .unique("component", keep="first", maintain_order=True)
        .select("component", user=_keys(pl.col("key"), settings.salt))
    )
    named = table.join(founders, on="component", how="left", maintain_order="left")
    return named.with_columns(component=vocabulary.gather(component))


def _keys(founding: pl.Expr, salt: str) -> pl.Expr:
    return founding.map_batches(
        lambda keys: pl.Series([key_of(key, salt) for key in keys.to_list()], dtype=pl.String), return_dtype=pl.String
    )


def _named(links: pl.DataFrame, identifiers: pl.DataFrame) -> pl.DataFrame:
    """Links with identifier keys in place of codes."""
    return links.with_columns(
        component=identifiers["component"].gather(links["a"]),
        a=identifiers["key"].gather(links["a"]),
        b=identifiers["key"].gather(links["b"]),
        accepted=pl.lit(True),
        reason=pl.lit(None, dtype=pl.String),
    ).select(LINKS.names())


def _owners(
    seen: pl.DataFrame, events: pl.LazyFrame, identifiers: pl.DataFrame, settings: Settings
) -> tuple[pl.DataFrame, pl.Series]:
    """The users that events belong to, and each event's: that of its strongest usable identifier (priority, then key).

    An event without one has a user of its own.
    """
    width = max(len(identifiers), 1)
    strongest = (
        seen.select("row", strength=identifiers["priority"].gather(seen["code"]) * width + seen["code"])
        .group_by("row")
        .agg(code=pl.col("strength").min() % width)
    )
    bare = (
        events.select("key", "identifiers")
        .with_row_index("row")
        .join(strongest.lazy().select("row"), on="row", how="anti")
        .select("row", component=ANONYMOUS + pl.col("key"))
        .collect()
    )
    anonymous = bare.select("component", user=_keys(pl.col("component"), settings.salt))
    named = identifiers.select("component", "user")
    users = pl.concat([named, anonymous]).select("user", "component").unique("user").sort("user")
    position = pl.concat([named["user"], anonymous["user"]]).cast(pl.Enum(users["user"])).to_physical().cast(pl.UInt32)
    rows = pl.concat([strongest["row"], bare["row"]])
    owned = pl.concat([position.gather(strongest["code"]), position[len(named) :]])
    return users, pl.DataFrame({"row": rows, "owner": owned}).sort("row")["owner"]


def usable_identifiers(events: pl.DataFrame) -> pl.Series:
    """The distinct identifier keys that some events hold."""
    return _usable(events["identifiers"].explode().unique()).drop_nulls().unique().alias("identifier")


def anchors(events: pl.DataFrame) -> pl.Series:
    """For each event one fixed usable identifier (its first), or ``:event:<key>`` where it has none."""
    first = _usable(events["identifiers"].list.first())
    rest = events.select("key", "identifiers").with_columns(anchor=first)
    missing = rest.filter(pl.col("anchor").is_null() & (pl.col("identifiers").list.len() > 1)).select(
        "key", pl.col("identifiers").alias("raw")
    )
    others = missing.explode("raw")
    others = others.with_columns(later=_usable(others["raw"])).drop_nulls("later").unique("key", keep="first")
    return rest.join(others.select("key", "later"), on="key", how="left", maintain_order="left").select(
        anchor=pl.coalesce("anchor", "later", ANONYMOUS + pl.col("key"))
    )["anchor"]


def _usable(raw: pl.Series) -> pl.Series:
    """Normalised identifiers, each distinct raw text looked at once."""
    known = raw.alias("raw").unique().to_frame()
    known = known.with_columns(identifier=normalised(known["raw"]))
    return raw.alias("raw").to_frame().join(known, on="raw", how="left", maintain_order="left")["identifier"]
