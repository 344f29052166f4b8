"""``POST /events``: a body goes to disk as it comes and is read from there; a large one becomes a job."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ..errors import BodyTooLarge, InputError, NotFound, UnsupportedBody, nearest
from ..graph import Graph, load_mapping
from .options import MIB, Options
from .problems import described
from .roles import Routers

if TYPE_CHECKING:
    from ..ingest import Mapping, Progress
    from .jobs import Jobs

Form = Literal["json", "jsonl", "csv"]
_FORMS: dict[str, Form] = {
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/csv": "csv",
}
#: A JSON array is read whole, so it may not be longer; the other forms are read block by block.
MAX_ARRAY = 16 * MIB
#: A gzipped body may inflate to so many times the bytes that a body may have.
INFLATES = 20
_DEFLATE = 1_032  # deflate makes at most so many bytes of one
#: Rejects that an answer names; all are counted.
MAX_REJECTS = 1_000


class Event(BaseModel):
    """One record: what one person did on one channel at one time, with at least one identifier."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "time": "2026-03-01T10:15:00Z",
                    "name": "product_view",
                    "channel": "website",
                    "identifiers": {"cookie": "c-17", "email": "ann@example.org"},
                    "traits": {"age": 34},
                }
            ]
        }
    )

    identifiers: Annotated[
        dict[str, str | list[str]],
        Field(description="By type: `email`, `phone`, `cookie`, `customer_id`, or a type of your own."),
    ]
    kind: Annotated[
        Literal["event", "profile", "link"],
        Field(description="`profile` tells traits only, `link` declares two identifiers one person."),
    ] = "event"
    time: Annotated[str | None, Field(description="ISO 8601; UTC where it has no offset. An event needs it.")] = None
    name: Annotated[str | None, Field(description="What was done. An event needs it.")] = None
    channel: Annotated[str | None, Field(description="Where it was done. An event needs it.")] = None
    event_id: Annotated[str | None, Field(description="What makes it the same event when it comes again.")] = None
    stage: Annotated[str | None, Field(description="Stage of the customer journey.")] = None
    value: Annotated[float | None, Field(description="What it earned, in `currency`.")] = None
    cost: Annotated[float | None, Field(description="What it cost, in `currency`.")] = None
    currency: Annotated[str | None, Field(description="ISO 4217.", examples=["EUR"])] = None
    sentiment: Annotated[float | None, Field(description="From -1 (bad) to 1 (good).")] = None
    question: Annotated[str | None, Field(description="What the person asked, in words.")] = None
    traits: Annotated[dict[str, Any] | None, Field(description="What is known of the person, by name.")] = None
    properties: Annotated[dict[str, Any] | None, Field(description="What is known of the event, by name.")] = None


class RejectedEvent(BaseModel):
    """A record that was not taken."""

    line: Annotated[int, Field(description="Record of an array, or line of the body, from 1.")]
    field: Annotated[str | None, Field(description="The field at fault, where it is one.")]
    reason: Annotated[str, Field(description="Why; docs/mapping.md lists the reasons.", examples=["no time"])]


class Ingested(BaseModel):
    """What became of the records of a request."""

    rows: Annotated[int, Field(description="Records in the request.")]
    new: Annotated[int, Field(description="Events that the graph did not hold.")]
    duplicates: Annotated[int, Field(description="Events that it held already.")]
    conflicts: Annotated[int, Field(description="Records with the event key of another one; one of the two stays.")]
    replaced: Annotated[int, Field(description="Former events that a record took the place of (`replace`).")]
    erased: Annotated[int, Field(description="Refused: they hold an identifier of somebody who was erased.")]
    forgotten: Annotated[int, Field(description="Records before the retention date, which are refused.")]
    rejected: Annotated[int, Field(description="Records that were not taken because they are bad.")]
    rejects: Annotated[list[RejectedEvent], Field(description=f"The first {MAX_REJECTS:,} of them, with the reason.")]
    revision: Annotated[int, Field(description="Revision of the graph afterwards.")]


class Job(BaseModel):
    """A body that is being taken in."""

    id: Annotated[str, Field(description="For `/jobs/{id}`.")]
    state: Annotated[
        Literal["queued", "running", "done", "failed"],
        Field(description="`queued` jobs go on after a restart of the service, also those that were running."),
    ]
    created_at: Annotated[str, Field(description="UTC.")]
    finished_at: Annotated[str | None, Field(description="UTC.")] = None
    rows: Annotated[int, Field(description="Records read so far.")] = 0
    bytes: Annotated[int, Field(description="Bytes read so far.")] = 0
    bytes_total: Annotated[int, Field(description="Bytes of the body.")]
    result: Annotated[Ingested | None, Field(description="What became of the records, once it is done.")] = None
    error: Annotated[str | None, Field(description="Why it failed, as `code: message`.")] = None


