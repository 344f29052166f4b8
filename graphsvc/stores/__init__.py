"""Stores: where a graph lives. ``open_store`` picks one by URL; nothing outside this package imports a driver."""

from __future__ import annotations

import re

from .base import SCHEMA, Head, Status, Store, UserRows, Writer

__all__ = ["SCHEMA", "Head", "Status", "Store", "UserRows", "Writer", "is_neo4j", "open_store"]


def is_neo4j(url: str) -> bool:
    """Whether a store URL names a Neo4j server (``neo4j://…``, ``bolt://…``, with or without TLS)."""
    return re.match(r"(neo4j|bolt)(\+s|\+ssc)?://", url) is not None


def open_store(url: str, *, write: bool = True) -> Store:
    """Open the store behind a URL.

    Args:
        url: ``neo4j://host:7687`` or ``bolt://…`` for Neo4j (user, password and database come from the environment:
            ``NEO4J_USERNAME``, ``NEO4J_PASSWORD``, ``NEO4J_DATABASE``); anything else is the path of an embedded store.
        write: whether to write. An embedded store that is only read can be read by several processes at once.

    Raises:
        StoreUnavailable: it cannot be reached or opened.
        StoreBusy: another process holds the file.
    """
    if is_neo4j(url):
        from .neo4j import Neo4jStore

        return Neo4jStore(url, write=write)
    from .embedded import EmbeddedStore

    return EmbeddedStore(url, write=write)
