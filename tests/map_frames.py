"""Journey frames for the tests of maps: hand-made journeys, a clothing brand's year, and one too wide for its page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from graphsvc.frame import JourneyFrame, build
from graphsvc.settings import Settings

from .graphs import SALT

DAY_US = 86_400_000_000
START = 1_767_225_600_000_000  # 1 January 2026


@dataclass(frozen=True)
class Journey:
    """A journey in one line: ``Journey("ann", "ad visit buy", converted=True)``; days apart unless times are given."""

    user: str
    names: str | Sequence[str]
    converted: bool = False
    days: Sequence[float] = ()
    channels: Sequence[str] = ()
    traits: str = "{}"

    @property
    def labels(self) -> list[str]:
        return self.names.split() if isinstance(self.names, str) else list(self.names)

    @property
    def times(self) -> list[int]:
        days = self.days or range(len(self.labels))
        return [START + round(day * DAY_US) for day in days]


def frame_of(
    journeys: Sequence[Journey], *, data_end: float = 365, segments: dict[str, str] | None = None
) -> JourneyFrame:
    """A frame of these journeys; ``data_end`` in days after 1 January 2026, journeys being open for 30 days."""
    rows = [
        {
            "key": f"key-{i:05}",
            "user": journey.user,
            "started_at": journey.times[0],
            "converted": journey.converted,
            "names": journey.labels,
            "channels": list(journey.channels) or ["web"] * len(journey.labels),
            "stages": [""] * len(journey.labels),
            "times": journey.times,
            "values": [0.0] * len(journey.labels),
        }
        for i, journey in enumerate(journeys)
    ]
    texts, numbers = pl.List(pl.String), pl.List(pl.Int64)
    schema: dict[str, Any] = {
        "key": pl.String,
        "user": pl.String,
        "started_at": pl.Datetime("us"),
        "converted": pl.Boolean,
        "names": texts,
        "channels": texts,
        "stages": texts,
        "times": numbers,
        "values": pl.List(pl.Float64),
    }
    traits = {journey.user: journey.traits for journey in journeys}
    return build(
        pl.DataFrame(rows, schema=schema),
        pl.DataFrame(
            {"key": list(traits), "traits": list(traits.values())}, schema={"key": pl.String, "traits": pl.String}
        ),
        revision=41,
        settings=Settings(salt=SALT, goals=("purchase",), segments=segments or {}),
        data_end=START + round(data_end * DAY_US),
    )


#: What follows what at a clothing brand: next touchpoint and its probability; the rest leaves.
_NEXT = {
    "search ad": {"home page": 0.55, "product page": 0.4},
    "instagram ad": {"product page": 0.6, "app: wishlist": 0.15, "discord hello": 0.07},
    "store visit": {"home page": 0.35, "newsletter": 0.25, "purchase": 0.18},
    "pop-up event": {"newsletter": 0.45, "store visit": 0.25, "discord hello": 0.1},
    "home page": {"product page": 0.68, "size chat": 0.1},
    "product page": {"product page": 0.14, "add to cart": 0.36, "size chat": 0.16, "app: wishlist": 0.08},
    "size chat": {"add to cart": 0.62, "product page": 0.24, "support ticket": 0.04},
    "add to cart": {"delivery costs": 0.78, "purchase": 0.1},
    "delivery costs": {"purchase": 0.34, "support ticket": 0.05, "newsletter": 0.09},
    "newsletter": {"product page": 0.45, "store visit": 0.13},
    "discord hello": {"app: wishlist": 0.3, "product page": 0.4},
    "app: wishlist": {"add to cart": 0.5, "product page": 0.28},
    "purchase": {"support ticket": 0.12, "newsletter": 0.08, "product page": 0.06},
    "support ticket": {"delivery costs": 0.05, "product page": 0.15},
}
_FIRST = {
    "older": {"store visit": 0.38, "pop-up event": 0.16, "search ad": 0.3, "newsletter": 0.06, "home page": 0.1},
    "younger": {"instagram ad": 0.44, "search ad": 0.2, "discord hello": 0.12, "home page": 0.18, "pop-up event": 0.06},
}
_CHANNEL = {
    "search ad": "search ads",
    "instagram ad": "instagram",
    "store visit": "store",
    "pop-up event": "event",
    "size chat": "chatbot",
    "newsletter": "email",
    "discord hello": "discord",
    "app: wishlist": "app",
    "support ticket": "support",
}


def brand(journeys: int = 1_500, seed: int = 7) -> JourneyFrame:
    """A clothing brand: older people begin in stores, younger ones by Instagram, many leave at delivery costs."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(journeys):
        person = int(random.integers(journeys * 4 // 5))
        age = 18 + person * 7 % 60
        now = _drawn(random, _FIRST["older" if age >= 50 else "younger"])
        day = float(random.integers(0, 150)) + float(random.random())
        names: list[str] = []
        days: list[float] = []
        while now and len(names) < 20:
            names.append(now)
            days.append(day)
            day += float(random.exponential(0.9)) + 0.01
            now = _drawn(random, _NEXT[now])
        channels = [_CHANNEL.get(name, "website") for name in names]
        traits = json.dumps({"age": age})
        made.append(Journey(f"person-{person:05}", names, "purchase" in names, days, channels, traits))
    return frame_of(made, data_end=170, segments={"older": "age >= 50", "younger": "age < 50"})


def _drawn(random: np.random.Generator, chances: dict[str, float]) -> str:
    names = [*chances, ""]
    return names[random.choice(len(names), p=[*chances.values(), max(1 - sum(chances.values()), 0)])]


def wide(journeys: int = 2_000, seed: int = 3) -> JourneyFrame:
    """Long journeys over sixty labels: more nodes than a map may have."""
    random = np.random.default_rng(seed)
    made = []
    for i in range(journeys):
        length = int(random.integers(2, 40))
        names = [f"touchpoint {int(label) % 60:02}" for label in random.zipf(1.35, length) - 1]
        days = np.sort(random.random(length) * 120).tolist()
        made.append(Journey(f"person-{i:05}", names, i % 4 == 0, days, [f"channel {len(name) % 5}" for name in names]))
    return frame_of(made, data_end=121)
