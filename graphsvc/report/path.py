"""The main path to the goal: the steps that lead to it, one after the other, and how far each user got at first try."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..answers.funnel_params import FunnelStep
from ..answers.params import DAY_US
from ..frame import Flags, Ints
from .people import People

MOST_STEPS = 8
#: A step belongs to the path if at least so many of those who see it for the first time go on along the path ...
GO_ON = 0.3
#: ... and the path begins with a step from which most do.
SET_OUT = 0.5
#: A step is taken once in a visit, in so many visits at least; pages to look round on are opened again and again.
ONCE = 0.7
#: And it comes right before the next step, at least so often.
LEADS = 0.1
FEWEST_USERS = 20
_DAY = DAY_US // 1_000_000


@dataclass(frozen=True)
class MainPath:
    """The path, and each user's first time at each of its steps, not after their first goal.

    A user goes on from a step if a later step or a goal lies within a day of it. (Before it, too: systems have clocks
    of their own, and some write a whole visit in no order.) ``P`` pairs of user and step.
    """

    goal: str  # the goal that most users reach
    steps: list[str]
    step: Ints  # [P] which step
    at: Ints  # [P] index of the touchpoint
    goes_on: Flags  # [P]
    rank: Ints  # [M] place of each touchpoint's label among the steps; a goal's is their number, any other's -1

    @property
    def written(self) -> list[str]:
        """The steps of a funnel along the path, the goal the last; a label may hold what a step's text would read."""
        return [FunnelStep(labels=(label,)).written for label in (*self.steps, self.goal)]


def main_path(people: People) -> MainPath | None:
    """Walk back from the goal that most users reach: before each step comes the one that most often precedes it.

    None where no goal is reached, or no path of at least two steps leads there.
    """
    walks = people.walks
    reached = np.unique(np.stack([walks.codes[people.goal].astype(np.int64), people.owner[people.goal]]), axis=1)[0]
    if not len(reached):
        return None
    users = np.bincount(reached, minlength=len(walks.texts))
    goal = int(users.argmax())
    is_goal = np.isin(np.arange(len(walks.texts)), np.unique(reached))
    follows = np.ones(len(people.owner), dtype=np.bool_)
    follows[people.starts] = False
    may_be_step = ~is_goal & _once_in_a_visit(people)
    steps: list[int] = []  # codes
    while len(steps) < MOST_STEPS:
        head = np.flatnonzero(follows & (walks.codes == (steps[0] if steps else goal)))
        before = walks.codes[head - 1].astype(np.int64)
        before = before[may_be_step[before]]
        if len(before) < LEADS * len(head) or not len(before):
            break
        label = int(np.bincount(before).argmax())
        found = _first_tries(people, [label, *steps], goal)
        mine = found.step == 0
        if mine.sum() < FEWEST_USERS or found.goes_on[mine].mean() < GO_ON:
            break
        steps.insert(0, label)
        may_be_step[label] = False
    while steps:
        found = _first_tries(people, steps, goal)
        if found.goes_on[found.step == 0].mean() >= SET_OUT:
            return found if len(steps) > 1 else None
        steps.pop(0)
    return None


def _once_in_a_visit(people: People) -> Flags:
    """Which labels turn up once in most visits that they turn up in: [labels]."""
    labels = len(people.walks.texts)
    pairs, times = np.unique(people.visits * labels + people.walks.codes, return_counts=True)
    visits = np.bincount(pairs % labels, minlength=labels)
    once = np.bincount(pairs[times == 1] % labels, minlength=labels)
    found: Flags = once >= ONCE * np.maximum(visits, 1)
    return found


def _first_tries(people: People, steps: list[int], goal: int) -> MainPath:
    walks = people.walks
    rank_of = np.full(len(walks.texts), -1, dtype=np.int64)
    rank_of[steps] = np.arange(len(steps))
    rank = np.where(people.goal, len(steps), rank_of[walks.codes])
    along = np.flatnonzero(rank >= 0)
    owner, place, time = people.owner[along], rank[along], walks.times[along]
    _, first = np.unique(owner * (len(steps) + 1) + place, return_index=True)
    bought = np.full(len(people), np.iinfo(np.int64).max)
    has_goal = people.first_goal < len(rank)
    bought[has_goal] = walks.times[people.first_goal[has_goal]]
    first = first[
        (place[first] < len(steps))
        & (time[first] <= people.frame.data_end - DAY_US)  # others may still go on
        & (time[first] - DAY_US <= bought[owner[first]])
    ]
    goes_on = np.zeros(len(along), dtype=np.bool_)
    for step in range(len(steps)):
        mine, later = first[place[first] == step], place > step
        goes_on[mine] = _within_a_day(owner[mine], time[mine], owner[later], time[later])
    names = [walks.texts[code] for code in steps]
    return MainPath(walks.texts[goal], names, place[first], along[first], goes_on[first], rank)


def _within_a_day(owner: Ints, time: Ints, other_owner: Ints, other_time: Ints) -> Flags:
    """Whether the same user has one of the others, which are in order, at most a day from each of these: [n]."""
    if not len(other_owner):
        return np.zeros(len(owner), dtype=np.bool_)
    least = other_time.min()
    # Of users and seconds in one number; nobody's times reach into the next user's.
    span = (max(int(other_time.max()), int(time.max(initial=least))) - least) // 1_000_000 + 4 * _DAY
    others = other_owner * span + (other_time - least) // 1_000_000 + 2 * _DAY
    here = owner * span + np.maximum(time - least, -_DAY * 1_000_000) // 1_000_000 + 2 * _DAY
    found: Flags = np.searchsorted(others, here + _DAY, side="right") > np.searchsorted(others, here - _DAY)
    return found


def set_out(people: People, path: MainPath | None) -> Ints:
    """When each user first came to the path or to a goal, in microseconds; the end of time for who never did: [W]."""
    began = np.full(len(people), np.iinfo(np.int64).max)
    at = np.flatnonzero(people.goal if path is None else path.rank >= 0)[::-1]
    began[people.owner[at]] = people.walks.times[at]
    return began
