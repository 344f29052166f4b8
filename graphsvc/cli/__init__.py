"""The command line: ``graphsvc COMMAND``. Thin: it parses, asks a ``Graph`` and prints."""

from .app import main

__all__ = ["main"]
