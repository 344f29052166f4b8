"""What the report looks at: each user's way through the chosen journeys, and the groups that traits make of users."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from ..answers.params import DAY_US, Filters, microseconds
from ..answers.walks import Walks, goals, in_segment, walk
from ..frame import Codes, Flags, Ints, JourneyFrame
from ..segments import Value, find, typed

#: A longer pause ends a visit.
PAUSE_US = 30 * 60 * 1_000_000
MOST_VALUES = 8  # of a trait whose values are groups of their own
MOST_GROUPINGS = 12
#: Filters that choose or cut journeys; where none is given, the chosen users' journeys are their whole way.
_OF_JOURNEYS = ("channel", "stage", "since", "until", "lookback_days")


@dataclass(frozen=True)
class People:
    """The users of the chosen journeys, one walk each: what somebody did in these, in order."""

    frame: JourneyFrame
    filters: Filters  # that an answer takes to look at the same
    walks: Walks  # W users with M touchpoints
    owner: Ints  # [M] row of each touchpoint in the walks
    channel: Codes  # [M] codes into ``frame.channel.texts``
    goal: Flags  # [M]
    first_goal: Ints  # [W] index of the first goal among the touchpoints, M where there is none

    def __len__(self) -> int:
        return len(self.walks)

    @property
    def gap_days(self) -> float:
        """Who came so many days before the end of the data, or more, had time to get somewhere."""
        return self.frame.settings.gap_days if self.filters.gap_days is None else self.filters.gap_days

    @property
    def early_us(self) -> int:
        """The latest time that lies so long before the end of the data, or of the time range."""
        until = self.filters.until
        end = self.frame.data_end if until is None else min(self.frame.data_end, microseconds(until))
        return end - round(self.gap_days * DAY_US)

    @cached_property
    def visits(self) -> Ints:
        """The visit of each touchpoint, in order; a pause above half an hour ends one: [M]."""
        begins = np.ones(len(self.owner), dtype=np.bool_)
        begins[1:] = (self.owner[1:] != self.owner[:-1]) | (np.diff(self.walks.times) > PAUSE_US)
        return np.cumsum(begins) - 1

    @property
    def starts(self) -> Ints:
        """Index of each user's first touchpoint: [W]."""
        return self.walks.offsets[:-1]


def people_of(frame: JourneyFrame, filters: Filters) -> People:
    """The users of the journeys that the filters choose, with what they did in these.

    Raises:
        UnknownName: the filters name something that the graph does not hold.
    """
    walks = _by_user(walk(frame, filters))
    if not any(getattr(filters, name) for name in _OF_JOURNEYS):
        filters = filters.model_copy(update={"split": "none"})
    goal = goals(frame, filters)[walks.touchpoints]
    owner = walks.walk_of
    first_goal = np.full(len(walks), len(owner), dtype=np.int64)
    at = np.flatnonzero(goal)[::-1]
    first_goal[owner[at]] = at  # the last that is written is the first of the walk
    channel = frame.channel.codes[walks.touchpoints]
    return People(frame, filters, walks, owner, channel, goal, first_goal)


def _by_user(journeys: Walks) -> Walks:
    """Each user's journeys one after the other, as one walk."""
    if not len(journeys):
        return journeys
    first = np.flatnonzero(np.append(True, journeys.user[1:] != journeys.user[:-1]))
    converted = np.logical_or.reduceat(journeys.converted, first)
    return replace(
        journeys,
        started=journeys.started[first],
        user=journeys.user[first],
        offsets=np.append(journeys.offsets[first], journeys.offsets[-1]),
        converted=converted,
        open=np.logical_or.reduceat(journeys.open, first) & ~converted,
        kept=None if journeys.are_all else journeys.touchpoints,
        journey_of=None,
    )


@dataclass(frozen=True)
class Group:
    """Users who have something in common."""

    name: str  # in words, as a sentence needs it
    segment: str  # the predicate, or the name, of the segment
    inside: Flags  # [W]


def groupings(people: People) -> list[list[Group]]:
    """Ways to part the users of whom a trait is known: by named segments that nobody shares, else by value or median.

    A trait that the named segments speak of is not parted again. Personas part nobody: they are made of journeys, which
    differ by them of course.
    """
    frame, of_walk = people.frame, people.walks.user
    personas = {*frame.settings.personas}
    spoken: dict[tuple[str, ...], list[Group]] = defaultdict(list)
    for name in frame.settings.segments:
        about = {one.trait for conjunction in find(frame.settings.segments, name) for one in conjunction}
        spoken[tuple(sorted(about))].append(Group(name, name, in_segment(frame, name)[of_walk]))
    found = []
    for traits, groups in sorted(spoken.items()):
        apart = np.sum([group.inside for group in groups], axis=0).max(initial=0) <= 1
        if len(groups) > 1 and apart and not personas & set(traits):
            found.append(groups)
    named = {trait for traits, groups in spoken.items() if any(groups is one for one in found) for trait in traits}
    for trait, values in sorted(_values(frame).items()):
        if trait not in named | personas and (groups := _by_value(trait, values, of_walk)):
            found.append(groups)
    return found[:MOST_GROUPINGS]


def _values(frame: JourneyFrame) -> dict[str, list[Value | None]]:
    """What is known of each user, by trait: [U] each."""
    texts = frame.users["traits"].fill_null("{}").to_list()
    parsed = {text: json.loads(text) for text in set(texts)}
    traits = sorted({trait for known in parsed.values() for trait in known})
    return {trait: [parsed[text].get(trait) for text in texts] for trait in traits}


def _by_value(trait: str, values: list[Value | None], of_walk: Codes) -> list[Group]:
    known = Counter(value for value in values if isinstance(value, str | int | float))
    kinds = {type(value) for value in known if not isinstance(value, bool)}
    if len(known) < 2:
        return []
    if len(known) <= MOST_VALUES:
        return [
            Group(
                f"{trait} {_text(value)}",
                f"{_quoted(trait)} = {_quoted(_text(value), value)}",
                np.array([other == value and type(other) is type(value) for other in values], dtype=np.bool_)[of_walk],
            )
            for value in sorted(known, key=lambda value: (-known[value], _text(value)))
        ]
    if not kinds <= {int, float} or any(isinstance(value, bool) for value in known):
        return []
    numbers = pl.Series(list(values), dtype=pl.Float64, strict=False).to_numpy()
    middle = round(float(np.nanmedian(numbers)), 6)
    edge = f"{middle:.6f}".rstrip("0").rstrip(".")
    sides = ((">=", f"{trait} {edge} or more", numbers >= middle), ("<", f"{trait} below {edge}", numbers < middle))
    return [Group(name, f"{_quoted(trait)} {op} {edge}", inside[of_walk]) for op, name, inside in sides]


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str, value: Value | None = None) -> str:
    """A word of a predicate, in quotation marks where it would be read as something else."""
    bare = text.replace("_", "").replace(".", "").replace("-", "").isalnum() and text not in ("and", "or", "not", "in")
    as_given = value is None or (typed(text) == value and type(typed(text)) is type(value))
    return text if bare and as_given else f'"{text}"' if '"' not in text else f"'{text}'"
