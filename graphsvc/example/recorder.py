"""The source systems at work: what happened goes into their files, and who is who into a file of its own."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from .files import TextRows, open_rows
from .people import People
from .story import BEGIN, END
from .systems import EVENT_SYSTEMS, LINKS, PROFILES, System
from .trouble import PLACEHOLDERS, delivered

SYSTEMS = (*EVENT_SYSTEMS, PROFILES, LINKS)

#: Of the people who gave an e-mail address, a customer number or a loyalty card: those whom the brand has on record.
ON_RECORD = 0.9
_KNOWN_BY = ("customer_id", "email", "loyalty_card")


@dataclass
class Counts:
    """Rows of one file, which holds events + duplicates + bad of them."""

    events: int = 0  # good rows, each once
    placeholders: int = 0  # of the events: those with a placeholder for an identifier
    duplicates: int = 0  # rows that repeat an event to the letter
    bad: int = 0  # rows that must be rejected


class Recorder:
    """Writes all files of an example, batch by batch; to be used in a ``with`` block."""

    def __init__(self, out: Path) -> None:
        self.files = {system.name: out / system.file for system in SYSTEMS}
        self.mappings = {system.name: out / f"{system.name}.toml" for system in SYSTEMS}
        self.truth = out / "truth.csv"
        self.counts = {system.name: Counts() for system in SYSTEMS}
        self._until_closed = ExitStack()

    def __enter__(self) -> Recorder:
        for system in SYSTEMS:
            self.mappings[system.name].write_text(system.mapping_text, encoding="utf-8", newline="\n")
        self._rows = {name: self._until_closed.enter_context(closing(open_rows(p))) for name, p in self.files.items()}
        self._truth = self._until_closed.enter_context(closing(open_rows(self.truth)))
        return self

    def __exit__(self, *failure: object) -> None:
        self._until_closed.close()

    @property
    def events(self) -> int:
        """Touchpoints recorded so far, each once."""
        return sum(self.counts[system.name].events for system in EVENT_SYSTEMS)

    def record(self, people: People, touchpoints: pl.DataFrame, rng: np.random.Generator) -> None:
        """Write what some people did (as ``detailed(live(…))`` tells it) and what is known of them besides."""
        touchpoints = touchpoints.sort("second", maintain_order=True)
        happened = pl.concat([touchpoints.drop("row"), people.table[touchpoints["row"]]], how="horizontal")
        happened = happened.with_columns(at=BEGIN + pl.duration(seconds="second"))
        who = pl.concat([self._record_events(system, happened, rng) for system in EVENT_SYSTEMS])

        gave_a_name = who.filter(pl.col("type").is_in(_KNOWN_BY))["person"].unique()
        noted = pl.lit(pl.Series(rng.random(len(people)) < ON_RECORD))
        on_record = people.table.filter(noted & pl.col("person").is_in(gave_a_name.implode())).with_columns(
            at=BEGIN + pl.duration(days=pl.col("person") % (END - BEGIN).days, hours=9)
        )
        who = pl.concat([who, *(self._record_people(system, on_record) for system in (PROFILES, LINKS))])
        self._truth.write(
            who.filter(~pl.col("value").is_in([*PLACEHOLDERS, *people.shared]))
            .select(identifier=pl.concat_str("type", "value", separator=":"), person="person")
            .unique()
            .sort("person", "identifier")
        )

    def break_off(self) -> None:
        """Let each text file of events end in the middle of a row, as an interrupted export does."""
        for system in EVENT_SYSTEMS:
            rows = self._rows[system.name]
            if isinstance(rows, TextRows) and self.counts[system.name].events:
                rows.break_off()
                self.counts[system.name].bad += 1

    def _record_events(self, system: System, happened: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
        """Write what one system sees; returns who is who in its good rows."""
        counts = self.counts[system.name]
        seen = happened.filter(pl.col("system") == system.name).with_row_index("number", offset=counts.events + 1)
        delivery = delivered(seen, system, rng)
        self._rows[system.name].write(delivery.rows)
        counts.events += len(delivery.good)
        counts.placeholders += delivery.placeholders
        counts.duplicates += delivery.duplicates
        counts.bad += delivery.bad
        return _who_is_who(delivery.good, system)

    def _record_people(self, system: System, on_record: pl.DataFrame) -> pl.DataFrame:
        """Write the people that one register holds: those of whom it has two identifiers at least."""
        held = on_record.select("person", **system.columns)
        held = held.filter(pl.sum_horizontal(pl.col(list(system.identifier_columns)).is_not_null()) >= 2)
        self._rows[system.name].write(held.select(list(system.columns)))
        self.counts[system.name].events += len(held)
        return _who_is_who(held, system)


def _who_is_who(rows: pl.DataFrame, system: System) -> pl.DataFrame:
    """The identifiers in some rows: person, type, value (e-mail addresses in lower case, as the graph keys them)."""
    found = []
    for column, kind in system.identifier_columns.items():
        values = rows.select("person", pl.lit(kind).alias("type"), pl.col(column).alias("value")).unique()
        if values.schema["value"] == pl.List:
            values = values.explode("value")
        found.append(
            values.drop_nulls().with_columns(pl.col("value").str.to_lowercase() if kind == "email" else "value")
        )
    return pl.concat(found)
