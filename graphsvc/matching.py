"""Fuzzy matches as links of the graph: what ``match`` finds in a list of people is stored, replayed and undone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .commit import commit
from .core import normalised
from .errors import InputError, NotFound
from .match import match
from .settings import Settings
from .stores import Store
from .tables import EVENTS
from .writing import unerased


class Matches(BaseModel):
    """What became of the matches of a list of people."""

    model_config = ConfigDict(frozen=True)

    records: Annotated[int, Field(description="Rows of the list.")]
    links: Annotated[int, Field(description="Links with a confidence at or above the threshold that were added.")]
    review: Annotated[int, Field(description="Links held back: each alone joins two large dense groups.")]
    former: Annotated[int, Field(description="Links of an earlier match of this list that are no more.")]
    erased: Annotated[int, Field(description="Links left out because they name somebody who was erased.")]
    notes: list[str]
    revision: int


class ToReview(BaseModel):
    """A match that waits for a decision."""

    model_config = ConfigDict(frozen=True)

    a: Annotated[str, Field(description="Identifier, `type:value`.")]
    b: Annotated[str, Field(description="Identifier, `type:value`.")]
    confidence: float
    users: Annotated[list[str | None], Field(description="The user of each.")]


def read_people(path: Path) -> pl.DataFrame:
    """A list of people: CSV (also gzipped) or Parquet, every column as text.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path).cast(pl.String)
        return pl.read_csv(path.read_bytes(), infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as a list of people: {str(error).splitlines()[0]}") from None


def add_matches(store: Store, people: pl.DataFrame, *, name: str, threshold: float, seed: int = 0) -> Matches:
    """Match a list of people and add what is found to the graph, in place of an earlier match of that list.

    Args:
        store: where the graph lives.
        people: see :func:`match.match`.
        name: of the list; its links have the source ``match:<name>``.
        threshold: least confidence of a link.
        seed: of the random pairs that weights are learnt from.

    Raises:
        InputError: the list lacks ``identifier`` or anything to compare, or splink is missing.
        NotFound: there is no graph.
    """
    found = match(people, threshold=threshold, seed=seed)
    source = f"match:{name}"
    rows = pl.concat([_rows(found.links, "link", source), _rows(found.held, "review", source)])
    former = [chunk.filter(pl.col("source") == source)["key"] for chunk in store.events()]
    with store.writer() as writer:
        if writer.settings is None:
            raise NotFound(f"there is no graph in {store.url} yet; begin with `graphsvc ingest FILES`")
        rulings = writer.rulings.unlocked()
        known = unerased(rows, writer.settings, rulings)
        gone = pl.concat([pl.Series([], dtype=pl.String), *former])
        gone = gone.filter(~gone.is_in(known["key"].implode()))
        stored = writer.stored(known["key"])
        put = known.join(stored, on=known.columns, how="anti", nulls_equal=True)
        revision = commit(writer, put, writer.settings, rulings, gone=gone)
    return Matches(
        records=len(people),
        links=int((known["kind"] == "link").sum()),
        review=int((known["kind"] == "review").sum()),
        former=len(gone),
        erased=len(rows) - len(known),
        notes=list(found.notes),
        revision=revision,
    )


def to_review(store: Store) -> list[ToReview]:
    """The matches that wait for a decision, the surest first."""
    tables, rules = store.tables(), (store.head().settings or Settings()).rules
    decisions = store.rulings().decisions.filter(pl.col("kind") != "withdrawn")
    ends = (normalised(decisions[end], rules) for end in ("a", "b"))
    settled = {frozenset(pair) for pair in zip(*ends, strict=True)}
    user: dict[str, str | None] = dict(tables.identifiers.select("key", "user").iter_rows())
    waiting = tables.links.filter(pl.col("reason") == "review").sort(
        ["confidence", "a", "b"], descending=[True, False, False]
    )
    return [
        ToReview(a=a, b=b, confidence=confidence, users=[user[a], user[b]])
        for a, b, confidence in waiting.select("a", "b", "confidence").iter_rows()
        if frozenset((a, b)) not in settled
    ]


def _rows(links: pl.DataFrame, kind: str, source: str) -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        dict.fromkeys(EVENTS.names())
        | {
            "key": hashlib.sha256("\0".join([source, a, b]).encode()).hexdigest()[:32],
            "kind": kind,
            "source": source,
            "identifiers": sorted((a, b)),
            "confidence": confidence,
        }
        for a, b, confidence in links.select("a", "b", "confidence").iter_rows()
    ]
    return pl.DataFrame(rows, schema=EVENTS)
