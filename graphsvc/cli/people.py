"""The commands about who is who."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from ..deciding import Decided, Verdict
from ..errors import InputError, nearest
from ..explaining import Explanation
from ..graph import open as open_graph
from ..preview import Preview
from ..rules import in_words, load_rules
from ..settings import Settings
from . import show
from .app import app
from .options import DEFAULT_STORE, JsonOption, StoreOption

rules = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Rules of identity.")
decisions = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Decisions on who is who.")
app.add_typer(rules, name="rules")
app.add_typer(decisions, name="decisions")

Identifier = Annotated[str, typer.Argument(help="An identifier as type:value, for example email:ann@example.org.")]
Reason = Annotated[str | None, typer.Option(help="Why, for those who wonder later.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


@rules.command("check")
def check_rules(file: Annotated[Path, typer.Argument(help="Rules file (TOML).")], json_: JsonOption = False) -> None:
    """Check a rules file and say in words what it comes to, defaults included.

    Example:

        graphsvc rules check rules.toml
    """
    loaded = load_rules(file)
    if json_:
        show.as_json(loaded)
        return
    for line in in_words(loaded):
        print(line)


@rules.command("show")
def show_rules(store: StoreOption = DEFAULT_STORE, json_: JsonOption = False) -> None:
    """Say in words which rules a graph has.

    Example:

        graphsvc rules show
    """
    with open_graph(store, write=False) as graph:
        held = graph.settings().rules
    if json_:
        show.as_json(held)
        return
    for line in in_words(held):
        print(line)


@app.command()
def resolve(
    store: StoreOption = DEFAULT_STORE,
    settings: Annotated[
        Path | None, typer.Option(help="Settings to change (TOML): goals, stages, split, gap_days, exclude …")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules of identity (TOML) in place of the graph's.")] = None,
    dry_run: DryRun = False,
    json_: JsonOption = False,
) -> None:
    """Change settings or rules of the graph and derive it anew from its stored events.

    It says first what changes: who is merged, who is split, how many users are touched.

    Examples:

        graphsvc resolve --settings settings.toml

        graphsvc resolve --rules rules.toml --dry-run
    """
    changes = _settings_of(settings) if settings is not None else {}
    if rules is not None:
        changes["rules"] = load_rules(rules).model_dump()
    with open_graph(store) as graph:
        foreseen = graph.people.preview(changes)
        if not json_:
            _show_preview(foreseen)
        if not dry_run:
            before = graph.status().counts
            revision = graph.resolve(changes)
            after = graph.status().counts
    if json_:
        done = None if dry_run else revision
        show.as_json({"preview": foreseen, "revision": done})
    elif dry_run:
        print("nothing was changed (--dry-run)")
    else:
        for name in after:
            print(f"{name}: {before[name]:,} → {after[name]:,}")
        print(f"revision {revision}")


def _settings_of(file: Path) -> dict[str, Any]:
    try:
        changes: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    changes = changes.get("settings", changes)  # also under the heading that mappings have
    if unknown := sorted(changes.keys() - Settings.model_fields.keys()):
        known = nearest(unknown[0], Settings.model_fields)
        raise InputError(f"{file}: there is no setting {unknown[0]!r}{known}")
    return changes


def _show_preview(found: Preview) -> None:
    print(
        f"{found.merges:,} merges, {found.splits:,} splits, {found.touched:,} of {found.users_before:,} users touched, "
        f"{found.users_after:,} users then"
    )
    print(
        f"shared identifiers {found.shared_before:,} → {found.shared_after:,}, "
        f"refused links {found.refused_before:,} → {found.refused_after:,}, identifiers set aside {found.set_aside:,}"
    )


@app.command()
def explain(a: Identifier, b: Identifier, store: StoreOption = DEFAULT_STORE, json_: JsonOption = False) -> None:
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
    a: Identifier,
    b: Identifier,
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
    a: Identifier, b: Identifier, reason: Reason = None, store: StoreOption = DEFAULT_STORE, json_: JsonOption = False
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
        show.as_json([each.model_dump(mode="json") for each in found])
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


@app.command()
def erase(
    target: Annotated[str, typer.Argument(help="An identifier as type:value, or a user key.")],
    dry_run: DryRun = False,
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
        show.as_json([each.model_dump(mode="json") for each in found])
        return
    for each in found:
        print(f"{each.confidence:.3f}  {each.a}  {each.b}")
    print(f"{len(found)} to review; settle each with `graphsvc decide same|different A B`")


@app.command("identity-map")
def identity_map(
    identifier: Identifier,
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
