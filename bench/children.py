"""Child processes as the leading process sees them: what they print, how long they took, their peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_TO_MIB = 1 / 1024 if sys.platform != "darwin" else 1 / 1024**2  # ru_maxrss: KiB on Linux, bytes on macOS


class ChildFailed(RuntimeError):
    """A child ended with an error; the message holds the end of what it wrote to its log."""


@dataclass(frozen=True)
class Finished:
    """One child that has run to its end."""

    seconds: float  # wall time of the whole process, start-up included
    peak_mib: float  # most resident memory that it ever had
    said: dict[str, Any]  # the last JSON object that it printed, or {}


class Child:
    """A process that speaks one JSON object a line."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.command = list(command)
        self._log = log
        self._began = time.perf_counter()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send a line and wait for the line that answers it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Wait for the next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        heard: dict[str, Any] = json.loads(line)
        return heard

    def finish(self) -> Finished:
        """Close its input, wait for its end and take stock."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - self._began
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode != 0:
            raise self._failure()
        last = lines[-1] if lines and lines[-1].startswith("{") else "{}"
        return Finished(seconds, usage.ru_maxrss * _TO_MIB, json.loads(last))

    def stop(self) -> None:
        """End it, however it feels."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _failure(self) -> ChildFailed:
        self.stop()
        tail = self._log.read_text(errors="replace")[-2_000:]
        return ChildFailed(f"{' '.join(self.command[1:4])} failed (exit {self._process.returncode}):\n{tail}")


def run(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Finished:
    """Run a command to its end.

    Raises:
        ChildFailed: it ended with an error.
    """
    child = Child(command, log, env)
    try:
        return child.finish()
    finally:
        child.stop()
