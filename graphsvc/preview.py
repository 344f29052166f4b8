"""What other settings would make of the people, before anything is written."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .core import Derived, normalised
from .rules import Rules, demand_known_types
from .settings import Settings
from .spool import Spool
from .stores import Store
from .tables import SHARED, Tables


class Preview(BaseModel):
    """How the people of a graph would change."""

    model_config = ConfigDict(frozen=True)

    users_before: int
    users_after: int
    merges: Annotated[int, Field(description="Users who would hold identifiers of several of today's users.")]
    splits: Annotated[int, Field(description="Today's users whose identifiers would not stay with one user.")]
    touched: Annotated[
        int, Field(description="Today's users whose identifiers or journeys would not stay as they are.")
    ]
    shared_before: Annotated[int, Field(description="Shared identifiers today.")]
    shared_after: int
    refused_before: Annotated[int, Field(description="Refused links today.")]
    refused_after: int
    set_aside: Annotated[int, Field(description="Identifiers of today that would be blocked.")]
    revision: int


def preview(store: Store, settings: Settings) -> Preview:
    """What the graph would be under other settings.

    Raises:
        RulesError: a new rule is for a type that no identifier has.
    """
    head = store.head()
    with Spool(store.spool) as spool:
        for chunk in store.events():
            spool.add(chunk)
        events = spool.events()
        if settings.retain_from is not None:
            events = events.filter((pl.col("at") >= settings.retain_from).fill_null(True))
        after = Derived(events, settings, store.rulings().unlocked()).tables()
    former = (head.settings or Settings()).rules
    demand_known_types(settings.rules, former, after.identifiers["type"].unique())
    return compared(store.tables(), after, settings.rules, head.revision)


def compared(before: Tables, after: Tables, rules: Rules, revision: int) -> Preview:
    """The differences between two states of one graph.

    Today's identifiers are found again in the form that the new rules give them.
    """
    keys = normalised(before.identifiers["key"], rules)
    was = before.identifiers.select("user").with_columns(key=keys).drop_nulls().select("key", old="user")
    now = after.identifiers.drop_nulls("user").select("key", new="user")
    both = was.join(now, on="key", how="left")
    parts = both.group_by("old").agg(
        parts=pl.col("new").drop_nulls().n_unique(), lost=pl.col("new").is_null().any(), kept=pl.col("new").count()
    )
    origins = both.drop_nulls("new").group_by("new").agg(origins=pl.col("old").n_unique())
    return Preview(
        users_before=len(before.users),
        users_after=len(after.users),
        merges=int((origins["origins"] > 1).sum()),
        splits=int(((parts["parts"] > 1) | (parts["lost"] & (parts["kept"] > 0))).sum()),
        touched=_touched(before, after),
        shared_before=_shared(before),
        shared_after=_shared(after),
        refused_before=int((~before.links["accepted"]).sum()),
        refused_after=int((~after.links["accepted"]).sum()),
        set_aside=keys.null_count(),
        revision=revision,
    )


def _shared(tables: Tables) -> int:
    return int((tables.identifiers["status"] == SHARED).sum())


def _touched(before: Tables, after: Tables) -> int:
    """Users of before who are not found again with their key, identifiers and journeys."""
    held = ["key", "user"]
    journeys = ["key", "user", "touchpoints", "converted", "stages"]
    gone = [
        before.users["key"].filter(~before.users["key"].is_in(after.users["key"].implode())),
        before.identifiers.select(held).join(after.identifiers.select(held), on=held, how="anti")["user"],
        after.identifiers.select(held).join(before.identifiers.select(held), on=held, how="anti")["user"],
        before.journeys.select(journeys).join(after.journeys.select(journeys), on=journeys, how="anti")["user"],
        after.journeys.select(journeys).join(before.journeys.select(journeys), on=journeys, how="anti")["user"],
    ]
    concerned = pl.concat(gone).drop_nulls().unique()
    return int(concerned.is_in(before.users["key"].implode()).sum())
