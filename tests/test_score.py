"""Scores: an example that can be counted by hand, pairs and items enumerated one by one, and files of truth."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.errors import InputError
from graphsvc.example import generate
from graphsvc.score import Agreement, Score, read_truth, score


def frame(groups: dict[str, str], holder: str) -> pl.DataFrame:
    """A table from ``{"user": "a b c"}``: the identifiers of each, in one text."""
    rows = [(identifier, name) for name, held in groups.items() for identifier in held.split()]
    return pl.DataFrame(rows, schema={"identifier": pl.String, holder: pl.String}, orient="row")


def scored(users: dict[str, str], persons: dict[str, str]) -> Score:
    return score(frame(users, "user"), frame(persons, "person"))


def test_by_hand() -> None:
    """Users {a b c} and {d e}, persons {a b} and {c d e}.

    Pairs: claimed ab ac bc de, true ab cd ce de, right ab de. B-cubed precision: a and b 2/3 each, c 1/3, d and e 1;
    recall: a and b 1, c 1/3, d and e 2/3.
    """
    found = scored({"u": "a b c", "v": "d e"}, {"p": "a b", "q": "c d e"})
    assert (found.claimed_pairs, found.true_pairs, found.right_pairs) == (4, 4, 2)
    assert found.pairwise == Agreement(precision=0.5, recall=0.5, f1=0.5)
    assert found.b_cubed.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert found.b_cubed.recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert (found.merged_users, found.split_persons) == (1, 1)


def test_a_published_example() -> None:
    """Bagga and Baldwin's own: 1–5, 6–7 and 8–C in truth.

    The first response joins 6–7 with 8–C: precision 9/12 + …; B-cubed precision 76%; the second joins 1–5 with 8–C:
    58%. Recall is 100% in both.
    """
    truth = {"p": "1 2 3 4 5", "q": "6 7", "r": "8 9 A B C"}
    first = scored({"u": "1 2 3 4 5", "v": "6 7 8 9 A B C"}, truth).b_cubed
    second = scored({"u": "1 2 3 4 5 8 9 A B C", "v": "6 7"}, truth).b_cubed
    assert (round(first.precision, 2), first.recall) == (0.76, 1)
    assert (round(second.precision, 2), second.recall) == (0.58, 1)


def test_nothing_claimed_and_nothing_to_claim() -> None:
    """Singles claim no pair: precision 1, recall 0. Single persons leave no pair to claim: recall 1. Nobody: all 1."""
    apart = scored({"u": "a", "v": "b"}, {"p": "a b"})
    assert apart.pairwise == Agreement(precision=1, recall=0, f1=0)
    together = scored({"u": "a b"}, {"p": "a", "q": "b"})
    assert together.pairwise == Agreement(precision=0, recall=1, f1=0)
    nobody = scored({}, {})
    assert nobody.pairwise == nobody.b_cubed == Agreement(precision=1, recall=1, f1=1)
    assert nobody.identifiers == 0


def test_only_what_both_know_is_measured() -> None:
    """Strangers to one side change no measure, and are counted; shared identifiers claim nothing."""
    users = frame({"u": "a b x"}, "user").vstack(pl.DataFrame({"identifier": ["s"], "user": [None]}).cast(pl.String))
    found = score(users, frame({"p": "a b s y z"}, "person"))
    assert found.pairwise == Agreement(precision=1, recall=1, f1=1)
    assert (found.identifiers, found.only_resolved, found.only_truth) == (2, 1, 3)
    assert Score.model_validate_json(found.model_dump_json()) == found


def test_one_identifier_has_one_holder() -> None:
    """Two users or two persons of one identifier, or a missing column, are errors; a repeated row is none."""
    once = frame({"u": "a"}, "user")
    with pytest.raises(InputError, match="1 identifiers have more than one user"):
        score(frame({"u": "a", "v": "a"}, "user"), frame({"p": "a"}, "person"))
    with pytest.raises(InputError, match="the truth: 1 identifiers have more than one person"):
        score(once, frame({"p": "a", "q": "a"}, "person"))
    with pytest.raises(InputError, match="column person is missing; given: identifier, user"):
        score(once, once)
    assert score(pl.concat([once, once]), frame({"p": "a a"}, "person")).identifiers == 1


def test_a_user_of_many_identifiers_costs_no_pairs() -> None:
    """Five billion pairs, counted at once."""
    many = pl.DataFrame({"identifier": [f"cookie:{i}" for i in range(100_000)]})
    found = score(many.with_columns(user=pl.lit("u")), many.with_columns(person=pl.lit("p")))
    assert found.right_pairs == 100_000 * 99_999 // 2
    assert found.b_cubed == Agreement(precision=1, recall=1, f1=1)


_partitions = st.dictionaries(st.integers(0, 11).map(str), st.sampled_from("uvwx"), max_size=12)


@given(_partitions, _partitions)
@settings(max_examples=200, deadline=None)
def test_against_pairs_enumerated_one_by_one(users: dict[str, str], persons: dict[str, str]) -> None:
    found = score(
        pl.DataFrame(list(users.items()), schema={"identifier": pl.String, "user": pl.String}, orient="row"),
        pl.DataFrame(list(persons.items()), schema={"identifier": pl.String, "person": pl.String}, orient="row"),
    )
    both = sorted(users.keys() & persons.keys())
    claimed = {pair for pair in combinations(both, 2) if users[pair[0]] == users[pair[1]]}
    true = {pair for pair in combinations(both, 2) if persons[pair[0]] == persons[pair[1]]}
    assert (found.claimed_pairs, found.true_pairs, found.right_pairs) == (len(claimed), len(true), len(claimed & true))
    assert found.pairwise.precision == pytest.approx(len(claimed & true) / len(claimed) if claimed else 1)
    assert found.pairwise.recall == pytest.approx(len(claimed & true) / len(true) if true else 1)
    precision, recall = [], []
    for one in both:
        user = {other for other in both if users[other] == users[one]}
        person = {other for other in both if persons[other] == persons[one]}
        precision.append(len(user & person) / len(user))
        recall.append(len(user & person) / len(person))
    assert found.b_cubed.precision == pytest.approx(sum(precision) / len(both) if both else 1)
    assert found.b_cubed.recall == pytest.approx(sum(recall) / len(both) if both else 1)
    assert found.only_resolved == len(users) - len(both)
    assert found.only_truth == len(persons) - len(both)


def test_reads_the_truth_of_the_example(tmp_path: Path) -> None:
    """The file that the example writes is read, and agrees with itself."""
    truth = read_truth(generate(tmp_path, events=2_000, seed=3).truth)
    assert truth.columns == ["identifier", "person"]
    assert len(truth) > 500 and truth["identifier"].is_unique().all()
    found = score(truth.rename({"person": "user"}), truth)
    assert (found.pairwise.f1, found.b_cubed.f1) == (1, 1)


def test_a_file_of_truth(tmp_path: Path) -> None:
    """Columns in either order, a byte order mark, quotes; numbers stay texts; rows that repeat count once."""
    file = tmp_path / "truth.csv"
    file.write_text('\ufeffperson,identifier\n007,email:b@x.org\n007,"cookie:a,1"\n007,email:b@x.org\n', "utf-8")
    assert read_truth(file).rows() == [("cookie:a,1", "007"), ("email:b@x.org", "007")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty; it needs a header with the columns identifier,person"),
        (b"identifier,user\na,b\n", "has the columns identifier,user; a file of truth has identifier,person"),
        (b"identifier,person,age\na,b,1\n", "has the columns identifier,person,age"),
        (b"identifier;person\na;b\n", "has the columns identifier;person"),
        (b"identifier,person\na,1\nb,\n", "row 2 below the header: it lacks an identifier or a person"),
        (b"identifier,person\na,1\nb,2\na,2\n", "rows 1 and 3 below the header give one identifier to two persons"),
        (b"identifier,person\n\xff\xfe,1\n", "is not CSV in UTF-8"),
        (b"identifier,person\na,1,2\n", "is not CSV in UTF-8"),
    ],
)
def test_what_is_no_file_of_truth(tmp_path: Path, text: bytes, said: str) -> None:
    file = tmp_path / "truth.csv"
    file.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_truth(file)
    assert str(file) in str(caught.value) and said in str(caught.value)


def test_no_file_of_truth(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_truth(path)
