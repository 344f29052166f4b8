"""How answers look in a terminal."""

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
    from ..answers import Behind, Comparison, Result
    from ..answers.compare import ComparedRow
    from ..graph import IngestReport
    from ..stores import Status
    from ..users import User

_PIPE_WIDTH = 160  # no terminal to fit into

console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
aside = Console(stderr=True, highlight=False)  # progress and notes: never in the way of a pipe


#: Columns that a table leaves to --json: plain from the other columns or from the line below.
_TOLD_OTHERWISE = {
    "differs",
    "repeatable",
    "negative",
    "neutral",
    "positive",
    "examples",
    "loop",
    "journeys",
    "open",
    "optional",
    "first_open",
    "last_open",
    "first_converted",
    "last_converted",
}
#: Where a column says most about its answer, it stays.
_KEPT = {"steps": {"journeys"}, "matrix": {"journeys"}, "conformance": {"journeys"}}
_FOR_WIDE_TERMINALS = {"converted", "p90_seconds", "users", "first_users", "last_users"}
_KEPT_IF_NARROW = {"funnel": {"users"}, "matrix": {"users"}}
_WIDE = 110


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


def answer(result: Result[Any], title: str | None = None) -> None:
    """Print an answer as a table, with its notes, and then for each segment that was asked for."""
    rows = [*result.rows, *([result.other] if result.other is not None else [])]
    if rows:
        narrow = _FOR_WIDE_TERMINALS - _KEPT_IF_NARROW.get(result.answer, set()) if console.width < _WIDE else set()
        hidden = (_TOLD_OTHERWISE - _KEPT.get(result.answer, set())) | narrow
        names = [name for name in type(rows[0]).model_fields if name not in hidden]
        table = _table(title or result.answer, names)
        for row in rows:
            remainder = getattr(row, "rank", 0) is None
            table.add_row(*(_cell(name, getattr(row, name), remainder=remainder) for name in names))
        console.print(table)
        for row in rows:
            for each in getattr(row, "differs", []):
                console.print(f"  {row.persona}: {each}", style="dim", markup=False)
    _basis(result)
    for segment, part in zip(result.parameters.by, result.segments, strict=True):
        console.print()
        answer(part, f"{result.answer}: {segment}")


def _basis(result: Result[Any]) -> None:
    """Print what an answer was counted on."""
    totals = result.totals
    until = f", data to {result.data_end:%Y-%m-%d %H:%M}" if result.data_end else ""
    console.print(
        f"{totals.counted:,} journeys of {totals.users:,} users, {totals.converted:,} converted, "
        f"{totals.open:,} open{until}; revision {result.revision}",
        style="dim",
    )
    for note in result.notes:
        console.print(f"· {note}", style="dim")


def behind(found: Behind) -> None:
    """Print the journeys behind a number."""
    told = ", ".join(f"{name} {_value(held)}" for name, held in found.row.items() if _value(held))
    console.print(f"{found.answer}: {told}", markup=False)
    table = _table(f"{found.column} {found.number:,}", ["user", "started at", "outcome", "count", "path"])
    known = any(journey.identifiers for journey in found.shown)
    if known:
        table.add_column("identifiers", overflow="fold")
    for journey in found.shown:
        cells = [
            journey.user,
            _time(journey.started_at),
            journey.outcome,
            f"{journey.count:,}",
            " › ".join(journey.path),
        ]
        table.add_row(*map(Text, [*cells, *(["; ".join(journey.identifiers or [])] if known else [])]))
    console.print(table)
    more = f"{len(found.shown):,} of " if len(found.shown) < found.journeys else ""
    console.print(f"{more}{found.journeys:,} journeys of {found.users:,} users; revision {found.revision}", style="dim")


