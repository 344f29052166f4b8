"""Customer journeys as a graph: read event files, resolve who is who, ask what people do.

>>> import graphsvc
>>> with graphsvc.open("journeys.duckdb") as graph:
...     graph.ingest(["events.csv"])
...     graph.paths(where="start", steps=3).rows
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import importing

if TYPE_CHECKING:
    from .attribution import attribute
    from .errors import GraphsvcError
    from .graph import Graph, IngestReport, load_mapping, open
    from .settings import Settings
    from .version import __version__

__all__ = ["Graph", "GraphsvcError", "IngestReport", "Settings", "__version__", "attribute", "load_mapping", "open"]

__getattr__ = importing(
    __name__,
    {
        "attribution": ("attribute",),
        "errors": ("GraphsvcError",),
        "graph": ("Graph", "IngestReport", "load_mapping", "open"),
        "settings": ("Settings",),
        "version": ("__version__",),
    },
)
