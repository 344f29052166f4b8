"""The manager's report: its statistics against libraries and textbooks, its counts by hand, its stories, its page."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from graphsvc.answers.funnel_params import FunnelParams, FunnelStep
from graphsvc.answers.params import Filters
from graphsvc.errors import NotFound, QueryError, UnknownName
from graphsvc.example import Story
from graphsvc.graph import Graph
from graphsvc.graph import open as open_graph
from graphsvc.ingest import load_mapping
from graphsvc.report import Finding, Report, along_path, report, waiting
from graphsvc.report.by_group import by_group
from graphsvc.report.candidates import Candidate, Said, Side, judged
from graphsvc.report.findings import findings, questions
from graphsvc.report.known import known_before
from graphsvc.report.path import main_path, set_out
from graphsvc.report.people import groupings, people_of
from graphsvc.report.repeated import by_user
from graphsvc.report.strata import common_difference, conditional
from graphsvc.stores import open_store
from graphsvc.writing import add

from .browser import Open, chromium, open_page  # noqa: F401 (fixtures)
from .command import graphsvc
from .effort import effort
from .graphs import SALT, event, profile, table
from .map_frames import Journey, frame_of
from .story_free import RATE, most_allowed, reports, stories_in, told, world

ECOM = Path(__file__).parents[2] / "shared" / "data" / "ecom.csv.gz"
ECOM_MAPPING = """
source = "ecom"
[columns]
time = "timestamp"
name = "event"
channel = "platform"
[identifiers]
user_id = "user_id"
[traits]
acquisition_channel = "acquisition_channel"
user_lifecycle = "user_lifecycle"
[settings]
goals = ["purchase"]
"""
MINUTE = 1 / 1_440  # of a day


# Statistics

#: Eight clinics, a drug and a control (Agresti, Categorical Data Analysis, table 6.9).
CLINICS = [
    [[11, 25], [10, 27]], [[16, 4], [22, 10]], [[14, 5], [7, 12]], [[2, 14], [1, 16]],
    [[6, 11], [0, 12]], [[1, 10], [0, 10]], [[1, 4], [1, 8]], [[4, 2], [6, 1]],
]  # fmt: skip


def test_strata_are_combined_as_in_the_textbook() -> None:
    """CMH = 6.38, P = 0.012."""
    p_value, test = conditional(np.array(CLINICS))
    assert test == "cmh"
    assert stats.chi2.isf(p_value, 1) == pytest.approx(6.38, abs=0.005)


def test_the_mean_difference_within_strata_is_that_of_the_textbook() -> None:
    """The same clinics: 0.130, standard error 0.050 (Mantel and Haenszel's weights, variance of Sato)."""
    difference, low, high = common_difference(np.array(CLINICS))
    assert difference == pytest.approx(0.130, abs=0.0005)
    assert (high - low) / 2 / stats.norm.ppf(0.975) == pytest.approx(0.050, abs=0.0005)
    assert common_difference(np.array([[[3, 4], [0, 0]]])) == (0.0, -1.0, 1.0), "nobody to compare with"


def test_like_with_like_decides_the_direction() -> None:
    """10 of 100 and 600 of 1,000 against 300 of 1,500 and 140 of 200: behind in both strata, though ahead in all."""
    does_a, does_b = (np.arange(n) < k for k, n in ((610, 1100), (440, 1700)))
    strata_a = np.r_[np.zeros(10), np.ones(600), np.zeros(90), np.ones(400)].astype(np.int64)
    strata_b = np.r_[np.zeros(300), np.ones(140), np.zeros(1200), np.ones(60)].astype(np.int64)
    a, b = Side("a", np.arange(1100), does_a), Side("b", np.arange(1700), does_b)
    tested = judged(a, b, (strata_a, strata_b))
    assert a.share - b.share > 0.29
    assert tested["difference"] == pytest.approx(-0.1)
    assert tested["low"] < -0.1 < tested["high"] < 0 and tested["p_value"] < 0.001
    more, less = Said("opportunity", "more", "more"), Said("gap", "less", "less")
    assert Candidate("family", ("x",), "about", a, b, tested, more, less, "").said == less


_cells = st.lists(st.integers(0, 12), min_size=4, max_size=4).map(lambda cells: np.array(cells).reshape(1, 2, 2))


@given(_cells)
@hypothesis_settings(max_examples=effort(150), deadline=None)
def test_a_single_stratum_is_fishers_test_or_nearly_pearsons(cells: np.ndarray) -> None:
    p_value, test = conditional(cells)
    one = cells[0]
    if min(one.sum(axis=0).min(), one.sum(axis=1).min()) == 0:
        assert p_value == 1.0
    elif test == "exact":
        assert p_value == pytest.approx(stats.fisher_exact(one).pvalue, rel=1e-6)
    else:  # Mantel and Haenszel divide by n - 1 where Pearson divides by n
        n = one.sum()
        pearson = stats.chi2_contingency(one, correction=False).statistic
        assert stats.chi2.isf(p_value, 1) == pytest.approx(pearson * (n - 1) / n)


@given(st.lists(_cells, min_size=2, max_size=3))
@hypothesis_settings(max_examples=effort(60), deadline=None)
def test_few_in_many_strata_are_tested_exactly(strata: list[np.ndarray]) -> None:
    """Against the sum over all tables with the same margins."""
    tables = np.concatenate([cells // 3 for cells in strata])
    p_value, test = conditional(tables)
    if test != "exact":
        return
    chances: dict[int, float] = {}
    options = []
    for one in tables:
        total, row, column = one.sum(), one[0].sum(), one[:, 0].sum()
        options.append(
            [
                (k, math.comb(row, k) * math.comb(total - row, column - k) / math.comb(total, column))
                for k in range(max(0, row + column - total), min(row, column) + 1)
            ]
        )
    for chosen in itertools.product(*options):
        cell = sum(k for k, _ in chosen)
        chances[cell] = chances.get(cell, 0) + math.prod(chance for _, chance in chosen)
    seen = chances[int(tables[:, 0, 0].sum())]
    assert p_value == pytest.approx(min(1.0, sum(c for c in chances.values() if c <= seen * (1 + 1e-7))))


def _tries(users: list[int], does: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(users), np.array(does)


def test_what_one_user_does_often_counts_once() -> None:
    """Tries of one user that always end alike: no surer than one try each."""
    a = _tries([*range(100)], [i < 30 for i in range(100)])
    b = _tries([*range(100, 200)], [i < 20 for i in range(100)])
    once = by_user(*a, *b)
    often = by_user(*a, np.repeat(b[0], 5), np.repeat(b[1], 5))
    plain = judged(Side("a", *a), Side("b", *b))
    for other in (often, plain):
        assert [other[name] for name in ("difference", "low", "high")] == pytest.approx(
            [once[name] for name in ("difference", "low", "high")]
        )
        assert other["p_value"] == pytest.approx(once["p_value"], rel=0.02)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=4, max_size=40))
@hypothesis_settings(max_examples=effort(60), deadline=None)
def test_users_are_told_apart_as_by_a_regression(tries: list[tuple[int, bool, bool]]) -> None:
    """Against the cluster-robust covariance of a linear model, without its small-sample factor."""
    user, does, first = (np.array(column) for column in zip(*tries, strict=True))
    if not 0 < first.sum() < len(first):
        return
    found = by_user(user[first], does[first], user[~first], does[~first])
    exposed = np.column_stack([np.ones(len(first)), first])
    model = statsmodels.api.OLS(does.astype(float), exposed).fit(
        cov_type="cluster", cov_kwds={"groups": user, "use_correction": False}
    )
    assert found["difference"] == pytest.approx(model.params[1], abs=1e-9)
    reach = stats.norm.ppf(0.975) * max(model.cov_params()[1, 1], 0.0) ** 0.5
    assert found["high"] == pytest.approx(min(1.0, found["difference"] + reach), abs=1e-6)


def _candidate(subject: str, does_a: int, does_b: int, *, tells_less: bool = True) -> Candidate:
    a, b = (Side(name, np.arange(100), np.arange(100) < does) for name, does in (("a", does_a), ("b", does_b)))
    said = Said("gap", "sentence", "short")
    return Candidate("family", (subject,), "about", a, b, judged(a, b), said, said if tells_less else None, "")


def test_comparisons_on_one_subject_are_one_question() -> None:
    """Simes within a question, Benjamini and Hochberg over the questions."""
    asked = [_candidate("x", 50, 20), _candidate("y", 30, 25), _candidate("x", 40, 30), _candidate("z", 50, 45)]
    p = [one.p_value for one in asked]
    found = questions(asked)
    assert [len(question.candidates) for question in found] == [2, 1, 1]
    assert found[0].p_value == pytest.approx(min(2 * min(p[0], p[2]), max(p[0], p[2])))
    assert [question.p_value for question in found[1:]] == [p[1], p[3]]
    expected = stats.false_discovery_control([question.p_value for question in found])
    assert [question.q_value for question in found] == pytest.approx(expected)


def test_a_difference_of_which_nothing_is_told_counts_for_none() -> None:
    assert _candidate("x", 20, 50).p_value < 0.001
    assert _candidate("x", 20, 50, tells_less=False).p_value == 1.0


# Counts by hand


def _visit(user: str, names: str, *, day: float = 0.0, pause: float = MINUTE, traits: str = "{}") -> Journey:
    """A visit with a minute between touchpoints."""
    return Journey(
        user, names, "purchase" in names, [day + i * pause for i in range(len(names.split()))], traits=traits
    )


def test_the_main_path_leaves_out_where_people_look_round() -> None:
    """Of 40 who look round 30 take a cart, 24 of these pay, 20 of these buy."""
    frame = frame_of(
        [_visit(f"a{i:02}", "look look cart pay purchase") for i in range(20)]
        + [_visit(f"b{i:02}", "look look cart pay") for i in range(4)]
        + [_visit(f"c{i:02}", "look look cart") for i in range(6)]
        + [_visit(f"d{i:02}", "look look") for i in range(10)]
    )
    people = people_of(frame, Filters())
    path = main_path(people)
    assert path is not None and (path.steps, path.goal) == (["cart", "pay"], "purchase")
    went = {step: path.goes_on[path.step == i] for i, step in enumerate(path.steps)}
    assert {step: (int(on.sum()), len(on)) for step, on in went.items()} == {"cart": (24, 30), "pay": (20, 24)}


def test_a_second_order_is_no_first_try() -> None:
    """Who has bought is not looked at again; a step a day or more apart is not the way on."""
    first = "cart pay purchase"
    rows = [_visit(f"a{i:02}", first) for i in range(30)]
    again = Journey("b", "purchase cart", True, [0, 3])
    slow = Journey("c", "cart pay purchase", True, [0, 2, 2 + MINUTE])
    path = main_path(people_of(frame_of([*rows, again, slow]), Filters()))
    assert path is not None
    assert (path.step == 0).sum() == 31 and path.goes_on[path.step == 0].sum() == 30


@pytest.mark.parametrize(("with_error", "without"), [(4, 36), (36, 4)])
def test_what_turns_up_on_the_way_is_compared_with_like_visits(with_error: int, without: int) -> None:
    """Of 40 visits with an error 4 buy, of 40 without 36; or the other way round, of which nothing is told.

    An error turns up elsewhere, too, so it is no step of the path.
    """
    rows = []
    for i in range(40):
        rows.append(_visit(f"a{i:02}", "error cart pay purchase" if i < with_error else "error cart pay"))
        rows.append(_visit(f"b{i:02}", "cart pay purchase" if i < without else "cart pay"))
        rows += [_visit(f"c{i:02}{j}", "error") for j in range(3)]
    people = people_of(frame_of(rows), Filters())
    path = main_path(people)
    assert path is not None and path.steps == ["cart", "pay"]
    (error,) = along_path.in_between(people, path)
    assert [(int(side.does.sum()), len(side.does)) for side in (error.a, error.b)] == [(with_error, 40), (without, 40)]
    if with_error < without:
        assert error.said is not None and error.p_value < 1e-9
    else:
        assert error.said is None and error.p_value == 1.0


def test_slow_answers_are_counted_by_user() -> None:
    """40 wait twelve hours, 40 three days; of those 30 and 10 buy again."""
    asked = [
        Journey(f"u{i:02}", "contact answer purchase" if buys else "contact answer", buys, [0, wait, wait + 10])
        for i in range(80)
        for wait in [0.5 if i < 40 else 3.0]
        for buys in [i % 40 < (30 if i < 40 else 10)]
    ]
    asked = [replace(one, days=one.days[: len(one.labels)]) for one in asked]
    (found,) = waiting.waiting(people_of(frame_of(asked), Filters()), None)
    assert [(int(side.does.sum()), len(side.does)) for side in (found.a, found.b)] == [(10, 40), (30, 40)]
    assert found.said is not None and "24 h" in found.said.sentence


def test_what_a_purchase_reveals_was_not_known_before(store_url: str) -> None:
    """Anna's cookie was tied to her e-mail address by a newsletter; Bob's and Dora's only by what they bought."""
    store = open_store(store_url)
    rows = [
        event("a1", 1, "newsletter", "cookie:a", "email:a@example.org"),
        event("a2", 2, "chat", "cookie:a"),
        event("a3", 5, "buy", "cookie:a", "email:a@example.org"),
        event("b1", 2, "chat", "cookie:b"),
        event("b2", 5, "buy", "cookie:b", "email:b@example.org"),
        event("c1", 2, "chat", "cookie:c"),
        event("d1", 1, "mail", "email:d@example.org"),
        event("d2", 2, "chat", "cookie:d"),
        event("d3", 5, "buy", "cookie:d", "email:d@example.org"),
        *(profile(f"p{who}", 0, f"email:{who}@example.org", '{"age":40}') for who in "abcd"),
    ]
    add(store, table(rows), {"salt": SALT, "goals": ["buy"]})
    frame = store.frame()
    people = people_of(frame, Filters())
    known = known_before(people, store, set_out(people, None))
    assert sorted(frame.detail("key").gather(people.walks.touchpoints[known])) == ["a1", "a2", "d1"]
    store.close()


def test_the_direction_on_the_way_is_that_of_like_visits() -> None:
    """With an error 0 of 20 short visits and 100 of 200 long ones buy, without it 60 of 300 and 36 of 40: in all more
    with it, and fewer of like visits."""
    rows: list[Journey] = []
    for met, far, buying, of in (
        ("error ", "", 0, 20),
        ("error ", " pay", 100, 200),
        ("", "", 60, 300),
        ("", " pay", 36, 40),
    ):
        for i in range(of):
            names = f"{met}cart{far}{' purchase' if i < buying else ''}"
            rows.append(_visit(f"a{len(rows):04}", names))
    rows += [_visit(f"c{i:04}", "error") for i in range(700)]  # it turns up elsewhere, too: no step of the path
    people = people_of(frame_of(sorted(rows, key=lambda one: one.user)), Filters())
    path = main_path(people)
    assert path is not None and path.steps == ["cart", "pay"]
    (error,) = along_path.in_between(people, path)
    assert error.a.share > error.b.share
    assert error.difference == pytest.approx(
        -(0.2 * 20 * 300 / 320 + 0.4 * 200 * 40 / 240) / (20 * 300 / 320 + 200 * 40 / 240)
    )
    assert error.said is not None and error.p_value < 0.001
    assert "by 33 points (95%: " in error.said.sentence and "45% do, against 28%" in error.said.sentence


def test_journeys_that_are_not_chosen_count_for_nothing() -> None:
    """Everybody comes in January and in March; asked is from February on: journeys, keys and outcomes of then alone."""
    rows = []
    for i in range(80):
        plan, traits = ("free", '{"plan":"free"}') if i < 40 else ("paid", '{"plan":"paid"}')
        rows.append(_visit(f"u{i:02}", "look purchase", traits=traits))
        rows.append(_visit(f"u{i:02}", "look" if plan == "free" else "look purchase", day=60, traits=traits))
    people = people_of(frame_of(rows), Filters(since=datetime(2026, 2, 1)))
    assert len(people) == 80 and len(people.owner) == 120
    found, _ = findings(people, list(by_group(people, None)), rate=RATE, keys=1_000)
    (gap,) = [one for one in found if one.about == "conversion"]
    assert (gap.a.name, gap.a.share, gap.b.share) == ("plan free", 0.0, 1.0)
    assert (gap.a.journeys, gap.b.journeys) == (0, 40), "of those who reach a goal, the one journey that is asked about"
    assert sorted(gap.b.keys) == [f"key-{i:05}" for i in range(81, 160, 2)]


def test_groups_are_of_known_traits_and_share_nobody() -> None:
    """Named segments first; then values, or the median of many; a trait that segments speak of is not parted again."""
    traits = [
        {"age": 20 + i, "plan": "free" if i % 2 else "paid", "points": i, "vip": i < 5} if i else {} for i in range(40)
    ]
    frame = frame_of(
        [Journey(f"u{i:02}", "a", traits=json.dumps(one)) for i, one in enumerate(traits)],
        segments={"young": "age < 30", "old": "age >= 30", "overlaps": "points > 3 and age > 20"},
    )
    people = people_of(frame, Filters())
    found = {tuple(group.segment for group in groups): groups for groups in groupings(people)}
    assert list(found) == [
        ("young", "old"),
        ("plan = free", "plan = paid"),
        ("points >= 20", "points < 20"),
        ("vip = false", "vip = true"),
    ]
    for groups in found.values():
        assert sum(int(group.inside.sum()) for group in groups) == 39
        for group in groups:  # the predicate chooses the same users
            chosen = people_of(frame, Filters(segment=group.segment)).walks.user
            assert chosen.tolist() == people.walks.user[group.inside].tolist()


# Stories


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A world of weaker stories than those that the example tells by default."""
    with world(tmp_path_factory.mktemp("told"), events=40_000, seed=77, story=told(0.7)) as graph:
        yield graph


@pytest.fixture(scope="module")
def shown(graph: Graph) -> Report:
    """The report on it, with the keys of all journeys."""
    return report(graph, keys=1_000_000)


def test_planted_stories_are_found(shown: Report) -> None:
    """With seeds and effects that nothing was tuned on: all five at their default strength; of weaker ones chance may
    hide one."""
    (strong,) = reports(1, Story(), first=78, sizes=(20_000,))
    assert stories_in(strong) == {field.name for field in fields(Story)}
    assert len(stories_in(shown)) >= len(fields(Story)) - 1
    assert shown.path == strong.path == ["add_to_cart", "checkout", "delivery_costs", "payment", "purchase"]


@pytest.mark.thorough
def test_none_are_invented() -> None:
    """A smaller version of ``python -m tests.story_free``."""
    sets = effort(25)
    found = sum(bool(one.findings) for one in reports(sets, Story.untold(), first=9_000, sizes=(2_000,)))
    assert found / sets <= most_allowed(sets)


@pytest.mark.skipif(not ECOM.exists(), reason="the shared development data ../shared/data is not here")
def test_a_shop_that_nobody_here_made(tmp_path: Path) -> None:
    """Counted by hand in DuckDB: 12 % of the visits with a payment error buy, against 85 % of the others that come to
    the payment; it occurred from 19 May to 8 June 2024; on mobiles fewer come from the address to the payment. And the
    commands of the report run."""
    (tmp_path / "ecom.toml").write_text(ECOM_MAPPING, encoding="utf-8")
    with open_graph(tmp_path / "ecom.duckdb") as shop:
        shop.ingest([ECOM], [load_mapping(tmp_path / "ecom.toml")])
        found = report(shop)
    weak = next(one for one in found.findings if one.category == "weakness")
    assert weak.a.name == "users who meet payment_error" and weak.a.share < 0.2 and weak.b.share > 0.7
    assert "from 19 May 2024 to 8 June 2024 only" in weak.sentence
    mobile = next(one for one in found.findings if one.a.name == "users on mobile")
    assert mobile.category == "gap" and "shipping_details" in mobile.sentence and mobile.difference < -0.1
    commands = {one.see.command for one in found.findings if one.see} | {
        one.command for one in found.tables if one.command
    }
    for command in sorted(commands):
        program, *words = shlex.split(command)
        assert program == "graphsvc"
        graphsvc(*words, "--store", tmp_path / "ecom.duckdb", cwd=tmp_path)


# Numbers that can be followed


def test_first_touches_agree_with_the_answer(graph: Graph, shown: Report) -> None:
    """What a finding counts on both sides is what its answer counts."""
    found = [one for one in shown.findings if one.about == "first touch"]
    assert found
    for one in found:
        assert one.see is not None
        by_segment = {each.parameters.segment: each for each in graph.ask("touches", one.see.parameters).segments}
        for side in (one.a, one.b):
            counted = by_segment[side.name]
            users = {row.label: row.first_users for row in counted.rows}
            channel = re.search("on “\u2068(.+?)\u2069”", one.sentence)
            asked = [channel[1]] if channel else ["store", "event"]
            assert (sum(users[each] for each in asked), counted.totals.users) == (side.users, side.of)


def test_every_answer_that_a_finding_names_can_be_asked(graph: Graph, shown: Report) -> None:
    for one in shown.findings:
        assert one.see is not None
        assert graph.ask(one.see.answer, one.see.parameters).rows


def test_leaving_is_counted_by_brute_force(graph: Graph, shown: Report) -> None:
    """Everybody's first time at each step, in plain Python."""
    (found,) = [one for one in shown.findings if one.category == "weakness"]
    steps, day = shown.path[:-1], 86_400_000_000
    touches: dict[str, list[tuple[int, str]]] = {}
    for user, times, names in graph.store.tables().journeys.select("user", "times", "names").iter_rows():
        touches.setdefault(user, []).extend(zip(times, names, strict=True))
    end = max(time for walk in touches.values() for time, _ in walk)
    counts = {step: [0, 0] for step in steps}
    elsewhere: tuple[set[str], set[str]] = set(), set()  # who leaves at another step, and who comes to one
    for user, walk in touches.items():
        goals = [time for time, name in walk if name in ("purchase", "store_purchase")]
        for rank, step in enumerate(steps):
            first = min((time for time, name in walk if name == step), default=None)
            if first is None or first > end - day or (goals and first > min(goals) + day):
                continue
            later = {*steps[rank + 1 :], "purchase", "store_purchase"}
            leaves = not any(name in later and abs(time - first) <= day for time, name in walk)
            counts[step][0] += leaves
            counts[step][1] += 1
            for users, counted in zip(elsewhere, (leaves, True), strict=True):
                if counted and step != "delivery_costs":
                    users.add(user)
    others = [sum(counts[step][i] for step in steps if step != "delivery_costs") for i in (0, 1)]
    assert [found.a.users, found.a.of, found.a.tries] == [*counts["delivery_costs"], None]
    assert (found.b.share, found.b.tries) == (others[0] / others[1], others[1])
    assert (found.b.users, found.b.of) == tuple(map(len, elsewhere)), "users, each counted once"


def test_keys_are_those_of_the_journeys_behind(graph: Graph, shown: Report) -> None:
    """As many keys as journeys, each in the graph; with no keys asked for, the counts stay."""
    journeys = graph.store.tables().journeys
    user_of = dict(journeys.select("key", "user").iter_rows())
    of_user = journeys.group_by("user").len()
    held = dict(of_user.iter_rows())
    without = report(graph, keys=0)
    for one, bare in zip(shown.findings, without.findings, strict=True):
        for side, counted in ((one.a, bare.a), (one.b, bare.b)):
            assert len(side.keys) == len(set(side.keys)) == side.journeys == counted.journeys
            assert counted.keys == []
            users = {user_of[key] for key in side.keys}
            assert sum(held[user] for user in users) == side.journeys
            assert len(users) == side.users


def test_groups_are_shown_side_by_side(graph: Graph, shown: Report) -> None:
    """Whichever of two groups the sentence speaks of, its command shows both."""
    groups = {"first touch", "channel used", "conversion", "step by group"}
    found = [one for one in shown.findings if one.about in groups and not one.a.name.startswith("users on ")]
    assert found
    for one in found:
        assert one.see is not None and len(one.see.parameters["by"]) == 2
        shows = graph.ask(one.see.answer, one.see.parameters).segments
        if {one.a.name, one.b.name} <= set(graph.segments()):
            assert {each.parameters.segment for each in shows} == {one.a.name, one.b.name}


ODD = ("cart", "pay?", "a|b", "{ship", "sent <= 7d")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Forty people who come in January and again in March; labels that a funnel would read as something else."""
    rows = [
        event(f"{month}-{i}-{step}", datetime(2024, month, 1 + i % 20, 10, step), name, f"cookie:c{i}")
        for month in (1, 3)
        for i in range(40)
        for step, name in enumerate((*ODD, "buy?")[: 6 if i % 4 else 3])
    ]
    store = open_store(str(tmp_path_factory.mktemp("odd") / "odd.duckdb"))
    add(store, table(rows), {"salt": SALT, "goals": ["buy?"], "split": "gap", "gap_days": 30})
    with Graph(store) as graph:
        yield graph


def test_labels_are_read_as_they_are(odd: Graph) -> None:
    """A question mark, a bar, a window or a brace in a label: the report is made, and its commands ask for it."""
    found = report(odd)
    assert found.path == [*ODD, "buy?"]
    way = next(one for one in found.tables if one.name.startswith("The main way"))
    assert way.command is not None and [row[0] for row in way.rows] == found.path
    words = shlex.split(way.command)
    asked = [FunnelStep.parse(word) for option, word in itertools.pairwise(words) if option == "--step"]
    assert [step.labels for step in asked] == [(label,) for label in found.path]
    rows = odd.funnel(step=[step.written for step in asked]).rows
    assert [row.label for row in rows] == found.path
    assert all(row.users == int(shown[1]) for row, shown in zip(rows, way.rows, strict=True))


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=3),
    st.booleans(),
    st.none() | st.floats(0.001, 1e9),
)
def test_a_step_is_what_it_was_when_it_is_read_again(labels: list[str], optional: bool, within: float | None) -> None:
    step = FunnelStep(labels=tuple(labels), optional=optional, within_seconds=within)
    assert FunnelStep.parse(step.written) == step


def test_waits_are_asked_for_by_labels_as_they_are() -> None:
    rows = []
    for i in range(80):
        days = [0, 0.5 if i < 40 else 3.0, 13]
        buys = i % 40 < (30 if i < 40 else 10)
        rows.append(
            Journey(f"u{i:02}", ["ask?", "tell|say", "buy?"][: 3 if buys else 2], buys, days[: 3 if buys else 2])
        )
    people = people_of(frame_of(rows), Filters(goal=("buy?",)))
    (found,) = waiting.waiting(people, None)
    assert found.see is not None
    steps = FunnelParams.model_validate(found.see.parameters).steps
    assert [step.labels for step in steps] == [("ask?",), ("tell|say",), ("buy?",)]


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "2024-02-01"},
        {"until": "2024-02-01"},
        {"lookback_days": 0.001},
        {"since": "2024-02-01", "split": "none"},
        {"split": "conversion", "until": "2024-02-01"},
    ],
)
def test_users_are_those_of_the_chosen_journeys(odd: Graph, asked: dict[str, Any]) -> None:
    """The report, its figures and its tables speak of the same people, whatever is asked for."""
    found, paths = report(odd, Filters.model_validate(asked)), odd.paths(**asked).totals
    figures = found.figures
    assert (figures.users, figures.journeys, figures.converted) == (paths.users, paths.counted, paths.converted)
    assert any("nobody" in note for note in found.notes) == (paths.users == 0)
    entered = [row[1] for one in found.tables if one.name.startswith("The main way") for row in one.rows[:1]]
    assert entered in ([], [str(paths.users)])
    if "since" in asked and "split" not in asked:
        assert (figures.users, figures.journeys, figures.first) == (40, 40, datetime(2024, 3, 1, 10))


def test_figures_reconcile(graph: Graph, shown: Report) -> None:
    """The graph in numbers is what status and paths say."""
    status, paths = graph.status(), graph.paths()
    assert (shown.figures.journeys, shown.figures.users) == (paths.totals.counted, paths.totals.users)
    assert (shown.figures.converted, shown.figures.open) == (paths.totals.converted, paths.totals.open)
    assert shown.figures.touchpoints == status.counts["touchpoints"]
    assert (shown.figures.first, shown.figures.last) == (status.data_from, status.data_to)
    assert shown.figures.users_converted == graph.paths(split="none").totals.converted
    assert sum(family.tests for family in shown.looked) >= len(shown.findings)
    assert sum(family.findings for family in shown.looked) == len(shown.findings)


def test_filters_choose_who_is_looked_at(graph: Graph) -> None:
    """A segment: nobody else is counted, and the commands ask for the same."""
    older = report(graph, Filters(segment="older"))
    assert older.figures.users == graph.paths(segment="older", split="none").totals.users
    assert older.parameters == {"segment": "older"}
    assert not any("younger" in one.sentence for one in older.findings)
    for one in older.findings:
        assert one.see is None or "older" in one.see.command
    everybody_gone = report(graph, Filters(segment="age > 500"))
    assert everybody_gone.findings == [] and "nobody" in everybody_gone.notes[0]


def test_sentences_tell_what_goes_together(shown: Report) -> None:
    """No sentence says that one thing brings about another, nor that chance is ruled out."""
    page = html.unescape(shown.html())
    for text in (page, *(one.sentence for one in shown.findings)):
        assert not re.search(r"\b(costs? the|Reach “|because of|thanks to|leads? to|causes?|Not by chance)", text)


def test_bad_questions_are_told_in_words(graph: Graph, tmp_path: Path) -> None:
    for rate in (0.0, 1.0, float("nan")):
        with pytest.raises(QueryError, match="between 0 and 1"):
            report(graph, rate=rate)
    with pytest.raises(QueryError, match="keys"):
        report(graph, keys=-1)
    with pytest.raises(QueryError, match="chooses labels"):
        report(graph, Filters(label="channel"))
    with pytest.raises(UnknownName, match="older"):
        report(graph, Filters(segment="oldre"))
    with open_graph(tmp_path / "none.duckdb") as empty, pytest.raises(NotFound, match="no graph"):
        report(empty)


def test_a_graph_without_goals_or_traits_has_a_report(store_url: str) -> None:
    store = open_store(store_url)
    add(store, table([event(f"e{i}", i, "visit", f"cookie:{i}") for i in range(50)]), {"salt": SALT})
    with Graph(store) as plain:
        found = report(plain)
    assert found.findings == [] and found.figures.conversion == 0
    assert any("Nobody reaches a goal" in note for note in found.notes)
    assert any("No traits" in note for note in found.notes)
    assert "Nothing stands out" in found.html()


# The page


def test_the_same_graph_gives_the_same_page(graph: Graph, tmp_path: Path) -> None:
    first, again = report(graph), report(graph)
    assert first == again
    assert first.save(tmp_path / "new folder" / "report.html").read_bytes() == again.html().encode()
    assert Report.model_validate_json(first.model_dump_json()) == first


def test_the_page_needs_nothing_but_itself(shown: Report) -> None:
    """Its policy allows its style alone; no script, no address."""
    page = shown.html()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert html.escape(policy, quote=True).replace("&#x27;", "&#39;") in page
    assert not re.search(r"<script|\son\w+=|\ssrc=|\shref=|style=|url\(|@import|https?:", page)


def test_nobody_stands_in_the_page(graph: Graph, shown: Report) -> None:
    """No identifier, no user key and no journey key in it; no identifier and no user key in the JSON."""
    tables = graph.store.tables()
    values = [value for value in tables.identifiers["value"] if len(value) > 4]
    users = tables.users["key"].to_list()
    for text in (shown.html(), report(graph, keys=0).model_dump_json()):
        words = set(re.findall(r"[\w.@+-]+", text))
        assert not words & {*values, *users, *tables.journeys["key"]}
    told_of = set(re.findall(r"[\w.@+-]+", shown.model_dump_json()))
    assert not told_of & {*values, *users}


def _hostile(text: str, shown: Report) -> Report:
    """The report with this text wherever a label may stand."""
    finding: Finding = shown.findings[0].model_copy(
        update={
            "sentence": text,
            "detail": text,
            "also": [text],
            "a": shown.findings[0].a.model_copy(update={"name": text}),
        }
    )
    rows = [[text, *row[1:]] for row in shown.tables[0].rows]
    first = shown.tables[0].model_copy(update={"rows": rows, "command": text})
    return shown.model_copy(update={"title": text, "findings": [finding], "tables": [first], "notes": [text]})


def test_labels_cannot_leave_their_place(shown: Report) -> None:
    hostile = "</style></p><img src=x onerror=alert(1)>\"'&<!--{{ 7 * 7 }}"
    pages = [_hostile(text, shown).html() for text in (hostile, "plain")]
    tags = [re.findall(r"<(/?[a-z]+)", page) for page in pages]
    assert tags[0] == tags[1]
    assert "{{ 7 * 7 }}" in pages[0]


def test_the_page_tells_every_finding_with_its_numbers(shown: Report) -> None:
    page = html.unescape(shown.html())
    for one in shown.findings:
        assert one.sentence in page and f"{one.a.users:,} of {one.a.of:,}" in page
        assert one.confidence.capitalize() in page
        assert one.see is None or one.see.command in page
    for each in shown.tables:
        assert each.name in page and all(cell in page for row in each.rows for cell in row)
    assert "How well people are known" in page


def test_personas_make_no_findings(tmp_path: Path) -> None:
    """They are made of the journeys, which differ by them of course; and their rows are no records of people."""
    with world(tmp_path, events=2_000, seed=9_000, story=Story.untold()) as plain:
        before = report(plain)
        plain.save_personas({"clusters": 3})
        after = report(plain)
    assert [after.findings, after.looked, after.figures] == [before.findings, before.looked, before.figures]


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_it_without_a_network(shown: Report, tmp_path: Path, open_page: Open, width: int) -> None:  # noqa: F811
    """Nothing is refused, nothing sticks out, bars are as long as their shares, and details open."""
    opened = open_page(shown.save(tmp_path / "report.html"), width=width)
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("article").count() == len(shown.findings)
    lengths = page.evaluate(
        "[...document.querySelectorAll('article:first-of-type .bar')].slice(0, 2).map(bar => "
        "bar.querySelector('rect').getBoundingClientRect().width / bar.getBoundingClientRect().width)"
    )
    first = next(one for one in shown.findings)
    assert lengths == pytest.approx([first.a.share, first.b.share], abs=0.01)
    page.locator("summary").first.click()
    assert page.locator("article pre").first.is_visible()
    opened.assert_clean()


def test_the_rate_is_what_the_page_says(shown: Report) -> None:
    assert shown.rate == RATE
    assert all(one.q_value <= RATE and abs(one.difference) >= shown.least_difference for one in shown.findings)
    assert all(one.low < one.difference < one.high for one in shown.findings)
