"""The commands about who is who, as a person uses them, and the page that explains them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graphsvc.core.normal import PLACEHOLDERS
from graphsvc.deciding import Verdict
from graphsvc.graph import open as open_graph
from graphsvc.rules import DEFAULT_TYPES, Rules, TypeRule, load_rules
from graphsvc.rulings import KEY_VARIABLE

from .command import graphsvc
from .graphs import assert_same, contents

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
FILES: dict[str, str] = dict(re.findall(r"`(\w+\.\w+)`[^`]*?:\n\n```\w+\n(.*?)^```", PAGE, re.S | re.M))
KEY = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and a key for erasures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, "only for tests 0123456789")


class Shop:
    """A folder with the data of the page, and its graph on one store."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.store = folder, store

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        """Run a command on the graph: what it prints, or the line of its error."""
        return graphsvc(*words, "--store", self.store, code=code)

    def json(self, *words: str | Path) -> Any:
        return json.loads(self(*words, "--json"))

    def contents(self) -> dict[str, Any]:
        with open_graph(self.store, write=False) as graph:
            return contents(graph.store)

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


@pytest.fixture
def shop(tmp_path: Path, store_url: str) -> Shop:
    """Ann (customer 17) and Bob (customer 18), as on the page."""
    for name, body in FILES.items():
        (tmp_path / name).write_text(body, encoding="utf-8")
    shop = Shop(tmp_path, store_url)
    shop("ingest", "people.csv")
    return shop


# The page


