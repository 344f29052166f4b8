"""Who is who: identifiers, the links between them, and the users that they add up to.

The way from rows to people, told once:

1. Every identifier of every row is normalised; placeholders and blocked values are set aside (``normal``).
2. Each row links all its usable identifiers pairwise; links are counted per pair (``evidence``).
3. Shared values are found, the rest is joined as far as the rules allow (``partition``). A user's key is a salted hash
   of its founding identifier (earliest, then strongest type, then key): the order of arrival has no say in it.
4. A row belongs to the user of its strongest usable identifier. Rows that only shared values point at form anonymous
   sessions or go to the nearest login (``sessions``); a row without any identifier is a user of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import polars as pl

from ..rules import Rules
from ..rulings import Rulings
from ..settings import Settings
from ..tables import ACTIVE, ANONYMOUS, HELD, IDENTIFIERS, LINKS, OF_SHARED, SHARED
from .evidence import aggregated, links_between, pairs_of, seen_identifiers
from .normal import by_raw, normalised
from .partition import Kinds, Partition, partition
from .sessions import nearest_logins, sessions


@dataclass(frozen=True)
class Identity:
    """The resolved people of some whole raw components."""

    identifiers: pl.DataFrame  # tables.IDENTIFIERS
    links: pl.DataFrame  # tables.LINKS
    users: pl.DataFrame  # user, component; by user key
    owners: pl.Series  # one number per event, in the order given: its user's position in ``users``
    _strongest: pl.Series  # one number per event: the position of its anchor in ``identifiers``; null: it has none

    def anchors(self, keys: pl.Series, first: int = 0) -> pl.Series:
        """What some events hang on: the identifier by which they belong to their user, else ``:event:<key>``.

        Args:
            keys: event keys, in the order in which the events were given.
            first: number of the first of them.
        """
        held = self.identifiers["key"].gather(self._strongest[first : first + len(keys)])
        return pl.select(anchor=pl.coalesce(held, ANONYMOUS + keys))["anchor"]


def key_of(founding: str, salt: str) -> str:
    """A user's key: 32 hex digits that a founding identifier always hashes to under one salt."""
    return hashlib.sha256(f"{salt}\0{founding}".encode()).hexdigest()[:32]


def resolve(
    events: pl.LazyFrame, settings: Settings, rulings: Rulings | None = None, known_shared: pl.Series | None = None
) -> Identity:
    """Resolve the people behind some events.

    Args:
        events: rows of ``tables.EVENTS``; of each raw component either all rows or none.
        settings: of the graph.
        rulings: decisions and erasures of the graph.
        known_shared: identifiers that events elsewhere hold, and that are shared because of them.
    """
    rules, rulings = settings.rules, rulings or Rulings.none()
    known = by_raw(events.select(pl.col("identifiers").explode()).unique().collect()["identifiers"], rules)
    told = pl.Series([], dtype=pl.String) if known_shared is None else known_shared
    vocabulary = pl.concat([known["identifier"], told]).unique().sort()  # codes order like keys
    seen = seen_identifiers(events, known, vocabulary)
    decided = _Decided(rulings, settings, vocabulary)
    links = links_between(seen, events, len(vocabulary), decided.withdrawn)
    kinds = _kinds(vocabulary, settings)
    forced = vocabulary.is_in(told.implode()) | vocabulary.is_in(rulings.stay_shared(vocabulary).implode())
    split = partition(
        links,
        kinds,
        same=decided.same,
        different=decided.different,
        known_shared=forced.to_numpy(),
        through_shared=rules.nearest_login_minutes is not None,
    )
    identifiers = _identifiers(seen, vocabulary, kinds, split, settings, rulings)
    placed = _Placed(seen, events, identifiers, settings)
    return Identity(
        identifiers=identifiers.select(IDENTIFIERS.names()).cast(IDENTIFIERS),
        links=_named(links, split, identifiers, placed, seen, events),
        users=placed.users,
        owners=placed.owners,
        _strongest=placed.strongest,
    )


def anchors(events: pl.DataFrame, identifiers: pl.DataFrame, rules: Rules) -> pl.Series:
    """What some events hang on, as :meth:`Identity.anchors` says, told from the identifiers of their whole graph."""
    order = identifiers.select(
        identifier="key",
        apart=pl.col("status") == SHARED,
        priority=pl.col("type").map_elements(lambda kind: rules.of(kind).priority, return_dtype=pl.Int64),
    )
    raw = events.select("key", raw="identifiers").explode("raw")
    strongest = (
        raw.join(by_raw(raw["raw"], rules), on="raw")
        .join(order, on="identifier")
        .sort("apart", "priority", "identifier")
        .unique("key", keep="first", maintain_order=True)
    )
    hung = events.select("key").join(strongest, on="key", how="left", maintain_order="left")
    return hung.select(anchor=pl.coalesce("identifier", ANONYMOUS + pl.col("key")))["anchor"]


