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
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ..rules import Rules
from ..rulings import Rulings
from ..settings import Settings
from ..tables import ACTIVE, ANONYMOUS, HELD, IDENTIFIERS, LINKS, OF_SHARED, SHARED, Rows, collected, count_of
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
        held = self.identifiers["key"][self._strongest[first : first + len(keys)]].alias("anchor")
        return pl.select(anchor=pl.coalesce(held, ANONYMOUS + keys))["anchor"] if held.null_count() else held


def key_of(founding: str, salt: str) -> str:
    """A user's key: 32 hex digits that a founding identifier always hashes to under one salt."""
    return hashlib.sha256(f"{salt}\0{founding}".encode()).hexdigest()[:32]


def resolve(
    events: Rows, settings: Settings, rulings: Rulings | None = None, known_shared: pl.Series | None = None
) -> Identity:
    """Resolve the people behind some events.

    Args:
        events: rows of ``tables.EVENTS``; of each raw component either all rows or none.
        settings: of the graph.
        rulings: decisions and erasures of the graph.
        known_shared: identifiers that events elsewhere hold, and that are shared because of them.
    """
    rules, rulings = settings.rules, rulings or Rulings.none()
    known = by_raw(collected(events.select(pl.col("identifiers").explode()).unique())["identifiers"], rules)
    told = pl.Series([], dtype=pl.String) if known_shared is None else known_shared
    vocabulary = pl.concat([known["identifier"], told]).unique().sort()  # codes order like keys
    seen = seen_identifiers(events, known, vocabulary)
    decided = _Decided(rulings, settings, vocabulary)
    links = links_between(seen, events, len(vocabulary), decided.withdrawn)
    parts = vocabulary.str.splitn(":", 2).struct.unnest()
    kinds = _kinds(parts["field_0"], settings)
    forced = pl.concat([told, rulings.stay_shared(vocabulary)])
    split = partition(
        links,
        kinds,
        same=decided.same,
        different=decided.different,
        known_shared=vocabulary.is_in(forced.implode()).to_numpy() if len(forced) else None,
        through_shared=rules.nearest_login_minutes is not None,
    )
    identifiers = _identifiers(seen, vocabulary, parts, kinds, split, settings, rulings)
    placed = _Placed(seen, events, identifiers, settings)
    return Identity(
        identifiers=identifiers[IDENTIFIERS.names()].cast(IDENTIFIERS),
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
        pairs: dict[str, set[tuple[int, int]]] = {"same": set(), "different": set(), "withdrawn": set()}
        if len(rulings.decisions):
            for kind, pair in _pairs(rulings.decisions, settings, vocabulary):
                pairs[kind].add(pair)
        self.same, self.different = sorted(pairs["same"]), sorted(pairs["different"])
        self.withdrawn = sorted(pairs["withdrawn"])


def _pairs(decisions: pl.DataFrame, settings: Settings, vocabulary: pl.Series) -> Iterator[tuple[str, tuple[int, int]]]:
    """The kind of each decision that has an effect, and its pair of codes."""
    raw = pl.concat([decisions["a"], decisions["b"]]).unique()
    key = dict(zip(raw, normalised(raw, settings.rules), strict=True))
    wanted = pl.Series(sorted({text for text in key.values() if text is not None}), dtype=pl.String)
    there = wanted.filter(wanted.is_in(vocabulary.implode()))
    code = dict(zip(there, vocabulary.search_sorted(there), strict=True)) if len(there) else {}
    for kind, a, b in decisions.select("kind", "a", "b").iter_rows():
        if {key[a], key[b]} <= code.keys() and key[a] != key[b]:
            ends = sorted((int(code[key[a]]), int(code[key[b]])))
            yield kind, (ends[0], ends[1])


def _kinds(kind: pl.Series, settings: Settings) -> Kinds:
    """The type of each identifier."""
    names = kind.unique().sort()
    codes = kind.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
    return Kinds(codes, names.to_list(), [settings.rules.of(name) for name in names])


def _identifiers(
    seen: pl.DataFrame,
    vocabulary: pl.Series,
    parts: pl.DataFrame,
    kinds: Kinds,
    split: Partition,
    settings: Settings,
    rulings: Rulings,
) -> pl.DataFrame:
    """The identifiers table in code order, with ``apart`` beside it.

    Shared values keep no times: their events lie in many components.
    """
    when = seen.group_by("code").agg(first_seen=pl.col("at").min(), last_seen=pl.col("at").max())
    smallest = vocabulary[split.component]
    own = OF_SHARED + pl.col("key") if settings.rules.nearest_login_minutes is None else smallest
    table = pl.DataFrame(
        {
            "code": pl.int_range(len(vocabulary), dtype=pl.UInt32, eager=True),
            "key": vocabulary,
            "type": parts["field_0"],
            "value": parts["field_1"],
            "priority": kinds.priorities(),
            "apart": split.apart,
            "held": split.held,
            "user_key": _founded(vocabulary, settings.salt, rulings),
        }
    ).join(when, on="code", how="left", maintain_order="left")
    founders = table.select(pl.arg_sort_by("first_seen", "priority", "code", nulls_last=True)).to_series().to_numpy()
    founders = founders[~split.apart[founders]][::-1]
    founder = np.zeros(len(vocabulary), dtype=np.int64)
    founder[split.user[founders]] = founders  # of each user the one written last: the earliest
    return table.with_columns(
        user=pl.when(~pl.col("apart")).then(table["user_key"][founder[split.user]]),
        status=pl.when("apart").then(pl.lit(SHARED)).when("held").then(pl.lit(HELD)).otherwise(pl.lit(ACTIVE)),
        component=pl.when("apart").then(own).otherwise(smallest),
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
    events: Rows,
) -> pl.DataFrame:
    """Links with identifier keys in place of codes, each with the component that holds its evidence.

    What two shared values were met by may lie in many components: such a link has a row for each.
    """
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    component = identifiers["component"][np.where(split.apart[a], b, a)]
    known = links.with_columns(component=component, reason=split.reasons)
    scattered = split.apart[a] & split.apart[b]
    if scattered.any():
        among = seen.filter(split.apart[seen["code"].to_numpy()])
        pairs = pairs_of(among, events, len(identifiers))
        pairs = pairs.with_columns(component=placed.component_of(pairs["row"]))
        parts = aggregated(pairs, len(identifiers), "component")
        parts = parts.with_columns(reason=pl.lit(SHARED), idle=pl.lit(0, dtype=pl.Int64))
        known = pl.concat([known.filter(~scattered), parts.select(known.columns)])
    return known.with_columns(
        a=identifiers["key"][known["a"]],
        b=identifiers["key"][known["b"]],
        accepted=known["reason"].is_null(),
    )[LINKS.names()]


class _Placed:
    """Which user each event belongs to."""

    def __init__(self, seen: pl.DataFrame, events: Rows, identifiers: pl.DataFrame, settings: Settings) -> None:
        self._apart = identifiers["apart"].to_numpy()
        self._identifiers = identifiers
        # Usable ones before shared ones, then by priority, then by key.
        order = identifiers.select(pl.arg_sort_by("apart", "priority", "code")).to_series().to_numpy()
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=order.dtype)
        best = np.full(count_of(events), len(order), dtype=order.dtype)  # past the end: it holds none
        np.minimum.at(best, seen["row"].to_numpy(), rank[seen["code"].to_numpy()])
        self.strongest = pl.Series("code", order, dtype=pl.UInt32).extend_constant(None, 1)[best]
        lone = np.append(self._apart[order], True)[best]
        self.users, self.owners = self._owned(np.flatnonzero(lone), seen, events, settings)

    def component_of(self, rows: pl.Series) -> pl.Series:
        """The raw component of some events that hold an identifier, by their number."""
        return self._identifiers["component"][self.strongest[rows]]

    def _owned(
        self, alone: npt.NDArray[np.int64], seen: pl.DataFrame, events: Rows, settings: Settings
    ) -> tuple[pl.DataFrame, pl.Series]:
        """All users, and each event's position among them.

        Args:
            alone: numbers of the events that no usable identifier gives to a user.
        """
        known = self._identifiers[["component", "user"]]
        if not len(alone):
            users = known.drop_nulls("user").unique("user").sort("user")
            owner = known["user"].cast(pl.Enum(users["user"])).to_physical()
            return users, owner[self.strongest].cast(pl.UInt32).alias("owner")
        lone = pl.DataFrame({"row": pl.Series(alone, dtype=pl.UInt32), "code": self.strongest[alone]})
        facts = collected(events.select("key", "at"))[lone["row"]].hstack(lone)
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
        owners = of_identifier[self.strongest]
        owners = owners.scatter(borrowed["row"], owners[borrowed["login"]])
        return users, owners.scatter(anonymous["row"], of_lone).cast(pl.UInt32).alias("owner")

    def _borrowed(self, shared: pl.DataFrame, seen: pl.DataFrame, events: Rows, settings: Settings) -> pl.DataFrame:
        """Events of shared values alone that go to a login near in time, where the rules say so: row, login."""
        minutes = settings.rules.nearest_login_minutes
        if minutes is None or not len(shared):
            return pl.DataFrame(schema={"row": pl.UInt32, "login": pl.UInt32})
        unique = [name for name, rule in settings.rules.types.items() if rule.unique]
        signed_in = self._identifiers["type"].is_in(unique).to_numpy() & ~self._apart
        codes = seen["code"].to_numpy()
        with_login = seen.filter(signed_in[codes]).select("row").unique()
        at_shared = seen.filter(self._apart[codes]).join(with_login, on="row", how="semi")
        facts = collected(events.select("key", touch=pl.col("kind") == "event"))[at_shared["row"]]
        logins = at_shared.hstack(facts).filter("touch").drop_nulls("at")
        return nearest_logins(shared, logins, minutes)
