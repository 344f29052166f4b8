"""A journey frame after small commits: made from the former frame and what the commits changed, without reading."""

from __future__ import annotations

import bisect
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from .frame import NO_STAGE, Codes, Flags, Ints, JourneyFrame, Labels
from .settings import Settings
from .tables import KEYS, Change, Changes

MOST_ROWS = 4_000  # journeys and users that the commits kept may change; after more, a frame is read anew


@dataclass(frozen=True)
class Commit:
    """What one commit changed that a frame tells of."""

    settings: Settings
    journeys: Change
    users: Change

    @property
    def size(self) -> int:
        """Rows that it changed, and one for itself."""
        return 1 + sum(len(change.removed) + len(change.put) for change in (self.journeys, self.users))


_Scalar = TypeVar("_Scalar", bound=np.generic)
Note = Callable[[int, Changes, Settings], None]  # the revision that a commit leads to, what it changes, settings


class Recent:
    """The last commits of this process, by the revision that each led to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commits: OrderedDict[int, Commit] = OrderedDict()

    @contextmanager
    def writing(self) -> Iterator[Note]:
        """Note commits before anybody can see their revisions; an exception withdraws them."""
        noted: list[int] = []

        def note(revision: int, changes: Changes, settings: Settings) -> None:
            noted.append(revision)
            self._add(revision, Commit(settings, changes.derived["journeys"], changes.derived["users"]))

        try:
            yield note
        except BaseException:
            with self._lock:
                for revision in noted:
                    self._commits.pop(revision, None)
            raise

    def _add(self, revision: int, commit: Commit) -> None:
        with self._lock:
            self._commits[revision] = commit
            while sum(each.size for each in self._commits.values()) > MOST_ROWS:
                self._commits.popitem(last=False)

    def between(self, before: int, now: int) -> list[Commit] | None:
        """The commits from one revision to a later one; None where some are not known."""
        with self._lock:
            commits = [self._commits.get(revision) for revision in range(before + 1, now + 1)]
        known = [commit for commit in commits if commit is not None]
        return known if known and len(known) == len(commits) else None

    def forget(self) -> None:
        """Let go of all commits."""
        with self._lock:
            self._commits.clear()


def renewed(
    frame: JourneyFrame, commits: list[Commit], revision: int, load: Callable[[str], pl.Series]
) -> JourneyFrame | None:
    """The frame after some commits, equal to one that is read anew.

    Args:
        frame: of the revision before the first of them.
        commits: in order, at least one.
        revision: that the last of them led to.
        load: as ``JourneyFrame.load``.

    Returns:
        the frame; None where the commits do not tell the traits of a user whose first journey they brought.
    """
    journeys = _folded("journeys", [commit.journeys for commit in commits])
    users = _folded("users", [commit.users for commit in commits])
    put = journeys.put.sort("user", "started_at", "key")
    owners = _owners(frame, put, users.put)
    if owners is None:
        return None
    known, owner_of_put = owners
    order = _order(frame, put, _gone(frame, journeys), known["key"])

    owner = np.concatenate([_shifted(frame, known["key"]), owner_of_put])[order]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    lengths = np.concatenate([np.diff(frame.offsets), put["names"].list.len().to_numpy().astype(np.int64)])[order]
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    runs = _runs(order, frame, put)
    times = _spliced(runs, frame.times, _flat(put["times"], np.int64))
    return JourneyFrame(
        revision=revision,
        settings=commits[-1].settings,
        data_end=int(times[offsets[1:] - 1].max(initial=0)),
        users=known[owner[first]],
        keys=pl.concat([frame.keys, put["key"]])[order],
        user=np.repeat(np.arange(len(first), dtype=np.int32), np.diff(first, append=len(owner))),
        offsets=offsets,
        times=times,
        values=_spliced(runs, frame.values, _flat(put["values"], np.float64)),
        converted=np.concatenate([frame.converted, put["converted"].to_numpy()])[order],
        name=_labels(frame.name, runs, put["names"]),
        channel=_labels(frame.channel, runs, put["channels"]),
        stage=_labels(frame.stage, runs, put["stages"], empty=NO_STAGE),
        load=load,
    )


def _folded(table: str, changes: list[Change]) -> Change:
    """Several changes of a table as one."""
    key = KEYS[table]
    put, removed = changes[0].put, changes[0].removed
    for change in changes[1:]:
        later = pl.concat([change.removed.select(key), change.put.select(key)])
        removed = pl.concat([removed, change.removed]).unique()
        put = pl.concat([put.join(later, on=key, how="anti"), change.put])
    return Change(removed.join(put.select(key), on=key, how="anti"), put)


def _gone(frame: JourneyFrame, journeys: Change) -> Flags:
    """Which journeys of the frame are no more, or come anew: [J]."""
    keys = pl.concat([journeys.removed["key"], journeys.put["key"]])
    return frame.keys.is_in(keys.implode()).to_numpy()


def _owners(frame: JourneyFrame, put: pl.DataFrame, users: pl.DataFrame) -> tuple[pl.DataFrame, Ints] | None:
    """Key and traits of all users of the frame and of the new journeys, by key, and where each new journey's stands.

    None where the traits of a new user are not known.
    """
    known = frame.users
    place, there = _places(known["key"], users["key"])
    if there.any():
        traits = known["traits"].scatter(place[there], users["traits"].filter(there))
        known = known.with_columns(traits)
    added = users.filter(~there).join(put, left_on="key", right_on="user", how="semi").select("key", "traits")
    if len(added):
        known = pl.concat([known, added]).sort("key")
    owners, there = _places(known["key"], put["user"])
    return (known, owners) if there.all() else None


def _places(keys: pl.Series, wanted: pl.Series) -> tuple[Ints, Flags]:
    """Where some keys stand, or would stand, among sorted ones, and whether they do."""
    place = keys.search_sorted(wanted).to_numpy().astype(np.int64)
    within = np.minimum(place, max(len(keys) - 1, 0))
    there = (keys[within] == wanted).to_numpy() if len(keys) else np.zeros(len(wanted), dtype=np.bool_)
    return place, there & (place == within)


def _shifted(frame: JourneyFrame, known: pl.Series) -> Ints:
    """Where the user of each journey of the frame stands among the known ones: [J]."""
    if len(known) == len(frame.users):
        return frame.user.astype(np.int64)
    places, _ = _places(known, frame.users["key"])
    owners: Ints = places[frame.user]
    return owners


def _order(frame: JourneyFrame, put: pl.DataFrame, gone: Flags, known: pl.Series) -> Ints:
    """The journeys to come: rows of the frame's, followed by the new ones, in the order of a frame."""
    starts = frame.times[frame.offsets[:-1]]
    users = frame.users["key"]
    before: list[int] = []  # the journey of the frame that each new one comes before
    rows = put.select("user", pl.col("started_at").to_physical(), "key").iter_rows()
    first = users.search_sorted(put["user"]).to_list()
    for (user, started, key), at in zip(rows, first, strict=True):
        low, high = np.searchsorted(frame.user, [at, at + 1]).tolist() if at < len(users) else [frame.journeys] * 2
        if low < high and users[at] != user:
            high = low
        theirs = [(int(starts[row]), frame.keys[row]) for row in range(low, high)]
        before.append(low + bisect.bisect_left(theirs, (started, key)))
    order = np.insert(np.arange(frame.journeys), before, frame.journeys + np.arange(len(put)))
    kept: Ints = order[~np.concatenate([gone, np.zeros(len(put), dtype=np.bool_)])[order]]
    return kept


