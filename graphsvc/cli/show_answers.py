"""How answers look in a terminal: their rows, the journeys behind a number, two sides that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from .show import cell_text, console, new_table, span, time_text, value_text

if TYPE_CHECKING:
    from ..answers import Behind, Comparison, Result
    from ..answers.compare import ComparedRow

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


def answer(result: Result[Any], title: str | None = None) -> None:
    """Print an answer as a table, with its notes, and then for each segment that was asked for."""
    rows = [*result.rows, *([result.other] if result.other is not None else [])]
    if rows:
        narrow = _FOR_WIDE_TERMINALS - _KEPT_IF_NARROW.get(result.answer, set()) if console.width < _WIDE else set()
        hidden = (_TOLD_OTHERWISE - _KEPT.get(result.answer, set())) | narrow
        names = [name for name in type(rows[0]).model_fields if name not in hidden]
        table = new_table(title or result.answer, names)
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
    told = ", ".join(f"{name} {value_text(held)}" for name, held in found.row.items() if value_text(held))
    console.print(f"{found.answer}: {told}", markup=False)
    table = new_table(f"{found.column} {found.number:,}", ["user", "started at", "outcome", "count", "path"])
    known = any(journey.identifiers for journey in found.shown)
    if known:
        table.add_column("identifiers", overflow="fold")
    for journey in found.shown:
        cells = [
            journey.user,
            time_text(journey.started_at),
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
    table = new_table(f"{found.answer}: {found.a.given} and {found.b.given}", ["path"])
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
    return Text(f"{value:,}" if isinstance(value, int) else cell_text(value))
