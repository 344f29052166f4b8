"""The worked examples of docs/answers.md: each block of people is asked what the blocks after it ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from graphsvc.answers import ANSWERS, PathsParams, ask
from graphsvc.answers.cypher import parameters as cypher_parameters
from graphsvc.answers.declared import frame_only
from graphsvc.frame import JourneyFrame
from graphsvc.settings import Settings

from .oracle import Person
from .people import frame_of, person

PAGE = (Path(__file__).parents[1] / "docs" / "answers.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, str, str]]:
    """Each question on the page: the people asked about, the answer's name, and its block."""
    found, crowd = [], ""
    for kind, block in re.findall(
        r"^```(people|paths|transitions|steps|funnel|touches)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
    ):
        if kind == "people":
            crowd = block
        else:
            found.append((crowd, kind, block))
    return found


def people_of(block: str) -> list[Person]:
    """``dan: ad 2 days later, site``: hours and days are silence on top of the hour between touchpoints."""
    crowd = []
    for line in block.splitlines():
        key, walk = line.split(": ")
        walk = re.sub(r"(\d+) days later,", lambda silence: str(24 * int(silence[1])), walk)
        step_hours = 0.0 if "0." in walk else 1.0  # with parts of an hour, silences are all that passes
        crowd.append(person(key, walk.replace(" hours later,", ""), step_hours=step_hours))
    return crowd


def parameters(line: str) -> dict[str, Any]:
    given: dict[str, Any] = dict(pair.split("=") for pair in line.split())
    return {name: tuple(value.split(",")) if name in ("exclude", "step") else value for name, value in given.items()}


def shown(row: Any, columns: list[str]) -> list[str]:
    """A row as the page writes it: plain numbers, the labels last."""
    numbers = [_plain(getattr(row, column)) for column in columns]
    if getattr(row, "rank", 0) is None:
        return [*numbers, "other"]
    if hasattr(row, "source"):
        return [*numbers, f"{row.source} > {row.target}"]
    if hasattr(row, "step"):
        return [*numbers, f"{row.step} > {row.label}"]
    return [*numbers, " > ".join(row.path) if hasattr(row, "path") else row.label]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else f"{value or 0:.3f}".rstrip("0").rstrip(".")


@pytest.mark.parametrize(("crowd", "name", "block"), examples())
def test_example(crowd: str, name: str, block: str) -> None:
    lines = block.splitlines()
    given = parameters(lines.pop(0)) if "=" in lines[0] else {}
    columns = lines.pop(0).replace("source > target", "path").replace("step > label", "path").split()[:-1]
    frame: JourneyFrame = frame_of(people_of(crowd), goals=("buy",))
    found = ask(frame, name, ANSWERS[name].parse(given))
    rows = [*found.rows, *([found.other] if found.other else [])]
    assert [shown(row, columns) for row in rows] == [line.split(" ", len(columns)) for line in lines]


def test_every_column_and_total_is_explained() -> None:
    for declared in ANSWERS.values():
        heading = f"## {declared.name.capitalize()}"
        page = {"falls": "feelings", "questions": "feelings"}.get(declared.name, declared.name)
        own = Path(__file__).parents[1] / "docs" / f"{page}.md"
        section = PAGE[PAGE.index(heading) :] if heading in PAGE else own.read_text(encoding="utf-8")
        for column in set(declared.rows.model_fields) - {"rank", "path", "source", "target"}:
            assert f"`{column}`" in section, f"{declared.name}: {column}"


def test_the_answers_that_only_the_frame_counts_are_named() -> None:
    (named,) = re.findall(r"^- the answers (.*?), and all comparisons;", PAGE, re.MULTILINE)
    assert re.findall("`(.*?)`", named) == [name for name, one in ANSWERS.items() if one.statement is frame_only]


def test_the_parameter_for_the_browser_is_whole() -> None:
    snippet = PAGE[PAGE.index(":param asked") :]
    expected = cypher_parameters(PathsParams(), Settings(), None)
    assert set(re.findall(r"(\w+): ", snippet[: snippet.index("}")])) == set(expected)
