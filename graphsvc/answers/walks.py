"""Walks: what of each journey an answer counts, after split, lookback, exclude and collapse, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from ..errors import UnknownName, nearest
from ..frame import Codes, Flags, Ints, JourneyFrame, Label, Labels
from ..segments import find, holds
from .params import DAY_US, Filters, microseconds

_SEGMENTS_KEPT = 64


@dataclass(frozen=True)
class Walks:
    """The chosen journeys that keep at least one touchpoint: ``W`` of them, with ``M`` touchpoints left.

    A walk keeps the outcome of its whole journey, wherever lookback and exclude cut. Its touchpoints are looked up when
    they are asked for: who starts where, for one, asks for the ends alone.
    """

    started: Ints  # [W] row of the journey's first touchpoint in the frame's touchpoint columns
    user: Codes  # [W] row in ``frame.users``
    offsets: Ints  # [W + 1]
    texts: list[str]  # labels, sorted by code point
    converted: Flags  # [W]
    open: Flags  # [W] neither converted nor open: dropped
    journeys_before: int  # journeys of the graph before any filter, after split
    journeys_chosen: int  # after segment, channel, stage and time range, before exclude emptied some
    frame_codes: Codes  # [N] codes into ``texts`` of all touchpoints of the frame
    frame_times: Ints  # [N]
    kept: Ints | None  # [M] rows in the frame's touchpoint columns; None: these are whole journeys
    journey_of: Ints | None  # [M] as the frame has it, where these are its journeys, all and whole

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def touchpoints(self) -> Ints:
        """Rows in the frame's touchpoint columns: [M]."""
        if self.kept is not None:
            return self.kept
        return np.repeat(self.started - self.offsets[:-1], self.lengths) + np.arange(self.offsets[-1])

    @cached_property
    def codes(self) -> Codes:
        """Codes into ``texts``: [M]."""
        return self.frame_codes if self.are_all else self.frame_codes[self.touchpoints]

    @cached_property
    def times(self) -> Ints:
        """Microseconds since 1970: [M]."""
        return self.frame_times if self.are_all else self.frame_times[self.touchpoints]

    @property
    def are_all(self) -> bool:
        """Whether the touchpoints are those of the frame."""
        return self.kept is None and int(self.offsets[-1]) == len(self.frame_codes)

    def ends(self) -> tuple[Codes, Codes]:
        """Codes of the first and the last touchpoint of each walk: [W] each."""
        if self.kept is not None:
            return self.codes[self.offsets[:-1]], self.codes[self.offsets[1:] - 1]
        return self.frame_codes[self.started], self.frame_codes[self.started + self.lengths - 1]

    @property
    def lengths(self) -> Ints:
        """Touchpoints of each walk: [W]."""
        return np.diff(self.offsets)

    @cached_property
    def walk_of(self) -> Ints:
        """The walk of each touchpoint: [M]."""
        if self.journey_of is not None:
            return self.journey_of
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)


@dataclass(frozen=True)
class _Journeys:
    """All journeys of the graph under the split that was asked for."""

    user: Codes  # [J]
    offsets: Ints  # [J + 1], into the frame's touchpoints; no journey is empty
    converted: Flags  # [J]


def walk(frame: JourneyFrame, filters: Filters) -> Walks:
    """Choose journeys and cut each down to the touchpoints that count.

    Split → lookback, counted back from the journey's last touchpoint → exclude by name → collapse by label. Which
    journeys count, and their outcome, is decided on the whole journey.

    Raises:
        UnknownName: a label or segment that the graph does not hold.
    """
    for kind, asked in filters.named():
        if asked:
            require(kind, asked, frame.labels("name" if kind == "touchpoint" else cast(Label, kind)).texts)
    labels = frame.labels(filters.label)
    gap_us = frame.settings.gap_us if filters.gap_days is None else round(filters.gap_days * DAY_US)
    journeys = _split(frame, filters, gap_us)
    chosen = _chosen(frame, journeys, filters)
    ended_at = frame.times[journeys.offsets[1:] - 1]
    kept = _kept(frame, journeys, chosen, ended_at, labels, filters)

    counts = np.diff(journeys.offsets) * chosen if kept is None else np.diff(np.searchsorted(kept, journeys.offsets))
    counted = np.flatnonzero(counts)
    converted = journeys.converted[counted]
    return Walks(
        started=journeys.offsets[:-1][counted],
        user=journeys.user[counted],
        offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts[counted])]),
        texts=labels.texts,
        converted=converted,
        open=~converted & (frame.data_end - ended_at[counted] <= gap_us),
        journeys_before=len(journeys.user),
        journeys_chosen=int(chosen.sum()),
        frame_codes=labels.codes,
        frame_times=frame.times,
        kept=kept,
        journey_of=frame.journey_of if kept is None and journeys.offsets is frame.offsets and chosen.all() else None,
    )