def add_events(routers: Routers, graph: Graph, options: Options, jobs: Jobs) -> None:
    """Add the endpoint that takes events."""
    # One at a time can write; those who wait must not take the threads of those who read.
    writers = CapacityLimiter(2)

    @routers.write.post(
        "/events",
        tags=["events"],
        operation_id="add_events",
        response_model=Ingested,
        openapi_extra={"requestBody": _documented()},
        responses={
            202: {"model": Job, "description": "It became a job; `Location` says which."},
            **described(404, 415),
        },
    )
    async def add_events(
        request: Request,
        replace: Annotated[bool, Query(description="Records take the place of events with their key.")] = False,
        mapping: Annotated[
            str | None,
            Query(pattern=r"^[\w-]{1,100}$", description="How to read the records: a mapping file of the service."),
        ] = None,
        prefer: Annotated[str, Header(description="`respond-async` makes a job of it.", examples=["wait"])] = "",
    ) -> Any:
        """Add events. Good records go in, bad ones are named with a reason; the same record twice adds nothing.

        The body is a JSON array, JSON lines or CSV with a header line, and may be gzipped. A large body becomes a job.
        """
        form = _form(request.headers.get("content-type", ""))
        read_as = mapping_named(options, mapping)
        body = jobs.new_body(form)
        try:
            size = await _receive(request, body)
            if size > options.job_above or "respond-async" in prefer.lower():
                job = jobs.submit(body, replace=replace, mapping=mapping)
                location = {"Location": f"/jobs/{job.id}"}
                return Response(job.model_dump_json(), 202, headers=location, media_type="application/json")
            return await run_sync(
                lambda: take_in(graph, body, read_as, replace=replace, max_body=options.max_body), limiter=writers
            )
        finally:
            if not jobs.has(body):
                body.unlink(missing_ok=True)


def mapping_named(options: Options, name: str | None) -> Mapping | None:
    """A mapping file of the service, for files of any name.

    Raises:
        NotFound: there is none of that name.
        MappingError: it cannot be read.
    """
    if name is None:
        return None
    known = {path.stem: path for path in options.mappings.glob("*.toml")} if options.mappings else {}
    if name not in known:
        raise NotFound(f"there is no mapping {name!r}{nearest(name, known)}; put {name}.toml into GRAPHSVC_MAPPINGS")
    return load_mapping(known[name]).model_copy(update={"files": ()})


def take_in(
    graph: Graph,
    body: Path,
    mapping: Mapping | None,
    *,
    replace: bool,
    max_body: int,
    progress: Callable[[Progress], None] | None = None,
) -> Ingested:
    """Read a body that was received into the graph.

    Raises:
        InputError: it cannot be read as what it says it is, or inflates to too much; nothing was written.
    """
    _check_inflated(body, max_body * INFLATES)
    rejects = body.with_suffix(".rejects")
    read = body
    try:
        if body.suffix == ".json":
            read = body.with_suffix(".jsonl")
            _as_lines(body, read)
        report = graph.ingest(
            [read],
            [mapping] if mapping else [],
            replace=replace,
            rejects=rejects,
            progress=progress,
            by_row=body.suffix != ".csv",
        )
        graph.warm()
        named = _first(rejects) if report.rejected else []
    except InputError as error:
        error.args = (str(error).replace(str(read), "the body"),)
        raise
    finally:
        rejects.unlink(missing_ok=True)
        if read != body:
            read.unlink(missing_ok=True)
    counts = {name: getattr(report, name) for name in Ingested.model_fields if name != "rejects"}
    return Ingested(**counts, rejects=named)


def _form(content_type: str) -> Form:
    media = content_type.partition(";")[0].strip().lower()
    if media not in _FORMS:
        raise UnsupportedBody(f"the Content-Type is {media or 'not given'!r}; send one of {', '.join(_FORMS)}")
    return _FORMS[media]


async def _receive(request: Request, body: Path) -> int:
    """Write the body of a request to its file; returns its size."""
    size = 0
    with body.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if body.suffix == ".json" and size > MAX_ARRAY:
                raise BodyTooLarge(f"a JSON array may have {MAX_ARRAY:,} bytes; send JSON lines instead")
            file.write(chunk)  # some kilobytes into the system's cache: shorter than handing it to a thread
    return size


def _check_inflated(body: Path, limit: int) -> None:
    with body.open("rb") as file:
        if body.stat().st_size * _DEFLATE <= limit or file.read(2) != b"\x1f\x8b":
            return
    taken = 0
    with gzip.open(body) as inflated, suppress(EOFError, OSError, zlib.error):  # broken: its reader says so
        while taken <= limit and (block := inflated.read(MIB)):
            taken += len(block)
    if taken > limit:
        raise BodyTooLarge(f"a gzipped body may inflate to {limit:,} bytes; send less at a time")


def _as_lines(array: Path, lines: Path) -> None:
    """A JSON array as JSON lines, so that all forms are read alike: line n is record n.

    Raises:
        InputError: it is no JSON array.
    """
    try:
        records = json.loads(array.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is no JSON ({type(error).__name__})") from None
    if not isinstance(records, list):
        raise InputError("the body is no JSON array; send [{…}, {…}], or JSON lines as application/x-ndjson")
    lines.touch(mode=0o600)
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def _first(rejects: Path) -> list[RejectedEvent]:
    """The first rejects of a file of them, without the rows themselves."""
    with rejects.open("rb") as file:
        return [RejectedEvent(**_told(line)) for line, _ in zip(file, range(MAX_REJECTS), strict=False)]


def _told(line: bytes) -> dict[str, Any]:
    held = json.loads(line)
    return {name: held[name] for name in RejectedEvent.model_fields}


def _documented() -> dict[str, Any]:
    event = Event.model_json_schema()
    lines = {"schema": {"type": "string", "description": "One JSON object per line."}}
    table = {"schema": {"type": "string", "description": "A header line, then one row per record."}}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": event}},
            "application/x-ndjson": lines,
            "text/csv": table,
        },
    }
