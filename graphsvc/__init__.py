"""Customer journeys as a graph: read event files, resolve who is who, ask what people do."""

from importlib.metadata import version as _version

__version__ = _version("graphsvc")
