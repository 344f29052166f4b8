"""``Graph``: everything that a person can do with one graph, from Python. The CLI and the API stand on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import polars as pl

from . import users
from .core import Derived, meant, normalised, sought
from .errors import (
    NotFound,
    SettingsConflict,
    StoreBusy,
    TooManyRejects,
    validated,
)
from .frame import JourneyFrame
from .questions import Questions, Via
from .rules import Rules
from .segments import find
from .settings import Settings, flat
from .spool import Spool
from .stores import Status, Store, is_neo4j, open_store
from .writing import Added, add, resolve, revision_of_empty

if TYPE_CHECKING:  # readers of files are imported where one is read: a question should start fast
    import networkx as nx

    from .answers import (
        AttributionRow,
        Behind,
        FunnelRow,
        MatrixRow,
        PathRow,
        PersonaRow,
        Result,
        StepRow,
        TouchRow,
        TransitionRow,
    )
    from .answers.compare import Comparison
    from .ingest import Mapping as FileMapping
    from .ingest import Progress, Reject
    from .maps.picture import Picture
    from .people import People
    from .personas import SavedPersonas
    from .report import Report

Made = TypeVar("Made")


@dataclass
class IngestReport:
    """What became of the rows of an ingest."""

    files: list[str] = field(default_factory=list)
    rows: int = 0
    new: int = 0
    duplicates: int = 0
    conflicts: int = 0
    replaced: int = 0
    forgotten: int = 0
    erased: int = 0  # rows that hold an identifier of somebody who was erased
    rejected: int = 0
    placeholders: int = 0  # identifiers set aside because they say nothing about a person
    rejects_file: str | None = None
    unused: dict[str, list[str]] = field(default_factory=dict)  # by file: columns that its mapping leaves out
    revision: int = 0
    rejects: list[Reject] = field(default_factory=list, repr=False)  # of records; those of files are in their file


class Graph:
    """A customer-journey graph in a store.

    >>> graph = graphsvc.open("journeys.duckdb")
    >>> graph.ingest(["events.csv"])
    >>> graph.paths(where="start", steps=3).rows
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._questions = Questions(store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._questions.close()
        self.store.close()

    @cached_property
    def people(self) -> People:
        """Who is who: explain, decide, erase, quality."""
        from .people import People

        return People(self)

    # Writing

    def ingest(
        self,
        files: str | Path | Sequence[str | Path],
        mappings: Sequence[FileMapping | str | Path] = (),
        *,
        replace: bool = False,
        max_rejects: int | None = None,
        rejects: str | Path | None = None,
        progress: Callable[[Progress], None] | None = None,
        by_row: bool = False,
    ) -> IngestReport:
        """Add the events of some files.

        Args:
            files: paths and globs of CSV, JSONL and Parquet files, gzipped or not, in any order.
            mappings: how to read them, or their TOML files; each file takes the first that matches; none: plainly.
            replace: rows take the place of former rows with their event key (a corrected mapping, a re-export).
            max_rejects: stop, before anything is written, when more rows than this are bad.
            rejects: where bad rows go; by default beside the store.
            progress: called now and then while files are read.
            by_row: a field that means nothing makes its row a reject, and does not refuse its file.

        Raises:
            InputError: a mapping, column or file that cannot be used; nothing was written.
            TooManyRejects: see ``max_rejects``.
        """
        from .ingest import RejectsFile, read_events

        files = [files] if isinstance(files, str | Path) else files
        read_as = [load_mapping(each) if isinstance(each, str | Path) else each for each in mappings]
        with self.store.writer():
            pass  # what cannot be written to is told before long files are read
        report = IngestReport()
        proposed = _proposed(read_as)
        rules = (self.store.head().settings or Settings().joined(proposed, fresh=True)).rules
        kept_aside = Path(rejects) if rejects else self.rejects_path()
        with Spool(self.store.spool) as spool:
            for batch in read_events(files, read_as, progress, by_row=by_row):
                spool.add(batch.events)
                report.rows += batch.rows
                report.placeholders += _placeholders(batch.events, rules)
                if str(batch.file) not in report.files:
                    report.files.append(str(batch.file))
                if batch.unused:
                    report.unused[str(batch.file)] = list(batch.unused)
                if batch.rejects:
                    RejectsFile(kept_aside).add(batch.rejects)
                    report.rejected += len(batch.rejects)
                    report.rejects_file = str(kept_aside)
                if max_rejects is not None and report.rejected > max_rejects:
                    raise TooManyRejects(
                        f"{report.rejected:,} of the first {report.rows:,} rows are bad, more than the "
                        f"{max_rejects:,} allowed; nothing was written; the reasons are in {report.rejects_file}"
                    )
            return self._added(spool, proposed, report, replace=replace)

    def add(self, records: Sequence[Mapping[str, Any]], *, replace: bool = False) -> IngestReport:
        """Add events given as plain records (the body of ``POST /events``); bad ones are reported, not stored."""
        from .ingest import events_from_records

        batch = events_from_records([dict(record) for record in records])
        report = IngestReport(
            rows=batch.rows,
            rejected=len(batch.rejects),
            rejects=batch.rejects,
        )
        return self._added(batch.events, {}, report, replace=replace)

    def _added(
        self, events: pl.DataFrame | Spool, proposed: Mapping[str, Any], report: IngestReport, *, replace: bool
    ) -> IngestReport:
        added: Added = add(self.store, events, proposed, replace=replace)
        for name in ("new", "duplicates", "conflicts", "replaced", "forgotten", "erased", "revision"):
            setattr(report, name, getattr(added, name))
        if isinstance(events, pl.DataFrame):
            report.placeholders = _placeholders(events, added.rules)
        return report

    def when_forgetting(self, forget: Callable[[], None]) -> None:
        """Have something done whenever :meth:`drop_frame` is: whoever keeps answers must let go of them, too."""
        self._questions.when_forgetting(forget)

    def drop_frame(self) -> None:
        """Let go of what was kept in memory of the graph as it was."""
        self._questions.forget()

    def rejects_path(self) -> Path:
        """Where bad rows go unless said otherwise: beside an embedded store, else in the working folder."""
        if is_neo4j(self.store.url):
            name = "".join(letter if letter.isalnum() else "-" for letter in self.store.url.split("://")[1])
            return Path(f"{name}.rejects.jsonl")
        return Path(f"{self.store.url}.rejects.jsonl")

    def resolve(self, changes: Mapping[str, Any] | None = None) -> int:
        """Derive the whole graph anew, under changed settings where given. Returns the revision.

        Raises:
            InputError: the settings do not validate.
        """
        self.settings()  # there is a graph
        return resolve(self.store, changes or {})

    def forget(self, before: datetime) -> int:
        """Forget all events before a time, for good: later ingests refuse them too. Returns how many went.

        Raises:
            InputError: a later time was forgotten before, or the time is out of range.
        """
        former = self.store.status().counts["events"]
        self.resolve({"retain_from": before})
        return former - self.store.status().counts["events"]

    def copy_to(self, target: Store) -> int:
        """Copy the graph, whole, into an empty store. Returns the target's revision.

        Raises:
            TargetNotEmpty: the target holds a graph already.
        """
        former = revision_of_empty(target)
        revision, settings = self.store.revision(), self.settings()
        with Spool(target.spool) as spool:
            for chunk in self.store.events():
                spool.add(chunk)
            rulings = self.store.rulings().unlocked()
            if self.store.revision() != revision:
                raise StoreBusy(f"{self.store.url} changed while it was being copied; try again")
            events = spool.events()
            derived = Derived(events, settings, rulings)
            return target.load(events, derived, settings, rulings, expected=former)

    # Reading

    def status(self) -> Status:
        """Counts, versions, settings and data range."""
        return self._questions.status()

    def settings(self) -> Settings:
        """Settings of the graph.

        Raises:
            NotFound: there is no graph yet.
        """
        settings = self.store.head().settings
        if settings is None:
            raise NotFound(f"there is no graph in {self.store.url} yet; begin with `graphsvc ingest FILES`")
        return settings

    def frame(self) -> JourneyFrame:
        """The journey frame of the graph as it stands, kept until the graph changes."""
        return self._questions.frame()

    def frame_in_memory(self) -> tuple[JourneyFrame, float] | None:
        """The journey frame that is kept, if one is, and how many seconds ago it was made.

        The graph may have gone on since; asking does not look.
        """
        return self._questions.frame_in_memory()

    def on_frame(self, work: Callable[[JourneyFrame], Made]) -> Made:
        """Work on the journey frame, again where the graph changed while the store was asked besides.

        Raises:
            GraphMoved: the graph keeps changing.
        """
        return self._questions.on_frame(work)

    def revision(self) -> int:
        """The revision that answers speak of; the graph's own may be newer by then, see :meth:`allow_age`."""
        return self._questions.revision()

    def revision_at_hand(self) -> int | None:
        """The same where the store need not be asked, within the age that is allowed; else None."""
        return self._questions.revision_at_hand()

    def is_young(self, revision: int) -> bool:
        """Whether answers of a revision that is no longer the graph's are still within the age that is allowed."""
        return self._questions.is_young(revision)

    def allow_age(self, seconds: float) -> None:
        """Let answers be so old: a graph that is written to all the time need not be counted anew for each of them.

        Users are always shown as they are.
        """
        self._questions.max_age = seconds

    def warm(self) -> None:
        """Begin to load the journey frame beside other work; until it is there, Neo4j answers by Cypher."""
        self._questions.warm()

    def ask(self, name: str, parameters: Mapping[str, Any] | None = None, *, via: Via = "auto") -> Result[Any]:
        """Ask one of the declared answers (``graphsvc.answers.ANSWERS``).

        Args:
            name: of the answer.
            parameters: its parameters by name.
            via: ``frame`` counts on the journey frame, ``cypher`` in Neo4j; ``auto`` takes the frame where it is
                loaded (or there is no Cypher), else Cypher where that can answer, else loads the frame.

        Raises:
            UnknownName: there is no such answer or parameter, or the graph does not hold what a parameter names.
            QueryError: a parameter has a value that is not allowed.
            CypherUnsupported: ``via="cypher"``, and only the journey frame can answer this.
        """
        return self._questions.ask(name, parameters or {}, via)

    def paths(self, *, via: Via = "auto", **parameters: Any) -> Result[PathRow]:
        """Top-k paths; parameters as ``graphsvc.answers.PathsParams``."""
        return self.ask("paths", parameters, via=via)

    def transitions(self, *, via: Via = "auto", **parameters: Any) -> Result[TransitionRow]:
        """What follows what; parameters as ``graphsvc.answers.TransitionsParams``."""
        return self.ask("transitions", parameters, via=via)

    def steps(self, *, via: Via = "auto", **parameters: Any) -> Result[StepRow]:
        """Who is where, step by step; parameters as ``graphsvc.answers.StepsParams``."""
        return self.ask("steps", parameters, via=via)

    def funnel(self, *step: str, via: Via = "auto", **parameters: Any) -> Result[FunnelRow]:
        """How many get how far along some steps; parameters as ``graphsvc.answers.FunnelParams``."""
        return self.ask("funnel", {"step": step, **parameters}, via=via)

    def touches(self, *, via: Via = "auto", **parameters: Any) -> Result[TouchRow]:
        """First and last touches; parameters as ``graphsvc.answers.TouchesParams``."""
        return self.ask("touches", parameters, via=via)

    def matrix(self, *, via: Via = "auto", **parameters: Any) -> Result[MatrixRow]:
        """Channels by stage; parameters as ``graphsvc.answers.MatrixParams``."""
        return self.ask("matrix", parameters, via=via)

    def attribution(self, **parameters: Any) -> Result[AttributionRow]:
        """Which channel earns its money; parameters as ``graphsvc.answers.AttributionParams``."""
        return self.ask("attribution", parameters)

    def personas(self, **parameters: Any) -> Result[PersonaRow]:
        """Who users are; parameters as ``graphsvc.answers.PersonasParams``."""
        return self.ask("personas", parameters)

    def journeys_behind(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        row: int = 1,
        column: str = "journeys",
        first: int = 0,
        limit: int = 100,
        identifiers: bool = False,
    ) -> Behind:
        """The journeys that a number of an answer counts.

        Args:
            name: of the answer.
            parameters: its parameters by name.
            row: which row, from 1; the remainder stands after the last.
            column: which of its numbers.
            first: how many journeys to skip.
            limit: how many to show.
            identifiers: show the users' identifiers, too.

        Raises:
            QueryError: there is no such row.
            UnknownName: the column counts no journeys, or see :meth:`ask`.
        """
        asked = {"row": row, "column": column, "first": first, "limit": limit}
        found = self._questions.behind(name, parameters or {}, **asked)  # type: ignore[arg-type]
        if not identifiers:
            return found
        known = {key: self.store.user(key) for key in {journey.user for journey in found.shown}}
        shown = [
            journey.model_copy(update={"identifiers": sorted(each["key"] for each in rows.identifiers) if rows else []})
            for journey in found.shown
            for rows in [known[journey.user]]
        ]
        return found.model_copy(update={"shown": shown})

    def compare(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        a: str,
        b: str,
        rate: float = 0.05,
        confidence: float = 0.95,
    ) -> Comparison:
        """Compare two segments or two periods in what an answer counts (``answers.compare.compare``)."""
        return self._questions.compare(name, parameters or {}, a=a, b=b, rate=rate, confidence=confidence)

    def report(self, *, rate: float = 0.05, title: str = "Customer journeys: what to know", **filters: Any) -> Report:
        """What a manager should know: what stands out beyond chance, each with its numbers (``report.report``).

        Args:
            rate: of false findings that is accepted.
            title: of the page.
            filters: which journeys count, as ``graphsvc.answers.Filters``.
        """
        from .answers import Filters
        from .report import report

        return report(self, validated(Filters, filters, "report"), rate=rate, title=title)

    def map(self, kind: str = "journey", *, title: str | None = None, **parameters: Any) -> Picture:
        """A picture, which a notebook shows and :meth:`~graphsvc.pages.Page.save` writes as one HTML file.

        Args:
            kind: ``journey``, ``transitions``, ``funnel``, ``comparison``, ``timeline``, ``identity`` or ``matrix``.
            title: what is seen, in other words than its own.
            parameters: of the kind (``graphsvc.maps.kinds.KINDS``).

        Raises:
            UnknownName: there is no such kind or parameter, or the graph does not hold what a parameter names.
            QueryError: a parameter has a value that is not allowed.
        """
        from .maps.kinds import draw

        return draw(self, kind, parameters, title)

    def save_personas(self, parameters: Mapping[str, Any] | None = None, *, trait: str = "persona") -> SavedPersonas:
        """Find personas and make a segment of each (``personas.save_personas``)."""
        from .personas import save_personas

        return save_personas(self, parameters, trait)

    def segments(self) -> dict[str, str]:
        """The named segments: predicates on traits, by name."""
        return self.settings().segments

    def name_segment(self, name: str, predicate: str) -> int:
        """Give a segment a name, or another predicate to a named one. Returns the revision.

        Raises:
            QueryError: the predicate cannot be read, or it is made of itself.
            UnknownName: it names a segment that is not there.
        """
        return self.name_segments({name: predicate})

    def name_segments(self, named: Mapping[str, str]) -> int:
        """Give several segments their names at once (see :meth:`name_segment`). Returns the revision."""
        return resolve(self.store, {"segments": {**self.segments(), **named}})

    def remove_segment(self, name: str) -> int:
        """Take a named segment away. Returns the revision.

        Raises:
            UnknownName: there is none of that name, or another one is made of it.
        """
        held = self.segments()
        find({name: "x = 1"} if name in held else held, name)
        return resolve(self.store, {"segments": {each: text for each, text in held.items() if each != name}})

    def lookup(self, identifier: str) -> str:
        """Key of the user that has an identifier: ``email:ann@x.org``, or the bare value of a known type.

        Raises:
            NotFound: nobody has it, or it is shared by several people.
        """
        user = self.store.user_of(lambda settings: meant(identifier, settings.rules))
        if user is None:
            key = sought(identifier, self.settings().rules)
            if key in self.store.around(pl.Series([key])).tables.identifiers["key"]:
                raise NotFound(
                    "that identifier is shared by several people and belongs to nobody; see docs/identity.md"
                )
            raise NotFound("nobody has that identifier; write it as type:value, for example email:ann@example.org")
        return user

    def user(self, key: str) -> users.User:
        """One user with all journeys, by user key.

        Raises:
            NotFound: no user has that key.
        """
        rows = self.store.user(key)
        if rows is None and (founder := self.store.founder(key)) is not None:
            now = founder["user"]
            where = f"is {now} now" if now else "was made of an identifier that is shared now and belongs to nobody"
            raise NotFound(f"the user of that key {where}; `graphsvc key` tells what became of a key")
        if rows is None:
            raise NotFound("no user has that key; an identifier leads to it: Graph.lookup, `graphsvc user IDENTIFIER`")
        return users.view(rows)

    def to_polars(self) -> dict[str, pl.DataFrame]:
        """The graph tables by name: the stored sets and what derives from them, with the schemas of ``tables``.

        Raises:
            StoreBusy: the graph changed meanwhile.
        """
        from .export import graph_tables

        return graph_tables(self.store)

    def to_networkx(self) -> nx.MultiDiGraph:
        """The graph with its labels and relationship types, for networkx's algorithms (``network.to_networkx``).

        Raises:
            NotFound: there is no graph yet.
            StoreBusy: it changed meanwhile.
        """
        from .network import to_networkx

        return to_networkx(self.store)

    def query(
        self, text: str, parameters: Mapping[str, Any] | None = None
    ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Run a read-only statement: Cypher on Neo4j, SQL on the embedded store. Columns and rows."""
        return self.store.query(text, dict(parameters or {}))


def open(url: str | Path, *, write: bool = True) -> Graph:
    """Open a graph: the path of an embedded store, or ``neo4j://host`` (see ``stores.open_store``)."""
    return Graph(open_store(str(url), write=write))


def load_mapping(path: str | Path) -> FileMapping:
    """A mapping from its TOML file (``docs/mapping.md``).

    Raises:
        MappingError: it cannot be read, or does not validate; the message names file, line and key.
    """
    from .ingest import load_mapping as load

    return load(Path(path))


def _proposed(mappings: Sequence[FileMapping]) -> dict[str, Any]:
    """The settings that some mappings propose together.

    Raises:
        SettingsConflict: two of them disagree.
    """
    said: dict[str, Any] = {}
    for mapping in mappings:
        one = flat(mapping.settings)
        differing = sorted(name for name in said.keys() & one.keys() if said[name] != one[name])
        if differing:
            raise SettingsConflict(f"two mappings disagree on {', '.join(differing)}")
        said |= one
    together: dict[str, Any] = {}
    for mapping in mappings:
        together = _laid_over(together, mapping.settings)
    return together


def _laid_over(former: Any, later: Any) -> Any:
    """Two nested settings as one."""
    if not (isinstance(former, dict) and isinstance(later, Mapping)):
        return later
    return {**former, **{name: _laid_over(former.get(name), value) for name, value in later.items()}}


def _placeholders(events: pl.DataFrame, rules: Rules) -> int:
    """How many identifiers are placeholders or blocked."""
    held = events["identifiers"].explode().drop_nulls()
    known = held.unique()
    keys = normalised(known, rules)
    if not keys.null_count():
        return 0
    placeholders = known.filter(keys.is_null())
    return int(held.is_in(placeholders.implode()).sum())
