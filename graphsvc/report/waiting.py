"""Family of questions: do fewer reach the next goal where an answer was slow?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..answers.funnel_params import FunnelStep
from ..answers.params import DAY_US
from ..frame import Flags, Ints
from ..maps.words import duration, percent, quoted
from .candidates import LEAST_USERS, Candidate, Said, Side, ask, enough, judged
from .path import MainPath
from .people import People

FAMILY = "answers that take long: after which fewer reach the next goal"
#: A touchpoint is the answer to another where nearly always one follows the other.
PAIRED = 0.7
SHORTEST_US, LONGEST_US = DAY_US // 24, 10 * DAY_US
#: A wait is long above a day, if so many waits at least lie on either side; else above the usual one.
A_SIDE = 0.1


def waiting(people: People, path: MainPath | None) -> Iterator[Candidate]:
    """Candidates for every touchpoint that answers another."""
    walks = people.walks
    if not people.goal.any():
        return
    off_path = ~people.goal if path is None else path.rank < 0
    for asked, answered in _pairs(people, off_path):
        neighbours = people.owner[:-1] == people.owner[1:]
        at = np.flatnonzero((walks.codes[:-1] == asked) & (walks.codes[1:] == answered) & neighbours)
        _, first = np.unique(people.owner[at], return_index=True)
        at = at[first]
        at = at[walks.times[at] <= people.early_us]
        wait = walks.times[at + 1] - walks.times[at]
        if not len(wait):
            continue
        usual = float(np.median(wait))
        edge = DAY_US if A_SIDE <= (wait > DAY_US).mean() <= 1 - A_SIDE else usual
        again = _goal_after(people, at + 1)
        user, slow = people.owner[at], wait > edge
        names = walks.texts[asked], walks.texts[answered]
        a = Side(f"users who waited longer than {duration(edge / 1e6)}", user[slow], again[slow])
        b = Side("users who did not", user[~slow], again[~slow])
        if enough(a, b):
            yield Candidate(
                FAMILY,
                ("wait", *names),
                "wait",
                a,
                b,
                judged(a, b),
                more=None,
                less=Said(
                    "inefficiency",
                    f"Fewer reach a goal after a slow answer: where {quoted(names[1])} comes more than "
                    f"{duration(edge / 1e6)} after {quoted(names[0])}, {percent(a.share)} do, against "
                    f"{percent(b.share)} of those who are answered sooner.",
                    f"slow {quoted(names[1])}: {percent(a.share)} against {percent(b.share)}",
                ),
                detail=f"Each user's first {quoted(names[0])} that is answered, "
                f"{people.gap_days:g} days or more before the end of the data. "
                f"The usual wait is {duration(usual / 1e6)}.",
                see=ask("funnel", people.filters, step=_steps(people, *names)),
            )


def _steps(people: People, asked: str, answered: str) -> list[str]:
    """From the one to the other, and to any goal."""
    goals = tuple(people.walks.texts[code] for code in np.unique(people.walks.codes[people.goal]))
    return [FunnelStep(labels=labels).written for labels in ((asked,), (answered,), goals)]


def _pairs(people: People, off_path: Flags) -> list[tuple[int, int]]:
    """Labels of which the second nearly always follows the first at once, and nothing else comes before it."""
    walks = people.walks
    labels = len(walks.texts)
    together = people.owner[1:] == people.owner[:-1]
    pairs = walks.codes[:-1][together].astype(np.int64) * labels + walks.codes[1:][together]
    gaps = np.diff(walks.times)[together]
    both = np.bincount(walks.codes, minlength=labels)
    off = np.zeros(labels, dtype=np.bool_)
    off[walks.codes[off_path]] = True
    found = []
    for pair, count in zip(*np.unique(pairs, return_counts=True), strict=True):
        asked, answered = int(pair) // labels, int(pair) % labels
        if (
            asked != answered
            and off[asked]
            and off[answered]
            and count >= 2 * LEAST_USERS
            and count >= PAIRED * max(both[asked], both[answered])
            and SHORTEST_US <= float(np.median(gaps[pairs == pair])) <= LONGEST_US
        ):
            found.append((asked, answered))
    return found


def _goal_after(people: People, at: Ints) -> Flags:
    """Whether the user of each of these touchpoints has a goal later on."""
    goals = np.flatnonzero(people.goal)
    following = np.searchsorted(goals, at, side="right")
    goal = goals[np.minimum(following, len(goals) - 1)]
    found: Flags = (following < len(goals)) & (people.owner[goal] == people.owner[at])
    return found
