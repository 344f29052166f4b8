"""Measurements of reading: questions, lookups, the frame, the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from .children import ROOT, run
from .contest import Contestant, ask_in_turn, contest, disagreements
from .context import Bench
from .environment import peers_python
from .report import Goal, Section, Table, duration, size, spread, times

EMBEDDED, NEO4J, CYPHER = "graphsvc embedded", "graphsvc Neo4j", "graphsvc Neo4j by Cypher"
DUCKDB, RETENTIONEERING = "DuckDB by hand", "retentioneering"
PM4PY = ("pm4py on pandas", "pm4py on Polars")
TURNS = 7


def questions(bench: Bench) -> Section:
    """(e) Paths and transitions, ours and the peers' in turn on the same journeys."""
    commands, env = _contestants(bench)
    asked = ("paths", "transitions", "transition counts", "labels by step")
    with contest(commands, bench.logs, env) as contestants:
        for question in asked:
            print(f"  {question} …", file=sys.stderr, flush=True)
            ask_in_turn(contestants, question, TURNS)
    section = Section(
        "Questions to a running service",
        "Top 20 paths of the first four touchpoints (users, journeys, conversion, median seconds) and all transitions "
        "(count, users, journeys, median and p90 seconds), on journeys that everybody holds in memory. Each is asked "
        f"{TURNS} times, differently each time, by turns. By Cypher alone the server holds the graph, nothing is held "
        "beside it, and its compiled plans are thrown away before each question.",
    )
    for question in asked[:2]:
        section.goals += _goals(contestants, question)
    _tell(section, contestants, asked[:2])
    section.tables.append(_smaller(contestants, {"transition counts": "transitions", "labels by step": "paths"}))
    section.tables.append(_loading(contestants))
    section.notes += [
        "retentioneering has no tool that counts paths: its own truncation to the first four events, then one count "
        "in pandas. Its transitions are four calls (count, paths, median, q95); it computes no users.",
        "pm4py computes counts of paths; of transitions counts (one call) and mean, median, extremes and deviation "
        "(another one), no users, no p90.",
        "DuckDB by hand: names as ENUM, keys as integers, one statement per question.",
    ]
    return section


def more_questions(bench: Bench) -> Section:
    """(k) Steps, a funnel and first touch by segment, ours and the peers' in turn on the same journeys."""
    commands, env = _contestants(bench)
    commands = {name: command for name, command in commands.items() if name not in PM4PY}
    asked, less = ("steps", "funnel", "touches"), ("step counts", "funnel counts", "first touch counts")
    with contest(commands, bench.logs, env) as contestants:
        for question in (*asked, *less):
            print(f"  {question} …", file=sys.stderr, flush=True)
            ask_in_turn(contestants, question, TURNS)
    section = Section(
        "Steps, funnels, touches",
        "Eight steps with all labels (journeys, users, median seconds, converted and open ones) and how journeys leave "
        "after each; the funnel product_view, add_to_cart, purchase in sequence, each step at any later place, from "
        "the first entry of a journey (journeys, users, median and p90 seconds, who stopped, what they did instead); "
        "first and last touches by channel for people of 50 and over and for younger ones (journeys, users, converted "
        "and open ones). Asked as above.",
    )
    for question in asked:
        best = {one.name: min(one.seconds[question]) for one in contestants if question in one.seconds}
        both = max(best[name] for name in (EMBEDDED, NEO4J) if name in best)
        what = f"{question}, against DuckDB by hand"
        section.goals.append(Goal(what, "≤ 1 ×", times(both / best[DUCKDB]), both <= best[DUCKDB]))
        if RETENTIONEERING in best:
            peer = best[RETENTIONEERING]
            section.goals.append(Goal(f"{question}, against retentioneering", "< 1 ×", times(both / peer), both < peer))
    _tell(section, contestants, asked)
    section.tables.append(_smaller(contestants, dict(zip(less, asked, strict=True))))
    section.notes.append("retentioneering counts labels by step and who is at each step of the funnel, no more.")
    return section


def _tell(section: Section, contestants: list[Contestant], asked: Sequence[str]) -> None:
    """Add the times of some questions, and where contestants count otherwise than we do."""
    for question in asked:
        section.tables.append(_table(contestants, question))
        for other in contestants[1:]:
            if question not in other.rows:
                continue
            section.notes += [
                f"**{other.name} does not count the same {question} as we do: {found}.**"
                for found in disagreements(contestants[0], other, question)[:3]
            ]
    if not section.notes:
        section.notes.append("All counts are equal, row by row, in every column that two of them compute.")
    section.notes += [f"**{one.name} gave up: {one.failed}**" for one in contestants if one.failed]


