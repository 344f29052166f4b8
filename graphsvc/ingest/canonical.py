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

#: What only a touchpoint has; null for profile and link rows.
_OF_TOUCHPOINTS = ("name", "channel", "stage", "value", "cost", "currency", "sentiment", "question")


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

    kind = texts.field("kind").fill_null(mapping.kind)
    problems.add(~kind.is_in(KINDS), "kind", Reason.BAD_KIND)
    is_event, is_link = kind == "event", kind == "link"

    written = texts.field("time")
    times = read_times(written, mapping.time.format, mapping.time.zone)
    problems.add(is_event & written.is_null(), "time", Reason.NO_TIME)
    problems.add(times.skipped, "time", Reason.SKIPPED_TIME)
    problems.add(times.absurd, "time", Reason.ABSURD_TIME)
    problems.add(written.is_not_null() & times.at.is_null(), "time", Reason.BAD_TIME)

    labels = {name: texts.label(name) for name in ("name", "channel", "stage")}
    problems.add(is_event & labels["name"].is_null(), "name", Reason.NO_NAME)
    problems.add(is_event & labels["channel"].is_null(), "channel", Reason.NO_CHANNEL)
    labels["currency"] = texts.field("currency").str.to_uppercase()
    for name, label in labels.items():
        problems.add(label.str.len_chars() > LABEL_LIMIT, name, Reason.TOO_LONG)

    identifiers = texts.identifiers()
    held = identifiers.list.len()
    problems.add(held == 0, "identifiers", Reason.NO_IDENTIFIER)
    problems.add(is_link & (held == 1), "identifiers", Reason.ONE_IDENTIFIER)
    problems.add(held > IDENTIFIERS_LIMIT, "identifiers", Reason.MANY_IDENTIFIERS)
    problems.add(_longest(identifiers) > IDENTIFIER_LIMIT, "identifiers", Reason.TOO_LONG)

    amounts: dict[str, pl.Series] = {}
    for name in ("value", "cost", "sentiment", "confidence"):
        amounts[name], unreadable = numbers(texts.field(name))
        problems.add(unreadable, name, Reason.NOT_A_NUMBER)
    problems.add(amounts["sentiment"].abs() > 1, "sentiment", Reason.OUT_OF_RANGE)
    problems.add(~amounts["confidence"].is_between(0, 1), "confidence", Reason.OUT_OF_RANGE)

    event_id = texts.field("event_id")
    problems.add(event_id.str.len_chars() > IDENTIFIER_LIMIT, "event_id", Reason.TOO_LONG)

    good = problems.none()
    columns = {
        "kind": kind,
        "at": times.at,
        **labels,
        **amounts,
        "question": texts.field("question"),
        "identifiers": identifiers,
        "traits": texts.object(mapping.traits),
        "properties": texts.object(mapping.properties),
        "event_id": event_id,
    }
    events, raw = pl.DataFrame([column.alias(name) for name, column in columns.items()]), rows.columns
    if not good.all():
        events, raw = events.filter(good), raw.filter(good)
    events = events.with_columns(
        key=_keys(events["event_id"], raw, mapping),
        source=pl.lit(mapping.source),
        confidence=pl.when(pl.col("kind") == "link").then(pl.col("confidence").fill_null(1.0)),
    )
    if not is_event.all():
        touchpoint = pl.col("kind") == "event"
        events = events.with_columns(pl.when(touchpoint).then(name).alias(name) for name in _OF_TOUCHPOINTS)
    events = events.select(pl.col(name).cast(dtype) for name, dtype in EVENTS.items())
    events = events.with_columns(pl.col(pl.Float64) + 0.0)  # -0 is 0, in every hash, too
    return events, sorted([*rows.rejects, *problems.rejects(rows, file)], key=lambda reject: reject.line)


class _Texts:
    """The trimmed texts of the fields of some rows."""

    def __init__(self, columns: pl.DataFrame, mapping: Mapping) -> None:
        self.columns = columns
        self.mapping = mapping
        self._names: dict[str, str] = dict(mapping.columns.items())
        self._constants: dict[str, str] = dict(mapping.constants.items())

    def column(self, name: str | None) -> pl.Series:
        """A column of the file; null throughout where these rows lack it."""
        if name is None or name not in self.columns.columns:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self.columns.height)
        return self.columns.select(trimmed(pl.col(name))).to_series()

    def field(self, name: str) -> pl.Series:
        """One of our fields: its column, and its constant where that is empty."""
        texts = self.column(self._names.get(name))
        constant = self._constants.get(name)
        return texts if constant is None else texts.fill_null(constant.strip())

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
        return identifier_lists(columns, self.columns.height)

    def object(self, columns: dict[str, str]) -> pl.Series:
        """A JSON object of each row."""
        return objects({name: self.column(column) for name, column in columns.items()}, self.columns.height)


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
        bad = pl.Series(self._which != 0)
        kinds = self._which[self._which != 0]
        raw = rows.columns.filter(bad).iter_rows(named=True)
        for line, kind, row in zip(rows.lines.filter(bad), kinds, raw, strict=True):
            field, reason = self._kinds[kind - 1]
            text = {name: text for name, text in row.items() if text is not None}
            yield Reject(file, line, field, reason, clip(json.dumps(text, ensure_ascii=False)))


def _longest(lists: pl.Series) -> pl.Series:
    """Characters of the longest text of each list."""
    return lists.list.eval(pl.element().str.len_chars()).list.max()


def _keys(event_id: pl.Series, columns: pl.DataFrame, mapping: Mapping) -> pl.Series:
    """The key of each event: its id under the prefix, or the hash of its row where it has none."""
    keys = pl.select(pl.lit(mapping.event_id.prefix) + pl.lit(event_id)).to_series()
    without = event_id.is_null()
    if without.any():
        keys = keys.scatter(without.arg_true(), row_keys(columns.filter(without), mapping.source))
    return keys
