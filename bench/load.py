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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Said = dict[str, Any]
MAX_AGE = 5
_REVISION = re.compile(r'W/"(\d+)-')  # of the graph, in an answer's tag: cheaper to read than its body
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
            client = _Client(f"http://127.0.0.1:{port}", known, reads, writes)
            said = asyncio.run(client.run(seconds))
        finally:
            service.terminate()
            service.wait()
    return said | {"right": _is_right(url), "written": client.written}


class _Client:
    """Sends requests when they are due, whether or not earlier ones have been answered."""

    def __init__(self, base: str, known: dict[str, Any], reads: int, writes: int) -> None:
        self.base, self.known = base, known
        self.reads, self.writes = reads, writes
        self.written = 0
        self.latest = 0  # revision that the last write led to
        self.behind: dict[int, float] = {}  # when each revision was there
        self._random = random.Random(1)

    async def run(self, seconds: int) -> Said:
        """The whole load; the first requests, which load the frame, are not counted."""
        import httpx2

        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
        async with httpx2.AsyncClient(base_url=self.base, timeout=30.0, limits=limits) as self.http:
            await self._ready()
            for question in _QUESTIONS:
                await self.http.get(question)
            told: dict[str, list[float]] = {"reads": [], "writes": [], "ages": []}
            failed: list[str] = []
            began = time.perf_counter() + 0.1
            tasks = [
                asyncio.create_task(self._due(began + nth / rate, ask, told[kind], failed, told["ages"]))
                for kind, rate, ask in (("reads", self.reads, self._read), ("writes", self.writes, self._write))
                for nth in range(seconds * rate)
            ]
            await asyncio.gather(*tasks)
        return {**told, "failed": failed[:10], "failures": len(failed)}

    async def _ready(self) -> None:
        import httpx2

        for _ in range(600):
            try:
                if (await self.http.get("/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.1)
        raise RuntimeError("the service did not become ready")

    async def _due(
        self,
        due: float,
        ask: Callable[[], Awaitable[list[Any]]],
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
            if response.status_code >= 400:
                failed.append(f"{response.status_code} {response.text[:200]}")
            elif response.request.method == "GET" and (tag := _REVISION.match(response.headers.get("etag", ""))):
                revision = int(tag[1])
                newer = [at for known, at in list(self.behind.items()) if known > revision]
                ages.append(time.perf_counter() - min(newer) if newer else 0.0)

    async def _read(self) -> list[Any]:
        if self._random.random() < 0.9:
            return [await self.http.get(self._random.choice(_QUESTIONS))]
        found = await self.http.post("/users/lookup", json={"identifier": self._random.choice(self.known["keys"])})
        if found.status_code >= 400:
            return [found]
        return [found, await self.http.get(f"/users/{found.json()['key']}/journeys")]

    async def _write(self) -> list[Any]:
        self.written += 1
        kind, value = self._random.choice(self.known["keys"]).split(":", 1)
        at = datetime.fromisoformat(self.known["last"]) + timedelta(seconds=self.written)
        event = {"time": at.isoformat(), "name": "product_view", "channel": "website", "identifiers": {kind: value}}
        response = await self.http.post("/events", json=[event | {"event_id": f"load-{self.written}"}])
        if response.status_code < 400:
            self.behind[response.json()["revision"]] = time.perf_counter()
        return [response]


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
