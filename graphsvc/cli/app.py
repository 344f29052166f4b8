"""The commands."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .. import __version__
from ..errors import GraphsvcError, InputError
from ..graph import load_mapping
from ..graph import open as open_graph
from ..spool import remove_all
from . import show
from .options import DEFAULT_STORE, JsonOption, StoreOption

if TYPE_CHECKING:
    from ..ingest import Progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Customer journeys as a graph: read event files, resolve who is who, ask what people do.\n\n"
    "Begin with `graphsvc demo`, or with `graphsvc ingest --guess YOUR_FILE`.",
)


def run(app: typer.Typer) -> None:
    """Run the command line; deliberate errors become one line and an exit code."""
    logging.basicConfig(level=os.environ.get("GRAPHSVC_LOG", "WARNING").upper(), format="%(levelname)s %(message)s")
    if "GRAPHSVC_LOG" not in os.environ:
        logging.getLogger("neo4j").setLevel(logging.CRITICAL)  # what it has to say, our errors say shorter
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = 0
    try:
        app()
    except GraphsvcError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        code = error.exit_code
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    except BrokenPipeError:  # the reader of a pipe went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        print(f"os-error: {error}", file=sys.stderr)
        code = 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        remove_all()
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: what it holds is closed, and taking all modules apart takes a tenth of a second."""
    logging.shutdown()
    try:
        sys.stdout.flush()
    except OSError as error:  # the reader went away, or the disk is full
        if not isinstance(error, BrokenPipeError):
            print(f"os-error: {error}", file=sys.stderr)
        code = 1
    sys.stderr.flush()
    os._exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"graphsvc {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@app.command()
def ingest(
    files: Annotated[list[str], typer.Argument(metavar="FILES...", help="CSV, JSONL or Parquet, also .gz; globs too.")],
    store: StoreOption = DEFAULT_STORE,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(
            "--mapping",
            "-m",
            help="How to read the files: a TOML file, or segment, ga4, snowplow, xes, ocel; several times, if need be.",
        ),
    ] = None,
    propose: Annotated[
        bool, typer.Option("--guess", help="Propose a mapping for the first file; writes nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Rows take the place of former rows with their event key.")
    ] = False,
    max_rejects: Annotated[
        int | None, typer.Option(min=0, help="Write nothing if more rows than this are bad.")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where bad rows go; by default beside the store.")] = None,
    json_: JsonOption = False,
) -> None:
    """Read event files into the graph.

    Reading a file again adds nothing. Bad rows go to a rejects file, good ones go in.

    Examples:

        graphsvc ingest --guess export.csv > export.toml

        graphsvc ingest export.csv --mapping export.toml

        graphsvc ingest 'data/*.csv.gz' -m web.toml -m shop.toml --store neo4j://localhost
    """
    if propose:
        from ..ingest.guess import guess

        proposal = guess(Path(files[0]))
        if json_:
            show.as_json({"mapping": proposal.toml, "unsure": proposal.unsure})
        else:
            print(proposal.toml, end="")
            for doubt in proposal.unsure:
                show.aside.print(f"· unsure: {doubt}", style="yellow", markup=False)
        return
    mappings = [load_mapping(path) for path in mapping or []]
    with open_graph(store) as graph:
        bar = nullcontext() if json_ or not sys.stderr.isatty() else _progress()
        with bar as task:
            report = graph.ingest(
                files, mappings, replace=replace, max_rejects=max_rejects, rejects=rejects, progress=task
            )
    if json_:
        show.as_json({name: value for name, value in vars(report).items() if name != "rejects"})
    else:
        show.ingested(report)


@app.command()
def example(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")],
    events: Annotated[int, typer.Option(min=100, help="About how many events.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 1,
) -> None:
    """Write the events of a made-up clothing brand: one file per system, with mappings and the true persons.

    Example:

        graphsvc example shop/ --events 100000
    """
    from ..example import generate

    made = generate(folder, events=events, seed=seed)
    for path in [*made.files.values(), *made.mappings.values(), made.truth]:
        print(path)


@app.command()
def demo(
    store: StoreOption = "demo/journeys.duckdb",
    folder: Annotated[Path, typer.Option(help="Where the example files go.")] = Path("demo"),
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file of the map.")] = Path(
        "visualizations/journey-map.html"
    ),
    events: Annotated[int, typer.Option(min=100, help="About how many events.")] = 20_000,
) -> None:
    """Take the tour: example events, their graph, two answers, a picture.

    Example:

        graphsvc demo --store neo4j://localhost
    """
    from .. import demo as tour

    folder.mkdir(parents=True, exist_ok=True)
    tour.run(store, folder, out, events=events)


@app.command()
def user(
    identifier: Annotated[str, typer.Argument(help="type:value, or the bare value of a known type.")],
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Show one person: identifiers, traits and journeys.

    Examples:

        graphsvc user email:ann@example.org

        graphsvc user ann@example.org --json
    """
    with open_graph(store, write=False) as graph:
        person = graph.user(graph.lookup(identifier))
    show.as_json(person) if json_ else show.user(person)


@app.command()
def status(store: StoreOption = DEFAULT_STORE, json_: JsonOption = False) -> None:
    """Say what the graph holds: counts, settings, versions, data range.

    Example:

        graphsvc status --store neo4j://localhost
    """
    with open_graph(store, write=False) as graph:
        now = graph.status()
    if json_:
        settings = now.settings.model_dump(exclude={"salt"}, mode="json") if now.settings else None
        show.as_json(vars(now) | {"version": __version__, "settings": settings})
    else:
        show.status(now)


@app.command()
def query(
    file: Annotated[Path, typer.Argument(help="One read-only statement: Cypher for Neo4j, SQL for an embedded store.")],
    store: StoreOption = DEFAULT_STORE,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A $parameter; JSON or text.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Run a statement from a file and print its rows.

    Example:

        graphsvc query cypher/explore/handovers.cypher --store neo4j://localhost -p k=10
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    with open_graph(store, write=False) as graph:
        columns, found = graph.query(text, dict(_parameter(each) for each in parameter or []))
    if json_:
        show.as_json([dict(zip(columns, row, strict=True)) for row in found])
    else:
        show.rows(columns, found)


def _parameter(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise InputError(f"--parameter {given!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


@app.command()
def forget(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="UTC.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Forget all events before a date, for good: later ingests refuse them too.

    Example:

        graphsvc forget --before 2025-01-01
    """
    with open_graph(store) as graph:
        print(f"{graph.forget(before):,} events forgotten")


def _progress() -> AbstractContextManager[Callable[[Progress], None]]:
    """A progress bar over the bytes of all files, as a callback for ``Graph.ingest``."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    @contextmanager
    def shown() -> Iterator[Callable[[Progress], None]]:
        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rows]}"),
            TimeElapsedColumn(),
        ]
        with Bar(*columns, TimeElapsedColumn(), console=show.aside, transient=True) as bar:
            task = bar.add_task("reading", total=None, rows="")

            def update(now: Progress) -> None:
                read = now.bytes_done >= now.bytes_total
                bar.update(
                    task,
                    description="linking and writing" if read else "reading",
                    completed=now.bytes_done,
                    total=None if read else now.bytes_total,  # how long writing takes, nobody knows
                    rows=f"{now.rows:,} rows",
                )

            yield update

    return shown()
