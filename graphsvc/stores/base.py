"""The seam between graphsvc and the place where a graph lives."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from ..core import Derived
from ..errors import GraphMoved
from ..frame import JourneyFrame
from ..renewal import Recent
from ..rulings import Rulings
from ..settings import Settings
from ..tables import KEYS, Changes, Neighbourhood, Tables

#: Version of the graph's shape. A store refuses a newer graph and migrates an older one.
SCHEMA = 2


@dataclass(frozen=True)
class Status:
    """What a graph holds."""

    url: str  # without credentials
    store: str  # engine and its version
    schema: int
    revision: int
    settings: Settings | None  # None: there is no graph yet
    counts: dict[str, int]  # events, users, identifiers, links, touchpoints, journeys, channels, decisions, erasures
    data_from: datetime | None  # first and latest touchpoint
    data_to: datetime | None


@dataclass(frozen=True)
class Head:
    """What every answer must know of the graph that it speaks of."""

    revision: int
    settings: Settings | None  # None: there is no graph yet
    data_end: datetime | None  # the latest touchpoint


@dataclass(frozen=True)
class UserRows:
    """One user's rows as plain values (for so few, columns cost more than they save)."""

    head: Head
    user: dict[str, Any]  # tables.USERS
    identifiers: list[dict[str, Any]]  # tables.IDENTIFIERS, in no order
    journeys: list[dict[str, Any]]  # tables.JOURNEYS, in no order


class Writer(Protocol):
    """One write transaction. It holds the graph's lock: nobody else writes until it ends."""

    settings: Settings | None  # of the graph as it stands; None where there is none yet
    revision: int
    rulings: Rulings  # of the graph as it stands, without the secret

    def has_events(self) -> bool:
        """Whether the graph holds any event (if not, :meth:`load` may be used)."""

    def stored(self, keys: pl.Series) -> pl.DataFrame:
        """The stored events (``tables.EVENTS``) that have one of these keys."""

    def identifiers(self, keys: pl.Series) -> pl.DataFrame:
        """What is stored of some identifiers (``tables.IDENTIFIERS``)."""

    def links_of(self, keys: pl.Series) -> pl.DataFrame:
        """The links that begin or end at some identifiers (``tables.LINKS``)."""

    def unit(self, components: pl.Series) -> Neighbourhood:
        """All that is stored of some raw components, by their names."""

    def everything(self) -> Neighbourhood:
        """The whole graph as one neighbourhood."""

    def replace(self, changes: Changes, settings: Settings) -> int:
        """Apply one commit and return the new revision (the old one where nothing differs)."""


class Store(Protocol):
    """A place where one graph lives."""

    url: str
    commit_rows: int | None  # most new events in one commit; None: no limit
    recent: Recent  # what was written through it lately
    spool: Path | None  # file beside which events may wait on disk; None: in the system's folder for such

    def revision(self) -> int:
        """Revision of the graph now (0: no graph yet)."""

    def head(self) -> Head:
        """Revision, settings and data end in one cheap read at one revision."""

    def status(self) -> Status:
        """Counts, versions, settings and data range."""

    def frame(self) -> JourneyFrame:
        """All journeys, read at one revision."""

    def detail(self, name: str, revision: int) -> pl.Series:
        """A detail of all touchpoints in the order of the frame of this revision (``JourneyFrame.detail``).

        Raises:
            GraphMoved: the graph is at another revision now.
        """

    def user_of(self, keys: Callable[[Settings], Sequence[str]]) -> str | None:
        """Key of the user that has the first of some identifiers that anybody has.

        Args:
            keys: the identifier keys, under the settings of the graph.
        """

    def user(self, key: str) -> UserRows | None:
        """What is stored of one user, at one revision; None where there is no such user."""

    def around(self, identifiers: pl.Series) -> Neighbourhood:
        """All that is stored of the raw components of some identifiers, at one revision; of shared ones every link."""

    def founder(self, user_key: str) -> dict[str, Any] | None:
        """The identifier (``tables.IDENTIFIERS``) that a user key is made of; None where there is none."""

    def compact(self) -> list[str]:
        """Take what was deleted out of the store's files, as far as that can be done; says what is left to do."""

    def writer(self) -> AbstractContextManager[Writer]:
        """Begin a write; leaving the block commits, an exception rolls back."""

    def load(
        self, events: pl.LazyFrame, derived: Derived, settings: Settings, rulings: Rulings, *, expected: int
    ) -> int:
        """Put a whole graph, in bulk, in place of the one at revision ``expected``. Returns the new revision.

        Killed midway, the next writer starts from an empty graph (or from the former one, where the store can).

        Raises:
            GraphMoved: somebody else wrote since that revision; nothing was changed.
        """

    def events(self) -> Generator[pl.DataFrame, None, None]:
        """The stored events in chunks, sorted by key."""

    def rulings(self) -> Rulings:
        """The decisions and erasures, without the secret."""

    def tables(self) -> Tables:
        """The derived tables, whole."""

    def cypher(self, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Run a named statement of ``cypher/`` and return its rows; ``CypherUnsupported`` where there is no Cypher."""

    def query(self, text: str, parameters: dict[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Run a user's read-only statement (Cypher on Neo4j, SQL on the embedded store): columns and rows."""

    def close(self) -> None:
        """Let go of the store."""


def property_of(detail: str) -> str:
    """The column or property of a touchpoint that a detail is read from."""
    return detail.partition(".")[0]


def moved(url: str, was: int, now: int) -> GraphMoved:
    """The error of a read that needs another revision than there is."""
    return GraphMoved(f"{url} went from revision {was} to {now} while it was asked; ask again")


def with_links(unit: Neighbourhood, links: pl.DataFrame, identifiers: pl.DataFrame) -> Neighbourhood:
    """Some components with further links, and the identifiers that were asked for."""
    tables = replace(
        unit.tables,
        links=pl.concat([unit.tables.links, links]).unique(KEYS["links"]).sort(KEYS["links"]),
        identifiers=pl.concat([unit.tables.identifiers, identifiers]).unique("key").sort("key"),
    )
    return replace(unit, tables=tables)
