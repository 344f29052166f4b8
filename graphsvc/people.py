"""``Graph.people``: who is who in a graph, why, and what may be done about it. The CLI and the API stand on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .core import normalised, sought
from .deciding import Decided, Decision, Verdict, decide, decisions, undecide, withdraw
from .erasing import Erased, erase
from .errors import ErasedAlready, NotFound, validated
from .explaining import Explanation, explain
from .preview import Preview, preview
from .settings import Settings
from .whereabouts import Whereabouts, whereabouts

if TYPE_CHECKING:
    from .graph import Graph
    from .maps.identity_graph import IdentityGraph
    from .matching import Matches, ToReview
    from .quality import Quality
    from .score import Score


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class People:
    """What can be asked and decided of the people of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._store = graph.store

    def explain(self, a: str, b: str) -> Explanation:
        """Why two identifiers are one person, or what keeps them apart.

        Raises:
            NotFound: the graph does not hold one of them.
        """
        return explain(self._store, a, b)

    def decide(self, verdict: Verdict, a: str, b: str, *, reason: str | None = None) -> Decided:
        """Decide that two identifiers are one person (``same``) or two (``different``). Journeys follow at once.

        Raises:
            NotFound: the graph does not hold one of them.
            DecisionConflict: a decision that stands says otherwise.
        """
        return decide(self._store, verdict, a, b, reason=reason, at=_now())

    def withdraw(self, a: str, b: str, *, reason: str | None = None) -> Decided:
        """Let the declared and matched links of two identifiers count no more.

        Raises:
            NotFound: the graph does not hold one of them, or nothing of this kind joins them.
        """
        return withdraw(self._store, a, b, reason=reason, at=_now())

    def decisions(self) -> list[Decision]:
        """All decisions, the latest first."""
        return decisions(self._store)

    def remove_decision(self, key: str) -> Decided:
        """Remove a decision; the graph is again what it was without it.

        Raises:
            NotFound: no decision has that key.
        """
        return undecide(self._store, key)

    def erase(self, target: str, *, dry_run: bool = False, rejects: str | Path | None = None) -> Erased:
        """Erase the person that has an identifier or a user key; a replay of old files brings nobody back.

        Args:
            target: ``type:value`` or a user key.
            dry_run: say what would go and change nothing.
            rejects: file of rejected rows, which may name the person; by default that beside the store.

        Raises:
            NotFound: nobody has it.
            CannotErase: it is shared, or its person was erased already.
            ErasureKeyMissing: ``GRAPHSVC_ERASURE_KEY`` is not set, or not the one used before.
        """
        from .ingest.rejects import RejectsFile

        file = RejectsFile(Path(rejects) if rejects else self._graph.rejects_path())

        def purge(raw: list[str]) -> int:
            return file.purge([text.partition(":")[2] for text in raw], dry_run=dry_run)

        try:
            report = erase(self._store, target, at=_now(), dry_run=dry_run, purge=purge)
        except ErasedAlready:
            if not dry_run:  # perhaps an erasure that was cut short
                purge([target])
                self._store.compact()
            raise
        if dry_run:
            return report
        self._graph.drop_frame()
        return report.model_copy(update={"left": self._store.compact()})

    def whereabouts(self, key: str) -> Whereabouts:
        """Where a user key leads today: every key that was ever handed out gets an answer.

        Raises:
            NotFound: nobody ever had that key, as far as the graph can tell.
        """
        return whereabouts(self._store, key)

    def preview(self, changes: Mapping[str, Any]) -> Preview:
        """What changed settings would make of the people, before :meth:`Graph.resolve` does it."""
        settings = self._graph.settings()
        return preview(self._store, validated(Settings, {**settings.model_dump(), **changes}, "settings"))

    def quality(self, *, top: int = 20, identifiers: bool = False) -> Quality:
        """How far the people can be trusted: sizes, bridges, shared values, refused links, placeholders.

        Args:
            top: most rows of each list.
            identifiers: show raw identifiers, which are personal data.
        """
        from .quality import quality

        rules = self._graph.settings().rules
        decided = self._keyed(self._store.rulings().decisions)
        return quality(
            self._store.tables(), self._store.events(), rules, top=top, identifiers=identifiers, decisions=decided
        )

    def score(self, truth: str | Path) -> Score:
        """Precision, recall and F1 (pairwise and B³) against a file that says who is who (identifier, person)."""
        from .score import read_truth, score

        rules = self._graph.settings().rules
        known = read_truth(Path(truth))
        known = known.with_columns(identifier=normalised(known["identifier"], rules)).drop_nulls("identifier")
        resolved = self._store.tables().identifiers.select("user", identifier="key")
        return score(resolved, known.unique("identifier"))

    def match(self, people: str | Path | pl.DataFrame, *, threshold: float = 0.9, name: str | None = None) -> Matches:
        """Match a list of people by names, birth dates, addresses …, and add the links that are found.

        Args:
            people: a CSV or Parquet file, or its rows as text: identifier (``type:value``) and what is known of each.
            threshold: least confidence of a link.
            name: of the list, so that matching it again replaces its former links; by default the file's.

        Raises:
            InputError: the list cannot be used, or the extra ``graphsvc[match]`` is not installed.
        """
        from .matching import add_matches, read_people

        if isinstance(people, pl.DataFrame):
            return add_matches(self._store, people, name=name or "people", threshold=threshold)
        path = Path(people)
        return add_matches(self._store, read_people(path), name=name or path.name.split(".")[0], threshold=threshold)

    def review(self) -> list[ToReview]:
        """The matches that were held back and wait for :meth:`decide`, the surest first."""
        from .matching import to_review

        return to_review(self._store)

    def picture(self, identifier: str, *, title: str = "Who is who") -> IdentityGraph:
        """The identifiers and links of the person that has an identifier, as a picture. It holds personal data.

        Raises:
            NotFound: the graph does not hold it.
        """
        from .maps.identity_graph import identity_graph

        key = sought(identifier, self._graph.settings().rules)
        around = self._store.around(pl.Series([key]))
        found = around.tables.identifiers.filter(pl.col("key") == key)
        if not len(found):
            raise NotFound("nobody has that identifier; write it as type:value, for example email:ann@example.org")
        links, identifiers = around.tables.links, around.tables.identifiers
        ends = pl.concat([links["a"], links["b"]]).unique()
        elsewhere = ends.filter(~ends.is_in(identifiers["key"].implode()))
        others = self._store.around(elsewhere).tables.identifiers if len(elsewhere) else identifiers.clear()
        shown = pl.concat([identifiers, others.filter(pl.col("key").is_in(elsewhere.implode()))]).unique("key")
        user = found["user"].item()
        decided = self._keyed(self._store.rulings().decisions)
        return identity_graph(shown.sort("key"), links, decided, title=title, user=user)

    def _keyed(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """Decisions between identifier keys; those on blocked values, which have no effect, are left out."""
        rules = self._graph.settings().rules
        ends = {end: normalised(decisions[end], rules) for end in ("a", "b")}
        return decisions.with_columns(**ends).drop_nulls(["a", "b"])
