"""The example data: reproducible, as large as asked, as troubled as stated, and telling its stories.

The files are read here by plain polars from what their mappings say, so that nothing of the ingest vouches for them.
"""

from __future__ import annotations

import gzip
import hashlib
import tomllib
from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from graphsvc.errors import InputError
from graphsvc.example import Example, Story, generate
from graphsvc.example.details import detailed
from graphsvc.example.life import live
from graphsvc.example.people import born
from graphsvc.example.scenes import NAMES
from graphsvc.example.story import BEGIN, END
from graphsvc.example.systems import EVENT_SYSTEMS
from graphsvc.example.trouble import PLACEHOLDERS
from graphsvc.ingest import load_mapping, read_events
from graphsvc.settings import Settings

EVENT_SOURCES = [system.name for system in EVENT_SYSTEMS]
GOALS = ["purchase", "store_purchase"]
OFFLINE = ["store_visit", "event_visit"]


@dataclass(frozen=True)
class Read:
    """An example, read back."""

    example: Example
    rows: dict[str, pl.DataFrame]  # by source: the whole rows of its file as they stand there, with their number
    said: pl.DataFrame  # source, row, identifier: all that rows say about their person
    events: pl.DataFrame  # source, row, at, name, good, repeated: each row of the systems that record events
    truth: pl.DataFrame  # identifier, person

    @property
    def touchpoints(self) -> pl.DataFrame:
        """Good rows, each once, with the person whom the truth names: person, at, name."""
        person = self.said.join(self.truth, on="identifier").group_by("source", "row").agg(pl.col("person").first())
        once = self.events.filter("good", ~pl.col("repeated"))
        return once.join(person, on=["source", "row"]).select("person", "at", "name")

    @property
    def ages(self) -> pl.DataFrame:
        """What the customer records say: person, age."""
        records = self.rows["crm"].select(pl.col("age").cast(pl.Int64), identifier="customer_id:" + pl.col("customer"))
        return records.drop_nulls().join(self.truth, on="identifier").select("person", "age")


def read(example: Example) -> Read:
    rows = {source: whole_rows(path).with_row_index("row") for source, path in example.files.items()}
    said = pl.concat(identifiers(source, rows[source], mapping(example, source)) for source in rows)
    events = pl.concat(recorded(source, rows[source], mapping(example, source)) for source in EVENT_SOURCES)
    named = said.select("source", "row", named=True).unique()
    sane = pl.col("at").is_between(BEGIN, END, closed="left")
    events = events.join(named, on=["source", "row"], how="left", maintain_order="left")
    events = events.with_columns(good=(sane & pl.col("named")).fill_null(False)).drop("named")
    return Read(example, rows, said, events, pl.read_csv(example.truth))


def mapping(example: Example, source: str) -> dict[str, Any]:
    return tomllib.loads(example.mappings[source].read_text(encoding="utf-8"))