class _Decided:
    """Decisions as pairs of identifier codes; those on values that are not there have no effect."""

    def __init__(self, rulings: Rulings, settings: Settings, vocabulary: pl.Series) -> None:
        decisions = rulings.decisions
        raw = pl.concat([decisions["a"], decisions["b"]]).unique()
        key = dict(zip(raw, normalised(raw, settings.rules), strict=True))
        wanted = pl.Series(sorted({text for text in key.values() if text is not None}), dtype=pl.String)
        code = dict(zip(wanted, vocabulary.search_sorted(wanted), strict=True)) if len(wanted) else {}
        there = set(wanted.filter(wanted.is_in(vocabulary.implode())))
        pairs: dict[str, set[tuple[int, int]]] = {"same": set(), "different": set(), "withdrawn": set()}
        for kind, a, b in decisions.select("kind", "a", "b").iter_rows():
            if {key[a], key[b]} <= there and key[a] != key[b]:
                ends = sorted((int(code[key[a]]), int(code[key[b]])))
                pairs[kind].add((ends[0], ends[1]))
        self.same, self.different = sorted(pairs["same"]), sorted(pairs["different"])
        self.withdrawn = sorted(pairs["withdrawn"])


def _kinds(vocabulary: pl.Series, settings: Settings) -> Kinds:
    kind = vocabulary.str.splitn(":", 2).struct.field("field_0")
    names = kind.unique().sort()
    codes = kind.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
    return Kinds(codes, names.to_list(), [settings.rules.of(name) for name in names])


def _identifiers(
    seen: pl.DataFrame,
    vocabulary: pl.Series,
    kinds: Kinds,
    split: Partition,
    settings: Settings,
    rulings: Rulings,
) -> pl.DataFrame:
    """The identifiers table in code order, with ``apart`` beside it.

    Shared values keep no times: their events lie in many components.
    """
    when = seen.group_by("code").agg(first_seen=pl.col("at").min(), last_seen=pl.col("at").max())
    apart = pl.Series(split.apart, dtype=pl.Boolean)
    parts = vocabulary.str.splitn(":", 2).struct
    smallest = vocabulary.gather(split.component)
    own = OF_SHARED + vocabulary if settings.rules.nearest_login_minutes is None else smallest
    table = pl.DataFrame(
        {
            "code": pl.int_range(len(vocabulary), dtype=pl.UInt32, eager=True),
            "key": vocabulary,
            "type": parts.field("field_0"),
            "value": parts.field("field_1"),
            "priority": kinds.priorities(),
            "cluster": split.user,
            "apart": apart,
            "held": split.held,
            "user_key": _founded(vocabulary, settings.salt, rulings),
        }
    ).join(when, on="code", how="left", maintain_order="left")
    founders = (
        table.filter(~pl.col("apart"))
        .sort("first_seen", "priority", "key", nulls_last=True)
        .unique("cluster", keep="first", maintain_order=True)
        .select("cluster", user="user_key")
    )
    return table.join(founders, on="cluster", how="left", maintain_order="left").with_columns(
        user=pl.when(~pl.col("apart")).then("user"),
        status=pl.when("apart").then(pl.lit(SHARED)).when("held").then(pl.lit(HELD)).otherwise(pl.lit(ACTIVE)),
        component=pl.when(apart).then(own).otherwise(smallest),
        first_seen=pl.when(~pl.col("apart")).then("first_seen"),
        last_seen=pl.when(~pl.col("apart")).then("last_seen"),
    )


def _founded(founding: pl.Series, salt: str, rulings: Rulings) -> pl.Series:
    """The key of the user that each identifier founds; who returns after an erasure is a new person."""
    keys = []
    for text in founding.to_list():
        key, times = key_of(text, salt), 0
        while rulings.erased_user(key):
            times += 1
            key = key_of(f"{text}\0{times}", salt)
        keys.append(key)
    return pl.Series("user_key", keys, dtype=pl.String)


def _named(
    links: pl.DataFrame,
    split: Partition,
    identifiers: pl.DataFrame,
    placed: _Placed,
    seen: pl.DataFrame,
    events: pl.LazyFrame,
) -> pl.DataFrame:
    """Links with identifier keys in place of codes, each with the component that holds its evidence.

    What two shared values were met by may lie in many components: such a link has a row for each.
    """
    a, b = links["a"], links["b"]
    component = identifiers["component"].gather(
        pl.select(pl.when(placed.apart.gather(a)).then(b).otherwise(a)).to_series()
    )
    known = links.with_columns(component=component, reason=split.reasons)
    scattered = placed.apart.gather(a) & placed.apart.gather(b)
    if scattered.any():
        among = seen.filter(placed.apart.gather(seen["code"]))
        pairs = pairs_of(among, events, len(identifiers))
        pairs = pairs.with_columns(component=placed.component_of(pairs["row"]))
        parts = aggregated(pairs, len(identifiers), "component")
        parts = parts.with_columns(reason=pl.lit(SHARED), idle=pl.lit(0, dtype=pl.Int64))
        known = pl.concat([known.filter(~scattered), parts.select(known.columns)])
    return known.with_columns(
        a=identifiers["key"].gather(known["a"]),
        b=identifiers["key"].gather(known["b"]),
        accepted=pl.col("reason").is_null(),
    ).select(LINKS.names())


