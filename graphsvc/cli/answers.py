"""The commands that ask: each declared answer, the journeys behind its numbers, comparisons, the report."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from ..answers import COMPARABLE, Answer, Filters, answer
from ..errors import InputError
from ..graph import open as open_graph
from ..questions import Via
from . import show, show_answers
from .app import app
from .options import DEFAULT_STORE, JsonOption, StoreOption, with_parameters

journeys = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The journeys behind a number of an answer, asked with the same options.",
)
compare = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Two segments or two periods side by side, with tests."
)
app.add_typer(journeys, name="journeys")
app.add_typer(compare, name="compare")


def _answer_command(asked: Answer) -> None:
    """Add the command of one declared answer."""

    @with_parameters(asked.parameters)
    def command(
        parameters: dict[str, Any],
        store: StoreOption = DEFAULT_STORE,
        via: Annotated[Via, typer.Option(help="Count on the journey frame or by Cypher (Neo4j).")] = "auto",
        json_: JsonOption = False,
    ) -> None:
        parameters = from_files(parameters)
        with open_graph(store, write=False) as graph:
            result = graph.ask(asked.name, parameters, via=via)
        show.as_json(result) if json_ else show_answers.answer(result)

    app.command(asked.name, help=_help(asked.question, asked.name, asked.examples))(command)


def from_files(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters in which ``@FILE`` gave way to what the file says: ``--spend @spend.csv``, ``--step @expected.toml``.

    Raises:
        InputError: the file cannot be read; the message names file, line and reason.
    """
    if len(step := parameters.get("step", [])) == 1 and step[0].startswith("@"):
        from ..answers.expected import expected_journey

        return {**parameters, "step": list(expected_journey(Path(step[0][1:])))}
    if spend := parameters.get("spend"):
        told = [line for text in spend for line in (_spend_lines(Path(text[1:])) if text.startswith("@") else [text])]
        return {**parameters, "spend": told}
    return parameters


def _spend_lines(file: Path) -> list[str]:
    """``label=amount`` for each row of a CSV file with the columns label (or channel) and amount (or spend)."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    told = []
    for number, row in enumerate(rows, start=2):
        label, amount = row.get("label") or row.get("channel"), row.get("amount") or row.get("spend")
        if not label or not amount:
            raise InputError(f"{file}, line {number}: a row needs label (or channel) and amount (or spend)")
        told.append(f"{label}={amount}")
    return told


def _journeys_command(asked: Answer) -> None:
    """Add the command that drills down into one answer."""

    @with_parameters(asked.parameters)
    def command(
        parameters: dict[str, Any],
        row: Annotated[int, typer.Option(min=1, help="Row of the answer, from 1.")] = 1,
        column: Annotated[str, typer.Option(help="Which of its numbers.")] = "journeys",
        first: Annotated[int, typer.Option(min=0, help="Journeys to skip.")] = 0,
        limit: Annotated[int, typer.Option(min=1, help="Journeys to show.")] = 20,
        identifiers: Annotated[bool, typer.Option(help="Show the users' identifiers, too.")] = False,
        store: StoreOption = DEFAULT_STORE,
        json_: JsonOption = False,
    ) -> None:
        parameters = from_files(parameters)
        page = {"row": row, "column": column, "first": first, "limit": limit}
        with open_graph(store, write=False) as graph:
            found = graph.journeys_behind(asked.name, parameters, **page, identifiers=identifiers)  # type: ignore[arg-type]
        show.as_json(found) if json_ else show_answers.behind(found)

    told = f"The journeys behind a number of {asked.name}."
    example = f"{asked.examples[0]} --row 1 --column {_a_column(asked)}"
    journeys.command(asked.name, help=_help(told, f"journeys {asked.name}", (example,)))(command)


def _a_column(asked: Answer) -> str:
    return "journeys" if "journeys" in asked.rows.model_fields else "first"


def _compare_command(asked: Answer) -> None:
    """Add the command that compares two segments or periods in one answer."""

    @with_parameters(asked.parameters)
    def command(
        parameters: dict[str, Any],
        a: Annotated[str, typer.Option(help="A segment, or a period as 2026-01-01..2026-04-01 (end not included).")],
        b: Annotated[str, typer.Option(help="Another one of the same kind.")],
        rate: Annotated[float, typer.Option(help="Rate of false discoveries that is accepted.")] = 0.05,
        confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
        store: StoreOption = DEFAULT_STORE,
        json_: JsonOption = False,
    ) -> None:
        with open_graph(store, write=False) as graph:
            found = graph.compare(asked.name, parameters, a=a, b=b, rate=rate, confidence=confidence)
        show.as_json(found) if json_ else show_answers.comparison(found)

    told = f"Two segments or two periods (by journey start) in {asked.name}: what differs beyond chance."
    examples = (f"{asked.examples[0]} --a older --b younger", f"{asked.examples[0]} --a ..2026-04-01 --b 2026-04-01..")
    compare.command(asked.name, help=_help(told, f"compare {asked.name}", examples))(command)


def _help(told: str, name: str, examples: tuple[str, ...]) -> str:
    return f"{told}\n\nExamples:\n\n" + "\n\n".join(f"    graphsvc {name} {options}" for options in examples)


@cache
def add_answer(name: str) -> None:
    """Add the commands of one declared answer."""
    asked = answer(name)
    _answer_command(asked)
    _journeys_command(asked)
    if name in COMPARABLE:
        _compare_command(asked)


@app.command()
@with_parameters(Filters)
def report(
    parameters: dict[str, Any],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.")] = Path("report.html"),
    rate: Annotated[float, typer.Option(help="Rate of false findings that is accepted.")] = 0.05,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    store: StoreOption = DEFAULT_STORE,
    json_: JsonOption = False,
) -> None:
    """Write the manager's report: opportunities, weaknesses, gaps and inefficiencies that stand out beyond chance.

    One HTML file that needs no network, or JSON, which also names the journeys behind each finding.

    Examples:

        graphsvc report --out report.html

        graphsvc report --segment older --since 2025-03-01 --json
    """
    with open_graph(store, write=False) as graph, show.waiting("looking for what stands out"):
        found = graph.report(rate=rate, **({"title": title} if title else {}), **parameters)
    if json_:
        show.as_json(found)
        return
    found.save(out)
    for finding in found.findings:
        sentence = finding.sentence.translate({0x2068: None, 0x2069: None})  # marks for the page's writing direction
        print(f"{finding.category}: {sentence}")
    print(f"{out}: open it in a browser")
