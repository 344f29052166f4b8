"""Family of questions: which channel, used before people set out to buy, goes with setting out and reaching a goal?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..frame import Flags, Ints
from ..maps.words import percent, quoted
from ..stores import Store
from .candidates import LEAST_USERS, Candidate, Said, among, ask, enough, judged, points
from .known import known_before
from .path import MainPath, set_out
from .people import People

FAMILY = "channels used before setting out to buy: after which more set out, and reach a goal"
#: A channel on which so much of the path or of the goals happens is where people buy, and not what brings them to it.
OF_PATH = 0.01
MOST_OTHERS = 3


def by_channel(people: People, path: MainPath | None, store: Store) -> Iterator[Candidate]:
    """Candidates for every channel on which neither the path nor a goal happens."""
    if not people.goal.any():
        return
    began = set_out(people, path)
    on_path = people.goal if path is None else path.rank >= 0
    channels = people.frame.channel.texts
    there = np.bincount(people.channel[on_path], minlength=len(channels)) / max(int(on_path.sum()), 1)
    common = np.bincount(people.channel, minlength=len(channels)) >= LEAST_USERS
    open_channels = np.flatnonzero((there < OF_PATH) & common)
    if not len(open_channels):
        return
    known = known_before(people, store, began)
    used = np.zeros((len(people), len(open_channels)), dtype=np.bool_)
    for column, code in enumerate(open_channels):
        used[people.owner[known & (people.channel == code)], column] = True
    anybody = np.zeros(len(people), dtype=np.bool_)
    anybody[people.owner[known]] = True
    # Who came late had no time to get to either; their own coming decides that, whatever they did later.
    inside = anybody & (people.walks.times[people.starts] <= people.early_us)
    outcomes = {"reach a goal": people.walks.converted}
    if path is not None:
        outcomes["set out to buy"] = began < np.iinfo(np.int64).max
    for column, code in enumerate(open_channels):
        breadth = np.minimum(used.sum(axis=1) - used[:, column], MOST_OTHERS)
        for outcome, reached in outcomes.items():
            yield from _channel(people, channels[code], used[:, column], inside, breadth, outcome, reached)


def _channel(
    people: People, channel: str, used: Flags, inside: Flags, breadth: Ints, outcome: str, reached: Flags
) -> Iterator[Candidate]:
    a = among(reached, inside & used, f"people who have used {channel}")
    b = among(reached, inside & ~used, "people who have not")
    if not enough(a, b):
        return
    tested = judged(a, b, (breadth[a.users], breadth[b.users]))
    told = f"more often than like people who have not: by {points(tested)}"
    in_all = f"in all, {percent(a.share)} of them do, against {percent(b.share)}"
    yield Candidate(
        FAMILY,
        ("exposure", channel),
        "channel",
        a,
        b,
        tested,
        more=Said(
            "opportunity",
            f"People who have used {quoted(channel)} {outcome} {told}; {in_all}.",
            f"people who have used {quoted(channel)} {outcome} {told}",
        ),
        less=None,
        detail="People known by name before they set out to buy (came to the main path, or to a goal), by what was "
        f"known of them then, who came {people.gap_days:g} days or more before the end of the data; compared among "
        "those who use as many other channels. It goes together; whether the one brings about the other, a trial "
        "would tell.",
        see=ask("paths", people.filters, channel=[channel]),
    )
