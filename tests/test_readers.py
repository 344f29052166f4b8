"""What other tools record, read by the built-in readers: a small sample of each, the outcome worked out by hand."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import graphsvc
from graphsvc.errors import InputError, MappingError, UnsupportedFile
from graphsvc.ingest import EventBatch, load_mapping, read_events
from graphsvc.ingest.foreign import PRESETS

from .test_docs import blocks, commands

SAMPLES = Path(__file__).parent / "samples"


def read(file: str | Path, mapping: str) -> EventBatch:
    """A sample as one batch of events."""
    (batch,) = read_events([SAMPLES / file], [load_mapping(Path(mapping))])
    return batch


def told(batch: EventBatch, *columns: str) -> list[tuple[Any, ...]]:
    return batch.events.select(columns).rows()


def refused(batch: EventBatch) -> list[tuple[int, str | None, str]]:
    return [(reject.line, reject.field, str(reject.reason)) for reject in batch.rejects]


def properties(batch: EventBatch, key: str) -> Any:
    return json.loads(batch.events.row(by_predicate=pl.col("key") == key, named=True)["properties"])


# Segment and RudderStack


def test_segment_calls_become_events_profiles_and_links() -> None:
    batch = read("segment.jsonl", "segment")
    assert told(batch, "key", "kind", "name", "channel", "identifiers") == [
        ("m1", "event", "Home", "website", ["cookie:an-1"]),
        ("m2", "event", "Product Viewed", "website", ["cookie:an-1"]),
        ("m3", "profile", None, None, ["cookie:an-1", "email:ann@example.org", "user_id:u-1"]),
        ("m4", "event", "Order Completed", "server", ["user_id:u-1"]),
        ("m5", "event", "Orders", "app", ["cookie:phone-1", "device_id:dev-1"]),
        ("m6", "link", None, None, ["cookie:phone-1", "user_id:phone-1", "user_id:u-1"]),
        ("m7", "profile", None, None, ["user_id:u-1"]),
        ("m8", "event", "Newsletter Opened", "email", ["cookie:an-2"]),
        ("m2", "event", "Product Viewed", "website", ["cookie:an-1"]),
    ]
    assert told(batch, "value", "currency")[3] == (59.0, "EUR")
    assert told(batch, "at")[7] == (datetime(2026, 3, 3, 7),), "the original time, where there is no other"
    assert batch.events["traits"].to_list()[2] == '{"address_city":"Graz","age":52}'
    assert batch.events["traits"].to_list()[6] == '{"group":"club","group_plan":"gold"}'
    assert properties(batch, "m1") == {
        "path": "/", "referrer": "https://search.example/",
        "utm_campaign": "spring", "utm_medium": "email", "utm_source": "newsletter",
    }  # fmt: skip
    assert refused(batch) == [
        (10, "kind", "kind is not event, profile or link"),
        (11, "identifiers", "no identifier"),
        (12, "value", "not a number"),
        (13, "time", "no time"),
    ]


def test_a_segment_file_makes_the_graph_of_two_people(tmp_path: Path) -> None:
    with graphsvc.open(tmp_path / "graph.duckdb") as graph:
        report = graph.ingest(SAMPLES / "segment.jsonl", ["segment"])
        assert (report.rows, report.new, report.duplicates, report.rejected) == (13, 8, 1, 4)
        ann = graph.user(graph.lookup("cookie:an-1"))
        assert graph.lookup("device_id:dev-1") == graph.lookup("email:ann@example.org") == ann.key
        assert [touch.name for journey in ann.journeys for touch in journey.touchpoints] == [
            "Home", "Product Viewed", "Order Completed", "Orders"
        ]  # fmt: skip
        assert ann.traits == {"address_city": "Graz", "age": 52, "group": "club", "group_plan": "gold"}
        assert graph.lookup("cookie:an-2") != ann.key
        kept = [json.loads(line) for line in Path(str(report.rejects_file)).read_text().splitlines()]
        assert [(reject["line"], Path(reject["file"]).name) for reject in kept] == [
            (line, "segment.jsonl") for line in (10, 11, 12, 13)
        ]
        assert graph.ingest(SAMPLES / "segment.jsonl", ["segment"]).new == 0


def test_a_mapping_of_ones_own_adds_to_a_reader(tmp_path: Path) -> None:
    (tmp_path / "web.toml").write_text(
        'reader = "segment"\n[labels]\nlower = true\n[settings]\ngoals = ["order completed"]\n'
    )
    with graphsvc.open(tmp_path / "graph.duckdb") as graph:
        graph.ingest(SAMPLES / "segment.jsonl", [tmp_path / "web.toml"])
        ann = graph.user(graph.lookup("cookie:an-1"))
        assert [journey.outcome for journey in ann.journeys] == ["converted"]
        assert ann.journeys[0].touchpoints[1].name == "product viewed"
    (tmp_path / "odd.toml").write_text('reader = "segments"\n')
    with pytest.raises(MappingError, match="'segment', 'ga4'"):
        load_mapping(tmp_path / "odd.toml")


# Google Analytics 4


GA4 = [
    ("page_view", "website", ["cookie:111.222"], None),
    ("add_to_cart", "website", ["cookie:111.222", "user_id:c-5"], 29.5),
    ("purchase", "website", ["cookie:111.222", "user_id:c-5"], 59.0),
    ("screen_view", "app", ["device_id:abcdef0123", "user_id:c-5"], None),
]


def test_ga4_rows_become_events() -> None:
    batch = read("ga4.jsonl", "ga4")
    assert told(batch, "name", "channel", "identifiers", "value") == GA4
    assert batch.events["at"].to_list()[1] == datetime(2026, 3, 1, 9, 1, 0, 500_000)
    assert batch.events["currency"].to_list() == [None, "EUR", "EUR", None]
    assert batch.events["traits"].to_list() == [
        '{"first_medium":"cpc","first_name":"spring","first_source":"search"}', '{"member":"gold"}', None, None
    ]  # fmt: skip
    assert json.loads(batch.events["properties"][0]) == {
        "bundle": 1, "campaign_name": "march", "country": "Austria", "device": "desktop", "ga_session_id": 77,
        "medium": "email", "page_location": "https://shop.example/", "source": "newsletter",
    }  # fmt: skip
    assert json.loads(batch.events["properties"][2])["coupon"] == "SPRING"
    assert refused(batch) == [(5, "time", "unreadable time"), (6, "identifiers", "no identifier")]


def test_ga4_rows_are_the_same_from_parquet(tmp_path: Path) -> None:
    """BigQuery writes numbers as texts in JSON and as numbers in Parquet; the events are the same, keys included."""
    value = pa.struct([("string_value", pa.string()), ("int_value", pa.int64()), ("double_value", pa.float64())])
    pairs = pa.list_(pa.struct([("key", pa.string()), ("value", value)]))
    texts = pa.string()
    source = pa.struct([("name", texts), ("medium", texts), ("source", texts)])
    manual = [("manual_source", texts), ("manual_medium", texts), ("manual_campaign_name", texts)]
    schema = pa.schema(
        {
            **dict.fromkeys(["event_name", "user_id", "user_pseudo_id", "platform"], texts),
            **dict.fromkeys(["event_timestamp", "event_bundle_sequence_id"], pa.int64()),
            **dict.fromkeys(["event_params", "user_properties"], pairs),
            "device": pa.struct([("category", texts)]),
            "geo": pa.struct([("country", texts)]),
            "traffic_source": source,
            "collected_traffic_source": pa.struct(manual),
            "ecommerce": pa.struct([("purchase_revenue", pa.float64()), ("transaction_id", texts)]),
        }
    )
    rows = [json.loads(line) for line in (SAMPLES / "ga4.jsonl").read_text().splitlines()[:4]]
    for row in rows:
        row["event_timestamp"], row["event_bundle_sequence_id"] = (
            int(row["event_timestamp"]),
            int(row["event_bundle_sequence_id"]),
        )
        for pair in row["event_params"]:
            if "int_value" in pair["value"]:
                pair["value"]["int_value"] = int(pair["value"]["int_value"])
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "ga4.parquet")
    batch = read(tmp_path / "ga4.parquet", "ga4")
    assert batch.events.equals(read("ga4.jsonl", "ga4").events)
    assert not batch.rejects


# Snowplow


def test_snowplow_events_become_events_from_either_form() -> None:
    batch = read("snowplow.tsv", "snowplow")
    assert told(batch, "key", "name", "channel", "identifiers", "value") == [
        ("s1", "page_view", "website", ["cookie:d-1"], None),
        ("s2", "add_to_cart", "website", ["cookie:d-1", "user_id:u-1"], None),
        ("s3", "transaction", "website", ["cookie:d-1", "user_id:u-1"], 59.0),
        ("s4", "size_chosen", "app", ["device_id:phone-1", "user_id:u-1"], None),
    ]
    assert batch.events["at"].to_list()[0] == datetime(2026, 3, 1, 9, 0, 0, 123_000), "derived, not the collector's"
    assert properties(batch, "s1") == {
        "app_id": "shop", "mkt_medium": "email", "mkt_source": "newsletter", "page_title": "Home", "page_urlpath": "/"
    }  # fmt: skip
    assert properties(batch, "s2") == {
        "app_id": "shop", "se_action": "add_to_cart", "se_category": "shop", "se_label": "shirt-7", "se_value": 29.5
    }  # fmt: skip
    assert properties(batch, "s4") == {"app_id": "shop", "size": "M"}
    assert refused(batch) == [(5, "identifiers", "no identifier"), (6, None, "wrong number of columns")]
    from_json = read("snowplow.jsonl", "snowplow")
    assert from_json.events.equals(batch.events)
    assert refused(from_json) == [(5, "identifiers", "no identifier")]


# Process logs


def test_cases_of_an_xes_log_are_persons() -> None:
    batch = read("journey.xes", "xes")
    assert told(batch, "name", "channel", "identifiers", "at") == [
        ("ask", "process", ["case:ann"], datetime(2026, 3, 1, 8)),
        ("order", "process", ["case:ann"], datetime(2026, 3, 2, 9, 30)),
        ("ask", "process", ["case:bob"], datetime(2026, 3, 1, 12)),
    ]
    assert batch.events["traits"].to_list() == ['{"age":52}', '{"age":52}', None]
    assert batch.events["properties"].to_list() == ['{"org_resource":"desk"}', '{"amount":59.5}', None]
    assert refused(batch) == [(4, "name", "no name")]


def test_objects_of_an_ocel_log_that_are_called_like_persons_are_identifiers(tmp_path: Path) -> None:
    batch = read("orders.json", "ocel")
    assert told(batch, "key", "name", "identifiers", "properties") == [
        ("e1", "place order", ["Customer:c1"], '{"Order":"o1","channel":"phone"}'),
        ("e2", "place order", ["Customer:c2"], '{"Order":"o2"}'),
        ("e3", "pay", ["Customer:c1"], '{"Order":"o1"}'),
    ]
    assert refused(batch) == [(4, "identifiers", "no identifier")]
    (tmp_path / "own.toml").write_text(
        'reader = "ocel"\n[columns]\ntime = "time"\nname = "name"\nevent_id = "event_id"\n'
        '[constants]\nchannel = "shop"\n[identifiers]\norder = "properties.Order"\n'
    )
    own = read("orders.json", str(tmp_path / "own.toml"))
    assert own.events["identifiers"].to_list() == [["order:o1"], ["order:o2"], ["order:o1"], ["order:o2"]]
    (tmp_path / "things.json").write_text((SAMPLES / "orders.json").read_text().replace("Customer", "Parcel"))
    with pytest.raises(InputError, match="among 'Order', 'Parcel'"):
        read(tmp_path / "things.json", "ocel")


def test_process_logs_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torn.xes").write_text("<log><trace>")
    with pytest.raises(UnsupportedFile, match="read_xes"):
        read(tmp_path / "torn.xes", "xes")
    monkeypatch.setitem(sys.modules, "pm4py", None)
    with pytest.raises(InputError, match=r"AGPL.*graphsvc\[process\]"):
        read("journey.xes", "xes")


# All of them


ODD = [
    *["null", "7", '"text"', "[1]", "{}", '{"type":{}}'],
    '{"type":"track","properties":"x","context":[],"traits":1,"event_params":{},"contexts":"{","unstruct_event":"[]"}',
    json.dumps({name: {"a": 1} for name in ("type", "userId", "user_id", "event_name", "event_timestamp")}),
]


@pytest.mark.parametrize("name", ["segment", "ga4", "snowplow"])
def test_odd_rows_are_refused_and_stop_nothing(tmp_path: Path, name: str) -> None:
    """Whatever stands where an object or a list should: a reject for each line, and no error."""
    sample = (SAMPLES / f"{name}.jsonl").read_text().splitlines()
    (tmp_path / "odd.jsonl").write_text("\n".join([*ODD, "{broken", sample[0]]) + "\n")
    batch = read(tmp_path / "odd.jsonl", name)
    assert batch.events.height == 1
    assert [reject.line for reject in batch.rejects] == list(range(1, len(ODD) + 2))


def test_a_file_of_another_format_is_no_mystery(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UnsupportedFile, match="is CSV; the reader 'segment'"):
        read(tmp_path / "export.csv", "segment")


# As the document says


def test_the_commands_of_the_document_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = commands("docs/readers.md")
    names = {line.split()[2]: line.split()[-1] for line in said}
    assert set(names.values()) == set(PRESETS)
    for number, (file, mapping) in enumerate(names.items()):
        monkeypatch.chdir(SAMPLES)
        with graphsvc.open(tmp_path / f"{number}.duckdb") as graph:
            assert graph.ingest(file, [mapping]).new > 2


def test_the_mappings_of_the_document_are_right(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("docs/readers.md", "toml")):
        (tmp_path / f"{number}.toml").write_text(block)
        assert load_mapping(tmp_path / f"{number}.toml").reader
