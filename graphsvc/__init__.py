"""Customer journeys as a graph: read event files, resolve who is who, ask what people do.

>>> import graphsvc
>>> with graphsvc.open("journeys.duckdb") as graph:
...     graph.ingest(["events.csv"])
...     graph.paths(where="start", steps=3).rows
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attribution import attribute
    from .errors import GraphsvcError
    from .graph import Graph, IngestReport, load_mapping, open
    from .settings import Settings

__version__: str
__all__ = ["Graph", "GraphsvcError", "IngestReport", "Settings", "__version__", "attribute", "load_mapping", "open"]

#: What the package offers, by module. It is imported when asked for, so that a command which needs little starts fast.
_OFFERED = {
    "Graph": "graph",
    "GraphsvcError": "errors",
    "IngestReport": "graph",
    "Settings": "settings",
    "attribute": "attribution",
    "load_mapping": "graph",
    "open": "graph",
}


def __getattr__(name: str) -> Any:
    if name in _OFFERED:
        return getattr(importlib.import_module(f".{_OFFERED[name]}", __name__), name)
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("graphsvc")
    raise AttributeError(f"module 'graphsvc' has no attribute {name!r}")
