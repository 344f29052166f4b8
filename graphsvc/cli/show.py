"""How things look in a terminal: what a graph holds, what became of files, and the parts that answers use, too."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import __version__

if TYPE_CHECKING:
    from ..graph import IngestReport
    from ..stores import Status
    from ..users import User

_PIPE_WIDTH = 160  # no terminal to fit into

console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
aside = Console(stderr=True, highlight=False)  # progress and notes: never in the way of a pipe


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    if isinstance(value, BaseModel):
        print(value.model_dump_json(indent=2))
        return
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    json.dump(plain, sys.stdout, indent=2, ensure_ascii=False, default=_plain)
    print()


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def model(value: BaseModel, name: str = "") -> None:
    """Print any model: plain fields as lines, lists of rows as tables."""
    tables: list[tuple[str, list[BaseModel]]] = []
    for field, held in value:
        title = f"{name} {field}".strip().replace("_", " ")
        if isinstance(held, BaseModel):
            model(held, title)
        elif isinstance(held, list) and held and isinstance(held[0], BaseModel):
            tables.append((title, held))
        elif held not in ([], {}, None):
            console.print(f"{title}: {value_text(held)}", markup=False)
    for title, rows in tables:
        told = [name for name, each in rows[0] if not _nested(each)]  # examples are left to --json
        table = new_table(title, told)
        for column in table.columns:
            column.no_wrap = False
        for row in rows:
            table.add_row(*(Text(value_text(getattr(row, name))) for name in told))
        console.print(table)


def _nested(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and isinstance(held[0], BaseModel)


def value_text(held: Any) -> str:
    """A value as it stands in a line: ``yes``, ``1,200``, ``0.333``."""
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, float):
        return f"{held:.3f}"
    if isinstance(held, int):
        return f"{held:,}"
    if isinstance(held, dict):
        return ", ".join(f"{name} {value_text(count)}" for name, count in held.items())
    if isinstance(held, list):
        return "; ".join(map(value_text, held))
    if isinstance(held, BaseModel):
        return ", ".join(f"{name} {value_text(each)}" for name, each in held if each is not None)
    return "" if held is None else str(held)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something goes on, where somebody looks."""
    with aside.status(f"{what} …") if sys.stderr.isatty() else nullcontext():
        yield


def ingested(report: IngestReport) -> None:
    """Print what became of the rows of an ingest."""
    parts = [f"{report.new:,} new events"]
    for count, what in (
        (report.duplicates, "duplicates"),
        (report.replaced, "replaced"),
        (report.conflicts, "of other content than the row with their event key"),
        (report.forgotten, "before the retention date"),
        (report.erased, "of people who were erased"),
        (report.rejected, "rejected"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    files = "1 file" if len(report.files) == 1 else f"{len(report.files):,} files"
    console.print(f"{report.rows:,} rows of {files}: {', '.join(parts)}; revision {report.revision}")
    if report.conflicts:
        console.print(
            "· of rows with one event key the same one stays, whichever came first; --replace makes these rows stay, "
            "as after a correction of the mapping",
            style="dim",
        )
    if report.placeholders:
        console.print(f"· {report.placeholders:,} placeholder identifiers (null, guest …) were set aside", style="dim")
    for file, columns in report.unused.items():
        console.print(f"· {file}: columns not used: {', '.join(columns)}", style="dim", markup=False)
    if report.rejects_file:
        console.print(f"· rejected rows, with reasons: {report.rejects_file}", style="dim")


def status(now: Status) -> None:
    """Print what a graph holds."""
    table = new_table(None, ["", ""])
    table.show_header = False
    rows: list[tuple[str, str]] = [
        ("graphsvc", __version__),
        ("store", f"{now.url} ({now.store})"),
        ("schema, revision", f"{now.schema}, {now.revision}"),
        ("data", f"{time_text(now.data_from)} to {time_text(now.data_to)}" if now.data_to else "none yet"),
        *((name, f"{count:,}") for name, count in now.counts.items()),
    ]
    if now.settings is not None:
        for name, value in now.settings.model_dump(exclude={"salt"}, exclude_defaults=True, mode="json").items():
            rows.append((name, json.dumps(value, ensure_ascii=False)))
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    console.print(table)


def user(person: User) -> None:
    """Print one person: identifiers, traits and journeys."""
    console.print(f"user {person.key}", style="bold")
    console.print(Text("  " + ", ".join(f"{each.type}:{each.value}" for each in person.identifiers)))
    if person.traits:
        console.print(Text("  " + ", ".join(f"{name} {value}" for name, value in person.traits.items())))
    if person.excluded:
        console.print("  excluded by the settings: no journeys are kept")
    for journey in person.journeys:
        value = f", {journey.value:,.2f} {journey.currency or ''}".rstrip() if journey.value else ""
        table = new_table(f"{journey.outcome}{value}", ["at", "name", "channel", "stage", "after"])
        table.title_justify = "left"
        for touchpoint in journey.touchpoints:
            after = "" if touchpoint.seconds is None else span(touchpoint.seconds)
            cells = [time_text(touchpoint.at), touchpoint.name, touchpoint.channel, touchpoint.stage or "", after]
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table)


def rows(columns: Sequence[str], found: Iterable[Sequence[Any]]) -> None:
    """Print the rows of a query."""
    table = new_table(None, columns)
    for row in found:
        table.add_row(*(Text(cell_text(value)) for value in row))
    console.print(table)


def span(seconds: float) -> str:
    """A time span in words: ``45 s``, ``12 min``, ``3.5 h``, ``2.1 d``."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def new_table(title: str | None, names: Sequence[str]) -> Table:
    """A table without lines: texts to the left, numbers to the right."""
    table = Table(title=title, title_style="bold", box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        text = name in (
            "",
            "path",
            "source",
            "target",
            "name",
            "channel",
            "stage",
            "at",
            "label",
            "kind",
            "user",
            "instead",
        )
        table.add_column(_header(name), justify="left" if text else "right", overflow="fold", no_wrap=not text)
    return table


def _header(name: str) -> str:
    return {"share_of_source": "of source"}.get(name, name.replace("_seconds", " time").replace("_", " "))


def cell_text(value: Any) -> str:
    """A value as it stands in a cell of a table; no more digits than it has."""
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def time_text(at: datetime | None) -> str:
    """A time to the second; nothing where there is none."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
