"""Raw rows to events: the same for every format, for the API and for every system."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from ..tables import EVENTS
from .columns import resolved
from .keys import row_keys
from .mapping import KINDS, Mapping
from .rejects import Reason, Reject, clip
from .rows import RawRows
from .texts import identifier_lists, numbers, objects, trimmed
from .times import read_times

#: Characters of a name, channel, stage or currency.
LABEL_LIMIT = 200
#: Characters of an identifier with its type, and of an event id.
IDENTIFIER_LIMIT = 500
#: Identifiers of one row. All pairs of them are linked.
IDENTIFIERS_LIMIT = 50

#: Fields that are read to numbers.
_NUMBERS = ("value", "cost", "sentiment", "confidence")


def _is(kind: str) -> pl.Expr:
    return pl.col("kind") == kind


def _unread(written: str, read: str) -> pl.Expr:
    return pl.col(written).is_not_null() & pl.col(read).is_null()


def _long(name: str, limit: int) -> pl.Expr:
    return pl.col(name).str.len_chars() > limit


_HELD = pl.col("identifiers").list.len()
_LONGEST = pl.col("identifiers").list.eval(pl.element().str.len_chars()).list.max()

#: What may be wrong with a row, the first first: the field, the reason, the rows (null is not wrong), and the column
#: that is null throughout where it need not be looked for. The columns are those of ``to_events``.
_CHECKS: tuple[tuple[str, Reason, pl.Expr, str], ...] = (
    ("kind", Reason.BAD_KIND, ~pl.col("kind").is_in(KINDS), "kind"),
    ("time", Reason.NO_TIME, _is("event") & pl.col("time").is_null(), "kind"),
    ("time", Reason.SKIPPED_TIME, pl.col("skipped"), "time"),
    ("time", Reason.ABSURD_TIME, pl.col("absurd"), "time"),
    ("time", Reason.BAD_TIME, _unread("time", "at"), "time"),
    ("name", Reason.NO_NAME, _is("event") & pl.col("name").is_null(), "kind"),
    ("channel", Reason.NO_CHANNEL, _is("event") & pl.col("channel").is_null(), "kind"),
    *((name, Reason.TOO_LONG, _long(name, LABEL_LIMIT), name) for name in ("name", "channel", "stage", "currency")),
    ("identifiers", Reason.NO_IDENTIFIER, _HELD == 0, "kind"),
    ("identifiers", Reason.ONE_IDENTIFIER, _is("link") & (_HELD == 1), "kind"),
    ("identifiers", Reason.MANY_IDENTIFIERS, _HELD > IDENTIFIERS_LIMIT, "kind"),
    ("identifiers", Reason.TOO_LONG, _LONGEST > IDENTIFIER_LIMIT, "kind"),
    *((name, Reason.NOT_A_NUMBER, _unread(f"{name} as written", name), f"{name} as written") for name in _NUMBERS),
    ("sentiment", Reason.OUT_OF_RANGE, pl.col("sentiment").abs() > 1, "sentiment"),
    ("confidence", Reason.OUT_OF_RANGE, ~pl.col("confidence").is_between(0, 1), "confidence"),
    ("event_id", Reason.TOO_LONG, _long("event_id", IDENTIFIER_LIMIT), "event_id"),
)

#: What only a touchpoint has, and only a link; null for other rows.
_OF_TOUCHPOINTS = ("name", "channel", "stage", "value", "cost", "currency", "sentiment", "question")
_OF_KINDS = (
    *(pl.when(_is("event")).then(name).alias(name) for name in _OF_TOUCHPOINTS),
    pl.when(_is("link")).then(pl.col("confidence").fill_null(1.0)).alias("confidence"),
)


def to_events(rows: RawRows, mapping: Mapping, file: str) -> tuple[pl.DataFrame, list[Reject]]:
    """Map rows to events.

    Args:
        rows: raw rows of a file or of a request.
        mapping: what their columns mean.
        file: what rejects call the file.

    Returns:
        The events (``tables.EVENTS``, in the order of the rows, equal ones included), and one reject for each row
        that could not be read or is no event, by line.
    """
    mapping, unknown = resolved(mapping, rows.columns.columns)
    texts = _Texts(rows.columns, mapping)
    problems = _Problems(rows.columns.height)
    for column in unknown:
        problems.add(rows.columns[column].is_not_null(), column, Reason.UNKNOWN_FIELD)

    written = texts.field("time")
    times = read_times(written, mapping.time.format, mapping.time.zone)
    amounts = {name: texts.field(name) for name in _NUMBERS}
    fields = {
        "kind": texts.field("kind", mapping.kind),
        "time": written,
        "at": times.at,
        "absurd": times.absurd,
        "skipped": times.skipped,
        **{name: texts.label(name) for name in ("name", "channel", "stage")},
        "currency": texts.upper("currency"),
        **{f"{name} as written": amount for name, amount in amounts.items()},
        **{name: numbers(amount) for name, amount in amounts.items()},
        "question": texts.field("question"),
        "identifiers": texts.identifiers(),
        "traits": texts.object(mapping.traits),
        "properties": texts.object(mapping.properties),
        "event_id": texts.field("event_id"),
        "source": texts.all(mapping.source),
    }
    events, raw = pl.DataFrame([column.alias(name) for name, column in fields.items()]), rows.columns
    empty = {name for name in events.columns if events[name].null_count() == events.height}
    checks = [check for check in _CHECKS if check[3] not in empty]
    masks = events.select(wrong.alias(str(at)) for at, (_, _, wrong, _) in enumerate(checks))
    for (field, reason, _, _), mask in zip(checks, masks.get_columns(), strict=True):
        problems.add(mask, field, reason)

    good = problems.none()
    if not good.all():
        events, raw = events.filter(good), raw.filter(good)
    events = events.with_columns(_keys(events["event_id"], raw, mapping).alias("key"))
    if not (events["kind"] == "event").all() or "confidence" not in empty:
        events = events.with_columns(_OF_KINDS)
    events = events[EVENTS.names()].with_columns(pl.col(pl.Float64) + 0.0)  # -0 is 0, in every hash, too
    return events, sorted([*rows.rejects, *problems.rejects(rows, file)], key=lambda reject: reject.line)


class _Texts:
    """The trimmed texts of the fields of some rows."""

    def __init__(self, columns: pl.DataFrame, mapping: Mapping) -> None:
        used = mapping.used
        self.columns = columns[[name for name in columns.columns if name in used]].select(trimmed(pl.all()))
        self.height = columns.height
        self.mapping = mapping
        self._names: dict[str, str] = dict(mapping.columns.items())
        self._constants: dict[str, str] = dict(mapping.constants.items())
        self._null = self.all(None)

    def all(self, text: str | None) -> pl.Series:
        """One text for every row."""
        return pl.Series([text], dtype=pl.String).new_from_index(0, self.height)

    def column(self, name: str | None) -> pl.Series:
        """A column of the file; null throughout where these rows lack it."""
        return self.columns[name] if name in self.columns.columns else self._null

    def field(self, name: str, default: str | None = None) -> pl.Series:
        """One of our fields: its column, and its constant (or a default) where that is empty."""
        texts = self.column(self._names.get(name))
        constant = self._constants.get(name, default)
        if constant is None or not texts.null_count():
            return texts
        return self.all(constant.strip()) if texts.null_count() == self.height else texts.fill_null(constant.strip())

    def upper(self, name: str) -> pl.Series:
        """A field in capitals."""
        texts = self.field(name)
        return texts if texts.null_count() == self.height else texts.str.to_uppercase()

    def label(self, name: str) -> pl.Series:
        """A field after the clean-up of labels."""
        texts, rules = self.field(name), self.mapping.labels
        if rules.lower:
            texts = texts.str.to_lowercase()
        if rules.replace:
            texts = texts.replace(rules.replacements)
            texts = texts.set(texts == "", None)
        return texts

    def identifiers(self) -> pl.Series:
        """The identifiers of each row."""
        columns = {kind: [self.column(name) for name in names] for kind, names in self.mapping.identifiers.items()}
        return identifier_lists(columns, self.height)

    def object(self, columns: dict[str, str]) -> pl.Series:
        """A JSON object of each row."""
        return objects({name: self.column(column) for name, column in columns.items()}, self.height)


class _Problems:
    """The first problem of each row."""

    def __init__(self, height: int) -> None:
        self._which: npt.NDArray[np.int16] = np.zeros(height, np.int16)  # 0: none
        self._kinds: list[tuple[str, Reason]] = []

    def add(self, mask: pl.Series, field: str, reason: Reason) -> None:
        """Rows in the mask have this problem, unless they had one before; null is no problem."""
        if not mask.any():
            return
        self._kinds.append((field, reason))
        self._which[mask.fill_null(False).to_numpy() & (self._which == 0)] = len(self._kinds)

    def none(self) -> pl.Series:
        """Which rows are good."""
        return pl.Series(self._which == 0)

    def rejects(self, rows: RawRows, file: str) -> Iterable[Reject]:
        """A reject for each row with a problem."""
        if not self._kinds:
            return
        bad = pl.Series(self._which != 0)
        kinds = self._which[self._which != 0]
        raw = rows.columns.filter(bad).iter_rows(named=True)
        for line, kind, row in zip(rows.lines.filter(bad), kinds, raw, strict=True):
            field, reason = self._kinds[kind - 1]
            text = {name: text for name, text in row.items() if text is not None}
            yield Reject(file, line, field, reason, clip(json.dumps(text, ensure_ascii=False)))


def _keys(event_id: pl.Series, columns: pl.DataFrame, mapping: Mapping) -> pl.Series:
    """The key of each event: its id under the prefix, or the hash of its row where it has none."""
    prefix = mapping.event_id.prefix
    keys = prefix + event_id if prefix else event_id
    if event_id.null_count():
        without = event_id.is_null()
        keys = keys.scatter(without.arg_true(), row_keys(columns.filter(without), mapping.source))
    return keys
