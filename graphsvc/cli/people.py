"""The commands about people: who they are, how far to trust that, and how to erase one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..graph import open as open_graph
from . import show
from .app import app
from .options import DEFAULT_STORE, DryRunOption, IdentifierArgument, JsonOption, StoreOption


@app.command()
def erase(
    target: Annotated[str, typer.Argument(help="An identifier as type:value, or a user key.")],
    dry_run: DryRunOption = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Rejects file to purge, too; by default beside the store.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Erase a person: nodes, evidence, traits and journeys. A replay of old files brings nobody back.

    Set GRAPHSVC_ERASURE_KEY to a secret first and keep it: what stays are hashes keyed by it.

    Examples:

        graphsvc erase email:ann@example.org --dry-run

        graphsvc erase email:ann@example.org
    """
    with open_graph(store) as graph:
        gone = graph.people.erase(target, dry_run=dry_run, rejects=rejects)
    if json_:
        show.as_json(gone)
        return
    print(
        f"{'erased' if gone.done else 'would be erased'}: {gone.identifiers:,} identifiers, {gone.events:,} events, "
        f"{gone.journeys:,} journeys, {gone.links:,} links, {gone.decisions:,} decisions, {gone.rejects:,} rejected "
        f"rows; {gone.others:,} other users change"
    )
    print(f"refused from now on: rows up to {gone.cutoff:%Y-%m-%d %H:%M:%S} UTC that hold one of the identifiers")
    for text in gone.left:
        print(f"· {text}")
    print(f"revision {gone.revision}" if gone.done else "nothing was changed (--dry-run)")


@app.command()
def key(
    user: Annotated[str, typer.Argument(help="A user key, however old.")],
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """What became of a user key: current, moved, split, shared or erased.

    Example:

        graphsvc key 9f86d081884c7d659a2feaa0c55ad015
    """
    with open_graph(store, write=False) as graph:
        found = graph.people.whereabouts(user)
    if json_:
        show.as_json(found)
    else:
        print(" ".join([found.state, *found.users]))


@app.command()
def quality(
    store: StoreOption = DEFAULT_STORE,
    top: Annotated[int, typer.Option(min=1, max=1_000, help="Most rows of each list.")] = 20,
    identifiers: Annotated[bool, typer.Option(help="Show raw identifiers, which are personal data.")] = False,
    json_: JsonOption = False,
) -> None:
    """How far the people can be trusted: sizes, bridges, shared values, refused links, placeholders.

    Example:

        graphsvc quality --top 10
    """
    with open_graph(store, write=False) as graph:
        found = graph.people.quality(top=top, identifiers=identifiers)
    show.as_json(found) if json_ else show.model(found)


@app.command()
def score(
    truth: Annotated[Path, typer.Argument(help="CSV with the columns identifier and person.")],
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Precision, recall and F1, pairwise and B³, against a file that says who is who.

    Example:

        graphsvc score demo/truth.csv
    """
    with open_graph(store, write=False) as graph:
        found = graph.people.score(truth)
    show.as_json(found) if json_ else show.model(found)


@app.command()
def match(
    people: Annotated[Path, typer.Argument(help="CSV or Parquet: identifier, and names, birth date, postcode …")],
    threshold: Annotated[float, typer.Option(min=0.01, max=0.999999, help="Least confidence of a link.")] = 0.9,
    name: Annotated[str | None, typer.Option(help="Of the list; by default the file's.")] = None,
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Match a list of people by names, birth dates, addresses …, and add the links that are found.

    It needs `pip install 'graphsvc[match]'`. Links that alone join two large groups wait for review.

    Example:

        graphsvc match till.csv --threshold 0.95
    """
    with open_graph(store) as graph, show.waiting("matching"):
        found = graph.people.match(people, threshold=threshold, name=name)
    show.as_json(found) if json_ else show.model(found)


@app.command()
def review(store: StoreOption = DEFAULT_STORE, json_: JsonOption = False) -> None:
    """The matches that wait for a decision; `graphsvc decide` settles them.

    Example:

        graphsvc review
    """
    with open_graph(store, write=False) as graph:
        found = graph.people.review()
    if json_:
        show.as_json(found)
        return
    for each in found:
        print(f"{each.confidence:.3f}  {each.a}  {each.b}")
    print(f"{len(found)} to review; settle each with `graphsvc decide same|different A B`")


@app.command("identity-map")
def identity_map(
    identifier: IdentifierArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.")] = Path("identity.html"),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Draw one person's identifiers and the links between them. The file holds personal data.

    Example:

        graphsvc identity-map email:ann@example.org --out ann.html
    """
    with open_graph(store, write=False) as graph:
        graph.people.picture(identifier).save(out)
    print(f"open {out}")
