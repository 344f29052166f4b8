"""The example notebook runs from top to bottom, and its cells show what the text between them says."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "example.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


@pytest.fixture(scope="module")
def shown(cells: list[dict[str, Any]]) -> list[Any]:
    """What each code cell shows: the value of its last line, as in Jupyter."""
    names: dict[str, Any] = {}
    return [_run("".join(cell["source"]), names) for cell in cells if cell["cell_type"] == "code"]


def _run(source: str, names: dict[str, Any]) -> Any:
    *before, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        return exec(compile(source, str(NOTEBOOK), "exec"), names)
    exec(compile(ast.Module(before, []), str(NOTEBOOK), "exec"), names)
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


def test_every_cell_runs_and_shows_something_to_look_at(shown: list[Any]) -> None:
    tables = [value for value in shown if isinstance(value, pl.DataFrame)]
    assert [len(table) for table in tables] == [8, 4, 8, 2]
    funnel = tables[1]
    assert funnel["label"].to_list() == ["add_to_cart", "checkout", "payment", "purchase"]
    assert funnel["users"].is_sorted(descending=True)
    assert funnel["users"][-1] > 0


def test_the_map_stands_inline(shown: list[Any]) -> None:
    (picture,) = [value for value in shown if hasattr(value, "html")]
    inline = picture._repr_html_()
    assert inline.startswith("<iframe srcdoc=")
    assert "product_view" in inline


def test_it_is_kept_without_outputs(cells: list[dict[str, Any]]) -> None:
    """Outputs would go stale, and hold data."""
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
