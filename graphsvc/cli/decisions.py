"""The commands that ask why somebody is who they are, and decide otherwise."""

from __future__ import annotations

from typing import Annotated

import typer

from ..deciding import Decided, Verdict
from ..explaining import Explanation
from ..graph import open as open_graph
from . import show
from .app import app
from .options import DEFAULT_STORE, IdentifierArgument, JsonOption, StoreOption

decisions = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Decisions on who is who.")
app.add_typer(decisions, name="decisions")

Reason = Annotated[str | None, typer.Option(help="Why, for those who wonder later.")]


@app.command()
def explain(
    a: IdentifierArgument, b: IdentifierArgument, store: StoreOption = DEFAULT_STORE, json_: JsonOption = False
) -> None:
    """Why two identifiers are one person, with the evidence, or what keeps them apart.

    Example:

        graphsvc explain email:ann@example.org cookie:c-17
    """
    with open_graph(store, write=False) as graph:
        found = graph.people.explain(a, b)
    if json_:
        show.as_json(found)
    else:
        _show_explanation(found)


def _show_explanation(found: Explanation) -> None:
    print(found.answer)
    for step in found.chain:
        print(f"  {step.a}  {'—' if step.accepted else '✗'}  {step.b}: {step.why}")
        for event in step.events:
            when = f"{event.at:%Y-%m-%d %H:%M}" if event.at else "undated"
            print(f"      {when}  {event.name or event.kind}  {event.channel or ''}  ({event.source}, {event.key})")
    users = [user or "nobody (shared)" for user in found.users]
    print(f"users: {users[0]}" + ("" if users[0] == users[1] else f" and {users[1]}"))


@app.command()
def decide(
    verdict: Annotated[Verdict, typer.Argument(help="One person (`same`) or two (`different`).")],
    a: IdentifierArgument,
    b: IdentifierArgument,
    reason: Reason = None,
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Decide that two identifiers are one person, or two. Journeys follow at once.

    Examples:

        graphsvc decide same email:ann@example.org loyalty_card:4711 --reason "she showed it at the till"

        graphsvc decide different phone:+4930123456 email:bob@example.org
    """
    with open_graph(store) as graph:
        made = graph.people.decide(verdict, a, b, reason=reason)
    _show_decided(made, "decided", json_)


@app.command()
def withdraw(
    a: IdentifierArgument,
    b: IdentifierArgument,
    reason: Reason = None,
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Let the declared and matched links of two identifiers count no more.

    It splits only what these links alone held together; `graphsvc decisions remove` takes it back.

    Example:

        graphsvc withdraw customer_id:17 email:old@example.org --reason "typing error in the shop"
    """
    with open_graph(store) as graph:
        made = graph.people.withdraw(a, b, reason=reason)
    _show_decided(made, "withdrawn", json_)


@decisions.command("list")
def list_decisions(store: StoreOption = DEFAULT_STORE, json_: JsonOption = False) -> None:
    """All decisions, the latest first.

    Example:

        graphsvc decisions list
    """
    with open_graph(store, write=False) as graph:
        found = graph.people.decisions()
    if json_:
        show.as_json(found)
        return
    for each in found:
        print(f"{each.key}  {each.decided_at:%Y-%m-%d %H:%M}  {each.kind}  {each.a}  {each.b}  {each.reason or ''}")
    print(f"{len(found)} decision{'' if len(found) == 1 else 's'}")


@decisions.command("remove")
def remove_decision(
    key: Annotated[str, typer.Argument(help="Key of the decision, from `graphsvc decisions list`.")],
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Remove a decision; the graph is again what it was without it.

    Example:

        graphsvc decisions remove 9f86d081884c7d659a2feaa0c55ad015
    """
    with open_graph(store) as graph:
        _show_decided(graph.people.remove_decision(key), "removed", json_)


def _show_decided(made: Decided, what: str, json_: bool) -> None:
    if json_:
        show.as_json(made)
        return
    for each in made.decisions:
        print(f"{what}: {each.kind}  {each.a}  {each.b}  (decision {each.key})")
    for note in made.notes:
        print(f"· {note}")
    print(f"revision {made.revision}")
