"""Customer journeys as a graph: read event files, resolve who is who, ask what people do.

>>> import graphsvc
>>> with graphsvc.open("journeys.duckdb") as graph:
...     graph.ingest(["events.csv"])
...     graph.paths(where="start", steps=3).rows
"""

from importlib.metadata import version as _version

__version__ = _version("graphsvc")
__all__ = ["Graph", "GraphsvcError", "IngestReport", "Settings", "__version__", "load_mapping", "open"]

from .errors import GraphsvcError
from .graph import Graph, IngestReport, load_mapping, open
from .settings import Settings
