"""The commands that move a whole graph: to another store, into files and back, into Neo4j's own tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
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
    store: StoreOption = DEFAULT_STORE,
    parquet: Annotated[
        Path | None, typer.Option(help="New folder for the whole graph as Parquet files; `graphsvc import` reads it.")
    ] = None,
    graphml: Annotated[Path | None, typer.Option(help="File for networkx, Gephi and others.")] = None,
    neo4j_import: Annotated[
        Path | None, typer.Option(help="New folder for the files of `neo4j-admin database import full`.")
    ] = None,
) -> None:
    """Write the whole graph into files, which hold personal data.

    Examples:

        graphsvc export --parquet backup/

        graphsvc export --graphml journeys.graphml

        graphsvc export --neo4j-import import/
    """
    if sum(place is not None for place in (parquet, graphml, neo4j_import)) != 1:
        raise InputError("say what to write: one of --parquet, --graphml, --neo4j-import")
    with open_graph(store, write=False) as graph:
        if parquet is not None:
            from ..parquet_files import write

            print(f"revision {write(graph.store, parquet)} of {graph.store.url} written to {parquet}")
        elif graphml is not None:
            from ..network import write_graphml

            write_graphml(graph.store, graphml)
            print(f"{graph.store.url} written to {graphml}")
        elif neo4j_import is not None:
            from ..export import neo4j_import as files

            print(files(graph.store, neo4j_import))


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder of `graphsvc export --parquet`.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Put an exported graph, whole, into an empty store.

    Example:

        graphsvc import backup/ --store neo4j://localhost
    """
    from ..parquet_files import read

    with open_graph(store) as graph:
        revision = read(folder, graph.store)
        counts = graph.status().counts
    print(f"{counts['events']:,} events of {counts['users']:,} users read into {graph.store.url}; revision {revision}")


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
            url = f"http://{browser.HOST}:{serve}/guide"
            print(f"enter in Neo4j Browser:  :guide {url}.adoc   (Neo4j Browser 5: {url}.html)", flush=True)
            try:
                running.serve_forever()
            except KeyboardInterrupt:
                print("ended")
