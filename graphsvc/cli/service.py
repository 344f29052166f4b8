"""The commands that run the service and make its keys."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from ..graph import open as open_graph
from .app import app
from .options import DEFAULT_STORE, StoreOption


class Log(StrEnum):
    """How the service logs."""

    TEXT = "text"
    JSON = "json"


class RoleName(StrEnum):
    """What a key is good for."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.command()
def serve(
    store: StoreOption = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback demand a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8000,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a question is given up; GRAPHSVC_TIMEOUT, or 30.")
    ] = None,
    log: Annotated[Log, typer.Option(help="`json`: a JSON line for each request, to standard error.")] = Log.TEXT,
) -> None:
    """Serve pages and API on this machine: the overview at /, the manual of the API at /docs.

    Keys come from GRAPHSVC_API_KEY and GRAPHSVC_KEYS_FILE; a host other than loopback demands one (docs/service.md).

    Examples:

        graphsvc serve --store neo4j://localhost --port 8080

        graphsvc serve --log json --timeout 10
    """
    import uvicorn

    from ..api import Options, create_app, demand_keys
    from ..api.logs import log_json

    said = {} if timeout is None else {"GRAPHSVC_TIMEOUT": str(timeout)}
    options = Options.of_environment({**os.environ, **said})
    demand_keys(host, options.keys)
    if log == Log.JSON:
        log_json()
    with open_graph(store) as graph:
        new = "" if graph.store.revision() else " (empty as yet)"
        service = create_app(graph, options)
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        print(f"graphsvc on {address} (its API: {address}docs), store {graph.store.url}{new}", file=sys.stderr)
        # Work on columns gives up the interpreter hundreds of times and must not wait long to have it back.
        sys.setswitchinterval(0.0005)
        uvicorn.run(
            service,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,  # longer than clients and proxies keep an idle connection: they end it, not we
        )


@app.command()
def keys(
    name: Annotated[str, typer.Argument(help="Whose key it is, for the log: dashboard, web-shop.")],
    role: Annotated[
        RoleName, typer.Option(help="`read` asks, `write` also adds and changes, `admin` also sees identifiers.")
    ] = RoleName.READ,
) -> None:
    """Make a key of the service: it goes to the terminal, the line with its hash to the keys file.

    The key is shown this once. The service reads the file that GRAPHSVC_KEYS_FILE names when it starts.

    Example:

        graphsvc keys dashboard --role read >> keys.txt
    """
    from ..api.keys import Role, new_key

    secret, line = new_key(name, Role[role.upper()])
    print(line)
    print(f"the key, shown this once: {secret}", file=sys.stderr)