def whole_rows(path: Path) -> pl.DataFrame:
    """All rows but one that the end of the file breaks off; every column is text, but for lists."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path).cast(pl.String)
    text = gzip.decompress(path.read_bytes())
    text = text[: text.rindex(b"\n") + 1]
    return pl.read_ndjson(text) if ".jsonl" in path.suffixes else pl.read_csv(text, infer_schema=False)


def identifiers(source: str, rows: pl.DataFrame, mapping: dict[str, Any]) -> pl.DataFrame:
    found = []
    for kind, columns in mapping["identifiers"].items():
        for column in [columns] if isinstance(columns, str) else columns:
            values = rows.select("row", value=column)
            if values.schema["value"] == pl.List:
                values = values.explode("value")
            value = pl.col("value").str.to_lowercase() if kind == "email" else pl.col("value")
            found.append(values.drop_nulls().select("row", identifier=pl.lit(f"{kind}:") + value))
    return pl.concat(found).select(pl.lit(source).alias("source"), "row", "identifier")


def recorded(source: str, rows: pl.DataFrame, mapping: dict[str, Any]) -> pl.DataFrame:
    columns, labels = mapping["columns"], mapping.get("labels", {})
    name = pl.col(columns["name"]) if "name" in columns else pl.lit(mapping["constants"]["name"])
    if labels.get("lower"):
        name = name.str.to_lowercase()
    return rows.select(
        pl.lit(source).alias("source"),
        "row",
        at=utc(pl.col(columns["time"]), **mapping.get("time", {})),
        name=name.replace(labels.get("replace", {})),
        repeated=~pl.struct(pl.exclude("row")).is_first_distinct(),
    )


def utc(text: pl.Expr, format: str = "iso", zone: str = "UTC") -> pl.Expr:
    if format in ("s", "ms"):
        count = text.cast(pl.Int64, strict=False) * (1_000_000 if format == "s" else 1_000)
        return count.cast(pl.Datetime("us"))
    if format != "iso":
        local = text.str.to_datetime(format, strict=False, time_unit="us")
        return local.dt.replace_time_zone(zone).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    plain = text.str.slice(0, 19).str.replace("T", " ")
    local = plain.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    offset = text.str.extract(r"\+(\d\d):00$").cast(pl.Int64)
    in_zone = local.dt.replace_time_zone(zone).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return pl.when(offset.is_null()).then(in_zone).otherwise(local - pl.duration(hours=offset))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return read(generate(tmp_path_factory.mktemp("small"), events=20_000))


def digests(example: Example) -> dict[str, str]:
    paths = [*example.files.values(), *example.mappings.values(), example.truth]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_same_seed_and_size_give_the_same_bytes(small: Read, tmp_path: Path) -> None:
    again = generate(tmp_path / "again", events=20_000)
    assert digests(again) == digests(small.example)
    other = generate(tmp_path / "other", events=20_000, seed=2)
    assert digests(other)["website.csv.gz"] != digests(again)["website.csv.gz"]
    assert digests(other)["website.toml"] == digests(again)["website.toml"]


@pytest.mark.parametrize("events", [1, 500, 5_000])
def test_it_is_as_large_as_asked(tmp_path: Path, events: int) -> None:
    example = generate(tmp_path, events=events)
    assert events <= example.events <= events + 60  # the last person is told to the end
    assert example.events == sum(example.counts[source].events for source in EVENT_SOURCES)


def test_a_person_has_about_eighteen_events(small: Read) -> None:
    assert 17 < small.example.events / small.example.people < 20
    assert small.truth["person"].n_unique() <= small.example.people


def test_many_batches_make_one_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphsvc.example._BATCH", 100)
    told: list[tuple[int, int]] = []
    whole = read(generate(tmp_path, events=5_000, progress=lambda done, total: told.append((done, total))))
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == (whole.example.events, 5_000)
    hits = whole.rows["website"].filter(whole.events.filter(source="website")["good"])["hit"]
    assert hits.n_unique() == whole.example.counts["website"].events
    assert whole.truth["identifier"].is_unique().all()


@pytest.mark.parametrize(("events", "seed"), [(0, 1), (-5, 1), (10, -1)])
def test_impossible_wishes_are_refused(tmp_path: Path, events: int, seed: int) -> None:
    with pytest.raises(InputError, match="at least 1 event"):
        generate(tmp_path, events=events, seed=seed)
    assert not list(tmp_path.iterdir())


# Files and mappings


@pytest.mark.parametrize("source", [*EVENT_SOURCES, "crm", "members"])
def test_a_mapping_names_columns_that_exist(small: Read, source: str) -> None:
    path = small.example.files[source]
    told = mapping(small.example, source)
    assert told["source"] == source
    assert [pattern for pattern in told["files"] if path.match(pattern)]
    named = [column for part in ("columns", "traits", "properties") for column in told.get(part, {}).values()]
    for columns in told["identifiers"].values():
        named += [columns] if isinstance(columns, str) else columns
    assert set(named) <= set(small.rows[source].columns)


def test_each_file_is_read_by_one_mapping_only(small: Read) -> None:
    for path in small.example.files.values():
        patterns = [p for source in small.example.mappings for p in mapping(small.example, source)["files"]]
        assert sum(path.match(pattern) for pattern in patterns) == 1


def test_the_settings_know_every_touchpoint_and_channel(small: Read) -> None:
    proposed = [mapping(small.example, source).get("settings") for source in small.example.mappings]
    settings = Settings.model_validate(next(given for given in proposed if given))
    assert sum(given is not None for given in proposed) == 1
    assert sorted(settings.stages) == sorted(small.events["name"].drop_nulls().unique()) == NAMES.categories.to_list()
    assert 20 <= len(settings.stages) <= 30
    channels = {mapping(small.example, source)["constants"]["channel"] for source in EVENT_SOURCES}
    assert set(settings.channels) == channels
    assert set(settings.goals) <= set(settings.stages)
    assert set(settings.segments) == {"younger", "older"}


def test_ids_of_two_systems_stay_apart(small: Read) -> None:
    numbered = [told for s in EVENT_SOURCES if "event_id" in (told := mapping(small.example, s))["columns"]]
    prefixes = [told["event_id"]["prefix"] for told in numbered]
    assert len(set(prefixes)) == len(prefixes) == 7


def test_each_file_says_when_things_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was lived and what is read back agree, whatever zone and format lie between."""
    lived: list[pl.DataFrame] = []

    def overheard(touchpoints: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
        lived.append(touchpoints)
        return detailed(touchpoints, rng)

    monkeypatch.setattr("graphsvc.example.detailed", overheard)
    seen = read(generate(tmp_path, events=5_000)).events.filter("good", ~pl.col("repeated"))
    happened = pl.concat(lived).select(
        source=pl.col("system").cast(pl.String),
        name=pl.col("name").cast(pl.String),
        minute=(BEGIN + pl.duration(seconds="second")).dt.truncate("1m"),
    )
    order = ["source", "name", "minute"]
    read_back = seen.select("source", "name", minute=pl.col("at").dt.truncate("1m"))
    assert_frame_equal(read_back.sort(order), happened.sort(order))


# Trouble


@pytest.mark.parametrize("source", EVENT_SOURCES)
def test_trouble_is_counted_to_the_row(small: Read, source: str) -> None:
    counts = small.example.counts[source]
    seen = small.events.filter(source=source)
    good = seen.filter("good")
    broken_off = 0 if small.example.files[source].suffix == ".parquet" else 1
    assert len(good.filter(~pl.col("repeated"))) == counts.events
    assert len(good.filter("repeated")) == counts.duplicates
    assert len(seen) - len(good) + broken_off == counts.bad
    unusable = small.said.filter(pl.col("identifier").str.split(":").list.last().is_in(PLACEHOLDERS))
    once = good.filter(~pl.col("repeated"))
    assert len(once.join(unusable, on=["source", "row"], how="semi")) == counts.placeholders


def test_trouble_is_as_rare_as_stated(small: Read) -> None:
    counts = [small.example.counts[source] for source in EVENT_SOURCES]
    assert sum(c.duplicates for c in counts) / small.example.events == pytest.approx(0.010, abs=0.001)
    assert sum(c.placeholders for c in counts) / small.example.events == pytest.approx(0.009, abs=0.001)
    assert sum(c.bad for c in counts) / small.example.events == pytest.approx(0.0035, abs=0.0005)


def test_every_kind_of_bad_row_occurs(small: Read) -> None:
    bad = small.events.filter(~pl.col("good"))
    assert bad["at"].null_count() > 0
    assert (bad["at"].dt.year() > 9000).any()
    times = small.rows["website"]["time"]
    assert times.null_count() > 0
    assert "some time" in times
    unnamed = bad.join(small.said, on=["source", "row"], how="anti")
    assert unnamed["at"].is_between(BEGIN, END).any()


def test_rows_arrive_out_of_order_and_scans_days_later(small: Read) -> None:
    for source in EVENT_SOURCES:
        at = small.events.filter("good", source=source)["at"]
        assert not at.is_sorted()
    scans = small.rows["stores"].filter(small.events.filter(source="stores")["good"])
    booked = scans["booked"].str.to_datetime("%d.%m.%Y %H:%M").dt.date()
    scanned = scans["scanned"].str.to_date("%d.%m.%Y")
    assert (scanned - booked).dt.total_days().is_between(1, 10).all()


# Who is who


def test_no_row_names_two_people(small: Read) -> None:
    assert small.truth["identifier"].is_unique().all()
    people = small.said.join(small.truth, on="identifier").group_by("source", "row").agg(pl.col("person").n_unique())
    assert people["person"].max() == 1


def test_the_truth_leaves_out_what_is_shared_or_says_nothing(small: Read) -> None:
    good = small.events.filter("good").select("source", "row")
    registered = pl.concat(
        small.rows[source].select(pl.lit(source).alias("source"), "row") for source in ("crm", "members")
    )
    said = small.said.join(pl.concat([good, registered]), on=["source", "row"])
    left_out = said.join(small.truth, on="identifier", how="anti")["identifier"].unique()
    assert small.truth.join(said, on="identifier", how="anti").is_empty()
    shared = left_out.filter(~left_out.str.split(":").list.last().is_in(PLACEHOLDERS))
    assert shared.str.contains(r"^(cookie:kiosk-\d+|cookie:v1\.\d{10}|device_id:tb-\d{10})$").all()
    assert (shared == "cookie:kiosk-1").any()
    rows = said.filter(pl.col("identifier").is_in(shared.implode()))["row"]
    assert 0.002 < len(rows) / small.example.events < 0.02


def test_a_kiosk_and_a_tablet_meet_several_customers(small: Read) -> None:
    customers = small.said.filter(pl.col("identifier").str.starts_with("customer_id:C"))
    met = small.said.join(customers, on=["source", "row"], suffix="_met").group_by("identifier")
    several = met.agg(pl.col("identifier_met").n_unique()).filter(pl.col("identifier_met") > 1)["identifier"]
    assert "cookie:kiosk-1" in several
    assert several.str.starts_with("device_id:tb-").any()


# Stories


def first_touches(touchpoints: pl.DataFrame) -> pl.DataFrame:
    return touchpoints.sort("person", "at").group_by("person", maintain_order=True).first()


def share(rows: pl.DataFrame, condition: pl.Expr) -> float:
    return float(rows.select(condition.mean()).item())


def odds(probability: float) -> float:
    return probability / (1 - probability)


def effects(touchpoints: pl.DataFrame, ages: pl.DataFrame) -> Story:
    """How strongly each story shows, measured from nothing but person, at, name, and person, age."""
    first = first_touches(touchpoints).join(ages, on="person")
    older, younger = first.filter(pl.col("age") >= 50), first.filter(pl.col("age") < 50)
    offline, instagram = pl.col("name").is_in(OFFLINE), pl.col("name") == "instagram_ad_view"

    then = touchpoints.sort("person", "at").with_columns(then=pl.col("name").shift(-1).over("person"))
    at_costs = then.filter(pl.col("name") == "delivery_costs")

    goal = pl.col("name").is_in(GOALS)
    people = touchpoints.group_by("person").agg(
        chats=(pl.col("name") == "chat_question").any(),
        goals=goal.sum(),
        bought_at=pl.col("at").filter(goal).min(),
        asked=pl.col("at").filter(pl.col("name") == "support_contact").min(),
        answered=pl.col("at").filter(pl.col("name") == "support_answer").min(),
    )
    early = people.filter(pl.col("bought_at") < END - timedelta(days=60))  # all of these had the time to buy again
    unasked = early.filter(pl.col("asked").is_null())
    late = early.filter(pl.col("answered") - pl.col("asked") > timedelta(days=1))
    buys, buys_again = pl.col("goals") > 0, pl.col("goals") > 1
    return Story(
        older_offline=odds(share(older, offline)) / odds(0.30),
        younger_instagram=odds(share(younger, instagram)) / odds(0.20),
        delivery_leaves=share(at_costs, pl.col("then").ne_missing("payment")) / 0.08,
        chat_buys=share(people.filter("chats"), buys) / share(people.filter(~pl.col("chats")), buys),
        late_answer_repeats=share(late, buys_again) / share(unasked, buys_again),
    )


def close(measured: Story, meant: Story, tolerance: float) -> None:
    for story in fields(Story):
        assert getattr(measured, story.name) == pytest.approx(getattr(meant, story.name), rel=tolerance), story.name


@pytest.mark.parametrize("untold", [None, *(story.name for story in fields(Story)), "all"])
def test_each_story_is_as_strong_as_its_factor_and_can_be_switched_off_alone(untold: str | None) -> None:
    meant = Story() if untold is None else Story.untold() if untold == "all" else replace(Story(), **{untold: 1.0})
    rng = np.random.default_rng(7)
    people = born(0, 20_000, rng)
    lived = live(people, meant, rng)
    touchpoints = lived.select(
        person=pl.col("row"), at=BEGIN + pl.duration(seconds="second"), name=pl.col("name").cast(pl.String)
    )
    close(effects(touchpoints, pl.DataFrame({"person": np.arange(len(people)), "age": people.age})), meant, 0.15)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return read(generate(tmp_path_factory.mktemp("told"), events=100_000))


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return read(generate(tmp_path_factory.mktemp("untold"), events=100_000, story=Story.untold()))


def test_the_files_tell_the_stories(told: Read) -> None:
    close(effects(told.touchpoints, told.ages), Story(), 0.25)


def test_an_untold_world_tells_none(untold: Read) -> None:
    close(effects(untold.touchpoints, untold.ages), Story.untold(), 0.25)


def test_an_answer_within_a_day_costs_nothing(told: Read) -> None:
    people = told.touchpoints.group_by("person").agg(
        goals=pl.col("name").is_in(GOALS).sum(),
        asked=pl.col("at").filter(pl.col("name") == "support_contact").min(),
        answered=pl.col("at").filter(pl.col("name") == "support_answer").min(),
    )
    customers = people.filter(pl.col("goals") > 0)
    soon = customers.filter(pl.col("answered") - pl.col("asked") <= timedelta(days=1))
    unasked = customers.filter(pl.col("asked").is_null())
    again = pl.col("goals") > 1
    assert share(soon, again) == pytest.approx(share(unasked, again), rel=0.2)


def test_a_factor_is_not_negative() -> None:
    with pytest.raises(InputError, match="chat_buys is a factor"):
        Story(chat_buys=-1)


# Through the ingest


def test_the_ingest_reads_what_was_written(small: Read) -> None:
    mappings = [load_mapping(path) for path in small.example.mappings.values()]
    batches = list(read_events(list(small.example.files.values()), mappings))
    rejected = Counter(Path(batch.file).name for batch in batches for _ in batch.rejects)
    events = pl.concat([batch.events for batch in batches])
    for source, path in small.example.files.items():
        assert rejected[path.name] == small.example.counts[source].bad, source
        assert events.filter(source=source)["key"].n_unique() == small.example.counts[source].events, source
    ours = small.events.filter("good", ~pl.col("repeated")).select("source", "at", "name")
    theirs = events.filter(kind="event").unique("key").select("source", "at", "name")
    order = ["source", "at", "name"]
    assert_frame_equal(theirs.sort(order), ours.sort(order))


# Documents


def test_the_page_on_the_example_names_everything(small: Read) -> None:
    page = (Path(__file__).parent.parent / "docs" / "example-data.md").read_text(encoding="utf-8")
    columns = {c for source, rows in small.rows.items() for c in rows.columns if c != "row"}
    files = {path.name for path in small.example.files.values()} | {small.example.truth.name}
    factors = {field.name for field in fields(Story)}
    for name in {*columns, *files, *factors, *NAMES.categories, *PLACEHOLDERS}:
        assert f"`{name}`" in page, name
    for field in fields(Story):
        assert f"`{field.name}` | {field.default:g} |" in page
