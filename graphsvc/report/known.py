"""What was known of each person before they set out to buy.

Identity is resolved with hindsight: a purchase ties a cookie to a customer, and all that happened on the cookie before
becomes the customer's. So buyers have more of a past than others, and whatever is rarely linked otherwise seems to go
with buying. To compare like with like, what is counted here are touchpoints that could be told to be the person's
*without* what they did from the moment they set out: the identifiers of earlier touchpoints alone, with what the
records say (profile and link rows), must join them to a person whom the brand knew by name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..core import normalised
from ..frame import Flags, Ints
from ..personas import SOURCE as PERSONAS
from ..rules import Rules
from ..stores import Store
from ..tables import ACTIVE, EVENTS
from .people import People


@dataclass(frozen=True)
class _Sightings:
    """Identifiers in rows of the graph: ``S`` pairs of a row and an identifier of a user's own."""

    identifier: Ints  # [S] code
    touchpoint: Ints  # [S] index among the touchpoints; -1 for profile and link rows
    record: Ints  # [S] a number of the profile or link row; -1 for touchpoints
    profile: Flags  # [S] of a profile row
    kinds: list[str]  # type of each identifier


def known_before(people: People, store: Store, set_out: Ints) -> Flags:
    """Which touchpoints were a known person's before that person set out: [M].

    A person is known who has a touchpoint before then that carries an identifier by which goals are told, too, and of
    whom there is a record, if the graph holds records.

    Args:
        people: the users.
        store: of the graph, for the identifiers.
        set_out: when each user first came to the path or a goal: [W].
    """
    from scipy.sparse import coo_array  # here: most questions need none of it, and it takes long to import
    from scipy.sparse.csgraph import connected_components

    seen = _sightings(people, store)
    times, before = people.walks.times, np.zeros(len(seen.identifier), dtype=np.bool_)
    touched = seen.touchpoint >= 0
    at = seen.touchpoint[touched]
    before[touched] = times[at] < set_out[people.owner[at]]
    joined = before | ~touched
    naming = _naming(people, seen)

    identifiers = len(seen.kinds)
    rows = np.where(touched, seen.touchpoint, len(times) + seen.record) + identifiers
    nodes = identifiers + len(times) + int(seen.record.max(initial=-1)) + 1
    ends = seen.identifier[joined], rows[joined]
    _, piece = connected_components(
        coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(nodes, nodes)), directed=False
    )
    named = np.zeros(nodes, dtype=np.bool_)
    named[piece[seen.identifier[before & naming[seen.identifier]]]] = True
    if seen.profile.any():
        recorded = np.zeros(nodes, dtype=np.bool_)
        recorded[piece[seen.identifier[seen.profile]]] = True
        named &= recorded
    known: Flags = named[piece[identifiers : identifiers + len(times)]] & (times < set_out[people.owner])
    return known


def _sightings(people: People, store: Store) -> _Sightings:
    walks, frame = people.walks, people.frame
    touchpoints = pl.DataFrame(
        {
            "key": frame.detail("key")[walks.touchpoints],
            "touchpoint": np.arange(len(people.owner)),
            "user": frame.users["key"][walks.user][people.owner],
        }
    )
    owned = store.tables().identifiers.filter(pl.col("status") == ACTIVE).select("key", "type", "user")
    owned = owned.join(touchpoints.select("user").unique(), on="user", how="semi").sort("key").with_row_index("code")
    rules = frame.settings.rules
    found = [_of_chunk(chunk, owned, rules) for chunk in store.events()]
    said = pl.concat(found) if found else _of_chunk(pl.DataFrame(schema=EVENTS), owned, rules)
    said = said.join(touchpoints, on="key", how="left", maintain_order="left", suffix="_of_touchpoint")
    # An identifier whose link was refused belongs to somebody else than the touchpoint does.
    said = said.filter(
        pl.when(pl.col("kind") == "event").then(pl.col("user") == pl.col("user_of_touchpoint")).otherwise(True)
    )
    record = pl.when(pl.col("kind") == "event").then(-1).otherwise(pl.col("key").rank("dense").cast(pl.Int64) - 1)
    said = said.with_columns(record=record)
    return _Sightings(
        identifier=said["code"].cast(pl.Int64).to_numpy(),
        touchpoint=said["touchpoint"].fill_null(-1).cast(pl.Int64).to_numpy(),
        record=said["record"].to_numpy(),
        profile=(said["kind"] == "profile").to_numpy(),
        kinds=owned["type"].to_list(),
    )


def _of_chunk(chunk: pl.DataFrame, owned: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The users' own identifiers in some stored rows: key, kind (of the row), code, user (of the identifier)."""
    told = pl.col("kind").is_in(["event", "profile", "link"]) & (pl.col("source") != PERSONAS)
    rows = chunk.filter(told).select("key", "kind", "identifiers")
    rows = rows.explode("identifiers").drop_nulls("identifiers")
    rows = rows.with_columns(identifier=normalised(rows["identifiers"], rules)).drop_nulls("identifier")
    return rows.join(owned, left_on="identifier", right_on="key").select("key", "kind", "code", "user")


def _naming(people: People, seen: _Sightings) -> Flags:
    """Which identifiers are of a type by which goals are told, and records kept: [identifiers].

    Where no such type is, or no records are, it is the strongest type that goals carry.
    """
    kinds = np.array(seen.kinds, dtype=object)
    at_goals = seen.touchpoint >= 0
    at_goals[at_goals] = people.goal[seen.touchpoint[at_goals]]
    of_goals = set(kinds[seen.identifier[at_goals]])
    types = people.frame.settings.rules.types
    chosen = of_goals & set(kinds[seen.identifier[seen.record >= 0]])
    if not chosen and of_goals:
        chosen = {min(of_goals, key=lambda kind: (types[kind].priority if kind in types else 1_000, kind))}
    return np.isin(kinds, list(chosen))
