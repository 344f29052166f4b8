"""What all measurements of one run share: generated files, our graph of them in both stores, the peers' interpreter."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import environment
from .children import Finished, run


@dataclass
class Bench:
    """One run of the benchmarks. Whatever is left of an earlier run is deleted at its start."""

    events: int
    runs: int  # repetitions of what takes seconds; questions are repeated more often
    neo4j_runs: int  # repetitions of what fills a Neo4j
    neo4j_version: str | None = None  # None: the newest that runs here
    with_neo4j: bool = True
    _held: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        shutil.rmtree(self.work, ignore_errors=True)
        self.logs.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
        shutil.rmtree(self.work / "data", ignore_errors=True)

    @property
    def work(self) -> Path:
        """Where this run keeps its files; logs stay when it is over."""
        return environment.WORK / "run"

    @property
    def logs(self) -> Path:
        """What the children wrote to standard error."""
        return self.work / "logs"

    def new(self, name: str) -> Path:
        """A path for data that does not exist yet."""
        path = self.work / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path

    def step(self, name: str, env: Mapping[str, str] | None = None, **arguments: Any) -> Finished:
        """Run a step of ``steps`` in a child."""
        print(f"  {name} …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "bench.steps", name, json.dumps(arguments, default=str)]
        return run(command, self.logs / f"{name}.log", env)

    def generated(self, events: int) -> dict[str, Any]:
        """The files and mappings of an example of some size, as arguments for ``ingest`` and ``duckdb_load``."""
        if events not in self._generated:
            said = self.step("generate", folder=self.new(f"files-{events}"), events=events).said
            self._generated[events] = {"files": said["files"], "mappings": said["mappings"]}
        return self._generated[events]

    @cached_property
    def _generated(self) -> dict[int, dict[str, Any]]:
        return {}

    def ingested(self, url: str | Path, events: int, env: Mapping[str, str] | None = None) -> Finished:
        """Our ingest of an example into a fresh store."""
        return self.step("ingest", env, url=url, rejects=self.new("rejects.jsonl"), **self.generated(events))

    @cached_property
    def store(self) -> Path:
        """An embedded store that holds the example."""
        path = self.new("journeys.duckdb")
        self.ingested(path, self.events)
        return path

    @cached_property
    def exported(self) -> Path:
        """A folder with our journeys for the peers, and identifiers to look up."""
        folder = self.new("exported")
        self.step("export_journeys", url=self.store, folder=folder)
        return folder

    @cached_property
    def neo4j(self) -> dict[str, str]:
        """A Neo4j that holds the example until the run is over."""
        env = self._held.enter_context(self.fresh_neo4j())
        self.step("copy", env, source=self.store, target=env["NEO4J_URI"])
        return env

    def stores(self) -> Iterator[tuple[str, str, dict[str, str] | None]]:
        """The stores that hold the example: name, URL, variables by which it is reached."""
        yield "embedded", str(self.store), None
        if self.with_neo4j:
            yield "Neo4j", self.neo4j["NEO4J_URI"], self.neo4j

    def fresh_neo4j(self) -> AbstractContextManager[dict[str, str]]:
        """An empty Neo4j for the length of a block."""
        return environment.neo4j_server(self.neo4j_version, self.logs / "neo4j.log")