def comparison(found: Comparison) -> None:
    """Print two sides with what differs between them."""
    table = _table(f"{found.answer}: {found.a.given} and {found.b.given}", ["path"])
    table.columns[0].header = ""
    for header in (found.a.given, found.b.given, "difference", f"{found.confidence:.0%} interval", "q", "", "time"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in found.rows:
        table.add_row(
            Text(row.what),
            f"{row.share_a:.1%}",
            f"{row.share_b:.1%}",
            f"{row.difference:+.1%}",
            f"{row.low:+.1%} to {row.high:+.1%}",
            f"{row.q_value:.3g}",
            "differs" if row.significant else "small" if row.test == "fisher" else "",
            _two_times(row),
        )
    console.print(table)
    for side in (found.a, found.b):
        told = f"{side.given}: {side.users:,} users, {side.journeys:,} journeys, {side.converted:,} converted"
        console.print(told, style="dim", markup=False)
    for note in found.notes:
        console.print(f"· {note}", style="dim", markup=False)


def _two_times(row: ComparedRow) -> str:
    if row.median_seconds_a is None or row.median_seconds_b is None:
        return ""
    return f"{span(row.median_seconds_a)} | {span(row.median_seconds_b)}{' differs' if row.time_significant else ''}"


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
            console.print(f"{title}: {_value(held)}", markup=False)
    for title, rows in tables:
        told = [name for name, each in rows[0] if not _nested(each)]  # examples are left to --json
        table = _table(title, told)
        for column in table.columns:
            column.no_wrap = False
        for row in rows:
            table.add_row(*(Text(_value(getattr(row, name))) for name in told))
        console.print(table)


def _nested(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and isinstance(held[0], BaseModel)


def _value(held: Any) -> str:
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, float):
        return f"{held:.3f}"
    if isinstance(held, int):
        return f"{held:,}"
    if isinstance(held, dict):
        return ", ".join(f"{name} {_value(count)}" for name, count in held.items())
    if isinstance(held, list):
        return "; ".join(map(_value, held))
    if isinstance(held, BaseModel):
        return ", ".join(f"{name} {_value(each)}" for name, each in held if each is not None)
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
    table = _table(None, ["", ""])
    table.show_header = False
    rows: list[tuple[str, str]] = [
        ("graphsvc", __version__),
        ("store", f"{now.url} ({now.store})"),
        ("schema, revision", f"{now.schema}, {now.revision}"),
        ("data", f"{_time(now.data_from)} to {_time(now.data_to)}" if now.data_to else "none yet"),
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
        table = _table(f"{journey.outcome}{value}", ["at", "name", "channel", "stage", "after"])
        table.title_justify = "left"
        for touchpoint in journey.touchpoints:
            after = "" if touchpoint.seconds is None else span(touchpoint.seconds)
            cells = [_time(touchpoint.at), touchpoint.name, touchpoint.channel, touchpoint.stage or "", after]
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table)


def rows(columns: Sequence[str], found: Iterable[Sequence[Any]]) -> None:
    """Print the rows of a query."""
    table = _table(None, columns)
    for row in found:
        table.add_row(*(Text(_text(value)) for value in row))
    console.print(table)


def span(seconds: float) -> str:
    """A time span in words: ``45 s``, ``12 min``, ``3.5 h``, ``2.1 d``."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _table(title: str | None, names: Sequence[str]) -> Table:
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


def _cell(name: str, value: Any, *, remainder: bool) -> Text:
    if name == "rank":
        return Text("" if remainder else str(value), style="dim")
    if remainder and name in ("path", "source", "label", "question"):
        return Text("other", style="italic")
    if remainder and name == "target":
        return Text("")
    if name.endswith("seconds"):
        return Text("" if value is None else span(value))
    if "share" in name or name.endswith("conversion"):
        return Text("" if value is None else f"{value:.1%}")
    if isinstance(value, list):
        return Text((" › " if name == "path" else "; ").join(map(str, value)))
    return Text(f"{value:,}" if isinstance(value, int) else _text(value))


def _text(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
