"""The commands about rules of identity and other settings."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError, nearest
from ..graph import open as open_graph
from ..preview import Preview
from ..rules import in_words, load_rules
from ..settings import Settings
from . import show
from .app import app
from .options import DEFAULT_STORE, DryRunOption, JsonOption, StoreOption

rules = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Rules of identity.")
app.add_typer(rules, name="rules")


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
    dry_run: DryRunOption = False,
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
