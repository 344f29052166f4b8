"""An example to learn from: half a year of a clothing brand that does not exist, as its source systems recorded it.

    from graphsvc.example import generate

    example = generate(Path("demo"), events=20_000)

writes one file per system, each with columns, times and identifiers of its own, a mapping beside each, and the truth
about who is who. The same seed and size give the same bytes. ``docs/example-data.md`` describes the world.

How it is made, in the order of reading: ``story`` (what is planted), ``people``, ``scenes`` (the touchpoints of one
visit), ``life`` (who plays which scene), ``details`` (money, mood, words), ``systems`` (who records it, in which
columns), ``trouble`` (late, twice, spoilt), ``files``, and ``recorder``, which writes all of it down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..errors import InputError
from .details import detailed
from .life import live
from .people import born
from .recorder import Counts, Recorder
from .story import Story

__all__ = ["Counts", "Example", "Story", "generate"]

#: People who live at once, which bounds the memory; and how many are sure to give so many events.
_BATCH = 10_000
_FEWEST_EVENTS_PER_PERSON = 15


@dataclass(frozen=True)
class Example:
    """What was written: files, mappings and counts by the name of their source system."""

    files: dict[str, Path]
    mappings: dict[str, Path]
    truth: Path  # CSV: identifier ("type:value", as the graph keys it), person
    counts: dict[str, Counts]
    people: int
    events: int  # touchpoints, each once


def generate(
    out: Path,
    *,
    events: int = 20_000,
    seed: int = 1,
    story: Story | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Example:
    """Write an example into a directory, over an earlier one.

    Args:
        out: the directory; made where it is missing.
        events: how many touchpoints; the last person is not cut short, so there may be a few more.
        seed: of everything random.
        story: effect sizes of the planted stories; ``Story()`` where nothing is given.
        progress: called after each batch of people with the events written so far and those wanted.

    Raises:
        InputError: less than one event, or a negative seed.
    """
    if events < 1 or seed < 0:
        raise InputError(f"an example needs at least 1 event and a seed of 0 or more, not {events} and {seed}")
    out.mkdir(parents=True, exist_ok=True)
    people = 0
    with Recorder(out) as recorder:
        while recorder.events < events:
            wanted = events - recorder.events
            rng = np.random.default_rng([seed, people])
            crowd = born(people, min(_BATCH, wanted // _FEWEST_EVENTS_PER_PERSON // 2 * 2 + 100), rng)
            touchpoints = live(crowd, story or Story(), rng)
            so_far = np.cumsum(np.bincount(touchpoints["row"], minlength=len(crowd)))
            enough = min(int(np.searchsorted(so_far, wanted)) + 1, len(crowd))
            recorder.record(crowd, detailed(touchpoints.filter(pl.col("row") < enough), rng), rng)
            people += enough
            if progress:
                progress(recorder.events, events)
        recorder.break_off()
    return Example(recorder.files, recorder.mappings, recorder.truth, recorder.counts, people, recorder.events)
