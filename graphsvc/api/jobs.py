"""Jobs: bodies that were received and are taken in one after the other, also after a restart.

Each job is a state file ``ID.job`` and, until it is done, the body ``ID.csv`` or the like. Bodies hold personal data:
the folder is its owner's only, and a body goes when its job ends. Taking a body in twice adds nothing, so a job that
was interrupted is simply begun again.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import re
import secrets
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path as PathParameter
from fastapi import Request, Response

from ..errors import GraphsvcError, InputError, NotFound, StoreBusy, StoreError, TooManyRequests
from ..graph import Graph
from ..stores import is_neo4j
from .events import Form, Job, mapping_named, take_in
from .logs import LOGGER, log_fault
from .options import Options
from .paging import LINKED, PAGE, Cursor, Limit, page
from .problems import described
from .roles import Routers

if TYPE_CHECKING:
    from ..ingest import Progress

_KEPT = 200  # ended jobs that are still told about
_MOST_WAITING = 100
_PAUSES = (1.0, 5.0, 20.0)  # seconds, where the store cannot do it now
_OURS = re.compile(r"[0-9a-f]{24}\.(job|bad|csv|jsonl?|rejects|fresh)")  # the files that a folder of jobs may hold
_JobId = Annotated[str, PathParameter(pattern="^[0-9a-f]{24}$", description="Id of the job.")]


class _Stopped(Exception):
    """The service ends; the job goes on when it is started again."""


class Jobs:
    """The jobs of one service. One thread takes them in, in the order in which they came."""

    def __init__(self, graph: Graph, options: Options) -> None:
        self._graph = graph
        self._options = options
        self._folder = options.jobs or _beside(graph.store.url)
        self._jobs: dict[str, Job] = {}
        self._how: dict[str, dict[str, Any]] = {}  # of jobs that have not ended
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._worker: threading.Thread | None = None
        self._held: int | None = None  # the folder, opened to hold its lock

    def start(self) -> None:
        """Go on with the jobs that an earlier service left, and take new ones.

        Raises:
            StoreBusy: another service uses the folder.
            InputError: it cannot be made, or holds files of others.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._check_folder()
            self._folder.chmod(0o700)
        except BlockingIOError:
            raise StoreBusy(f"another service uses {self._folder}; name another folder in GRAPHSVC_JOBS") from None
        except OSError as error:
            raise InputError(
                f"jobs cannot wait in {self._folder} ({error.strerror}); name a folder in GRAPHSVC_JOBS"
            ) from None
        self._recover()
        self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """End; a job that is still being read goes on at the next start, one that is being written is waited for."""
        self._stopping.set()
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.join()
        if self._held is not None:
            with suppress(OSError):
                self._folder.rmdir()  # where nothing is left in it
            os.close(self._held)

    def new_body(self, form: Form) -> Path:
        """An empty file for a body, which only its owner can read."""
        now = int(time.time() * 1_000)  # ids sort by time
        body = self._folder / f"{now:012x}{secrets.token_hex(6)}.{form}"
        body.touch(mode=0o600, exist_ok=False)
        return body

    def submit(self, body: Path, *, replace: bool, mapping: str | None) -> Job:
        """Make a job of a body that was received.

        Raises:
            TooManyRequests: too many jobs wait already.
        """
        if len(self._how) >= _MOST_WAITING:
            raise TooManyRequests(f"{_MOST_WAITING} jobs wait already; send this again later")
        job = Job(id=body.stem, state="queued", created_at=_now(), bytes_total=body.stat().st_size)
        how = {"body": body.name, "replace": replace, "mapping": mapping}
        self._keep(job, how)
        self._how[job.id] = how
        self._waiting.put(job.id)
        return job

    def has(self, body: Path) -> bool:
        """Whether a body belongs to a job."""
        return body.stem in self._jobs

    def job(self, name: str) -> Job:
        """A job.

        Raises:
            NotFound: there is none of that id, or it ended long ago.
        """
        if name not in self._jobs:
            raise NotFound("there is no job of that id (any more)")
        return self._jobs[name]

    def all(self) -> list[Job]:
        """All jobs, the latest first."""
        return [self._jobs[name] for name in sorted(self._jobs, reverse=True)]

    def waiting(self) -> int:
        """How many have not ended."""
        return len(self._how)

    def _check_folder(self) -> None:
        if any(not _OURS.fullmatch(path.name) for path in self._folder.iterdir()):
            raise InputError(f"{self._folder} holds other files than jobs; name a folder of its own in GRAPHSVC_JOBS")

    def _recover(self) -> None:
        for path in sorted(self._folder.glob("*.job")):
            try:
                held = json.loads(path.read_bytes())
                job, how = Job.model_validate(held["job"]), held["how"]
            except (ValueError, KeyError, TypeError):
                path.rename(path.with_suffix(".bad"))
                LOGGER.error("the state of a job is unreadable; it is put aside, and so is its body")
                continue
            self._jobs[job.id] = job
            if how:
                self._how[job.id] = how
                self._jobs[job.id] = job.model_copy(update={"state": "queued", "rows": 0, "bytes": 0})
                self._waiting.put(job.id)
        bodies = {how["body"] for how in self._how.values()}
        aside = {path.stem for path in self._folder.glob("*.bad")}
        for path in self._folder.iterdir():
            if path.suffix != ".job" and path.name not in bodies and path.stem not in aside:
                path.unlink()  # of a request, or of a job's reading, that was interrupted

    def _work(self) -> None:
        while (name := self._waiting.get()) is not None and not self._stopping.is_set():
            try:
                self._run(name)
            except _Stopped:
                return
            except Exception as error:  # its state cannot be written, as where the disk is full
                log_fault(error, job=name)
                self._how.pop(name, None)
                failed = {
                    "state": "failed",
                    "finished_at": _now(),
                    "error": f"{_fault(error)}; begun again at a restart",
                }
                self._jobs[name] = self._jobs[name].model_copy(update=failed)

    def _run(self, name: str) -> None:
        """Take in one body; whatever happens to it, the next one has its turn."""
        self._change(name, state="running")
        try:
            ended = {"state": "done", "result": self._taken_in(name)}
        except GraphsvcError as error:
            ended = {"state": "failed", "error": f"{error.code}: {error}"}
        except _Stopped:
            raise
        except Exception as error:
            log_fault(error, job=name)
            ended = {"state": "failed", "error": _fault(error)}
        body = self._folder / self._how.pop(name)["body"]
        self._change(name, finished_at=_now(), **ended)
        body.unlink(missing_ok=True)
        self._forget_old()

    def _taken_in(self, name: str) -> Any:
        how, pauses = self._how[name], deque(_PAUSES)
        while True:
            try:
                return take_in(
                    self._graph,
                    self._folder / how["body"],
                    mapping_named(self._options, how["mapping"]),
                    replace=how["replace"],
                    max_body=self._options.max_body,
                    progress=lambda now: self._progress(name, now),
                )
            except StoreError:
                if not pauses:
                    raise
                if self._stopping.wait(pauses.popleft()):
                    raise _Stopped from None

    def _progress(self, name: str, now: Progress) -> None:
        if self._stopping.is_set():
            raise _Stopped
        self._jobs[name] = self._jobs[name].model_copy(update={"rows": now.rows, "bytes": now.bytes_done})

    def _change(self, name: str, **changes: Any) -> None:
        self._keep(self._jobs[name].model_copy(update=changes), self._how.get(name))

    def _keep(self, job: Job, how: dict[str, Any] | None) -> None:
        """Remember a job, first on disk; the file is there as a whole or not at all."""
        fresh = self._folder / f"{job.id}.fresh"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({"job": job.model_dump(), "how": how}), encoding="utf-8")
        fresh.replace(self._folder / f"{job.id}.job")
        self._jobs[job.id] = job

    def _forget_old(self) -> None:
        ended = [job.id for job in self.all() if job.id not in self._how]
        for name in ended[_KEPT:]:
            del self._jobs[name]
            (self._folder / f"{name}.job").unlink(missing_ok=True)


def add_jobs(routers: Routers, jobs: Jobs) -> None:
    """Add the endpoints about jobs."""

    @routers.write.get("/jobs", tags=["events"], operation_id="jobs", responses={200: LINKED, **described(410)})
    def all_jobs(request: Request, response: Response, cursor: Cursor = None, limit: Limit = PAGE) -> list[Job]:
        """The jobs that wait, run or have ended of late, the latest first."""
        return page(jobs.all(), len(jobs.all()), cursor, limit, request, response)

    @routers.write.get("/jobs/{id}", tags=["events"], operation_id="job", responses=described(404))
    def one_job(id: _JobId) -> Job:
        """How far a job is, and what became of its records."""
        return jobs.job(id)


def _beside(url: str) -> Path:
    """Where jobs wait unless said otherwise: beside an embedded store, else in the working folder."""
    if is_neo4j(url):
        return Path("".join(letter if letter.isalnum() else "-" for letter in url.split("://")[1]) + ".jobs")
    return Path(f"{url}.jobs")


def _fault(error: Exception) -> str:
    return f"fault: graphsvc failed ({type(error).__name__})"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
