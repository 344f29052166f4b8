"""The manager's report: what works, where people are lost, who comes less far, what takes too long.

Read in this order: ``people`` (whom it looks at), ``path`` (the main way to the goal), ``candidates`` (what a
comparison is), the families of questions ``by_group``, ``along_path``, ``by_channel`` (with ``known``) and ``waiting``,
``findings`` (which of them are told), ``tables``, and ``page``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answers.params import Filters
from ..errors import GraphMoved, QueryError
from ..frame import JourneyFrame
from ..version import __version__
from . import along_path, by_channel, by_group, waiting
from .candidates import LEAST_DIFFERENCE, LEAST_USERS, Candidate
from .findings import findings
from .model import Figures, Finding, Looked, Proportion, Report, Table
from .path import MainPath, main_path
from .people import People, people_of
from .tables import figures, identity, tables

if TYPE_CHECKING:
    from ..graph import Graph

__all__ = ["Figures", "Finding", "Looked", "Proportion", "Report", "Table", "candidates", "report"]


def report(
    graph: Graph,
    filters: Filters | None = None,
    *,
    rate: float = 0.05,
    keys: int = 5,
    title: str = "Customer journeys: what to know",
) -> Report:
    """What a manager should know of a graph.

    All comparisons of a report are one family of tests, on users, corrected by Benjamini and Hochberg: of the findings
    at most the ``rate`` is expected to be chance.

    Args:
        graph: the graph.
        filters: which journeys count; the report chooses labels and segments itself.
        rate: of false findings that is accepted.
        keys: most journey keys on each side of a finding.
        title: of the page.

    Raises:
        QueryError: the rate does not lie between 0 and 1, or a filter that has no meaning here is given.
        UnknownName: a filter names something that the graph does not hold.
        GraphMoved: others keep changing the graph while it is read.
    """
    filters = filters or Filters()
    if not 0 < rate < 1:
        raise QueryError("the rate lies between 0 and 1, such as 0.05")
    if keys < 0:
        raise QueryError("the number of keys is 0 or more")
    if filters.label != "name" or filters.collapse or filters.by:
        raise QueryError("a report chooses labels and segments itself; leave out label, collapse and by")
    return graph.on_frame(lambda frame: _report(graph, frame, filters, rate, keys, title))


def candidates(graph: Graph, people: People, path: MainPath | None) -> list[Candidate]:
    """All comparisons that the data allow, in the order in which they are counted."""
    found = list(by_group.by_group(people, path))
    if path is not None:
        found += along_path.leaving(people, path)
        found += along_path.by_channel(people, path)
        found += along_path.in_between(people, path)
    found += by_channel.by_channel(people, path, graph.store)
    found += waiting.waiting(people, path)
    return found


def _report(graph: Graph, frame: JourneyFrame, filters: Filters, rate: float, keys: int, title: str) -> Report:
    people = people_of(frame, filters)
    path = main_path(people)
    tested = candidates(graph, people, path)
    found, looked = findings(people, tested, rate=rate, keys=keys)
    quality = graph.people.quality(top=1)
    if graph.store.revision() != frame.revision:
        raise GraphMoved("the graph changed while the report was made; try again")
    return Report(
        title=title,
        revision=frame.revision,
        version=__version__,
        parameters=filters.model_dump(mode="json", exclude_defaults=True),
        rate=rate,
        least_difference=LEAST_DIFFERENCE,
        least_users=LEAST_USERS,
        figures=figures(frame, filters, people),
        path=[*path.steps, path.goal] if path is not None else [],
        findings=found,
        looked=looked,
        tables=[*tables(frame, filters, people, path), identity(quality)],
        notes=_notes(people, path),
    )


def _notes(people: People, path: MainPath | None) -> list[str]:
    notes = []
    if not len(people):
        notes.append("There is nobody to look at; the graph is empty, or the filters choose nobody.")
    elif not people.goal.any():
        notes.append("Nobody reaches a goal, so nothing is said about what leads there; set the goals of the graph.")
    elif path is None:
        notes.append("No path of two steps or more leads to the goal by itself, so no steps were compared.")
    if len(people) and not people.frame.users["traits"].str.len_bytes().gt(len("{}")).any():
        notes.append("No traits of people are known, so no groups were compared.")
    notes.append(
        "Findings say what goes together in these data. They do not say that the one brings about the other: try it "
        "before you spend on it."
    )
    return notes
