"""The Cypher statements of this project: one per file under ``cypher/``, named and documented in its head comment.

    // name: read/user_of
    // Key of the user that has an identifier.
    //   $identifier  string, normalised `type:value`
    MATCH (u:User)-[:HAS]->(:Identifier {key: $identifier})
    RETURN u.key AS key

Statements take parameters only; nothing is ever pasted into their text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Statement:
    """One statement of ``cypher/``."""

    name: str  # "<folder>/<file stem>"
    doc: str
    text: str  # begins with its name, for the server's logs and SHOW TRANSACTIONS


class StatementFileError(ValueError):
    """A file under ``cypher/`` is not written as it must be; the message starts with ``file:line``."""


@cache
def statement(name: str) -> Statement:
    """The statement of a name like ``read/user_of``.

    Raises:
        KeyError: there is no such file.
        StatementFileError: its head comment is missing or odd.
    """
    file = folder() / f"{name}.cypher"
    if not file.is_file():
        raise KeyError(name)
    return parse(file, name)


def names(of: str = "") -> list[str]:
    """Names of all statements (of one folder, where given), sorted."""
    files = (file.relative_to(folder()) for file in folder().glob(f"{of or '*'}/*.cypher"))
    return sorted(file.with_suffix("").as_posix() for file in files)


def folder() -> Path:
    """Where the files are: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "cypher"
    return installed if installed.is_dir() else package.parent / "cypher"


def parse(file: Path, name: str) -> Statement:
    """Read one file.

    Raises:
        StatementFileError: the head comment does not name the statement, tells nothing, or documents other
            parameters than the statement takes; or no statement follows.
    """
    lines = file.read_text(encoding="utf-8").splitlines()
    head = next((at for at, line in enumerate(lines) if not line.startswith("//")), len(lines))
    if not head or lines[0] != f"// name: {name}":
        raise StatementFileError(f"{file}:1: the first line must be `// name: {name}`")
    doc = "\n".join(line.removeprefix("//").removeprefix(" ") for line in lines[1:head]).strip()
    text = "\n".join(lines[head:]).strip()
    if not doc:
        raise StatementFileError(f"{file}:2: a head comment must say what the statement does")
    if not text:
        raise StatementFileError(f"{file}:{head + 1}: no statement follows the head comment")
    told, taken = set(_PARAMETER.findall(doc)), set(_PARAMETER.findall(text))
    if told != taken:
        odd = ", ".join(f"${parameter}" for parameter in sorted(told ^ taken))
        raise StatementFileError(f"{file}:{head}: head comment and statement must name the same parameters; see {odd}")
    return Statement(name, doc, f"{lines[0]}\n{text}")
