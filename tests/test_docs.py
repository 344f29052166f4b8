"""What the documents say is so: their commands run, their links lead somewhere, what is generated is current."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.make_reference import PAGE, reference
from tests.command import graphsvc
from tests.make_examples import VISUALIZATIONS, example_graph, example_pictures
from tests.test_cli import EVENTS, PLAIN

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])

SETTINGS = next(
    block
    for block in re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8"), re.DOTALL
    )
    if "split" in block
)


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    """The graphsvc commands of a page, but those that talk to a server or do not end."""
    lines = [line.split("  #")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("graphsvc") and "neo4j" not in line and "serve" not in line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the documents speak of."""
    (tmp_path / "export.csv").write_text(EVENTS)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "web_1.csv").write_text(EVENTS)
    (tmp_path / "exports" / "shop.csv").write_text(EVENTS.replace("website", "shop"))
    (tmp_path / "web.toml").write_text('files = ["web_*"]\n' + PLAIN)
    (tmp_path / "shop.toml").write_text('files = ["shop*"]\n' + PLAIN)
    (tmp_path / "settings.toml").write_text(SETTINGS)
    return tmp_path


@pytest.mark.parametrize("page", ["README.md", "docs/own-data.md"])
def test_commands_run_as_written_and_in_order(page: str, folder: Path) -> None:
    said = commands(page)
    assert len(said) >= 6
    for line in said:
        if "--segment older" in line:  # the guide sets segments by then; ages come with its reader's own data
            line = line.replace("--segment older", "--segment 'age >= 50'")
        words = shlex.split(line)
        if not {">", "|", "&&"} & set(words):
            graphsvc(*words[1:], cwd=folder)
            continue
        script = re.sub(r"^graphsvc", f"{shlex.quote(sys.executable)} -m graphsvc", line)
        done = subprocess.run(script, shell=True, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_python_of_the_readme_runs(folder: Path) -> None:
    (folder / "export.toml").write_text(PLAIN)
    (block,) = blocks("README.md", "python")
    done = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_each_make_target_of_the_readme_exists() -> None:
    made = re.findall(r"(?:^|`)make ([a-z0-9-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= set(made)
    for target in made:
        assert re.search(rf"^{target}:", rules, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_the_reference_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python docs/make_reference.py"


def test_the_example_pictures_are_current(tmp_path: Path) -> None:
    with example_graph(tmp_path) as graph:
        pictures = example_pictures(graph)
    for path, page in pictures.items():
        assert path.read_text(encoding="utf-8") == page, f"{path.name} is stale: run make examples"
    assert set(VISUALIZATIONS.iterdir()) == set(pictures)


def test_the_wheel_carries_statements_and_pages(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "source", ignore=shutil.ignore_patterns(".*", "__pycache__", "demo", "*.duckdb*"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), "."]
    subprocess.run(build, cwd=tmp_path / "source", check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = subprocess.check_output([sys.executable, "-m", "zipfile", "-l", str(wheel)], text=True)
    for part in (
        "graphsvc/cypher/answers/paths.cypher",
        "graphsvc/cypher/browser/guide.adoc",
        "graphsvc/cypher/browser/saved/",
        "graphsvc/maps/assets/",
        "graphsvc/report/assets/",
        "graphsvc/web/templates/",
        "graphsvc/example/mappings/",
        "LICENSE",
    ):
        assert part in names
