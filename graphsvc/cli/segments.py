"""The commands about segments: list, set, remove, and one for each persona."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..answers.personas import PersonasParams
from ..graph import open as open_graph
from . import show
from .app import app
from .options import DEFAULT_STORE, JsonOption, StoreOption, with_parameters

segments = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Named segments of the graph.")
app.add_typer(segments, name="segments")


@segments.command("list")
def list_segments(store: StoreOption = DEFAULT_STORE, json_: JsonOption = False) -> None:
    """List the named segments.

    Example:

        graphsvc segments list
    """
    with open_graph(store, write=False) as graph:
        held = graph.segments()
    if json_:
        show.as_json(held)
        return
    for name, predicate in held.items():
        print(f"{name}: {predicate}")


@segments.command("set")
def set_segment(
    name: Annotated[str, typer.Argument(help="Its name.")],
    predicate: Annotated[str, typer.Argument(help="Who is in it: a predicate on traits and other segments.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Give a segment a name; it can be used wherever a segment is asked for.

    Examples:

        graphsvc segments set older 'age >= 50'

        graphsvc segments set others 'not older and (region = north or member = true)'
    """
    with open_graph(store) as graph:
        print(f"segment {name} set; revision {graph.name_segment(name, predicate)}")


@segments.command("remove")
def remove_segment(name: Annotated[str, typer.Argument(help="Its name.")], store: StoreOption = DEFAULT_STORE) -> None:
    """Take a named segment away.

    Example:

        graphsvc segments remove older
    """
    with open_graph(store) as graph:
        print(f"segment {name} removed; revision {graph.remove_segment(name)}")


@segments.command("personas")
@with_parameters(PersonasParams)
def segments_of_personas(
    parameters: dict[str, Any],
    trait: Annotated[str, typer.Option(help="Name of the trait, and of the segments: NAME-1, NAME-2 …")] = "persona",
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Make a segment of each persona, for use in all other answers.

    Each user's persona becomes a trait of theirs. See `graphsvc personas` for what sets them apart.

    Examples:

        graphsvc segments personas --clusters 4

        graphsvc funnel --step 'product page' --step purchase --by persona-1 --by persona-2
    """
    with open_graph(store) as graph:
        saved = graph.save_personas(parameters, trait=trait)
    if json_:
        show.as_json(saved)
        return
    named = ", ".join(saved.segments)
    print(f"{saved.users:,} users carry the trait {trait}; segments {named}; revision {saved.revision}")
    if saved.anonymous:
        print(f"{saved.anonymous:,} users without an identifier of their own cannot carry it")
