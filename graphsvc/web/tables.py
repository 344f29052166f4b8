"""The rows of an answer as a table of texts, and as CSV."""

from __future__ import annotations

import csv
import io
import re
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel

from ..answers import Comparison, Result, Row
from ..answers.compare import ComparedRow
from ..maps import words

#: Columns that go without saying: the rows stand in order, and a loop is seen.
_UNTOLD = frozenset({"rank", "loop", "persona"})
_TITLES = {
    "first": "begin here",
    "first_share": "share",
    "first_users": "users",
    "first_converted": "converted",
    "first_open": "open",
    "first_conversion": "conversion",
    "last": "end here",
    "last_share": "share",
    "last_users": "users",
    "last_converted": "converted",
    "last_open": "open",
    "last_conversion": "conversion",
    "median_seconds": "median time",
    "p90_seconds": "time of nine in ten",
    "source": "from",
    "target": "to",
    "count": "times",
    "share_of_source": "of that source",
    "p_value": "p",
    "q_value": "q",
    "roas": "return on spend",
}
_PLACES = ("step", "position")
#: Where a formula may begin: some spreadsheets end a cell at semicolons, tabs or line ends, also in quotes.
_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[=+\-@\t\r])")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    title: str
    told: str
    starts: bool  # the first of a group
    kind: Literal["text", "number", "list"]


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table."""

    text: str
    counts: bool  # journeys stand behind it
    bar: float | None  # a share, to be drawn


def columns(model: type[Row], rows: Sequence[Row] = ()) -> list[Column]:
    """The columns of an answer, what they are about first; without those that say nothing in any of its rows."""
    made = [
        Column(
            name=name,
            title=_TITLES.get(name, name.replace("_", " ")),
            told=(about.description or "").replace("`", ""),
            starts=name in ("first", "last"),
            kind=_kind(name, about.annotation),
        )
        for name, about in model.model_fields.items()
        if name not in _UNTOLD and not (rows and all(_says_nothing(getattr(row, name)) for row in rows))
    ]
    return sorted(made, key=lambda column: ("text", "number", "list").index(column.kind))


def _says_nothing(held: Any) -> bool:
    return held is None or held is False or held == []


def _kind(name: str, annotation: Any) -> Literal["text", "number", "list"]:
    if typing.get_origin(annotation) is list and name != "path":
        return "list"
    return "number" if {int, float, bool} & {annotation, *typing.get_args(annotation)} else "text"


def cells(row: Row, shown: Iterable[Column], counting: frozenset[str]) -> list[Cell]:
    """One row.

    Args:
        row: of an answer.
        shown: its columns.
        counting: names of columns that journeys stand behind.
    """
    remainder = getattr(row, "rank", 0) is None
    made = []
    for at, column in enumerate(shown):
        held = getattr(row, column.name)
        text = "all others" if remainder and not at else text_of(column.name, held)
        is_share = isinstance(held, float) and column.name in ("share", "first_share", "last_share", "share_of_users")
        counts = column.name in counting and isinstance(held, int) and held > 0
        made.append(Cell(text, counts, held if is_share else None))
    return made


def text_of(name: str, held: Any) -> str:
    """A value as people read it."""
    if held is None:
        return words.NONE
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, int):
        return str(held) if name in _PLACES else words.number(held)
    if isinstance(held, float):
        return _of_float(name, held)
    if isinstance(held, list):
        return (" → " if name == "path" else "; ").join(map(str, held))
    return held.strftime("%Y-%m-%d %H:%M") if isinstance(held, datetime) else str(held)


def _of_float(name: str, held: float) -> str:
    if "share" in name or "conversion" in name.split("_")[-1:]:
        return words.percent(held)
    if name.endswith("_seconds"):
        return words.duration(held)
    if name in ("p_value", "q_value"):
        return f"{held:.3g}"
    return f"{held:,.2f}"


def as_csv(found: Result[Any]) -> str:
    """The rows of an answer and its remainder; and of each segment that it was asked for, which then has a column."""
    parts = [("", found), *zip(found.parameters.by, found.segments, strict=True)]
    rows = [
        ([segment] if found.segments else [], row)
        for segment, part in parts
        for row in [*part.rows, *([part.other] if part.other else [])]
    ]
    return _written([*(["segment"] if found.segments else []), *_model(found).model_fields], rows)


def comparison_as_csv(found: Comparison) -> str:
    """The rows of a comparison, each with what its two sides are."""
    sides = [found.a.given, found.b.given]
    return _written(["a", "b", *ComparedRow.model_fields], [(sides, row) for row in found.rows])


def csv_file(text: str, name: str) -> Response:
    """CSV that a browser saves under a name."""
    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv", headers=named)


def _written(names: Sequence[str], rows: Iterable[tuple[list[str], Row]]) -> str:
    """Rows as CSV, each after what stands before it."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(names)
    for before, row in rows:
        told = [getattr(row, name) for name in type(row).model_fields]
        writer.writerow([_inert(value) for value in [*before, *told]])
    return written.getvalue()


def _model(found: Result[Any]) -> type[BaseModel]:
    from ..answers import answer

    return answer(found.answer).rows


def _inert(value: Any) -> Any:
    """What a spreadsheet takes for text: nothing that was collected somewhere becomes a formula."""
    if isinstance(value, list | tuple):
        value = " > ".join(map(str, value))
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
