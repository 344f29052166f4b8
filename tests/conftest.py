"""Fixtures: a real Neo4j server per version, and an empty graph on it for each test that asks."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from . import effort  # noqa: F401 (registers the profiles)
from . import neo4j_server as servers

hypothesis.settings.load_profile("brief")  # ``--hypothesis-profile`` comes later and wins


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--neo4j-versions",
        default=os.environ.get("GRAPHSVC_NEO4J_VERSIONS", ""),
        help="Neo4j versions to start and test on, separated by commas; default: one, or the server at NEO4J_URI",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests on Neo4j run once per version; tests that take ``store_url`` run on the embedded store too."""
    named: list[str] = [name for name in metafunc.config.getoption("--neo4j-versions").split(",") if name]
    versions = [
        pytest.param(name, id=f"neo4j-{name}" if name else "neo4j", marks=pytest.mark.neo4j) for name in named or [""]
    ]
    if "neo4j_server" in metafunc.fixturenames:
        metafunc.parametrize("neo4j_server", versions, indirect=True, scope="session")
    if "store_url" in metafunc.fixturenames:
        metafunc.parametrize("store_url", ["embedded", *versions], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on Neo4j share one server, so one process runs them all; another runs the rest meanwhile (pytest-xdist).

    What else stands in one file stays together, too: it shares what is slow to make.
    """
    for item in items:
        group = "neo4j" if item.get_closest_marker("neo4j") else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def neo4j_start() -> Iterator[Callable[[str], servers.Server]]:
    """Starts (or borrows) the server of a version the first time it is asked for."""
    with ExitStack() as stack:
        started: dict[str, servers.Server] = {}

        def start(version: str) -> servers.Server:
            if version not in started:
                given = None if version else servers.Server.given()
                context = servers.borrowed(given) if given else servers.running(version or None, brief=True)
                started[version] = stack.enter_context(context)  # NoServer makes the test red, never skipped
            return started[version]

        yield start


@pytest.fixture(scope="session")
def neo4j_server(request: pytest.FixtureRequest, neo4j_start: Callable[[str], servers.Server]) -> servers.Server:
    """A running server, holding whatever the last test left in it."""
    return neo4j_start(request.param)


@pytest.fixture
def neo4j_url(neo4j_server: servers.Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty graph on Neo4j; the credentials stand in the environment."""
    return _empty(neo4j_server, monkeypatch)


@pytest.fixture
def store_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> str:
    """URL of an empty graph, on each store in turn."""
    if request.param == "embedded":
        return str(tmp_path_factory.mktemp("store") / "graph.duckdb")
    start: Callable[[str], servers.Server] = request.getfixturevalue("neo4j_start")
    return _empty(start(request.param), monkeypatch)


def _empty(server: servers.Server, monkeypatch: pytest.MonkeyPatch) -> str:
    servers.empty(server)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server.uri


@pytest.fixture(autouse=True)
def no_notifications() -> Iterator[None]:
    """The server finds nothing to say about our statements: no deprecation, no cartesian product."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("neo4j.notifications")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    assert not said, "Neo4j notifications: " + "\n".join(said)
