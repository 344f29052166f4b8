"""The command line: ``graphsvc COMMAND``. Thin: it parses, asks a ``Graph`` and prints."""

import gc

gc.disable()  # what imports make stays; looking for garbage in it takes a tenth of the time to an answer
from . import answers, exchange, maps, people, service  # noqa: E402, F401 (their commands join the others)
from .app import main  # noqa: E402

gc.freeze()
gc.enable()

__all__ = ["main"]
