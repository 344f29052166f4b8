"""Steps that look into a Neo4j, or fill one, past graphsvc."""

from __future__ import annotations

import os
import pickle
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BATCH = 10_000


def graph_size() -> dict[str, Any]:
    """Nodes and relationships of the Neo4j database."""
    with _session() as session:
        nodes = session.run("MATCH (n) RETURN count(n)").single()[0]
        relationships = session.run("MATCH ()-[r]->() RETURN count(r)").single()[0]
    return {"nodes": nodes, "relationships": relationships}


def dump(folder: str) -> dict[str, Any]:
    """Everything that the Neo4j database holds, as pickled batches ready to be created elsewhere."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with _session() as session:
        labels = [row[0] for row in session.run("CALL db.labels()")]
        for label in labels:
            rows = session.run(f"MATCH (n:`{label}`) RETURN properties(n) AS row")
            _pickle(Path(folder), f"1-{label}", {"label": label}, (row["row"] for row in rows))
        ends = "MATCH (a)-[r]->(b) RETURN DISTINCT labels(a)[0] AS a, type(r) AS type, labels(b)[0] AS b"
        for kind in session.run(ends).data():
            rows = session.run(
                f"MATCH (a:`{kind['a']}`)-[r:`{kind['type']}`]->(b:`{kind['b']}`) "
                "RETURN a.key AS a, b.key AS b, properties(r) AS properties"
            )
            _pickle(Path(folder), f"2-{kind['a']}-{kind['type']}-{kind['b']}", kind, (row.data() for row in rows))
    return {}


def plain_create(folder: str) -> dict[str, Any]:
    """The same graph by plain UNWIND … CREATE, 10,000 rows at a time from one session; only writing is timed."""
    seconds, nodes, relationships = 0.0, 0, 0
    with _session() as session:
        labels = {file.stem.split("-")[1] for file in Path(folder).glob("1-*.pickle")}
        for label in sorted(labels):
            session.run(f"CREATE CONSTRAINT FOR (n:`{label}`) REQUIRE n.key IS UNIQUE").consume()
        session.run("CALL db.awaitIndexes()").consume()
        for file in sorted(Path(folder).glob("*.pickle")):
            kind, rows = pickle.loads(file.read_bytes())
            if "label" in kind:
                text = f"UNWIND $rows AS row CREATE (n:`{kind['label']}`) SET n = row"
                nodes += len(rows)
            else:
                ends = " ".join(f"MATCH ({end}:`{kind[end]}` {{key: row.{end}}})" for end in "ab")
                text = f"UNWIND $rows AS row {ends} CREATE (a)-[r:`{kind['type']}`]->(b) SET r = row.properties"
                relationships += len(rows)
            began = time.perf_counter()
            session.run(text, rows=rows).consume()
            seconds += time.perf_counter() - began
    return {"seconds": seconds, "nodes": nodes, "relationships": relationships}


def _pickle(folder: Path, name: str, kind: dict[str, Any], rows: Iterator[Any]) -> None:
    held: list[Any] = []
    number = 0
    for row in rows:
        held.append(row)
        if len(held) == BATCH:
            Path(folder, f"{name}-{number:05}.pickle").write_bytes(pickle.dumps((kind, held)))
            held, number = [], number + 1
    if held:
        Path(folder, f"{name}-{number:05}.pickle").write_bytes(pickle.dumps((kind, held)))


@contextmanager
def _session() -> Iterator[Any]:
    from neo4j import GraphDatabase

    login = (os.environ["NEO4J_USERNAME"], os.environ["NEO4J_PASSWORD"])
    with (
        GraphDatabase.driver(os.environ["NEO4J_URI"], auth=login) as driver,
        driver.session(database=os.environ["NEO4J_DATABASE"]) as session,
    ):
        yield session


def admin_import(command: str, neo4j_version: str | None) -> dict[str, Any]:
    """Run the import command of ``graphsvc export`` with the server's own jars, into a home that is thrown away."""
    from tests import neo4j_server as server

    version = neo4j_version or server.default_version()
    java, jars = server._java_for(version), server.fetch(version)
    program, *words = shlex.split(command)
    if program != "neo4j-admin":
        raise RuntimeError(f"the command does not begin with neo4j-admin but with {program}")
    opens = " ".join(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in server._OPENS)
    with tempfile.TemporaryDirectory() as home:
        Path(home, "conf").mkdir()
        Path(home, "conf", "neo4j.conf").write_text("dbms.usage_report.enabled=false\n", encoding="utf-8")
        env = {"NEO4J_HOME": home, "NEO4J_CONF": f"{home}/conf", "JAVA_HOME": str(java), "JAVA_TOOL_OPTIONS": opens}
        began = time.perf_counter()
        done = subprocess.run(
            [str(java / "bin" / "java"), "-cp", f"{jars}/*", "org.neo4j.server.startup.Neo4jAdminCommand", *words],
            cwd=home,
            env=os.environ | env,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
    output = done.stdout + done.stderr
    if done.returncode:
        raise RuntimeError(f"the import failed: {output[-1_500:]}")
    found = {kind: re.search(rf"(\d+) {kind}", output) for kind in ("nodes", "relationships")}
    return {"seconds": seconds, **{kind: int(match[1]) if match else 0 for kind, match in found.items()}}
