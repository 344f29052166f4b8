"""A guessed mapping loads, fits its file, and says what it was unsure of."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from graphsvc.errors import InputError
from graphsvc.ingest import Mapping, guess, load_mapping, read_events

from .test_ingest_reading import ECOM, needs_ecom

START = datetime(2024, 3, 1, tzinfo=UTC)


def guessed(path: Path) -> tuple[Mapping, list[str]]:
    """The guess for a file, which must load and take in every row."""
    proposal = guess(path)
    toml = path.with_suffix(".toml")
    toml.write_text(proposal.toml, "utf-8")
    mapping = load_mapping(toml)
    batches = list(read_events([path], [mapping]))
    assert sum(batch.events.height for batch in batches) > 0
    assert not any(batch.rejects for batch in batches)
    assert not any(batch.unused for batch in batches)
    return mapping, proposal.unsure


def shop(rows: int = 240) -> pl.DataFrame:
    """Events of 24 people, ten each."""
    person = [row % 24 for row in range(rows)]
    return pl.DataFrame(
        {
            "row_id": [f"r{row}" for row in range(rows)],
            "occurred_at": [(START + timedelta(minutes=row)).isoformat() for row in range(rows)],
            "userId": [f"u{who:04}" for who in person],
            "E-Mail": [f"person{who}@example.com" if row % 3 else None for row, who in enumerate(person)],
            "deviceId": [f"{who:08x}-0000-4000-8000-{row % 48:012x}" for row, who in enumerate(person)],
            "event_type": [("home", "search", "Order placed", "cart")[row % 4] for row in range(rows)],
            "utm_source": [("google", "instagram")[row % 5 // 3] for row in range(rows)],
            "amount": [f"{row}.50" if row % 4 == 2 else None for row in range(rows)],
            "currency": ["EUR"] * rows,
            "gender": ["f" if who % 2 else "m" for who in person],
            "product_id": [f"p{row % 50}" for row in range(rows)],
            "page": [f"/page/{row % 7}" for row in range(rows)],
        }
    )


def test_an_event_export(tmp_path: Path) -> None:
    shop().write_csv(tmp_path / "shop.csv")
    mapping, unsure = guessed(tmp_path / "shop.csv")
    assert mapping.source == "shop"
    assert mapping.columns == {
        "event_id": "row_id",
        "time": "occurred_at",
        "name": "event_type",
        "channel": "utm_source",
        "value": "amount",
        "currency": "currency",
    }
    assert mapping.identifiers == {"user_id": ("userId",), "email": ("E-Mail",), "device_id": ("deviceId",)}
    assert mapping.traits == {"gender": "gender"}
    assert mapping.properties == {"product_id": "product_id", "page": "page"}
    assert mapping.settings == {"goals": ["Order placed"]}
    assert unsure == []


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M"),
        ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M:%S"),
        ("%d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S"),
        ("%s", "s"),
        ("%s000", "ms"),
        ("%Y-%m-%dT%H:%M:%SZ", "iso"),
    ],
)
def test_time_formats(tmp_path: Path, written: str, form: str) -> None:
    moments = [START + timedelta(hours=13 * row) for row in range(240)]
    texts = [moment.strftime(written.replace("%s", str(round(moment.timestamp())))) for moment in moments]
    shop().with_columns(pl.Series("occurred_at", texts)).write_csv(tmp_path / "shop.csv")
    mapping, _ = guessed(tmp_path / "shop.csv")
    assert mapping.time.format == form


def test_doubts_are_said(tmp_path: Path) -> None:
    ambiguous = [f"{1 + row % 12:02}/{1 + row % 11:02}/2024 10:00" for row in range(240)]
    table = shop().with_columns(
        pl.Series("occurred_at", ambiguous),
        pl.Series("platform", ["ios", "android"] * 120),
        pl.Series("event_type", ["view", "click"] * 120),
        pl.Series("booth_id", [f"b{row % 30}" for row in range(240)]),
    )
    table.write_csv(tmp_path / "shop.csv")
    _, unsure = guessed(tmp_path / "shop.csv")
    text = "\n".join(unsure)
    assert "also fit %m/%d/%Y %H:%M" in text
    assert "carry no offset and are read as UTC" in text
    assert "'utm_source' is taken for the channel; 'platform' could be it, too" in text or "'platform' is taken" in text
    assert "'booth_id' is taken for an identifier of persons" in text
    assert "name the goals" in text


def test_rows_that_would_not_go_in_are_counted(tmp_path: Path) -> None:
    table = shop().with_columns(occurred_at=pl.when(pl.int_range(pl.len()) != 7).then("occurred_at"))
    table.write_csv(tmp_path / "shop.csv")
    assert "1 of the first 240 rows would be rejected: no time (time)" in guess(tmp_path / "shop.csv").unsure


def test_a_file_without_channel_takes_its_own_name_for_it(tmp_path: Path) -> None:
    shop().drop("utm_source").write_csv(tmp_path / "shop.csv")
    mapping, unsure = guessed(tmp_path / "shop.csv")
    assert mapping.constants == {"channel": "shop"}
    assert "no column tells the channel; it is 'shop' for all rows" in unsure


def test_customer_records_are_profiles(tmp_path: Path) -> None:
    people = pl.DataFrame(
        {
            "customer": [f"c{number}" for number in range(50)],
            "mail": [f"person{number}@example.org" for number in range(50)],
            "changed": ["2024-03-13"] * 50,
            "age": [20 + number % 40 for number in range(50)],
        }
    )
    people.write_csv(tmp_path / "crm.csv")
    mapping, unsure = guessed(tmp_path / "crm.csv")
    assert mapping.kind == "profile"
    assert mapping.traits == {"age": "age"}
    assert any("taken for profiles" in doubt for doubt in unsure)


def test_rows_of_identifiers_alone_are_links(tmp_path: Path) -> None:
    members = {"since": ["2024-03-13"] * 50, "email": [f"person{number}@example.org" for number in range(50)]}
    pl.DataFrame({**members, "card": [f"k{number}" for number in range(50)]}).write_csv(tmp_path / "members.csv")
    mapping, unsure = guessed(tmp_path / "members.csv")
    assert mapping.kind == "link"
    assert mapping.identifiers == {"loyalty_card": ("card",), "email": ("email",)}
    assert any("taken for links" in doubt for doubt in unsure)


def test_visits_of_people_who_came_once_stay_events(tmp_path: Path) -> None:
    booth = {"checked_in": ["2024-03-13 10:00"] * 50, "email": [f"person{number}@example.org" for number in range(50)]}
    pl.DataFrame({**booth, "hall": ["north", "south"] * 25}).write_csv(tmp_path / "booth.csv")
    mapping, _ = guessed(tmp_path / "booth.csv")
    assert mapping.kind == "event"


def test_an_event_id_is_one_although_some_rows_came_twice(tmp_path: Path) -> None:
    pl.concat([shop(), shop().head(9)]).write_csv(tmp_path / "shop.csv")
    mapping, unsure = guessed(tmp_path / "shop.csv")
    assert mapping.columns["event_id"] == "row_id"
    assert "'row_id' is taken for the event id; 9 rows repeat one" in unsure


def test_a_session_is_no_person_so_nothing_is_its_trait(tmp_path: Path) -> None:
    table = (
        shop().drop("userId", "E-Mail", "deviceId").with_columns(sid=pl.Series([f"s{row % 24}" for row in range(240)]))
    )
    table.write_csv(tmp_path / "shop.csv")
    mapping, _ = guessed(tmp_path / "shop.csv")
    assert mapping.identifiers == {"session_id": ("sid",)}
    assert mapping.traits == {}


def test_nested_json_and_parquet(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {
            "ts": 1_710_325_274_000 + row * 60_000,
            "event": ("open", "purchase")[row % 2],
            "context": {"platform": ("ios", "android")[row % 3 // 2], "user": {"id": row % 9}},
            "anonymousId": f"a{row % 12}",
        }
        for row in range(120)
    ]
    (tmp_path / "app.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    pl.DataFrame(records).write_parquet(tmp_path / "app.parquet")
    (first, _), (second, _) = guessed(tmp_path / "app.jsonl"), guessed(tmp_path / "app.parquet")
    assert first == second
    assert first.columns == {"time": "ts", "name": "event", "channel": "context.platform"}
    assert first.time.format == "ms"
    assert first.identifiers == {"user_id": ("context.user.id",), "cookie": ("anonymousId",)}
    assert first.settings == {"goals": ["purchase"]}


def test_plain_columns_are_understood(tmp_path: Path) -> None:
    header = "time,name,channel,email,identifiers.badge,traits.age,properties.page,value\n"
    rows = "".join(
        f"2024-03-{day:02}T10:00:00Z,home,web,p{day % 5}@example.com,b{day % 4},41,/x,1\n" for day in range(1, 29)
    )
    (tmp_path / "plain.csv").write_text(header + rows, "utf-8")
    mapping, _ = guessed(tmp_path / "plain.csv")
    assert mapping.identifiers == {"email": ("email",), "badge": ("identifiers.badge",)}
    assert mapping.traits == {"age": "traits.age"}
    assert mapping.properties == {"page": "properties.page"}


@pytest.mark.parametrize(("text", "said"), [("a,b\n", "no row"), ("a\n1\n", "looks like an identifier")])
def test_nothing_to_guess_from_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "poor.csv").write_text(text, "utf-8")
    with pytest.raises(InputError, match=said) as error:
        guess(tmp_path / "poor.csv")
    assert "poor" in str(error.value)


@needs_ecom
def test_a_real_export_can_be_guessed(tmp_path: Path) -> None:
    mapping = Mapping.model_validate(tomllib.loads(guess(ECOM).toml))
    assert mapping.columns == {"time": "timestamp", "name": "event", "channel": "platform"}
    assert mapping.identifiers == {"user_id": ("user_id",), "session_id": ("session_id",)}
    assert mapping.settings == {"goals": ["purchase"]}
    batches = list(read_events([ECOM], [mapping]))
    assert sum(batch.events.height for batch in batches) == 31_106