def _contestants(bench: Bench) -> tuple[dict[str, list[str]], dict[str, str]]:
    """How each contestant is started, and the variables that lead to Neo4j."""
    peers, folder = peers_python(), str(bench.exported)
    module = [sys.executable, "-m", "bench.contestants.ours"]
    peer = [peers, "-m"]
    env = bench.neo4j if bench.with_neo4j else {}
    on_neo4j = {NEO4J: "frame", CYPHER: "cypher"} if env else {}
    commands = {
        EMBEDDED: [*module, str(bench.store), "frame"],
        **{name: [*module, env["NEO4J_URI"], via] for name, via in on_neo4j.items()},
        DUCKDB: [*peer, "bench.contestants.duckdb_by_hand", folder],
        RETENTIONEERING: [*peer, "bench.contestants.retentioneering_5", folder],
        PM4PY[0]: [*peer, "bench.contestants.pm4py_2", folder, "pandas"],
        PM4PY[1]: [*peer, "bench.contestants.pm4py_2", folder, "polars"],
    }
    return commands, env


def _goals(contestants: list[Contestant], question: str) -> list[Goal]:
    best = {one.name: min(one.seconds[question]) for one in contestants if question in one.seconds}
    both = max(best[name] for name in (EMBEDDED, NEO4J) if name in best)
    others = min(best[name] for name in (RETENTIONEERING, *PM4PY))
    goals = [
        Goal(f"{question}, against DuckDB by hand", "≤ 1 ×", times(both / best[DUCKDB]), both <= best[DUCKDB]),
        Goal(f"{question}, against retentioneering and pm4py", "< 1 ×", times(both / others), both < others),
    ]
    if CYPHER in best:
        what = f"{question} by Cypher alone, cold, against the faster of those two"
        goals.append(Goal(what, "≤ 2 ×", times(best[CYPHER] / others), best[CYPHER] <= 2 * others))
    return goals


def _table(contestants: list[Contestant], question: str) -> Table:
    able = [one for one in contestants if question in one.seconds]
    ours = min(able[0].seconds[question])
    rows = [
        [
            one.name,
            times(min(one.seconds[question]) / ours),
            spread(one.seconds[question]),
            duration(one.first[question]),
        ]
        for one in able
    ]
    return Table([question, "ratio", "time", "first ask"], rows)


def _smaller(contestants: list[Contestant], whole_of: Mapping[str, str]) -> Table:
    """Questions that ask less, each with the whole one: peers answer them faster; ours answers the whole."""
    ours = contestants[0]
    rows = [
        [
            f"{question}: {one.name}",
            times(min(one.seconds[question]) / min(ours.seconds[whole])),
            spread(one.seconds[question]),
        ]
        for question, whole in whole_of.items()
        for one in contestants
        if question in one.seconds
    ]
    return Table(["questions that ask less", "ratio to our whole answer", "time"], rows)


def _loading(contestants: list[Contestant]) -> Table:
    rows = [[f"{one.name} ({one.version})", duration(one.load_seconds), size(one.peak_mib)] for one in contestants]
    return Table(["made ready", "time", "peak memory, questions included"], rows)


def lookups(bench: Bench) -> Section:
    """(f) A user's journeys by an identifier."""
    rows, goals = [], []
    for name, url, env in bench.stores():
        seconds = bench.step("users", env, url=url, folder=bench.exported, count=300).said["seconds"]
        p95 = quantiles(seconds, n=20)[-1]
        rows.append([name, duration(median(seconds)), duration(p95), duration(max(seconds))])
        what, reached = f"a user's journeys by identifier, {name}", median(seconds) < 0.010
        goals.append(Goal(what, "< 10 ms", duration(median(seconds)), reached))
    return Section(
        "One person",
        "300 people, each by one identifier, with all journeys, as typed rows; the median is held to the goal.",
        goals=goals,
        tables=[Table(["", "median", "p95", "longest"], rows)],
    )


def frames(bench: Bench) -> Section:
    """(h) Building the journey frame."""
    rows = []
    for name, url, env in bench.stores():
        before = bench.step("opened", env, url=url)
        done = bench.step("frame", env, url=url, runs=bench.runs)
        rows.append([name, spread(done.said["seconds"]), size(done.peak_mib), size(before.peak_mib)])
    return Section(
        "The journey frame",
        "Reading all journeys of a store into the columns on which answers are counted; once after each change.",
        tables=[Table(["", "time", "peak memory", "of which before it"], rows)],
    )


def command_line(bench: Bench) -> Section:
    """(i) From command to answer on a small graph."""
    store = bench.new("small.duckdb")
    bench.ingested(store, 10_000)
    program = str(ROOT / ".venv" / "bin" / "graphsvc")
    rows, slowest = [], 0.0
    for words in (["paths"], ["transitions"], ["status"]):
        command = [program, *words, "--store", str(store), "--json"]
        done = [run(command, bench.logs / "command.log") for _ in range(max(bench.runs, 7))]
        seconds = [finished.seconds for finished in done]
        slowest = max(slowest, median(seconds))
        rows.append([f"graphsvc {' '.join(words)}", spread(seconds), size(max(f.peak_mib for f in done))])
    return Section(
        "From command to answer",
        "The whole process on an embedded store of 10,000 events, start-up included.",
        goals=[Goal("command to answer, small graph", "< 1 s", duration(slowest), slowest < 1)],
        tables=[Table(["", "time", "peak memory"], rows)],
    )
