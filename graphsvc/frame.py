"""The journey frame: all journeys of a graph as columns of codes, on which every answer is a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from .errors import QueryError, UnknownName, nearest
from .settings import Settings

Label = Literal["name", "channel", "stage", "channel:name"]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

NO_STAGE = "(no stage)"

#: What a frame can load of its touchpoints when a question needs it; a property as ``properties.NAME``.
DETAILS: Mapping[str, pl.DataType] = {
    "key": pl.String(),
    "sentiment": pl.Float64(),
    "question": pl.String(),
    "cost": pl.Float64(),
    "currency": pl.String(),
    "source": pl.String(),
}
PROPERTIES = "properties"


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
    #: Questions are about these users only, and about journeys that start in one of these periods [from, to).
    only_users: Flags | None = None  # [U]
    periods: tuple[tuple[int, int], ...] | None = None  # microseconds since 1970
    #: Loads a detail of all touchpoints, aligned with ``times``: [N].
    load: Callable[[str], pl.Series] | None = field(default=None, repr=False, compare=False)
    _loaded: dict[str, pl.Series] = field(default_factory=dict, init=False, repr=False, compare=False)
    #: Which users are in the segments that were asked for lately: [U] each.
    inside: dict[str, Flags] = field(default_factory=dict, init=False, repr=False, compare=False)

    def detail(self, name: str) -> pl.Series:
        """What the touchpoints say beside their labels, times and values: [N], null where they do not.

        Args:
            name: one of ``DETAILS``, or ``properties.NAME``, as texts.

        Raises:
            UnknownName: there is no such detail.
            GraphMoved: the graph has changed since this frame was read.
        """
        known, _, rest = name.partition(".")
        if name not in DETAILS and not (known == PROPERTIES and rest):
            raise UnknownName(f"touchpoints have no {name!r}{nearest(name, [*DETAILS, 'properties.NAME'])}")
        if self.load is None:
            raise QueryError(f"this frame was made without a store, which {name} would be read from")
        if name not in self._loaded:
            self._loaded[name] = self.load(name)
        return self._loaded[name]

    @property
    def journeys(self) -> int:
        """Number of journeys."""
        return len(self.user)

    @property
    def nbytes(self) -> int:
        """Bytes of its columns, and of the details that were loaded; the vocabularies are small beside them."""
        codes = [self.name.codes, self.channel.codes, self.stage.codes]
        if "_channel_and_name" in vars(self):
            codes.append(self._channel_and_name.codes)
        columns: list[npt.NDArray[Any]] = [self.user, self.offsets, self.times, self.values, self.converted]
        columns += list(self.inside.values())
        if "journey_of" in vars(self):
            columns.append(self.journey_of)
        arrays = sum(held.nbytes for held in columns)
        details = sum(int(detail.estimated_size()) for detail in list(self._loaded.values()))
        tables = int(self.users.estimated_size()) + int(self.keys.estimated_size())
        return arrays + sum(held.nbytes for held in codes) + tables + details

    def labels(self, label: Label) -> Labels:
        """The touchpoints' labels of one kind."""
        if label == "channel:name":
            return self._channel_and_name
        return {"name": self.name, "channel": self.channel, "stage": self.stage}[label]

    @cached_property
    def journey_of(self) -> Ints:
        """The journey of each touchpoint: [N]."""
        return np.repeat(np.arange(self.journeys, dtype=np.int64), np.diff(self.offsets))

    @cached_property
    def traits(self) -> tuple[Codes, list[dict[str, Any]]]:
        """Which of the different sets of traits each user has: [U], and these sets. Many users have the same."""
        told = self.users["traits"].fill_null("{}")
        texts = told.unique().sort()
        codes = told.cast(pl.Enum(texts)).to_physical().cast(pl.Int32).to_numpy()
        return codes, [json.loads(text) for text in texts]

    @cached_property
    def _channel_and_name(self) -> Labels:
        width = max(len(self.name.texts), 1)
        pairs = self.channel.codes.astype(np.int64) * width + self.name.codes
        present = np.unique(pairs)  # few: looking each pair up among them is faster than sorting them all
        inverse = np.searchsorted(present, pairs)
        texts = [f"{self.channel.texts[pair // width]}:{self.name.texts[pair % width]}" for pair in present.tolist()]
        # Two pairs may make one text: ``paid:search`` with ``click`` and ``paid`` with ``search:click``.
        place = {text: code for code, text in enumerate(sorted(set(texts)))}
        code = np.array([place[text] for text in texts], dtype=np.int32)
        return Labels(code[inverse], list(place))


def build(
    journeys: pl.DataFrame,
    traits: pl.DataFrame,
    *,
    revision: int,
    settings: Settings,
    data_end: int,
    load: Callable[[str], pl.Series] | None = None,
) -> JourneyFrame:
    """Build a frame.

    Args:
        journeys: the journeys table (``tables.JOURNEYS``), columns key, user, started_at, converted, names, channels,
            stages, times, values; in any order.
        traits: key and traits of the users, in any order.
        revision: of the graph that was read.
        settings: of that graph.
        data_end: its latest touchpoint, microseconds since 1970.
        load: reads a detail of all touchpoints, in the order of the frame.
    """
    journeys = journeys.sort(_ORDER)
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
        load=load,
    )


def aligned(journeys: pl.DataFrame, values: pl.DataFrame, name: str) -> pl.Series:
    """A detail of touchpoints in the order of the frame: [N].

    Args:
        journeys: key, user, started_at and touchpoints (their keys) of all journeys, in any order.
        values: key and detail of those touchpoints that have one; of ``properties`` the JSON object.
        name: of the detail, as :meth:`JourneyFrame.detail` takes it.
    """
    keys = journeys.sort(_ORDER).select(key=pl.col("touchpoints").explode())
    if name == "key":
        return keys["key"]
    detail = keys.join(values, on="key", how="left", maintain_order="left").to_series(1)
    if name in DETAILS:
        return detail.cast(DETAILS[name]).alias(name)
    wanted = name.partition(".")[2]
    texts = detail.drop_nulls().unique()  # many touchpoints say the same
    said = [_text(json.loads(text).get(wanted)) for text in texts]
    return detail.replace_strict(texts, pl.Series(said, dtype=pl.String), default=None, return_dtype=pl.String).alias(
        name
    )


def _text(value: Any) -> str | None:
    """A property as text: texts as they are, anything else as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_ORDER = ("user", "started_at", "key")


def _coded(lists: pl.Series, empty: str = "") -> Labels:
    """Codes and sorted vocabulary of a column of string lists."""
    flat = lists.explode() if len(lists) else pl.Series([], dtype=pl.String)
    if empty:
        flat = flat.replace("", empty)
    texts = flat.unique().sort()
    codes = flat.cast(pl.Enum(texts)).to_physical().cast(pl.Int32).to_numpy()
    return Labels(codes, texts.to_list())
