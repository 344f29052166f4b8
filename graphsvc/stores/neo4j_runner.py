"""Running the statements of ``cypher/`` and reading what they return."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import neo4j
import polars as pl

from ..errors import ForeignGraph, NewerGraph
from ..settings import Settings, migrated
from .base import SCHEMA
from .neo4j_errors import Place
from .neo4j_rows import frame_of
from .statements import statement

_PAGE = 10_000  # rows per page of a whole table

#: Sends a statement: its name, its text and its parameters.
Send = Callable[[str, str, dict[str, Any]], neo4j.Result]


@dataclass(frozen=True)
class GraphHead:
    """The ``:Graph`` node and the commit fence, as a reader or writer finds them."""

    schema: int
    revision: int
    settings: Settings | None
    loading: str | None  # token of the loader
    begun: int
    ended: int
    filled: bool  # whether any event is stored


class Runner:
    """Runs statements in one session or transaction."""

    def __init__(self, place: Place, send: Send) -> None:
        self._place = place
        self._send = send
        self.begun: int | None = None  # the last commit that had begun when a fenced statement ended

    def run(self, name: str, **parameters: Any) -> neo4j.Result:
        """Run a statement of ``cypher/``; its result is consumed lazily."""
        self.begun = None
        with self._place.translated(name):
            return self._send(name, statement(name).text, parameters)

    def rows(self, name: str, **parameters: Any) -> list[list[Any]]:
        """The rows of a statement, whole."""
        self.begun = None  # what is read now is read after it
        with self._place.translated(name), _no_collection():
            return self._send(name, statement(name).text, parameters).values()

    def fenced(self, name: str, **parameters: Any) -> list[list[Any]]:
        """The rows of a statement that tells last, after all else it reads, which commit began last.

        That spares the reader another round trip for it.
        """
        rows = self.rows(name, **parameters)
        self.begun = rows[-1][-1] if rows else None
        return [row[:-1] for row in rows]

    def own(self, text: str, parameters: dict[str, Any]) -> neo4j.Result:
        """Run a statement that the user wrote; the driver's errors come as they are."""
        return self._send("query", text, parameters)

    def table(self, name: str, schema: pl.Schema, **parameters: Any) -> pl.DataFrame:
        """What a statement returns as one list of ``rows``, times being numbers there."""
        ((rows,),) = self.rows(name, **parameters)
        return frame_of(rows, schema)

    def pages(self, name: str, schema: pl.Schema, **parameters: Any) -> Iterator[pl.DataFrame]:
        """A table page by page; ``name`` returns the ``last`` key of a page and its ``rows``.

        A page is one record: the driver reads a list of rows several times faster than as many records.
        """
        after = ""
        while True:
            ((last, rows),) = self.rows(name, after=after, limit=_PAGE, **parameters) or [[None, []]]
            if last is None:
                return
            yield frame_of(rows, schema)
            after = last

    def whole(self, name: str, schema: pl.Schema, **parameters: Any) -> pl.DataFrame:
        """All pages of a table."""
        return pl.concat([pl.DataFrame(schema=schema), *self.pages(name, schema, **parameters)])

    def head(self) -> GraphHead:
        """The head as it stands now.

        Raises:
            ForeignGraph: there are nodes, but none of ours.
            NewerGraph: written by a newer graphsvc.
        """
        ((schema, revision, settings, loading, begun, ended, used, filled),) = self.rows("read/head")
        if schema is None and used:
            raise ForeignGraph(f"{self._place.url} holds data that graphsvc did not write; name another database")
        if schema is not None and schema > SCHEMA:
            raise NewerGraph(
                f"{self._place.url} has schema {schema}, this version of graphsvc knows up to {SCHEMA}; update graphsvc"
            )
        return GraphHead(
            schema=schema or SCHEMA,
            revision=revision or 0,
            settings=None if settings is None else _settings(settings, schema or SCHEMA),
            loading=loading,
            begun=begun,
            ended=ended,
            filled=filled,
        )


class Transaction(Runner):
    """Runs statements in one transaction."""

    def __init__(self, place: Place, transaction: neo4j.Transaction) -> None:
        super().__init__(place, lambda _, text, parameters: transaction.run(text, parameters))
        self._transaction = transaction

    def commit(self) -> None:
        """Commit."""
        with self._place.translated("commit"):
            self._transaction.commit()


@lru_cache(maxsize=16)
def _settings(text: str, schema: int) -> Settings:
    return Settings.model_validate_json(text if schema == SCHEMA else migrated(text, schema))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of values arrive and none is garbage: without looking for it, reading takes a third less time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