class _Placed:
    """Which user each event belongs to."""

    def __init__(self, seen: pl.DataFrame, events: pl.LazyFrame, identifiers: pl.DataFrame, settings: Settings) -> None:
        self.apart = identifiers["apart"]
        self._identifiers = identifiers
        # Usable ones before shared ones, then by priority, then by key.
        order = identifiers.select(order=pl.arg_sort_by("apart", "priority", "code"))["order"]
        rank = order.arg_sort()
        best = seen.select("row", rank=rank.gather(seen["code"])).group_by("row").agg(pl.col("rank").min())
        strongest = best.select("row", code=order.gather(best["rank"]))
        count = int(events.select(pl.len()).collect().item())
        rows = pl.DataFrame({"row": pl.int_range(count, dtype=pl.UInt32, eager=True)})
        self.strongest = rows.join(strongest, on="row", how="left", maintain_order="left")["code"]
        self.users, self.owners = self._owned(rows.with_columns(code=self.strongest), seen, events, settings)

    def component_of(self, rows: pl.Series) -> pl.Series:
        """The raw component of some events that hold an identifier, by their number."""
        return self._identifiers["component"].gather(self.strongest.gather(rows))

    def _owned(
        self, rows: pl.DataFrame, seen: pl.DataFrame, events: pl.LazyFrame, settings: Settings
    ) -> tuple[pl.DataFrame, pl.Series]:
        """All users, and each event's position among them."""
        lone = rows.filter(pl.select(self.strongest.is_null() | self.apart.gather(self.strongest)).to_series())
        known = self._identifiers.select("component", "user")
        if not len(lone):
            users = known.drop_nulls("user").unique("user").sort("user")
            owner = known["user"].cast(pl.Enum(users["user"])).to_physical()
            return users, owner.gather(self.strongest).cast(pl.UInt32).alias("owner")
        facts = events.select("key", "at").collect()[lone["row"]].hstack(lone)
        shared, bare = facts.drop_nulls("code"), facts.filter(pl.col("code").is_null())
        borrowed = self._borrowed(shared, seen, events, settings)
        apart = sessions(shared.join(borrowed, on="row", how="anti"))
        anonymous = pl.concat(
            [
                apart.select("row", named=ANONYMOUS + pl.col("first"), component=self.component_of(apart["row"])),
                bare.select("row", named=ANONYMOUS + pl.col("key"), component=ANONYMOUS + pl.col("key")),
            ]
        )
        names = anonymous["named"].unique()
        keys = pl.Series([key_of(name, settings.salt) for name in names.to_list()], dtype=pl.String)
        anonymous = anonymous.with_columns(user=pl.col("named").replace_strict(names, keys, return_dtype=pl.String))
        users = pl.concat([known, anonymous.select("component", "user")]).drop_nulls("user").unique("user").sort("user")
        kind = pl.Enum(users["user"])
        of_identifier, of_lone = (found.cast(kind).to_physical() for found in (known["user"], anonymous["user"]))
        owners = of_identifier.gather(self.strongest)
        owners = owners.scatter(borrowed["row"], owners.gather(borrowed["login"]))
        return users, owners.scatter(anonymous["row"], of_lone).cast(pl.UInt32).alias("owner")

    def _borrowed(
        self, shared: pl.DataFrame, seen: pl.DataFrame, events: pl.LazyFrame, settings: Settings
    ) -> pl.DataFrame:
        """Events of shared values alone that go to a login near in time, where the rules say so: row, login."""
        minutes = settings.rules.nearest_login_minutes
        if minutes is None or not len(shared):
            return pl.DataFrame(schema={"row": pl.UInt32, "login": pl.UInt32})
        unique = [name for name, rule in settings.rules.types.items() if rule.unique]
        signed_in = self._identifiers["type"].is_in(unique) & ~self.apart
        with_login = seen.filter(signed_in.gather(seen["code"])).select("row").unique()
        at_shared = seen.filter(self.apart.gather(seen["code"])).join(with_login, on="row", how="semi")
        facts = events.select("key", touch=pl.col("kind") == "event").collect()[at_shared["row"]]
        logins = at_shared.hstack(facts).filter("touch").drop_nulls("at")
        return nearest_logins(shared, logins, minutes)
