"""Write ``docs/reference.md`` from the code: commands, answers, settings, tables, errors.

python docs/make_reference.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from graphsvc import cli, errors, tables
from graphsvc.answers import ANSWERS
from graphsvc.answers.params import Filters
from graphsvc.rules import DEFAULT_TYPES, Rules, TypeRule
from graphsvc.settings import Exclude, Settings
from graphsvc.stores.statements import names, statement

PAGE = Path(__file__).with_name("reference.md")


def reference() -> str:
    """The whole page."""
    parts = [
        "# Reference",
        "Generated from the code by `python docs/make_reference.py`; a test keeps it current.",
        *commands(),
        *answers(),
        "## Settings of a graph",
        "A first mapping may set them (`[settings]`); later `graphsvc resolve --settings FILE` changes them.",
        fields(Settings, but=["salt"]),
        "Of `exclude`:",
        fields(Exclude),
        *rules(),
        *graph_tables(),
        *statements(),
        *error_codes(),
    ]
    return "\n\n".join(parts) + "\n"


def commands() -> Iterator[str]:
    """Each command with its help and options."""
    yield "## Commands"
    yield (
        "`--store` may also stand in `GRAPHSVC_STORE`; Neo4j's credentials stand in `NEO4J_USERNAME`, "
        "`NEO4J_PASSWORD` and `NEO4J_DATABASE`."
    )
    for name, command in sorted(each_command(typer.main.get_command(cli.commands()))):
        yield f"### graphsvc {name}"
        said, _, examples = (command.help or "").partition("Example")
        yield re.sub(r"\n\s*\n", "\n\n", said.strip())
        yield "\n".join(["```sh", *re.findall(r"^\s*(graphsvc .*)$", examples, re.M), "```"])
        rows = [
            (" / ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts]), parameter.help or "")
            for parameter in command.params
            if parameter.name != "help"
        ]
        yield table(("option", "meaning"), rows)


def each_command(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command of a group and of the groups in it, with its full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from each_command(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def answers() -> Iterator[str]:
    """The common filters, then each answer with its own parameters and rows."""
    yield "## Answers"
    yield "The same parameters and rows from Python (`graph.paths(…)`), the command line and the API (`GET /paths`)."
    yield "### Filters of every answer"
    yield fields(Filters)
    for answer in ANSWERS.values():
        yield f"### {answer.name}"
        by_cypher = f"answers/{answer.name}" in names("answers")
        yield answer.question + (f" By Cypher: `cypher/answers/{answer.name}.cypher`." if by_cypher else "")
        yield fields(answer.parameters, but=list(Filters.model_fields))
        yield "Rows:"
        yield fields(answer.rows)


def rules() -> Iterator[str]:
    """The rules of identity: what a rules file may say, and what holds without one."""
    yield "### Rules of identity"
    yield (
        "The setting `rules`. A rules file holds them without a heading (`graphsvc resolve --rules FILE`), a mapping "
        "under `[settings.rules]`. [identity.md](identity.md) explains them."
    )
    yield fields(Rules, but=["types"])
    yield "Of a type, in `[types.TYPE]`; for a unique type `shared_at` and `hub_above` are 0 unless given:"
    yield fields(TypeRule)
    yield "Types with a rule of their own by default:"
    names = [name for name in TypeRule.model_fields if any(name in given for given in DEFAULT_TYPES.values())]
    rows = [
        (f"`{kind}`", *(shown(getattr(Rules().of(kind), name)) if name in given else "" for name in names))
        for kind, given in DEFAULT_TYPES.items()
    ]
    yield table(("type", *names), rows)


def graph_tables() -> Iterator[str]:
    """The graph tables with their columns, as the comments in ``tables.py`` tell them."""
    yield "## Graph tables"
    yield (
        "What an embedded store's file holds, readable by plain DuckDB, and what `copy` moves. Times are UTC. "
        "The views `touchpoints`, `next`, `via` and `channels` stand on them, and `graph` holds schema, revision "
        "and settings in one row. In the file the identifiers of an event are JSON, which small commits read "
        "faster than a list: `SELECT key, identifiers::VARCHAR[] FROM events` has lists, and so has `touchpoints`."
    )
    source = Path(tables.__file__).read_text(encoding="utf-8")
    for doc, name, body in re.findall(r"((?:^#: [^\n]*\n)+)^(\w+) = pl.Schema\(\n(.*?)^\)", source, re.M | re.S):
        yield f"### {name.lower()}"
        yield " ".join(line.removeprefix("#: ") for line in doc.strip().splitlines())
        columns = re.findall(r'^ +"(\w+)": ([^#\n]+?),?(?:  # (.*))?$', body, re.M)
        yield table(
            ("column", "type", "meaning"),
            [
                (f"`{column}`", kind.replace("pl.", "").replace("()", "").lower(), text)
                for column, kind, text in columns
            ],
        )


def statements() -> Iterator[str]:
    """The statements that people run themselves."""
    yield "## Cypher statements"
    yield "One per file in `cypher/`; paste one into Neo4j Browser, or run it with `graphsvc query`."
    for folder in ("explore", "answers"):
        rows = [(f"`{name}`", statement(name).doc.split("\n")[0]) for name in names(folder)]
        yield table(("statement", "what it tells"), rows)


def error_codes() -> Iterator[str]:
    """Every error that is raised on purpose."""
    yield "## Errors"
    yield "The command line prints `code: message`; the API answers problem details of type `urn:graphsvc:CODE`."
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    rows = [
        (f"`{each.code}`", str(each.exit_code), str(each.status), (each.__doc__ or "").split("\n")[0])
        for each in found
        if issubclass(each, errors.GraphsvcError) and each is not errors.GraphsvcError
    ]
    yield table(("code", "exit code", "HTTP status", "meaning"), rows)


def fields(model: type[BaseModel], but: list[str] | None = None) -> str:
    """A model's fields as a table."""
    rows = []
    for name, field in model.model_fields.items():
        if name in (but or []):
            continue
        default = "" if field.is_required() else shown(field.get_default(call_default_factory=True))
        rows.append((f"`{name}`", default, field.description or ""))
    return table(("name", "default", "meaning"), rows)


def shown(value: Any) -> str:
    """A default value, or nothing for an empty one."""
    return "" if value in (None, (), {}, Exclude(), Rules()) else f"`{value}`".replace("'", "")


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
