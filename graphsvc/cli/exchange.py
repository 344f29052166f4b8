"""The commands that move a whole graph: to another store, into files and back, into Neo4j's own tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..graph import open as open_graph
from .app import app
from .options import DEFAULT_STORE, StoreOption


@app.command()
def copy(
    source: Annotated[str, typer.Argument(help="Store to copy from.")],
    target: Annotated[str, typer.Argument(help="Empty store to copy to.")],
) -> None:
    """Copy a graph, whole, to another store; the backup too.

    Example:

        graphsvc copy journeys.duckdb neo4j://localhost
    """
    with open_graph(source, write=False) as graph, open_graph(target) as other:
        revision = graph.copy_to(other.store)
        counts = other.status().counts
    print(f"{counts['events']:,} events of {counts['users']:,} users copied to {other.store.url}; revision {revision}")


@app.command()
def export(
    neo4j_import: Annotated[Path, typer.Option(help="New folder for the files of `neo4j-admin database import full`.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write files for Neo4j's own import, the fastest first load, and print the command to run.

    Example:

        graphsvc export --neo4j-import import/
    """
    from ..export import neo4j_import as write

    with open_graph(store, write=False) as graph:
        print(write(graph.store, neo4j_import))


@app.command("neo4j-setup")
def neo4j_setup(
    serve: Annotated[
        int | None, typer.Option(metavar="PORT", min=1, max=65_535, help="Serve guide and style until Ctrl-C.")
    ] = None,
    zip_: Annotated[Path | None, typer.Option("--zip", help="Write the saved statements as one archive.")] = None,
) -> None:
    """Say how to load the guide, the saved statements and the style into Neo4j Browser.

    Examples:

        graphsvc neo4j-setup

        graphsvc neo4j-setup --zip saved.zip

        graphsvc neo4j-setup --serve 8001
    """
    from .. import neo4j_browser as browser

    if zip_ is not None:
        browser.write_zip(zip_)
        print(f"{len(browser.saved())} statements written to {zip_}")
    elif serve is None:
        print(browser.instructions(port=8001))
    else:
        with browser.server(serve) as running:
            print(f"enter in Neo4j Browser:  :guide http://{browser.HOST}:{serve}/{browser.guide().name}", flush=True)
            try:
                running.serve_forever()
            except KeyboardInterrupt:
                print("ended")
