"""Where the benchmarks run: the peers' virtual environment, a Neo4j server of their own, facts about the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from .children import ROOT, Child

WORK = ROOT / ".bench"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_HELD = "import json, os, sys; print(json.dumps({n: os.environ[n] for n in sys.argv[1:]})); sys.stdin.read()"


def peers_python() -> str:
    """The interpreter of the environment that holds the peers; made where it is missing or out of date."""
    stamp = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = WORK / f"peers-{stamp}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print("setting up the peers' environment …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True)
        (folder / "ready").touch()
    return str(python)


@contextmanager
def neo4j_server(neo4j_version: str | None, log: Path) -> Iterator[dict[str, str]]:
    """A fresh and empty Neo4j until the block ends; yields the variables by which graphsvc finds it.

    It is started by a child, so that the leading process stays small: a child's peak memory is never less than what
    the process that started it held.
    """
    names = ["NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"]
    chosen = ["--version", neo4j_version] if neo4j_version else []
    runner = [sys.executable, str(ROOT / "tests" / "neo4j_server.py"), "run", *chosen, "--heap", "2g"]
    child = Child([*runner, "--page-cache", "1g", "--", sys.executable, "-c", _HELD, *names], log)
    try:
        yield {name: str(value) for name, value in child.hear().items()}
        child.finish()
    finally:
        child.stop()


def machine() -> list[str]:
    """What ran the benchmarks, without saying whose or where it is."""
    return [
        f"{os.cpu_count()} cores ({_processor()}), {_memory_gib():.0f} GiB memory",
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars", "numpy", "pyarrow", "neo4j")),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
