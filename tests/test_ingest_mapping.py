"""The mapping file: what it may say, and how it answers to mistakes."""

from pathlib import Path

import pytest

from graphsvc.errors import InputError, MappingError
from graphsvc.ingest import PLAIN, Mapping, load_mapping
from graphsvc.ingest.mapping import mapping_for

COMPLETE = """\
source = "web"
files = ["web_*.csv.gz"]

[columns]
time = "timestamp"
name = "event"
event_id = "id"

[constants]
channel = "website"

[time]
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"

[identifiers]
customer_id = "user_id"
email = ["email", "alt_email"]

[traits]
age = "age"

[properties]
page = "url"

[labels]
lower = true
replace = { "Checkout - Step1" = "checkout" }

[event_id]
prefix = "web-"

[settings]
goals = ["purchase"]
split = "gap"
gap_days = 14
segments = { older = "age >= 50" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "shop.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, COMPLETE))
    assert mapping.source == "web"
    assert mapping.columns == {"time": "timestamp", "name": "event", "event_id": "id"}
    assert mapping.constants == {"channel": "website"}
    assert (mapping.time.format, mapping.time.zone) == ("%d.%m.%Y %H:%M", "Europe/Berlin")
    assert mapping.identifiers == {"customer_id": ("user_id",), "email": ("email", "alt_email")}
    assert mapping.labels.replacements == {"checkout - step1": "checkout"}
    assert mapping.event_id.prefix == "web-"
    assert mapping.settings["segments"] == {"older": "age >= 50"}
    assert mapping.used == {"timestamp", "event", "id", "user_id", "email", "alt_email", "age", "url"}


def test_the_source_is_the_name_of_the_file_unless_said(tmp_path: Path) -> None:
    assert load_mapping(written(tmp_path, COMPLETE.replace('source = "web"', ""))).source == "shop"
    assert PLAIN.source == "events"
    assert PLAIN.plain


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ('time = "timestamp"', 'tiem = "timestamp"', 5, "columns.tiem: unknown field; did you mean 'time'?"),
        ('channel = "website"', 'chanel = "website"', 10, "constants.chanel: unknown field; did you mean 'channel'?"),
        ("[traits]", "[trait]", 20, "trait: unknown key; did you mean 'traits'?"),
        ('zone = "Europe/Berlin"', 'zones = "Europe/Berlin"', 14, "time.zones: unknown key; did you mean 'zone'?"),
        ('zone = "Europe/Berlin"', 'zone = "Europe/Berln"', 14, "did you mean 'Europe/Berlin'"),
        ('format = "%d.%m.%Y %H:%M"', 'format = "%d.%m. %H:%M"', 13, "whole date"),
        ('age = "age"', "age = 5", 21, "traits.age: Input should be a valid string"),
        ('customer_id = "user_id"', '"customer id" = "user_id"', 16, "'customer id' is no identifier type"),
        ('email = ["email", "alt_email"]', "email = []", 18, "identifiers.email"),
        (
            'goals = ["purchase"]',
            'goal = ["purchase"]',
            34,
            "settings.goal: a mapping may propose no such setting; did you mean 'goals'?",
        ),
        ('split = "gap"', 'split = "gaps"', 35, "'none', 'gap' or 'conversion'"),
        ('"age >= 50"', '"age >= "', 37, "settings.segments: cannot read the segment"),
        ('source = "web"', 'kind = "evnt"', 1, "'event', 'profile' or 'link'"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, before: str, after: str, line: int, said: str) -> None:
    path = written(tmp_path, COMPLETE.replace(before, after))
    with pytest.raises(MappingError) as error:
        load_mapping(path)
    assert str(error.value).startswith(f"{path}, line ")
    assert said in str(error.value)
    assert f"line {line}:" in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[columns]\nname = 'a'\n[identifiers]\nemail = 'e'\n", "an event needs a time"),
        ("[columns]\ntime = 't'\nname = 'a'\n[identifiers]\nemail = 'e'\n", "an event needs a channel"),
        ("[columns]\ntime = 't'\nname = 'a'\nchannel = 'c'\n", "[identifiers] names no column"),
        ("kind = 'profile'\n[traits]\nage = 'age'\n", "[identifiers] names no column"),
        ("[columns\n", "not valid TOML"),
    ],
)
def test_what_an_event_needs_is_missed(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(MappingError) as error:
        load_mapping(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_profiles_links_and_mixed_rows_need_no_touchpoint(tmp_path: Path) -> None:
    for head in ("kind = 'profile'\n", "kind = 'link'\n", "[columns]\nkind = 'k'\n"):
        load_mapping(written(tmp_path, head + "[identifiers]\nemail = 'e'\n"))


def test_a_mapping_without_columns_takes_the_plain_ones(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, "[constants]\nchannel = 'store'\n[settings]\ngoals = ['purchase']\n"))
    assert mapping.plain


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"missing\.toml"):
        load_mapping(tmp_path / "missing.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"source = '\xff'")
    with pytest.raises(MappingError, match="UTF-8"):
        load_mapping(binary)


def test_each_file_takes_the_first_mapping_that_is_meant_for_it() -> None:
    web, rest = Mapping(source="web", files=("web_*.csv*",)), Mapping(source="rest")
    assert mapping_for(Path("in/web_1.csv.gz"), [web, rest]) is web
    assert mapping_for(Path("in/shop.csv"), [web, rest]) is rest
    assert mapping_for(Path("in/shop.csv"), []) is PLAIN
    with pytest.raises(InputError, match=r"shop\.csv.*web_\*\.csv\*"):
        mapping_for(Path("in/shop.csv"), [web])
