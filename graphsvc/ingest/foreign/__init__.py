"""Readers for what other tools record: their rows, said in the plain field names (docs/readers.md).

Each is a function from one decoded record to a flat one: ``time``, ``name``, ``identifiers.TYPE``, ``traits.NAME``,
``properties.NAME`` and so on. It never fails: what is odd is handed on as it is, and the row is judged like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import UnsupportedFile
from ..jsonl_reader import JsonlReader
from ..mapping import Mapping
from ..parquet_reader import ParquetReader
from ..rows import Reader
from ..sources import Source, sniff
from . import ga4, segment, snowplow
from .records import Shape, shaped


def _json(line: bytes) -> Any:
    return json.loads(line.decode())


@dataclass(frozen=True)
class Foreign:
    """What is special to one kind of export."""

    shape: Shape
    decode: Callable[[bytes], Any] = field(default=_json)
    lines: tuple[str, ...] = ("jsonl",)  # formats of files that are read line by line


FOREIGN = {
    "segment": Foreign(segment.shape),
    "ga4": Foreign(ga4.shape),
    "snowplow": Foreign(snowplow.shape, snowplow.decode, ("jsonl", "csv")),
}

#: Mappings by name, for ``--mapping segment``. A mapping of one's own may say ``reader = "segment"`` and add to it.
PRESETS: dict[str, Mapping] = {
    "segment": Mapping(reader="segment", source="segment"),
    "ga4": Mapping(reader="ga4", source="ga4"),
    "snowplow": Mapping(reader="snowplow", source="snowplow"),
    "xes": Mapping(reader="xes", source="xes", constants={"channel": "process"}),
    "ocel": Mapping(reader="ocel", source="ocel", constants={"channel": "process"}),
}


def open_foreign(path: Path, name: str) -> Reader:
    """Open a file by one of these readers.

    Raises:
        InputError: it cannot be read, or the reader needs an extra that is not installed.
        UnsupportedFile: it has a format that the reader does not know.
    """
    if name not in FOREIGN:
        from .process import ProcessReader

        return ProcessReader(path, name)

    foreign, source = FOREIGN[name], Source(path)
    form = sniff(source)
    if form == "parquet":
        return ParquetReader(source, partial(shaped, foreign.shape))
    if form not in foreign.lines:
        raise UnsupportedFile(f"{path} is {form.upper()}; the reader {name!r} takes JSON Lines and Parquet")

    def decode(line: bytes) -> Any:
        return shaped(foreign.shape, foreign.decode(line))

    return JsonlReader(source, decode)
