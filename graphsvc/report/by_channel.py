"""Family of questions: which channel, used before people set out to buy, goes with reaching a goal?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..maps.words import percent, quoted
from ..stores import Store
from .candidates import Candidate, Said, among, ask, enough, test
from .known import known_before
from .path import MainPath, set_out
from .people import People

FAMILY = "channels used before setting out to buy: after which more reach a goal"
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
    open_channels = np.flatnonzero(there < OF_PATH)
    if not len(open_channels):
        return
    known = known_before(people, store, began)
    used = np.zeros((len(people), len(channels)), dtype=np.bool_)
    used[people.owner[known], people.channel[known]] = True
    # Who came late had no time to get to either; their own coming decides that, whatever they did later.
    inside = used.any(axis=1) & (people.walks.times[people.starts] <= people.early_us)
    for code in open_channels:
        channel = channels[code]
        others = np.delete(open_channels, np.flatnonzero(open_channels == code))
        breadth = np.minimum(used[:, others].sum(axis=1), MOST_OTHERS)
        a = among(people.walks.converted, inside & used[:, code], f"people who use {channel}")
        b = among(people.walks.converted, inside & ~used[:, code], "people who do not")
        if enough(a, b):
            yield Candidate(
                FAMILY,
                ("exposure", channel),
                "channel",
                a,
                b,
                test(a, b, (breadth[a.users], breadth[b.users])),
                more=Said(
                    "opportunity",
                    f"People who use {quoted(channel)} before they set out to buy reach a goal more often: "
                    f"{percent(a.share)}, against {percent(b.share)} of those who do not.",
                    f"{quoted(channel)} goes with buying: {percent(a.share)} against {percent(b.share)}",
                ),
                less=None,
                detail="People known by name before they set out to buy, by what was known of them then, who came "
                f"{people.gap_days:g} days or more before the end of the data; compared among "
                "those who use as many other channels. It goes together; whether the one brings about the "
                "other, a trial would tell.",
                see=ask("paths", people.filters, channel=[channel]),
            )
