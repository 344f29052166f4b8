"""The OpenAPI document is true: whatever it allows is answered as it says, and a client made from it works."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from graphsvc.api import Options, create_app
from graphsvc.api.keys import Keys
from graphsvc.graph import Graph
from graphsvc.rulings import KEY_VARIABLE
from graphsvc.stores import is_neo4j

from .effort import effort
from .graphs import fresh
from .test_api import ANN

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SECRET = {"X-API-Key": "secret of the tests"}


@pytest.fixture
def client(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")
    options = Options(keys=Keys.of(admin=SECRET["X-API-Key"]), rate="100000/second")
    with Graph(fresh(store_url)) as graph, TestClient(create_app(graph, options), headers=SECRET) as client:
        client.post("/events", json=ANN)
        yield client


@pytest.mark.thorough
def test_every_request_that_the_document_allows_is_answered_as_it_says(client: TestClient, store_url: str) -> None:
    examples = effort(2 if is_neo4j(store_url) else 4)  # of each endpoint
    document = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    for operation in [found.ok() for found in document.get_all_operations() if isinstance(found, Ok)]:

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answered_as_said(case: Case[Any]) -> None:
            case.validate_response(sent(client, case), checks=CHECKS)

        answered_as_said()


def sent(client: TestClient, case: Case[Any]) -> Any:
    asked = case.as_transport_kwargs(base_url=str(client.base_url))
    asked.pop("cookies", None)
    body = asked.pop("data", None)
    if body is not None:
        asked["content"] = body
    return client.request(**{**asked, "headers": {**asked["headers"], **SECRET}})


def test_operation_ids_are_stable_and_everything_is_described(tmp_path: Path) -> None:
    with Graph(fresh(str(tmp_path / "graph.duckdb"))) as graph:
        document = create_app(graph).openapi()
    operations = [each for verbs in document["paths"].values() for each in verbs.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids) and all(name.isidentifier() and name.islower() for name in ids)
    assert {"add_events", "paths", "paths_journeys", "compare_funnel", "explain", "erase", "job", "status"} <= set(ids)
    for each in operations:
        assert each.get("summary") and each.get("description") and each["tags"], each["operationId"]
        for parameter in each.get("parameters", []):
            assert parameter.get("description"), (each["operationId"], parameter["name"])
    named = {tag["name"] for tag in document["tags"]}
    assert {tag for each in operations for tag in each["tags"]} == named


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service with a key, on a port of its own."""
    folder = tmp_path_factory.mktemp("served")
    with Graph(fresh(str(folder / "graph.duckdb"))) as graph:
        app = create_app(graph, Options(keys=Keys.of(admin=SECRET["X-API-Key"])))
        (folder / "openapi.json").write_text(json.dumps(app.openapi()))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]} {folder}"
        server.should_exit = True
        thread.join()


def test_a_client_made_from_the_document_works(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url, folder = served.split(" ")
    made = f"{folder}/client"
    command = [
        *(str(Path(sys.executable).with_name("openapi-generator-cli")), "generate", "--generator-name", "python"),
        *("--input-spec", f"{folder}/openapi.json", "--output", made, "--package-name", "made_client"),
        *(
            "--global-property",
            "apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false",
        ),
    ]
    briskly = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **briskly})
    assert done.returncode == 0, done.stderr
    monkeypatch.syspath_prepend(made)
    package = importlib.import_module("made_client")
    with package.ApiClient(package.Configuration(host=url)) as made_client:
        made_client.set_default_header(*next(iter(SECRET.items())))
        taken = package.EventsApi(made_client).add_events([package.Event.from_dict(event) for event in ANN])
        assert (taken.new, taken.rejects) == (2, [])
        paths = package.AnswersApi(made_client).paths(steps=2, segment="age >= 50")
        assert paths.rows[0].path == ["ad", "visit"]
        found = package.UsersApi(made_client).lookup_user(package.Lookup(identifier="email:ann@example.org"))
        user = package.UsersApi(made_client).user_journeys(found.key)
        assert [touchpoint.name for touchpoint in user.journeys[0].touchpoints] == ["ad", "visit"]
        with pytest.raises(package.ApiException) as refused:
            package.UsersApi(made_client).user_journeys("0" * 32)
        assert json.loads(refused.value.body)["type"] == "urn:graphsvc:not-found"
