"""The commands that draw: one per kind of picture. ``graphsvc map`` alone draws the journey map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..graph import open as open_graph
from ..maps.kinds import KINDS, Kind
from . import show
from .answers import from_files
from .app import app
from .options import DEFAULT_STORE, JsonOption, StoreOption, with_parameters

map_ = typer.Typer(rich_markup_mode="markdown")
app.add_typer(map_, name="map")

TitleOption = Annotated[str | None, typer.Option(help="Heading of the page.")]


def _draw(
    kind: Kind, parameters: dict[str, Any], store: str, out: Path | None, title: str | None, *, json_: bool
) -> None:
    with open_graph(store, write=False) as graph:
        drawn = graph.map(kind.name, title=title, **from_files(parameters))
    if json_:
        show.as_json(drawn)
        return
    print(f"{drawn.save(out or Path(f'{kind.name}-map.html'))}: open it in a browser")


def _out(kind: Kind) -> Any:
    told = f"HTML file to write; {kind.name}-map.html unless given."
    return Annotated[Path | None, typer.Option("--out", "-o", help=told)]


def _map_command(kind: Kind) -> None:
    """Add the command of one kind."""

    def command(
        parameters: dict[str, Any],
        store: StoreOption = DEFAULT_STORE,
        out: Any = None,
        title: TitleOption = None,
        json_: JsonOption = False,
    ) -> None:
        _draw(kind, parameters, store, out, title, json_=json_)

    command.__annotations__["out"] = _out(kind)
    lines = (f"    graphsvc map {kind.name} {options} --out {kind.name}.html" for options in kind.examples)
    told = f"{kind.told}\n\nOne HTML file that needs no network.\n\nExamples:\n\n" + "\n\n".join(lines)
    map_.command(kind.name, help=told)(with_parameters(kind.parameters)(command))


for _kind in KINDS.values():
    _map_command(_kind)


@map_.callback(invoke_without_command=True)
@with_parameters(KINDS["journey"].parameters)
def map_alone(
    context: typer.Context,
    parameters: dict[str, Any],
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file to write; journey-map.html unless given.")
    ] = None,
    title: TitleOption = None,
    json_: JsonOption = False,
) -> None:
    """Draw a picture: one HTML file that needs no network. Without a KIND, the journey map.

    Examples:

        graphsvc map --out map.html

        graphsvc map transitions --top 40 --out transitions.html
    """
    if context.invoked_subcommand is None:
        _draw(KINDS["journey"], parameters, store, out, title, json_=json_)
        return
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            kind, option = context.invoked_subcommand, name.strip("_").replace("_", "-")
            raise InputError(f"options stand after the kind: graphsvc map {kind} --{option} …")
