"""The journey frame: all journeys of a graph as columns of codes, on which every answer is a function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from .settings import Settings

Label = Literal["name", "channel", "stage", "channel:name"]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

NO_STAGE = "(no stage)"


@dataclass(frozen=True)
class Labels:
    """One label per touchpoint, as codes into a sorted vocabulary (so codes order like texts)."""

    codes: Codes  # [touchpoints]
    texts: list[str]  # sorted by code point


@dataclass(frozen=True)
class JourneyFrame:
    """Journeys ordered by (user key, start, key); touchpoints flat, in journey order.

    ``J`` journeys of ``U`` users hold ``N`` touchpoints; journey ``j`` owns ``offsets[j]:offsets[j + 1]``.
    """

    revision: int
    settings: Settings
    data_end: int  # latest touchpoint of the graph, microseconds since 1970
    users: pl.DataFrame  # [U] key, traits (JSON), sorted by key; only users with journeys
    keys: pl.Series  # [J] journey keys
    user: Codes  # [J] row in ``users``
    offsets: Ints  # [J + 1]
    times: Ints  # [N] microseconds since 1970
    values: Floats  # [N]
    converted: Flags  # [J]
    name: Labels
    channel: Labels
    stage: Labels

    @property
    def journeys(self) -> int:
        """Number of journeys."""
        return len(self.user)

    def labels(self, label: Label) -> Labels:
        """The touchpoints' labels of one kind."""
        if label == "channel:name":
            return self._channel_and_name
        return {"name": self.name, "channel": self.channel, "stage": self.stage}[label]

    @cached_property
    def _channel_and_name(self) -> Labels:
        width = max(len(self.name.texts), 1)
        pairs = self.channel.codes.astype(np.int64) * width + self.name.codes
        present = np.unique(pairs)  # few: looking each pair up among them is faster than sorting them all
        inverse = np.searchsorted(present, pairs)
        texts = [f"{self.channel.texts[pair // width]}:{self.name.texts[pair % width]}" for pair in present.tolist()]
        order = np.argsort(np.array(texts, dtype=object), kind="stable")
        rank = np.empty(len(texts), dtype=np.int32)
        rank[order] = np.arange(len(texts), dtype=np.int32)
        return Labels(rank[inverse], [texts[i] for i in order])


def build(
    journeys: pl.DataFrame, traits: pl.DataFrame, *, revision: int, settings: Settings, data_end: int
) -> JourneyFrame:
    """Build a frame.

    Args:
        journeys: the journeys table (``tables.JOURNEYS``), columns key, user, started_at, converted, names, channels,
            stages, times, values; in any order.
        traits: key and traits of the users, in any order.
        revision: of the graph that was read.
        settings: of that graph.
        data_end: its latest touchpoint, microseconds since 1970.
    """
    journeys = journeys.sort("user", "started_at", "key")
    users = journeys.select(key=pl.col("user").unique(maintain_order=True)).join(
        traits, on="key", how="left", maintain_order="left"
    )
    user = journeys["user"].rle_id().cast(pl.Int32).to_numpy()
    lengths = journeys["names"].list.len().to_numpy().astype(np.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    return JourneyFrame(
        revision=revision,
        settings=settings,
        data_end=data_end,
        users=users,
        keys=journeys["key"],
        user=user,
        offsets=offsets,
        times=journeys["times"].explode().cast(pl.Int64).to_numpy() if len(journeys) else np.empty(0, np.int64),
        values=journeys["values"].explode().cast(pl.Float64).to_numpy() if len(journeys) else np.empty(0),
        converted=journeys["converted"].to_numpy(),
        name=_coded(journeys["names"]),
        channel=_coded(journeys["channels"]),
        stage=_coded(journeys["stages"], empty=NO_STAGE),
    )


def _coded(lists: pl.Series, empty: str = "") -> Labels:
    """Codes and sorted vocabulary of a column of string lists."""
    flat = lists.explode() if len(lists) else pl.Series([], dtype=pl.String)
    if empty:
        flat = flat.replace("", empty)
    texts = flat.unique().sort()
    codes = flat.cast(pl.Enum(texts)).to_physical().cast(pl.Int32).to_numpy()
    return Labels(codes, texts.to_list())
