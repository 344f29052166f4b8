"""Where a user key leads today: every key that was ever handed out still gets an answer."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .core import normalised
from .core.identity import anchors, key_of
from .core.sessions import sessions
from .errors import ErasureKeyMissing, NotFound
from .settings import Settings
from .stores import Store
from .tables import ANONYMOUS, SHARED


class Whereabouts(BaseModel):
    """What became of a user key."""

    model_config = ConfigDict(frozen=True)

    key: Annotated[str, Field(description="The key that was asked for.")]
    state: Annotated[
        Literal["current", "moved", "split", "shared", "erased"],
        Field(
            description="`current`: a user has it; `moved`: who had it has another key now; `split`: the events of "
            "that session belong to several users; `shared`: what it was made of belongs to nobody now; `erased`."
        ),
    ]
    users: Annotated[list[str], Field(description="Keys of today's users: one, or several after a split.")]
    revision: int


def whereabouts(store: Store, key: str) -> Whereabouts:
    """Where a user key leads today.

    Raises:
        NotFound: nobody ever had that key, as far as the graph can tell.
    """
    head = store.head()
    settings = head.settings or Settings()
    if store.user(key) is not None:
        return Whereabouts(key=key, state="current", users=[key], revision=head.revision)
    founder = store.founder(key)
    if founder is not None and founder["status"] == SHARED:
        return Whereabouts(key=key, state="shared", users=[], revision=head.revision)
    if founder is not None:
        return Whereabouts(key=key, state="moved", users=[founder["user"]], revision=head.revision)
    users = _of_session(store, key, settings)
    if users:
        state: Literal["moved", "split"] = "moved" if len(users) == 1 else "split"
        return Whereabouts(key=key, state=state, users=users, revision=head.revision)
    unknown = NotFound("no user has or had that key")
    try:
        erased = store.rulings().unlocked().erased_user(key)
    except ErasureKeyMissing as error:
        raise NotFound(f"{unknown}; whether its user was erased cannot be told: {error}") from None
    if erased:
        return Whereabouts(key=key, state="erased", users=[], revision=head.revision)
    raise unknown


def _of_session(store: Store, key: str, settings: Settings) -> list[str]:
    """Today's users of the session that a key was made of: it is the hash of the session's first event."""
    first = None
    with closing(store.events()) as chunks:  # ended before the store is asked for more
        for events in chunks:
            for number, event in enumerate(events["key"].to_list()):
                if key_of(ANONYMOUS + event, settings.salt) == key:
                    first = events[number]
    return [] if first is None else _owners(store, first, settings)


def _owners(store: Store, first: pl.DataFrame, settings: Settings) -> list[str]:
    """The users of an event and of those that are one session with it."""
    keys = normalised(first["identifiers"].item(), settings.rules).drop_nulls().unique()
    if not len(keys):
        return [key_of(ANONYMOUS + first["key"].item(), settings.salt)]
    around = store.around(keys)
    shared = set(around.tables.identifiers.filter(pl.col("status") == SHARED)["key"])
    placed = around.tables.journeys.select("user", event="touchpoints").explode("event")
    own = {first["key"].item()}
    if set(keys) <= shared:
        hooks = anchors(around.events, around.tables.identifiers, settings.rules)
        held = dict(zip(around.events["key"], hooks, strict=True))
        lone = around.events.filter(pl.col("key").is_in([event for event, hook in held.items() if hook in shared]))
        rows = lone.select("key", "at").with_columns(
            code=pl.Series([held[event] for event in lone["key"]], dtype=pl.String),
            row=pl.int_range(len(lone), dtype=pl.UInt32, eager=True),
        )
        chains = sessions(rows).with_columns(event=lone["key"].gather(sessions(rows)["row"]))
        mine = chains.filter(pl.col("event") == first["key"].item())["first"]
        own |= set(chains.filter(pl.col("first").is_in(mine.implode()))["event"])
    found = placed.filter(pl.col("event").is_in(sorted(own)))["user"].unique().sort().to_list()
    if found:
        return found
    (hook,) = anchors(first, around.tables.identifiers, settings.rules)  # no touchpoint: a profile, or excluded
    return around.tables.identifiers.filter(pl.col("key") == hook)["user"].drop_nulls().to_list()
