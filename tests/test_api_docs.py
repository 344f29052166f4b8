"""The commands of docs/service.md do what it says, on a service that runs as its own process."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_cli import EVENTS
from .test_docs import blocks

PAGE = "docs/service.md"
PROGRAM = f"{shlex.quote(sys.executable)} -m graphsvc"


def commands(program: str) -> list[str]:
    return [line for block in blocks(PAGE, "sh") for line in block.splitlines() if line.startswith(program)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of the service that the page starts, and an environment with its last key, in which commands run."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "export.csv").write_text(EVENTS)
    for line in commands("graphsvc keys"):
        made = subprocess.run(
            re.sub("^graphsvc", PROGRAM, line), shell=True, cwd=folder, capture_output=True, text=True, check=True
        )
    environment = {**os.environ, "KEY": made.stderr.split()[-1], "GRAPHSVC_KEYS_FILE": "keys.txt", "PWD": str(folder)}
    assert "export GRAPHSVC_KEYS_FILE=keys.txt" in (Path(__file__).parents[1] / PAGE).read_text(encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (serve,) = commands("graphsvc serve")
    command = [*shlex.split(PROGRAM), *shlex.split(serve)[1:], "--port", address.partition(":")[2]]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)
    try:
        _wait(f"http://{address}/readyz")
        yield address, environment
    finally:
        process.terminate()
        assert process.wait(30) in (0, 143, -15)
    said = (folder / "log").read_text()
    assert '"route": "/events", "status": 200' in said and '"key": "privacy-desk"' in said
    assert "steps=3" not in said


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the service does not start")


def test_each_request_of_the_page_is_answered(service: tuple[str, dict[str, str]]) -> None:
    address, environment = service
    asked = commands("curl")
    assert len(asked) == 7
    for line in asked:
        here = line.replace("127.0.0.1:8000", address).replace("curl", "curl --silent --fail-with-body", 1)
        done = subprocess.run(here, shell=True, cwd=environment["PWD"], env=environment, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout, f"{line}\n{done.stdout}{done.stderr}"
        assert ("location: /jobs/" in done.stdout) == ("respond-async" in line)