@dataclass(frozen=True)
class _Run:
    """Touchpoints that stay together, of the former frame or of the new journeys."""

    new: bool
    begin: int
    end: int


def _runs(order: Ints, frame: JourneyFrame, put: pl.DataFrame) -> list[_Run]:
    """The touchpoints of journeys in order, as few runs."""
    new_offsets = np.concatenate([[0], np.cumsum(put["names"].list.len().to_numpy().astype(np.int64))])
    new = order >= frame.journeys
    begins = np.flatnonzero((np.diff(order, prepend=-2) != 1) | (np.diff(new, prepend=False) != 0))
    runs = []
    for begin, end in itertools.pairwise([*begins.tolist(), len(order)]):
        offsets, shift = (new_offsets, frame.journeys) if new[begin] else (frame.offsets, 0)
        runs.append(
            _Run(bool(new[begin]), int(offsets[order[begin] - shift]), int(offsets[order[end - 1] + 1 - shift]))
        )
    return runs


def _spliced(runs: list[_Run], former: npt.NDArray[_Scalar], new: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """A column of touchpoints, put together from runs."""
    parts = [(new if run.new else former)[run.begin : run.end] for run in runs]
    return np.concatenate([former[:0], *parts])


def _flat(lists: pl.Series, kind: type[_Scalar]) -> npt.NDArray[_Scalar]:
    """The values of some lists, one after another."""
    return lists.explode().drop_nulls().to_numpy().astype(kind)


def _labels(former: Labels, runs: list[_Run], lists: pl.Series, empty: str = "") -> Labels:
    """Labels put together from runs; the vocabulary holds what occurs, no more."""
    told = lists.explode().drop_nulls()
    told = told.replace("", empty) if empty else told
    texts = sorted({*former.texts, *told.unique()})
    if texts == former.texts:
        codes = former.codes
    else:
        codes = np.array([bisect.bisect_left(texts, text) for text in former.texts], dtype=np.int32)[former.codes]
    new: Codes = told.cast(pl.Enum(texts)).to_physical().cast(pl.Int32).to_numpy()
    scarce = np.setdiff1d(_left_out(runs, codes), new)  # only what goes and does not come may occur no more
    codes = _spliced(runs, codes, new)
    if len(scarce):
        occurs = np.bincount(codes, minlength=len(texts)) > 0
        codes = (np.cumsum(occurs, dtype=np.int32) - 1)[codes]
        texts = [text for text, there in zip(texts, occurs.tolist(), strict=True) if there]
    return Labels(codes, texts)


def _left_out(runs: list[_Run], former: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """What of a column no run holds."""
    stay = [run for run in runs if not run.new]
    ends, begins = [0, *(run.end for run in stay)], [*(run.begin for run in stay), len(former)]
    return np.concatenate([former[end:begin] for end, begin in zip(ends, begins, strict=True)])
