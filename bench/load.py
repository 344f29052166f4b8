"""A service under load: reads at a fixed rate, writes beside them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Said = dict[str, Any]
MAX_AGE = 5
_SECONDS = 30  # after which an answer is given up
_REVISION = re.compile(rb'\r\netag: W/"(\d+)-', re.IGNORECASE)  # of the graph: cheaper to read than the body
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_QUESTIONS = (
    "/paths?top=20",
    "/paths?where=end&steps=3",
    "/paths?segment=older",
    "/transitions",
    "/transitions?label=channel",
    "/steps?depth=6",
    "/funnel?step=product_view&step=add_to_cart&step=purchase",
    "/touches",
    "/matrix",
    "/status",
)


def load(url: str, folder: str, seconds: int, reads: int, writes: int) -> Said:
    """Serve a graph in a process of its own; ask ``reads`` times and write ``writes`` times a second.

    Nine reads in ten are questions, one is a person (found by identifier, then shown).

    Returns:
        seconds of each read and write from when it was due, how many failed, the oldest answer, and whether the graph
        is afterwards what all its events come to in one go.
    """
    known = json.loads(Path(folder, "identifiers.json").read_text(encoding="utf-8"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRAPHSVC_MAX_AGE": str(MAX_AGE), "GRAPHSVC_RATE": "1000/second"}
    command = [sys.executable, "-m", "graphsvc", "serve", "--store", url, "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=sys.stderr) as service:
        try:
            client = _Client(port, known, reads, writes)
            said = asyncio.run(client.run(seconds))
        finally:
            service.terminate()
            service.wait()
    return said | {"right": _is_right(url), "written": client.written}


class _Client:
    """Sends requests when they are due, whether or not earlier ones have been answered."""

    def __init__(self, port: int, known: dict[str, Any], reads: int, writes: int) -> None:
        self.http, self.known = _Connections(port), known
        self.reads, self.writes = reads, writes
        self.written = 0
        self.latest = 0  # revision that the last write led to
        self.behind: dict[int, float] = {}  # when each revision was there
        self._random = random.Random(1)

    async def run(self, seconds: int) -> Said:
        """The whole load; the first requests, which load the frame, are not counted."""
        await self._ready()
        for question in _QUESTIONS:
            await self.http.ask("GET", question)
        told: dict[str, list[float]] = {"reads": [], "writes": [], "ages": []}
        failed: list[str] = []
        began = time.perf_counter() + 0.1
        tasks = [
            asyncio.create_task(self._due(began + nth / rate, ask, told[kind], failed, told["ages"]))
            for kind, rate, ask in (("reads", self.reads, self._read), ("writes", self.writes, self._write))
            for nth in range(seconds * rate)
        ]
        await asyncio.gather(*tasks)
        self.http.close()
        return {**told, "failed": failed[:10], "failures": len(failed)}

    async def _ready(self) -> None:
        for _ in range(600):
            with suppress(OSError):
                if (await self.http.ask("GET", "/readyz")).status == 200:
                    return
            await asyncio.sleep(0.1)
        raise RuntimeError("the service did not become ready")

    async def _due(
        self,
        due: float,
        ask: Callable[[], Awaitable[list[_Response]]],
        seconds: list[float],
        failed: list[str],
        ages: list[float],
    ) -> None:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        try:
            responses = await ask()
        except Exception as error:  # whatever goes wrong is counted, and told
            failed.append(repr(error))
            return
        seconds.append(time.perf_counter() - due)
        for response in responses:
            if response.status >= 400:
                failed.append(f"{response.status} {response.body[:200]!r}")
            elif tag := _REVISION.search(response.head):
                revision = int(tag[1])
                newer = [at for known, at in list(self.behind.items()) if known > revision]
                ages.append(time.perf_counter() - min(newer) if newer else 0.0)

    async def _read(self) -> list[_Response]:
        if self._random.random() < 0.9:
            return [await self.http.ask("GET", self._random.choice(_QUESTIONS))]
        wanted = {"identifier": self._random.choice(self.known["keys"])}
        found = await self.http.ask("POST", "/users/lookup", wanted)
        if found.status >= 400:
            return [found]
        return [found, await self.http.ask("GET", f"/users/{json.loads(found.body)['key']}/journeys")]

    async def _write(self) -> list[_Response]:
        self.written += 1
        kind, value = self._random.choice(self.known["keys"]).split(":", 1)
        at = datetime.fromisoformat(self.known["last"]) + timedelta(seconds=self.written)
        event = {"time": at.isoformat(), "name": "product_view", "channel": "website", "identifiers": {kind: value}}
        response = await self.http.ask("POST", "/events", [event | {"event_id": f"load-{self.written}"}])
        if response.status < 400:
            self.behind[json.loads(response.body)["revision"]] = time.perf_counter()
        return [response]


@dataclass(frozen=True)
class _Response:
    status: int
    head: bytes
    body: bytes


class _Connections:
    """Requests over connections that are kept. A client library would take as much of two cores as the service does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, method: str, path: str, body: Any = None) -> _Response:
        """Send a request, with a body of JSON where one is given, and read what comes back."""
        async with asyncio.timeout(_SECONDS):
            reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
            sent = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(sent)}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + sent)
            told = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(told)
            if length is None:
                raise OSError("an answer does not tell its length")
            found = _Response(int(told[9:12]), told, await reader.readexactly(int(length[1])))
        self._idle.append((reader, writer))
        return found

    def close(self) -> None:
        """End the connections."""
        for _, writer in self._idle:
            writer.close()


def _is_right(url: str) -> bool:
    """Whether a graph is what all its events come to in one go."""
    import polars as pl

    from graphsvc.core import Derived
    from graphsvc.settings import Settings
    from graphsvc.stores import open_store
    from graphsvc.tables import DERIVED, KEYS

    store = open_store(url, write=False)
    events = pl.concat(list(store.events()))
    derived = Derived(events.lazy(), store.head().settings or Settings(), store.rulings().unlocked()).tables()
    held = dict(store.tables().items())
    store.close()
    return all(
        table.select(DERIVED[name].names()).sort(KEYS[name]).equals(
            held[name].select(DERIVED[name].names()).sort(KEYS[name])
        )
        for name, table in derived.items()
    )  # fmt: skip
