"""The mapping reference says what the code does."""

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from graphsvc.ingest import Mapping, events_from_records, load_mapping
from graphsvc.ingest.mapping import COLUMNS, PROPOSED, Constant
from graphsvc.ingest.rejects import Reason
from graphsvc.rules import DEFAULT_TYPES

PAGE = (Path(__file__).parents[1] / "docs" / "mapping.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_loads(tmp_path: Path, block: str) -> None:
    path = tmp_path / "example.toml"
    path.write_text(block, "utf-8")
    load_mapping(path)


def test_one_example_has_every_part() -> None:
    parts = Mapping.model_fields.keys() - {"reader"}  # which stands in place of columns
    assert any(tomllib.loads(block).keys() == parts for block in BLOCKS)


@pytest.mark.parametrize("key", [*Mapping.model_fields, *COLUMNS, *PROPOSED, *DEFAULT_TYPES, *get_args(Constant)])
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE or f"`[{key}]`" in PAGE


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_documented(reason: Reason) -> None:
    assert f"`{reason}`" in PAGE


def test_the_plain_example_is_an_event() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    batch = events_from_records([json.loads(example)])
    assert (batch.events.height, batch.rejects) == (1, [])
