"""The command line within the tests' own process: a process of its own takes a second to start."""

from __future__ import annotations

import contextlib
from pathlib import Path

from typer.testing import CliRunner

from graphsvc.cli import commands
from graphsvc.errors import GraphsvcError


def graphsvc(*words: str | Path, cwd: Path | None = None, code: int = 0) -> str:
    """Run a command: what it prints, or, for a code other than 0, the last line of what it says went wrong."""
    with contextlib.chdir(cwd or Path.cwd()):
        done = CliRunner().invoke(commands(), [*map(str, words)], prog_name="graphsvc")
    if isinstance(done.exception, GraphsvcError):
        assert done.exception.exit_code == code, done.exception
        return f"{done.exception.code}: {done.exception}"
    if isinstance(done.exception, Exception) and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr.strip().splitlines()[-1]
