"""Feelings, falls and questions: worked examples by hand, and the brute force of the oracle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.answers import ANSWERS, Result
from graphsvc.answers.masking import LONGEST, masked, same_words
from graphsvc.errors import CypherUnsupported, QueryError, UnknownName

from . import oracle_feelings as brute
from . import people, questions
from .contract import drills_down
from .effort import effort
from .oracle import Person
from .people import frame_of, person
from .test_answers_docs import people_of

DECLARED = {name: ANSWERS[name] for name in ("feelings", "falls", "questions")}
PAGE = (Path(__file__).parents[1] / "docs" / "feelings.md").read_text(encoding="utf-8")
Said = Mapping[str, Mapping[str, Any]]


def ask(name: str, crowd: list[Person], said: Said, **asked: Any) -> Result[Any]:
    declared = DECLARED[name]
    return declared.on_frame(frame_of(crowd, said), declared.parse(asked))


def talking(**walks: str) -> tuple[list[Person], dict[str, dict[str, Any]]]:
    """People whose touchpoints say something: ``ann="site:0.5 cart help:Where is it?"``, words joined by ``_``."""
    crowd: list[Person] = []
    said: dict[str, dict[str, Any]] = {}
    for key, walk in walks.items():
        steps = [word.partition(":") for word in walk.split()]
        crowd.append(person(key, " ".join(name for name, _, _ in steps)))
        for nth, (_, _, told) in enumerate(steps):
            if re.fullmatch(r"-?[\d.]+", told):
                said[f"{key}-{nth:02}"] = {"sentiment": float(told)}
            elif told:
                said[f"{key}-{nth:02}"] = {"question": told.replace("_", " ")}
    return crowd, said


# Feelings.


def test_each_user_counts_once() -> None:
    crowd, said = talking(ann="a:1 a:1 a:1 a:1", bob="a:-0.5", cat="b:0.5 a")
    found = ask("feelings", crowd, said, min_users=1)
    assert [(row.label, row.count, row.users, row.mean) for row in found.rows] == [("a", 5, 2, 0.25), ("b", 1, 1, 0.5)]
    assert [row.share_of_label for row in found.rows] == [5 / 6, 1.0]
    assert found.notes[0] == "6 of the 7 counted touchpoints carry a sentiment"


def test_the_interval_is_of_the_users_means() -> None:
    crowd, said = talking(ann="a:0.1 a:0.3", bob="a:0.4", cat="a:0.6", dan="b:0.5")
    row, alone = ask("feelings", crowd, said, min_users=1).rows
    # Users' means 0.2, 0.4, 0.6: mean 0.4, standard deviation 0.2; t of 2 degrees of freedom at 97.5 %: 4.302653
    reach = 4.302653 * 0.2 / 3**0.5
    assert (row.mean, row.low, row.high) == pytest.approx((0.4, 0.4 - reach, 0.4 + reach), rel=1e-6)
    assert (alone.low, alone.high) == (None, None)


def test_an_interval_ends_where_sentiments_do() -> None:
    crowd, said = talking(ann="a:-1", bob="a:1", cat="b:0.5", dan="b:0.5")
    rows = ask("feelings", crowd, said, min_users=1).rows
    assert [(row.low, row.high) for row in rows] == [(-1, 1), (0.5, 0.5)]


def test_neutral_has_both_its_ends() -> None:
    crowd, said = talking(ann="a:-1 a:-0.21 a:-0.2 a:0 a:0.2 a:0.21")
    (row,) = ask("feelings", crowd, said, min_users=1).rows
    assert (row.negative, row.neutral, row.positive) == (2, 3, 1)
    assert (row.share_negative, row.share_neutral, row.share_positive) == pytest.approx((2 / 6, 3 / 6, 1 / 6))


def test_sorted_by_sadness_or_by_count_with_the_rest_summed_up() -> None:
    crowd, said = talking(ann="a:0.5 b:-0.5 c:-1", bob="a:0.5 b:-0.5", cat="a:0.5 a:0.5", dan="a:0.5 b:-0.5")
    assert [row.label for row in ask("feelings", crowd, said, min_users=1).rows] == ["c", "b", "a"]
    assert [row.label for row in ask("feelings", crowd, said, min_users=1, sort="count").rows] == ["a", "b", "c"]
    found = ask("feelings", crowd, said)
    assert [row.label for row in found.rows] == ["b", "a"]  # c is known of one user only
    assert found.other is not None
    assert (found.other.label, found.other.count, found.other.mean) == (None, 1, -1)


def test_collapse_keeps_the_feeling_of_a_runs_first_touchpoint() -> None:
    crowd, said = talking(ann="a:1 a:-1")
    assert ask("feelings", crowd, said, min_users=1, collapse=True).rows[0].mean == 1


def test_where_nobody_says_anything() -> None:
    crowd, said = talking(ann="a b")
    for name, told in (
        ("feelings", "carries a sentiment"),
        ("falls", "carries a sentiment"),
        ("questions", "a question"),
    ):
        found = ask(name, crowd, said)
        assert (found.rows, found.other) == ([], None)
        assert told in found.notes[0]


# Falls.


def test_where_feeling_falls() -> None:
    walks = {f"u{nth}": f"a:0.5 b:{0.4 - nth / 10:.1f} c:0.9" for nth in range(6)}
    crowd, said = talking(**walks)
    found = ask("falls", crowd, said)
    (row,) = found.rows
    assert (row.source, row.target, row.count, row.users, row.fell) == ("a", "b", 6, 6, 6)
    assert (row.before, row.after, row.change) == pytest.approx((0.5, 0.15, -0.35))
    assert row.p_value == pytest.approx(2 / 2**6)  # all six of one sign: 1 of 64 ways, on either side
    assert row.q_value == pytest.approx(2 / 2**6)  # b > c has the same p value, and is tested with it
    assert found.other is not None
    assert (found.other.count, found.other.fell, found.other.p_value) == (6, 0, None)
    assert "2 pairs of labels with 3 or more users are tested together" in found.notes


def test_who_says_much_counts_once() -> None:
    crowd, said = talking(ann="a:1 b:-1 a:1 b:-1 a:1 b:-1", bob="a:0 b:0.5", cat="a:0 b:0.5")
    found = ask("falls", crowd, said)
    (row,) = found.rows
    assert (row.source, row.target, row.count) == ("a", "b", 5)
    assert row.change == pytest.approx((-2 + 0.5 + 0.5) / 3)


def test_silent_touchpoints_part_neighbours_unless_skipped() -> None:
    crowd, said = talking(ann="a:1 x b:0", bob="a:1 x b:0", cat="a:1 b:0")
    assert ask("falls", crowd, said).rows == []
    (row,) = ask("falls", crowd, said, skip_silent=True).rows
    assert (row.source, row.target, row.count) == ("a", "b", 3)
    assert ask("falls", crowd, said, exclude=("x",)).rows[0].count == 3


def test_no_change_is_no_fall_and_no_error() -> None:
    crowd, said = talking(ann="a:0.3 b:0.3", bob="a:0.3 b:0.3", cat="a:0.3 b:0.3")
    found = ask("falls", crowd, said)
    assert found.rows == []
    assert found.other is not None
    assert (found.other.count, found.other.change) == (3, 0)


def test_three_equal_falls_prove_little() -> None:
    crowd, said = talking(ann="a:1 b:-1", bob="a:1 b:-1", cat="a:1 b:-1")
    (row,) = ask("falls", crowd, said).rows
    assert row.p_value == pytest.approx(0.25)  # 2 of 8 ways to set the signs


# Questions.


def test_spellings_of_one_question() -> None:
    crowd, said = talking(
        ann="help:Is_it_free?", bob="help:is_it_free chat:IS_IT_FREE!?", cat="chat:Is__it_free?", dan="help:Why?"
    )
    found = ask("questions", crowd, said)
    (row,) = found.rows
    assert (row.question, row.count, row.users) == ("Is it free?", 4, 3)
    assert [(each.label, each.users) for each in row.labels] == [("chat", 2), ("help", 2)]
    assert found.other is not None
    assert (found.other.question, found.other.count, found.other.labels) == (None, 1, [])
    assert any("1 questions of fewer than 3 users" in note for note in found.notes)


def test_only_what_is_asked_at_some_label() -> None:
    crowd, said = talking(ann="help:Why?", bob="help:Why? chat:How?", cat="help:Why? chat:How?")
    assert [row.question for row in ask("questions", crowd, said, min_users=2, at=("chat",)).rows] == ["How?"]
    with pytest.raises(UnknownName, match="no touchpoint 'chet'; did you mean 'chat'"):
        ask("questions", crowd, said, at=("chet",))


@pytest.mark.parametrize(("text", "words"), brute.QUESTIONS.items())
def test_words_and_what_is_shown_of_them(text: str, words: tuple[str, str]) -> None:
    shown = masked(pl.Series([text]))
    assert (same_words(shown)[0], shown[0]) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail ann.smith+x@mail.example.co.uk please", "mail [address] please"),
        ("write to ann @ example.com", "write to [address]"),
        ("or bob@ example.com, or @ noon", "or [address] [address]"),
        ("I am @ann_s on discord", "I am [address] on discord"),
        ("ａｎｎ＠example.org", "[address]"),  # wide characters
        ("call 030 1234567 or +49 (0)30/1234567", "call [number] or [number]"),
        ("order 4711-2024-0815?", "order [number]?"),
        ("customer AB123456C", "customer [number]"),
        (
            "my card ends in 4242, 2 of 3 items came, 19.99 paid in 2024",
            "my card ends in 4242, 2 of 3 items came, 19.99 paid in 2024",
        ),
        ("see https://shop.example.com/reset?token=abc now", "see [link] now"),
        ("one\n two\t three ", "one two three"),
        ("x" * 300, "x" * LONGEST + "…"),
    ],
)
def test_what_may_point_at_a_person_is_masked(text: str, shown: str) -> None:
    assert masked(pl.Series([text]))[0] == shown


@settings(max_examples=effort(50), deadline=None)
@given(
    user=st.text("abcXYZ019._+-", min_size=1),
    host=st.from_regex(r"[a-z0-9-]{1,10}(\.[a-z]{2,5}){1,2}", fullmatch=True),
    number=st.from_regex(r"\+?\d{2,4}[ /.-]?\d{3,4}[ -]?\d{2,5}", fullmatch=True),
    around=st.text("ab ?,.", max_size=8),
)
def test_no_address_and_no_phone_is_shown(user: str, host: str, number: str, around: str) -> None:
    shown = masked(pl.Series([f"{around} {user}@{host} {around} {number} {around}"]))[0]
    assert host not in shown
    assert "@" not in shown
    assert sum(character.isdigit() for character in shown) == 0


# The oracle.

sentiments = st.sampled_from(["-1", "-0.5", "-0.21", "-0.2", "-0.1", "0", "0.1", "0.2", "0.3", "0.7", "1"])


@st.composite
def cases(draw: st.DrawFn, name: str) -> tuple[list[Person], brute.Details, dict[str, Any], dict[str, Any]]:
    crowd = draw(people.crowds())
    details = {}
    for touch in (touch for one in crowd for touch in one.touches):
        told = {"sentiment": sentiments, "question": st.sampled_from(sorted(brute.QUESTIONS))}
        details[touch.key] = draw(st.one_of(st.fixed_dictionaries(told), st.fixed_dictionaries({}, optional=told)))
    filters = draw(people.filters(crowd))
    own: dict[str, Any] = {"top": draw(st.integers(1, 6)), "min_users": draw(st.sampled_from([1, 1, 2, 3]))}
    if name == "feelings":
        own |= {"sort": draw(st.sampled_from(["saddest", "count"])), "confidence": draw(st.sampled_from([0.9, 0.95]))}
    elif name == "falls":
        own["skip_silent"] = draw(st.booleans())
    else:
        labels = questions.labels_of(crowd, filters["label"])
        own["at"] = draw(st.sampled_from([(), (), (labels[0],), tuple(labels[:2])]))
    return crowd, details, draw(people.settings), {**filters, **own}


def said_of(details: brute.Details) -> Said:
    """Details as a graph holds them: sentiments as numbers."""
    return {
        key: {name: float(value) if name == "sentiment" else value for name, value in told.items()}
        for key, told in details.items()
    }


@pytest.mark.parametrize("name", DECLARED)
@settings(max_examples=effort(60), deadline=None)
@given(data=st.data())
def test_the_frame_counts_as_the_oracle(name: str, data: st.DataObject) -> None:
    crowd, details, stored, asked = data.draw(cases(name))
    declared = DECLARED[name]
    found = declared.on_frame(frame_of(crowd, said_of(details), **stored), declared.parse(asked))
    own = {key: value for key, value in asked.items() if key not in (*people.FILTERS, "segment", "goal")}
    people.same(found, getattr(brute, name)(crowd, people.asked(asked, stored), details, **own))


@pytest.mark.parametrize("name", DECLARED)
@settings(max_examples=effort(20), deadline=None)
@given(data=st.data())
def test_every_number_drills_down(name: str, data: st.DataObject) -> None:
    crowd, details, stored, asked = data.draw(cases(name))
    drills_down(DECLARED[name], frame_of(crowd, said_of(details), **stored), DECLARED[name].parse(asked))


@settings(max_examples=effort(20), deadline=None)
@given(data=st.data())
def test_the_words_of_few_are_not_shown(data: st.DataObject) -> None:
    crowd, details, _, asked = data.draw(cases("questions"))
    asked["min_users"] = 3
    found = ask("questions", crowd, said_of(details), **asked)
    askers: dict[str, set[str]] = {}
    for one in crowd:
        for touch in one.touches:
            if "question" in details[touch.key]:
                askers.setdefault(brute.QUESTIONS[details[touch.key]["question"]][0], set()).add(one.key)
    shown = {brute.QUESTIONS.get(row.question, (row.question,))[0] for row in found.rows}
    assert all(len(askers[words]) >= 3 for words in shown if words in askers)
    assert all(row.users >= 3 for row in found.rows)


@pytest.mark.parametrize(
    ("name", "asked", "says"),
    [
        ("feelings", {"sort": "happiest"}, "'saddest' or 'count'"),
        ("feelings", {"confidence": 1}, "less than or equal to 0.999"),
        ("feelings", {"min_users": 0}, "greater than or equal to 1"),
        ("falls", {"top": 0}, "greater than or equal to 1"),
        ("questions", {"label": "page"}, "'name', 'channel', 'stage'"),
    ],
)
def test_what_cannot_be_asked_is_told_in_words(name: str, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        DECLARED[name].parse(asked)


@pytest.mark.parametrize("name", DECLARED)
def test_neo4j_is_not_asked(name: str) -> None:
    with pytest.raises(CypherUnsupported, match="without via=cypher"):
        DECLARED[name].statement(DECLARED[name].parse({}))


# The page.


def blocks() -> list[tuple[str, str]]:
    """Each answer on the page: its name and its block."""
    return re.findall(r"^```(feelings|falls|questions)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def people_and_words() -> tuple[list[Person], dict[str, dict[str, Any]]]:
    """``ann: shop 0.5, help -0.4 "Where is it?"``: touchpoints an hour apart, sentiments, questions."""
    (block,) = re.findall(r"^```people\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    walks, said = [], {}
    for line in block.splitlines():
        key, _, told = line.partition(": ")
        names = []
        for nth, (name, sentiment, question) in enumerate(
            re.findall(r'(\w+)(?: (-?[\d.]+))?(?: "([^"]*)")?(?:, |$)', told)
        ):
            names.append(name)
            detail = {"sentiment": float(sentiment) if sentiment else None, "question": question or None}
            said[f"{key}-{nth:02}"] = detail
        walks.append(f"{key}: {' '.join(names)}")
    return people_of("\n".join(walks)), said


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return "-" if value is None else str(value)


@pytest.mark.parametrize(("name", "block"), blocks())
def test_the_examples_of_the_page(name: str, block: str) -> None:
    header, *lines = block.splitlines()
    columns = header.split()
    crowd, said = people_and_words()
    found = ask(name, crowd, said)
    rows = [*found.rows, *([found.other] if found.other else [])]
    assert [" ".join(shown(getattr(row, column)) for column in columns) for row in rows] == lines


def test_every_column_is_explained() -> None:
    for declared in DECLARED.values():
        section = PAGE[PAGE.index(f"## {declared.name.capitalize()}") :].split("\n## ")[0]
        for column in set(declared.rows.model_fields) - {"rank", "count", "share", "users", "journeys"}:
            assert f"`{column}`" in section, f"{declared.name}: {column}"
