"""The command line: ``graphsvc COMMAND``. Thin: it parses, asks a ``Graph`` and prints.

Only the module of the asked command is imported: what the others need takes as long as most answers.
"""

from __future__ import annotations

import gc
import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["commands", "main"]

#: Which module has a command, by its first word; those of ``answers`` are the declared answers, too.
_MODULES = {
    "app": ("ingest", "example", "demo", "user", "status", "query", "forget"),
    "answers": ("journeys", "compare", "report"),
    "exchange": ("copy", "export", "import", "neo4j-setup"),
    "maps": ("map",),
    "rules": ("resolve", "rules"),
    "decisions": ("explain", "decide", "withdraw", "decisions"),
    "people": ("erase", "key", "quality", "score", "match", "review", "identity-map"),
    "segments": ("segments",),
    "service": ("serve", "keys"),
}  # fmt: skip


def commands(word: str | None = None) -> typer.Typer:
    """The command line with the commands that a first word means; with all where there is none of that name."""
    from ..answers import ANSWERS
    from .app import app

    modules = [module for module, words in _MODULES.items() if word in words]
    if not modules:
        modules = ["answers"] if word in ANSWERS else list(_MODULES)
    for module in modules:
        importlib.import_module(f".{module}", __name__)
    if "answers" in modules:
        from .answers import add_answer

        for name in [word] if word in ANSWERS else ANSWERS:
            add_answer(str(name))
    return app


def main() -> None:
    """Run the command line."""
    gc.disable()  # what imports make stays; looking for garbage in it takes a tenth of the time to an answer
    app = commands(next((word for word in sys.argv[1:] if not word.startswith("-")), None))
    from .app import run

    gc.freeze()
    gc.enable()
    run(app)