def test_the_commands_of_the_page_run_and_print_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, body in FILES.items():
        (tmp_path / name).write_text(body, encoding="utf-8")
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```", PAGE, re.S | re.M)
    said = [line for kind, block in blocks if kind == "sh" for line in block.splitlines()]
    assert len(said) >= 18 and all(re.match("graphsvc |export ", line) for line in said)

    def run(line: str) -> str:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            monkeypatch.setenv(name, subprocess.check_output(["bash", "-c", f'printf %s "{value}"'], text=True))
            return ""
        return graphsvc(*shlex.split(line, comments=True)[1:])

    printed = map(run, said)
    last = ""
    for kind, block in blocks:
        if kind == "text":
            assert _timeless(last) == _timeless(block)
        else:
            *_, last = (next(printed) for _ in block.splitlines())


def _timeless(printed: str) -> str:
    """What a command prints, but for keys and the time of the run."""
    return re.sub(r"up to [-\d]+ [:\d]+ UTC", "up to now", KEY.sub("KEY", printed))


def test_the_python_of_the_page_runs(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(FILES["people.csv"])
    graphsvc("ingest", "people.csv")
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_names_each_key_default_and_placeholder() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M)) >= {*Rules.model_fields, *TypeRule.model_fields}
    defaults = re.findall(r"^\| `(\w+)` \| (\d+) \| (yes|no) \| `(\w+)` \|$", PAGE, re.M)
    assert defaults == [
        (name, str(rule.priority), "yes" if rule.unique else "no", rule.normalise)
        for name in DEFAULT_TYPES
        for rule in [Rules().of(name)]
    ]
    assert {(rule.shared_at, rule.hub_above) for rule in Rules().types.values()} == {(2, 50), (0, 0)}
    shown = {text.replace(" ", "").lower() for text in re.findall(r"`([^`\n]+)`", PAGE)}
    assert {text for text in PLACEHOLDERS if text} <= shown


def test_the_rules_of_the_page_say_something_of_each_key(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(FILES["rules.toml"])
    rules = load_rules(tmp_path / "rules.toml")
    assert rules.model_fields_set == set(Rules.model_fields)
    assert rules.of("email").limit == 5 and rules.of("email").normalise == "email"


def test_each_hard_case_names_its_test() -> None:
    named = re.findall(r"`(test_\w+)`", PAGE[PAGE.index("## Hard cases") :])
    assert len(named) == 10
    written = (ROOT / "tests" / "test_hard_cases.py").read_text(encoding="utf-8")
    assert set(named) <= set(re.findall(r"^def (test_\w+)", written, re.M))


# Rules


def test_rules_are_told_in_words(shop: Shop) -> None:
    words = graphsvc("rules", "check", "rules.toml")
    assert "loyalty_card: priority 3, outer spaces are ignored, a user has at most one, set aside when it" in words
    assert "Phone numbers without a country code are of DE." in words
    checked = json.loads(graphsvc("rules", "check", "rules.toml", "--json"))
    assert (checked["types"]["email"]["limit"], checked["nearest_login_minutes"]) == (5, 15.0)
    assert "customer_id: priority 1, outer spaces are ignored, a user has at most one." in shop("rules", "show")
    assert shop.json("rules", "show") == Rules().model_dump(mode="json")


BAD_RULES = {
    "an unknown key": ("[types.email]\nlimits = 3\n", "types.email.limits"),
    "an unknown heading": ("[type.email]\nlimit = 3\n", "type"),
    "unique with limit": ("[types.email]\nunique = true\nlimit = 3\n", "unique contradicts limit = 3"),
    "unique with shared_at": ("[types.email]\nunique = true\nshared_at = 3\n", "shared_at has no meaning"),
    "shared from the first on": ("[types.email]\nshared_at = 1\n", "shared_at = 1"),
    "a broken expression": ('[types.email]\nblocked = ["a("]\n', "'a(' is not a regular expression"),
    "look-around": ('[types.email]\nblocked = ["(?=a)b"]\n', "no look-around"),
    "back-references": ("[types.email]\nblocked = ['(a)\\1']\n", "no back-references"),
    "matches everything": ('[types.email]\nblocked = ["a*"]\n', "matches the empty text"),
    "no such country": ('default_region = "XX"\n', "'XX' is no country code"),
    "no such way": ('[survivorship]\nage = "oldest"\n', "'latest' or 'earliest'"),
    "no type": ('[types."e mail"]\nlimit = 3\n', "'e mail' is no identifier type"),
    "no TOML": ("[types.email\n", "line 1"),
}


@pytest.mark.parametrize(("text", "says"), BAD_RULES.values(), ids=list(BAD_RULES))
def test_a_bad_rules_file_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    line = graphsvc("rules", "check", "bad.toml", code=2)
    assert line.startswith("bad-rules: bad.toml") and says in line


def test_a_rules_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nofile.toml" in graphsvc("rules", "check", "nofile.toml", code=2)


def test_resolve_with_bad_rules_changes_nothing(shop: Shop) -> None:
    before = shop.contents()
    shop.write("bad.toml", "[types.email]\nlimits = 3\n")
    assert shop("resolve", "--rules", "bad.toml", code=2).startswith("bad-rules")
    assert_same(shop.contents(), before)


def test_resolve_previews_then_changes_the_rules(shop: Shop) -> None:
    shop.write("one.toml", "[types.device_id]\nshared_at = 0\n")
    before, revision = shop.contents(), shop.json("status")["revision"]
    dry = shop("resolve", "--rules", "one.toml", "--dry-run")
    assert "shared identifiers 1 → 0" in dry and dry.endswith("nothing was changed (--dry-run)\n")
    foreseen = shop.json("resolve", "--rules", "one.toml", "--dry-run")
    assert foreseen["revision"] is None
    assert_same(shop.contents(), before)
    assert shop.json("status")["revision"] == revision
    done = shop("resolve", "--rules", "one.toml")
    assert "users: 4 → 3" in done, "who was at the till first has its anonymous events, too"
    assert (foreseen["preview"]["users_before"], foreseen["preview"]["users_after"]) == (4, 3)
    assert shop.json("rules", "show")["types"]["device_id"]["shared_at"] == 0


# Explaining


def test_explain_says_why_and_why_not(shop: Shop) -> None:
    together = shop("explain", "email: BOB@example.org", "customer_id:18")
    assert together.startswith("They are one person: one link leads from one to the other.")
    apart = shop.json("explain", "customer_id:17", "customer_id:18")
    assert (apart["same"], [step["accepted"] for step in apart["chain"]]) == (False, [True, False, True])
    assert apart["chain"][1]["reason"] == "unique:customer_id"
    assert len({*apart["users"]}) == 2 and all(KEY.fullmatch(user) for user in apart["users"])


def test_what_nobody_has_is_an_error_that_does_not_repeat_it(shop: Shop) -> None:
    before, nobody, known = shop.contents(), "email:nobody@example.org", "customer_id:18"
    for words in (
        ("explain", nobody, known),
        ("decide", "same", nobody, known),
        ("decide", "different", known, nobody),
        ("withdraw", nobody, known),
        ("erase", nobody),
        ("identity-map", nobody),
        ("decisions", "remove", "0" * 32),
        ("key", "0" * 32),
        ("erase", "0" * 32),
    ):
        line = shop(*words, code=3)
        assert line.startswith("not-found: ") and "nobody@example.org" not in line, words
    assert_same(shop.contents(), before)


# Deciding


@pytest.mark.parametrize("verdict", ["same", "different"])
def test_a_decision_is_listed_and_its_removal_restores_the_graph(shop: Shop, verdict: Verdict) -> None:
    before = shop.contents()
    pair = ("email:ann@example.org", "customer_id:17") if verdict == "same" else ("cookie:c-17", "customer_id:17")
    made = shop("decide", verdict, *pair, "--reason", "she said so")
    assert made.startswith(f"decided: {verdict}  ") and "revision 2" in made
    (listed,) = shop.json("decisions", "list")
    assert (listed["kind"], {listed["a"], listed["b"]}, listed["reason"]) == (verdict, {*pair}, "she said so")
    shown = shop("decisions", "list")
    assert listed["key"] in shown and shown.endswith("1 decision\n")
    assert shop.json("explain", *pair)["same"] == (verdict == "same")
    removed = shop.json("decisions", "remove", listed["key"])
    assert [each["key"] for each in removed["decisions"]] == [listed["key"]]
    assert shop("decisions", "list") == "0 decisions\n"
    assert_same(shop.contents(), before)


def test_a_contradiction_is_refused(shop: Shop) -> None:
    shop("decide", "same", "email:ann@example.org", "customer_id:17")
    before = shop.contents()
    line = shop("decide", "different", "customer_id:17", "email:ann@example.org", code=2)
    assert line.startswith("decision-conflict: ") and "graphsvc decisions list" in line
    assert_same(shop.contents(), before)


def test_an_identifier_is_not_two_people(shop: Shop) -> None:
    assert "one identifier" in shop("decide", "different", "email:ann@example.org", "email:ANN@example.org", code=2)


def test_a_stated_link_is_withdrawn_and_comes_back(shop: Shop) -> None:
    before = shop.contents()
    made = shop.json("withdraw", "customer_id:17", "loyalty_card:4711", "--reason", "typing error")
    assert [(each["kind"], each["reason"]) for each in made["decisions"]] == [("withdrawn", "typing error")]
    why = shop("explain", "customer_id:17", "loyalty_card:4711")
    assert why.startswith("They are two people: the link was withdrawn.")
    assert "removed: withdrawn" in shop("decisions", "remove", made["decisions"][0]["key"])
    assert_same(shop.contents(), before)
    assert "decide different" in shop("withdraw", "cookie:c-17", "customer_id:17", code=3)


# Erasing


@pytest.fixture
def rejected(shop: Shop) -> Path:
    """A rejects file that names Ann and Bob."""
    rows = [f"soon,ad,web,{name}@example.org" for name in ("ann", "bob")]
    shop.write("bad.csv", "\n".join(["time,name,channel,email", *rows]) + "\n")
    shop("ingest", "bad.csv", "--rejects", "bad.jsonl")
    return shop.folder / "bad.jsonl"


def test_erase_says_what_goes_and_a_replay_brings_nobody_back(shop: Shop, rejected: Path) -> None:
    before, revision = shop.contents(), shop.json("status")["revision"]
    former = shop.json("user", "email:ann@example.org")["key"]
    dry = shop("erase", "email:ann@example.org", "--dry-run", "--rejects", rejected)
    assert dry.startswith("would be erased: 1 identifiers, 1 events, 1 journeys, 0 links, 0 decisions, 1 rejected rows")
    assert dry.endswith("nothing was changed (--dry-run)\n")
    assert_same(shop.contents(), before)
    assert (shop.json("status")["revision"], len(rejected.read_text().splitlines())) == (revision, 2)

    gone = shop.json("erase", "email:ann@example.org", "--rejects", rejected)
    assert (gone["done"], gone["identifiers"], gone["events"], gone["rejects"]) == (True, 1, 1, 1)
    assert "ann@" not in json.dumps(gone) and gone["left"]
    assert "ann@" not in rejected.read_text() and "bob@" in rejected.read_text()
    assert "ann@" not in str([table.to_dicts() for table in shop.contents().values()])
    assert shop("key", former) == "erased\n"
    assert "1 of people who were erased" in shop("ingest", "people.csv")
    assert shop("erase", "email: Ann@example.org", code=2).startswith("erased-already: ")
    assert shop("erase", former, code=2).startswith("erased-already: ")


def test_a_user_key_names_a_person_too(shop: Shop) -> None:
    key = shop.json("user", "customer_id:18")["key"]
    assert "erased: 3 identifiers, 4 events" in shop("erase", key)
    assert shop("user", "email:bob@example.org", code=3).startswith("not-found")


def test_a_shared_value_is_nobody_to_erase(shop: Shop) -> None:
    before = shop.contents()
    line = shop("erase", "device_id:till-2", code=2)
    assert line.startswith("cannot-erase: that identifier is shared by 2 users") and "till-2" not in line
    assert shop.json("user", "customer_id:17")["key"] in line
    assert_same(shop.contents(), before)


def test_erasing_needs_the_key_and_then_writing_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.contents()
    monkeypatch.delenv(KEY_VARIABLE)
    line = shop("erase", "email:ann@example.org", code=2)
    assert line.startswith("erasure-key-missing: ") and KEY_VARIABLE in line
    assert_same(shop.contents(), before)
    monkeypatch.setenv(KEY_VARIABLE, "short")
    assert "16 characters" in shop("erase", "email:ann@example.org", code=2)
    monkeypatch.setenv(KEY_VARIABLE, "the first key 0123456789")
    shop("erase", "email:ann@example.org")
    monkeypatch.setenv(KEY_VARIABLE, "another key 0123456789")
    erased = shop.contents()
    for words in (
        ("ingest", "people.csv"),
        ("resolve", "--rules", "rules.toml"),
        ("decide", "same", "cookie:c-17", "customer_id:18"),
        ("erase", "customer_id:18"),
    ):
        assert "is not the key" in shop(*words, code=2), words
    assert "is not the key" in graphsvc("copy", shop.store, "copy.duckdb", code=2)
    assert_same(shop.contents(), erased)
    assert shop.json("user", "customer_id:18")["journeys"], "reading needs no key"


def test_a_copy_goes_on_refusing_who_was_erased(shop: Shop) -> None:
    shop("erase", "email:ann@example.org")
    graphsvc("copy", shop.store, "copy.duckdb")
    again = graphsvc("ingest", "people.csv", "--store", "copy.duckdb", "--json")
    assert (json.loads(again)["new"], json.loads(again)["erased"]) == (0, 1)


# Looking


def test_key_says_what_became_of_a_user(shop: Shop) -> None:
    ann, card = (shop.json("user", name)["key"] for name in ("customer_id:17", "email:ann@example.org"))
    assert shop("key", ann) == f"current {ann}\n"
    shop("decide", "same", "customer_id:17", "email:ann@example.org")
    assert shop("key", card) == f"moved {ann}\n"
    assert shop.json("key", card)["users"] == [ann]


def test_quality_hides_identifiers_unless_asked(shop: Shop) -> None:
    shown = shop("quality", "--top", "3")
    assert "shared identifiers: 1" in shown and "device_id:•••" in shown and "till-2" not in shown
    found = shop.json("quality")
    assert [(row["reason"], row["pairs"]) for row in found["refused_links"]] == [
        ("shared", 2),
        ("unique:customer_id", 1),
    ]
    assert [(row["form"], row["count"]) for row in found["set_aside"]] == [("guest", 1)]
    assert "till-2" in json.dumps(shop.json("quality", "--identifiers"))


def test_score_measures_against_known_people(shop: Shop) -> None:
    found = shop.json("score", "truth.csv")
    assert (found["identifiers"], found["pairwise"]["f1"], found["b_cubed"]["f1"]) == (4, 1.0, 1.0)
    assert "pairwise f1: 1.000" in shop("score", "truth.csv")
    assert "nofile.csv" in shop("score", "nofile.csv", code=2)


def test_the_identity_map_is_one_file(shop: Shop) -> None:
    assert shop("identity-map", "customer_id:17", "--out", "ann.html") == "open ann.html\n"
    page = (shop.folder / "ann.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>") and "c-17" in page


COMMANDS = ["rules check", "rules show", "resolve", "explain", "decide", "withdraw", "decisions list"]
COMMANDS += ["decisions remove", "erase", "key", "quality", "score", "identity-map"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(tmp_path: Path, command: str) -> None:
    assert f"graphsvc {command}" in graphsvc(*command.split(), "--help")
