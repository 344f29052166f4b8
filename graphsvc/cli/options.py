"""Command-line options that are derived from a parameter model, so that nothing is declared twice."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

DEFAULT_STORE = "journeys.duckdb"

StoreOption = Annotated[
    str,
    typer.Option("--store", envvar="GRAPHSVC_STORE", help="Path of an embedded store, or neo4j://host:7687."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
IdentifierArgument = Annotated[
    str, typer.Argument(help="An identifier as type:value, for example email:ann@example.org.")
]


def with_parameters(model: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each field of a parameter model that it does not have itself.

    The command takes them as one dictionary, ``parameters``, that holds what was given.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        derived = {name: _option(name, field) for name, field in model.model_fields.items() if name not in own}

        def run(**given: Any) -> None:
            asked = {name: value for name in derived if (value := given.pop(name)) not in (None, [])}
            command(parameters=asked, **given)

        kept = [parameter for name, parameter in own.items() if name != "parameters"]
        run.__signature__ = inspect.Signature([*kept, *derived.values()])  # type: ignore[attr-defined]
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        return run

    return decorate


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _plain(field.annotation)
    default = inspect.Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
    described = (field.description or "").replace("`", "")
    if kind is bool:
        option = typer.Option(f"--{name.replace('_', '-')}/--no-{name.replace('_', '-')}", help=described)
    else:
        option = typer.Option(f"--{name.replace('_', '-')}", help=described)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=list(default) if isinstance(default, tuple) else default,
        annotation=Annotated[kind, option],
    )


def _plain(annotation: Any) -> Any:
    """The type that the command line parses; the model validates the rest."""
    if typing.get_origin(annotation) is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (inner,) = (each for each in typing.get_args(annotation) if each is not type(None))
        return _plain(inner) | None
    if typing.get_origin(annotation) is tuple:
        return list[str]
    return str if annotation is datetime else annotation