def _split(frame: JourneyFrame, filters: Filters, gap_us: int) -> _Journeys:
    """The stored journeys, or each user's touchpoints grouped anew where another rule is asked for."""
    stored = frame.settings
    split = filters.split or stored.split
    goal = goals(frame, filters) if filters.goal else None
    if (
        split == stored.split
        and (split != "gap" or gap_us == stored.gap_us)
        and (split != "conversion" or goal is None)
    ):
        if goal is None or not frame.journeys:
            return _Journeys(frame.user, frame.offsets, frame.converted)
        return _Journeys(frame.user, frame.offsets, np.logical_or.reduceat(goal, frame.offsets[:-1]))
    user = np.repeat(frame.user, np.diff(frame.offsets))
    goal = goals(frame, filters) if goal is None else goal
    begins = np.ones(len(user), dtype=np.bool_)
    begins[1:] = user[1:] != user[:-1]
    if split == "gap":
        begins[1:] |= np.diff(frame.times) > gap_us
    elif split == "conversion":
        begins[1:] |= goal[:-1]
    starts = np.flatnonzero(begins)
    converted = np.logical_or.reduceat(goal, starts) if len(starts) else goal
    return _Journeys(user[starts], np.append(starts, len(user)), converted)


def goals(frame: JourneyFrame, filters: Filters) -> Flags:
    """Which touchpoints count as conversion: [N]."""
    return _flags(frame.name, filters.goal or frame.settings.goals)


def _chosen(frame: JourneyFrame, journeys: _Journeys, filters: Filters) -> Flags:
    """Which journeys the segment, channel, stage and time range choose: [J]."""
    chosen = np.ones(len(journeys.user), dtype=np.bool_)
    starts = journeys.offsets[:-1]
    if filters.segment is not None:
        chosen &= in_segment(frame, filters.segment)[journeys.user]
    for labels, asked in ((frame.channel, filters.channel), (frame.stage, filters.stage)):
        if asked and len(starts):
            chosen &= np.logical_or.reduceat(_flags(labels, asked), starts)
    if frame.only_users is not None:
        chosen &= frame.only_users[journeys.user]
    if frame.periods is not None:
        began = frame.times[starts]
        chosen &= np.logical_or.reduce([(began >= since) & (began < until) for since, until in frame.periods])
    if filters.since is not None:
        chosen &= frame.times[starts] >= microseconds(filters.since)
    if filters.until is not None:
        chosen &= frame.times[starts] < microseconds(filters.until)
    return chosen


def _cuts(filters: Filters) -> bool:
    """Whether the filters leave out touchpoints of the journeys that they choose."""
    return filters.lookback_us is not None or bool(filters.exclude) or filters.collapse


def _kept(
    frame: JourneyFrame, journeys: _Journeys, chosen: Flags, ended_at: Ints, labels: Labels, filters: Filters
) -> Ints | None:
    """The touchpoints that count, in order; None where all of the chosen journeys do."""
    if not _cuts(filters):
        return None
    lengths = np.diff(journeys.offsets)
    keep = np.repeat(chosen, lengths)
    if filters.lookback_us is not None:
        keep &= frame.times >= np.repeat(ended_at - filters.lookback_us, lengths)
    if filters.exclude:
        keep &= ~_flags(frame.name, filters.exclude)
    kept = np.flatnonzero(keep)
    if filters.collapse:
        journey = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)[kept]
        codes = labels.codes[kept]
        first = np.ones(len(kept), dtype=np.bool_)
        first[1:] = (codes[1:] != codes[:-1]) | (journey[1:] != journey[:-1])
        kept = kept[first]
    return kept


def _flags(labels: Labels, wanted: Iterable[str]) -> Flags:
    """Which touchpoints have one of the wanted labels: [N]."""
    among = frozenset(wanted)
    return np.array([text in among for text in labels.texts], dtype=np.bool_)[labels.codes]


def in_segment(frame: JourneyFrame, segment: str) -> Flags:
    """Which users are in a segment: [U]."""
    inside = frame.inside.get(segment)
    if inside is None:
        predicate = find(frame.settings.segments, segment)
        codes, different = frame.traits
        inside = np.array([holds(predicate, traits) for traits in different], dtype=np.bool_)[codes]
        if len(frame.inside) >= _SEGMENTS_KEPT:
            frame.inside.clear()
        frame.inside[segment] = inside
    return inside


def first_of(walks: Walks, label: str) -> Ints:
    """The first touchpoint of each walk that has a label, -1 where none has: [W]."""
    at = np.flatnonzero(walks.codes == walks.texts.index(label))
    if not len(at):
        return np.full(len(walks), -1, dtype=np.int64)
    nearest_at = np.searchsorted(at, walks.offsets[:-1])
    first = at[np.minimum(nearest_at, len(at) - 1)]
    held = (nearest_at < len(at)) & (first < walks.offsets[1:])
    return np.where(held, first, -1)


def require(kind: str, asked: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a label that the graph does not hold.

    Raises:
        UnknownName: with the nearest known labels.
    """
    for name in asked:
        if name not in known:
            raise UnknownName(f"the graph holds no {kind} {name!r}{nearest(name, known)}")
