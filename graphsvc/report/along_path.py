"""Families of questions about the main path: where do many leave, on which channel, and after what in between?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ..answers.params import time_of
from ..answers.significance import LEAST_EXPECTED
from ..frame import Flags, Ints
from ..maps.words import percent, quoted
from .by_group import funnel, step_gap
from .candidates import LEAST_USERS, Candidate, Said, Side, ask, enough, expected, judged, points
from .path import MainPath
from .people import People
from .repeated import by_user

LEAVING = "steps of the main path: where more leave than elsewhere on it"
BY_CHANNEL = "steps of the main path: on which channel fewer go on"
IN_BETWEEN = "visits to the main path: what turns up in those that do not reach the goal"
#: Different labels met in a visit; more are as many.
MOST_MET = 4
#: Fewest users on a side, of those who have somebody to be compared with.
LEAST_ALIKE = 10
#: An occurrence that fills less than this share of the data's time has dates worth telling.
BRIEF = 0.5


def leaving(people: People, path: MainPath) -> Iterator[Candidate]:
    """Each step's share of leavers against that of all other steps together.

    Who takes several steps stands on both sides, once for each step, so the test is one of the users' sums. It is no
    paired one: who comes to a step has gone on at those before, so that everybody's own other steps would always
    look better than the last.
    """
    user = people.owner[path.at]
    for step, label in enumerate(path.steps):
        mine = path.step == step
        a = Side(f"users at {label}", user[mine], ~path.goes_on[mine])
        b = Side("users at the other steps of the path", user[~mine], ~path.goes_on[~mine])
        if enough(a, b) and expected(a, b) >= LEAST_EXPECTED:
            yield Candidate(
                LEAVING,
                ("step", label),
                "step",
                a,
                b,
                by_user(a.users, a.does, b.users, b.does),
                more=Said(
                    "weakness",
                    f"Many are lost at {quoted(label)}: {percent(a.share)} of those who come to it do not go on within "
                    f"a day, against {percent(b.share)} at the other steps on the way to {quoted(path.goal)}.",
                    f"lost at {quoted(label)}: {percent(a.share)}",
                ),
                less=None,
                detail="Each user's first time at each step, not after a first goal. The other steps are taken "
                "together, a user counting once for each of them; who takes several stands on both sides, which the "
                "test allows for. The funnel counts every attempt, so its numbers differ a little.",
                see=funnel(people, path),
            )


def by_channel(people: People, path: MainPath) -> Iterator[Candidate]:
    """Each step's share of users who go on, by the channel on which they came to it."""
    user, channel = people.owner[path.at], people.channel[path.at]
    for step, label in enumerate(path.steps):
        at_step = path.step == step
        present = np.unique(channel[at_step])
        for code in present[: 1 if len(present) == 2 else len(present)]:
            mine, others = at_step & (channel == code), at_step & (channel != code)
            name = people.frame.channel.texts[code]
            rest = people.frame.channel.texts[present[1]] if len(present) == 2 else f"other channels than {name}"
            a = Side(f"users on {name}", user[mine], path.goes_on[mine])
            b = Side(f"users on {rest}", user[others], path.goes_on[others])
            if enough(a, b):
                yield step_gap(BY_CHANNEL, (label, ":channel"), a, b, see=funnel(people, path, hold="channel"))


def in_between(people: People, path: MainPath) -> Iterator[Candidate]:
    """What turns up in visits that come to the path, and how many of these reach a goal in the same visit.

    Each user's first such visit in the time in which the touchpoint occurs, with it or without. Who does not get there
    often looks round for longer and so meets more; compared are visits that came as far, met as much else, and are
    alike in whether the user had reached a goal before.
    """
    visits = _visits(people, path)
    for code in np.unique(visits.label):
        with_it = np.zeros(len(visits.owner), dtype=np.bool_)
        with_it[visits.visit[visits.label == code]] = True
        began = visits.began[with_it & visits.on_path]
        if len(began) < LEAST_USERS:
            continue
        asked = np.flatnonzero(visits.on_path & (visits.began >= began.min()) & (visits.began <= began.max()))
        asked = asked[np.unique(visits.owner[asked], return_index=True)[1]]
        mine = with_it[asked]
        stratum = np.minimum(visits.met[asked] - mine, MOST_MET)
        stratum = (stratum * (len(path.steps) + 1) + visits.furthest[asked]) * 2 + visits.bought_before[asked]
        if min(int(mine.sum()), int((~mine).sum())) < LEAST_USERS:
            continue
        alike = np.isin(
            stratum, np.intersect1d(stratum[mine], stratum[~mine])
        )  # others have nobody to be compared with
        asked, mine, stratum = asked[alike], mine[alike], stratum[alike]
        name, goal = people.walks.texts[code], visits.goal[asked]
        a = Side(f"users who meet {name}", visits.owner[asked][mine], goal[mine])
        b = Side("users who do not, and come to the path", visits.owner[asked][~mine], goal[~mine])
        if enough(a, b, least=LEAST_ALIKE):
            tested = judged(a, b, (stratum[mine], stratum[~mine]))
            yield Candidate(
                IN_BETWEEN,
                ("met", name),
                "met on the way",
                a,
                b,
                tested,
                more=None,
                less=Said(
                    "weakness",
                    f"Where {quoted(name)} turns up on the way to {quoted(path.goal)}, fewer get there in the same "
                    f"visit than in like visits without it: by {points(tested)}; in all, {percent(a.share)} do, "
                    f"against {percent(b.share)}.{_when(people, began)}",
                    f"{quoted(name)} on the way: {percent(a.share)} get there",
                ),
                detail="Each user's first visit (no pause above half an hour) that comes to the main path, in the time "
                "in which it occurs. Compared among visits that came as far and met as much else, by users who had "
                "reached a goal before, or had not.",
                see=ask("steps", people.filters, where="around", around=name),
            )


@dataclass(frozen=True)
class _Visits:
    """``V`` visits, and the ``L`` labels off the path that turn up in them."""

    owner: Ints  # [V]
    began: Ints  # [V] microseconds
    on_path: Flags  # [V] it comes to a step of the path
    furthest: Ints  # [V] the last step of the path that it comes to, from 0; the goals aside
    goal: Flags  # [V]
    bought_before: Flags  # [V]
    met: Ints  # [V] different labels off the path
    visit: Ints  # [L]
    label: Ints  # [L]


def _visits(people: People, path: MainPath) -> _Visits:
    visit, owner = people.visits, people.owner
    starts = np.unique(visit, return_index=True)[1]
    step = np.where(people.goal, -1, path.rank)
    furthest = np.maximum.reduceat(step, starts)
    aside = path.rank < 0
    labels = len(people.walks.texts)
    pairs = np.unique(visit[aside] * labels + people.walks.codes[aside])
    return _Visits(
        owner=owner[starts],
        began=people.walks.times[starts],
        on_path=furthest >= 0,
        furthest=np.maximum(furthest, 0),
        goal=np.logical_or.reduceat(people.goal, starts),
        bought_before=people.first_goal[owner[starts]] < starts,
        met=np.bincount(pairs // labels, minlength=len(starts)),
        visit=pairs // labels,
        label=pairs % labels,
    )


def _when(people: People, began: Ints) -> str:
    """When it happened, where that was only for a while."""
    times = people.walks.times
    first, last = int(began.min()), int(began.max())
    if last - first >= BRIEF * (int(times.max()) - int(times.min())):
        return ""
    return f" It happened from {_day(time_of(first))} to {_day(time_of(last))} only."


def _day(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}"
