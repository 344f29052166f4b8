"""Family of questions: do the groups that a trait makes of the users live differently with the brand?

Compared are users whose trait is known with each other. How much of a person the graph has linked does not depend on
the trait, so the groups are alike in that, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..frame import Flags
from ..maps.words import percent, quoted
from .candidates import LEAST_USERS, Candidate, Said, Side, among, ask, enough, judged
from .model import Ask
from .path import MainPath
from .people import Group, People, groupings

FAMILY = "groups by trait: how they begin, what they use, how far they get"
OFFLINE = "offline"
_ALIKE = "Users of whom the trait is known, each counted once."


def by_group(people: People, path: MainPath | None) -> Iterator[Candidate]:
    """Candidates for every pair of groups, of all traits."""
    channels = people.frame.channel.texts
    offline = np.array([people.frame.settings.kind_of(channel) == OFFLINE for channel in channels], dtype=np.bool_)
    both_kinds = bool(offline.any() and not offline.all())
    first = people.channel[people.starts]
    common = np.bincount(people.channel, minlength=len(channels)) >= LEAST_USERS
    uses = {code: _uses(people, code) for code in np.flatnonzero(common).tolist()}
    for grouping, a, b in _pairs(people):
        pair = ("group", grouping)
        if both_kinds:
            yield from _first_touch(people, a, b, offline[first], OFFLINE, (*pair, OFFLINE))
        for code, flags in uses.items():
            # What people do offline is told as one, of whatever channel.
            channel = channels[code]
            subject = (*pair, OFFLINE if both_kinds and offline[code] else channel)
            yield from _first_touch(people, a, b, first == code, f"on {quoted(channel)}", subject)
            yield from _use(people, a, b, flags, channel, subject)
        yield from _conversion(people, a, b, (*pair, ":goal"))
        if path is not None:
            yield from _steps(people, path, a, b, grouping)


def _pairs(people: People) -> Iterator[tuple[str, Group, Group]]:
    """Two groups, or each of several against the rest of those whose trait is known, and a name for them together."""
    named = people.frame.settings.segments
    for every in groupings(people):
        groups = [group for group in every if group.inside.sum() >= LEAST_USERS]
        if len(groups) < 2:
            continue
        together = " | ".join(group.segment for group in groups)
        if len(groups) == 2:
            yield together, groups[0], groups[1]
            continue
        known = np.logical_or.reduce([group.inside for group in groups])
        for group in groups:
            # By their predicates: not every name of a segment can stand within one.
            others = " or ".join(
                f"({named.get(other.segment, other.segment)})" for other in groups if other is not group
            )
            yield together, group, Group(f"not {group.name}", others, known & ~group.inside)


def _uses(people: People, channel: int) -> Flags:
    """Which users use a channel: [W]."""
    uses = np.zeros(len(people), dtype=np.bool_)
    uses[people.owner[people.channel == channel]] = True
    return uses


def _first_touch(
    people: People, a: Group, b: Group, has: Flags, where: str, subject: tuple[str, ...]
) -> Iterator[Candidate]:
    sides = among(has, a.inside, a.name), among(has, b.inside, b.name)
    if not enough(*sides):
        return

    def said(one: Side, other: Side, of_b: bool = False) -> Said:
        return Said(
            "opportunity",
            f"More of {quoted(one.name)} begin {where}: {percent(one.share)} of them meet the brand there first, "
            f"against {percent(other.share)} of {quoted(other.name)}.",
            f"more of {quoted(one.name)} begin {where}: {percent(one.share)} against {percent(other.share)}",
            of_b,
        )

    yield Candidate(
        FAMILY,
        subject,
        "first touch",
        *sides,
        judged(*sides),
        more=said(*sides),
        less=said(sides[1], sides[0], of_b=True),
        detail=f"{_ALIKE} The channel of a user's first touchpoint.",
        see=ask("touches", people.filters, by=[a.segment, b.segment]),
    )


def _use(people: People, a: Group, b: Group, has: Flags, channel: str, subject: tuple[str, ...]) -> Iterator[Candidate]:
    sides = among(has, a.inside, a.name), among(has, b.inside, b.name)
    if not enough(*sides):
        return

    def said(one: Side, other: Side, of_b: bool = False) -> Said:
        shares = f"{percent(one.share)} of them use it, against {percent(other.share)} of {quoted(other.name)}"
        return Said(
            "opportunity",
            f"{quoted(one.name)} are to be found on {quoted(channel)}: {shares}.",
            f"{quoted(one.name)} use {quoted(channel)} more often: {percent(one.share)} against {percent(other.share)}",
            of_b,
        )

    yield Candidate(
        FAMILY,
        subject,
        "channel used",
        *sides,
        judged(*sides),
        more=said(*sides),
        less=said(sides[1], sides[0], of_b=True),
        detail=f"{_ALIKE} Users with at least one touchpoint of the channel.",
        see=ask("paths", people.filters, channel=[channel], by=[a.segment, b.segment]),
    )


def _conversion(people: People, a: Group, b: Group, subject: tuple[str, ...]) -> Iterator[Candidate]:
    sides = among(people.walks.converted, a.inside, a.name), among(people.walks.converted, b.inside, b.name)
    if not enough(*sides):
        return

    def said(behind: Side, ahead: Side, of_b: bool = False) -> Said:
        return Said(
            "gap",
            f"Fewer of {quoted(behind.name)} reach a goal: {percent(behind.share)}, against {percent(ahead.share)} of "
            f"{quoted(ahead.name)}.",
            f"{quoted(behind.name)} reach a goal less often: {percent(behind.share)} against {percent(ahead.share)}",
            of_b,
        )

    yield Candidate(
        FAMILY,
        subject,
        "conversion",
        *sides,
        judged(*sides),
        more=said(sides[1], sides[0], of_b=True),
        less=said(*sides),
        detail=f"{_ALIKE} Users with at least one goal.",
        see=ask("paths", people.filters, by=[a.segment, b.segment]),
    )


def _steps(people: People, path: MainPath, a: Group, b: Group, grouping: str) -> Iterator[Candidate]:
    for step, label in enumerate(path.steps):
        mine = path.step == step
        there, on = (np.zeros(len(people), dtype=np.bool_) for _ in range(2))
        user = people.owner[path.at[mine]]
        there[user], on[user] = True, path.goes_on[mine]
        sides = among(on, a.inside & there, a.name), among(on, b.inside & there, b.name)
        if enough(*sides):
            yield step_gap(FAMILY, (label, grouping), *sides, see=funnel(people, path, by=[a.segment, b.segment]))


def step_gap(family: str, of: tuple[str, str], a: Side, b: Side, *, see: Ask) -> Candidate:
    """Who goes on from one step of the path; ``of`` is the step and what parts the users there."""
    label = of[0]

    def said(behind: Side, ahead: Side, of_b: bool = False) -> Said:
        shares = f"{percent(behind.share)}, against {percent(ahead.share)} of {quoted(ahead.name)}"
        return Said(
            "gap",
            f"Fewer of {quoted(behind.name)} go on from {quoted(label)}: {shares}.",
            f"fewer of {quoted(behind.name)} go on from {quoted(label)}: {shares}",
            of_b,
        )

    return Candidate(
        family,
        ("step", *of),
        "step by group",
        a,
        b,
        judged(a, b),
        more=said(b, a, of_b=True),
        less=said(a, b),
        detail="Each user's first time at the step, before a first goal; to go on is to come to a later step or a goal "
        "within a day.",
        see=see,
    )


def funnel(people: People, path: MainPath, **parameters: object) -> Ask:
    """The funnel of the main path."""
    return ask("funnel", people.filters, step=path.written, **parameters)
