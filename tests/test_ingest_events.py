"""Rows to events: fields, keys, identifiers, clean-up, and every reason for a refusal."""

import json
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphsvc.ingest import PLAIN, EventBatch, Mapping, events_from_records
from graphsvc.ingest.rejects import Reason
from graphsvc.segments import typed
from graphsvc.tables import EVENTS

from .effort import effort

VISIT = {"time": "2024-03-13T10:21:14Z", "name": "home", "channel": "website", "email": "ann@example.com"}


def events(*records: dict[str, Any], mapping: Mapping = PLAIN) -> list[dict[str, Any]]:
    batch = events_from_records(records, mapping)
    assert not batch.rejects
    return batch.events.to_dicts()


def rejected(*records: dict[str, Any], mapping: Mapping = PLAIN) -> list[tuple[int, str | None, str]]:
    batch = events_from_records(records, mapping)
    assert batch.events.height + len(batch.rejects) == len(records) == batch.rows
    return [(reject.line, reject.field, reject.reason) for reject in batch.rejects]


def test_a_plain_event_with_every_field() -> None:
    (event,) = events(
        {
            **VISIT,
            "event_id": "e1",
            "stage": "purchase",
            "value": 19.9,
            "cost": "0.5",
            "currency": "eur",
            "sentiment": -1,
            "question": "Where is my parcel?",
            "identifiers": {"cookie": ["c2", " c1 ", "c2", None, ""], "handle": 5},
            "traits": {"age": 41, "zip": "01234", "staff": True, "address": {"city": "Bonn"}, "gone": None},
            "properties": {"page": "/x", "price": "1.50"},
        }
    )
    assert event == {
        "key": "e1",
        "kind": "event",
        "source": "events",
        "at": datetime(2024, 3, 13, 10, 21, 14),
        "name": "home",
        "channel": "website",
        "stage": "purchase",
        "value": 19.9,
        "cost": 0.5,
        "currency": "EUR",
        "sentiment": -1.0,
        "question": "Where is my parcel?",
        "identifiers": ["cookie:c1", "cookie:c2", "email:ann@example.com", "handle:5"],
        "traits": '{"address.city":"Bonn","age":41,"staff":true,"zip":"01234"}',
        "properties": '{"page":"/x","price":1.5}',
        "confidence": None,
    }


def test_an_empty_request_has_the_schema_all_the_same() -> None:
    batch = events_from_records([])
    assert isinstance(batch, EventBatch)
    assert batch.events.schema == EVENTS
    assert batch.rows == 0


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"time": None}, "time", Reason.NO_TIME),
        ({"time": "  "}, "time", Reason.NO_TIME),
        ({"time": "soon"}, "time", Reason.BAD_TIME),
        ({"time": "1900-01-01"}, "time", Reason.ABSURD_TIME),
        ({"time": "2100-01-01"}, "time", Reason.ABSURD_TIME),
        ({"name": ""}, "name", Reason.NO_NAME),
        ({"channel": " "}, "channel", Reason.NO_CHANNEL),
        ({"name": "x" * 201}, "name", Reason.TOO_LONG),
        ({"channel": "ä" * 201}, "channel", Reason.TOO_LONG),
        ({"stage": "x" * 201}, "stage", Reason.TOO_LONG),
        ({"currency": "x" * 201}, "currency", Reason.TOO_LONG),
        ({"event_id": "x" * 501}, "event_id", Reason.TOO_LONG),
        ({"email": None}, "identifiers", Reason.NO_IDENTIFIER),
        ({"email": " "}, "identifiers", Reason.NO_IDENTIFIER),
        ({"email": []}, "identifiers", Reason.NO_IDENTIFIER),
        ({"email": "x" * 501}, "identifiers", Reason.TOO_LONG),
        ({"email": [f"{number}@example.com" for number in range(51)]}, "identifiers", Reason.MANY_IDENTIFIERS),
        ({"value": "much"}, "value", Reason.NOT_A_NUMBER),
        ({"value": "1,250"}, "value", Reason.NOT_A_NUMBER),
        ({"cost": "inf"}, "cost", Reason.NOT_A_NUMBER),
        ({"sentiment": "good"}, "sentiment", Reason.NOT_A_NUMBER),
        ({"sentiment": 1.5}, "sentiment", Reason.OUT_OF_RANGE),
        ({"confidence": 2}, "confidence", Reason.OUT_OF_RANGE),
        ({"kind": "visit"}, "kind", Reason.BAD_KIND),
        ({"kind": "link"}, "identifiers", Reason.ONE_IDENTIFIER),
        ({"tyme": "x"}, "tyme", Reason.UNKNOWN_FIELD),
        ({"question": "x" * 40_000}, None, Reason.LONG_FIELD),
    ],
)
def test_each_reason_to_refuse_a_row(change: dict[str, Any], field: str | None, reason: Reason) -> None:
    assert rejected(VISIT, {**VISIT, **change}) == [(2, field, reason)]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 200},
        {"email": "x" * 494},
        {"email": "null"},  # a placeholder is set aside later; the row stays
        {"value": "-5"},
        {"value": "1e3"},
        {"sentiment": "0"},
        {"time": "1970-01-01"},
        {"tyme": None},
        {"event_id": ""},
    ],
)
def test_what_is_just_allowed(change: dict[str, Any]) -> None:
    assert rejected({**VISIT, **change}) == []


def test_the_first_problem_counts_and_the_raw_row_is_kept() -> None:
    batch = events_from_records([{"name": "home", "value": "x", "email": "ann@example.com"}])
    (reject,) = batch.rejects
    assert (reject.file, reject.line, reject.field, reject.reason) == ("request", 1, "time", Reason.NO_TIME)
    assert json.loads(reject.raw) == {"name": "home", "value": "x", "email": "ann@example.com"}


def test_numbers_with_a_decimal_comma_are_read_where_they_can_mean_one_thing_only() -> None:
    values = ["12,50", "-3,5", "0,99", "1250", "1.25"]
    read = events(*({**VISIT, "value": value} for value in values))
    assert [event["value"] for event in read] == [12.5, -3.5, 0.99, 1250.0, 1.25]


def test_profile_and_link_rows_carry_no_touchpoint() -> None:
    profile, link, matched = events(
        {"kind": "profile", "customer_id": "7", "traits": {"age": 41}, "name": "ignored"},
        {"kind": "link", "customer_id": "7", "email": "ann@example.com", "time": "2024-03-13"},
        {"kind": "link", "customer_id": "7", "email": "a@example.com", "confidence": 0.75},
    )
    assert (profile["kind"], profile["name"], profile["at"], profile["traits"]) == ("profile", None, None, '{"age":41}')
    assert (link["kind"], link["channel"], link["confidence"]) == ("link", None, 1.0)
    assert link["at"] == datetime(2024, 3, 13)
    assert matched["confidence"] == 0.75
    assert profile["confidence"] is None


def test_an_unreadable_time_refuses_profile_rows_too() -> None:
    assert rejected({"kind": "profile", "customer_id": "7", "time": "soon"}) == [(1, "time", Reason.BAD_TIME)]


def mapping(**parts: Any) -> Mapping:
    base: dict[str, Any] = {
        "source": "web",
        "columns": {"time": "t", "name": "n", "channel": "c"},
        "identifiers": {"email": "e"},
    }
    return Mapping.model_validate({**base, **parts})


ROW = {"t": "2024-03-13T10:21:14Z", "n": "Home ", "c": "Web", "e": "ann@example.com"}


def test_labels_are_trimmed_and_cleaned_up_on_request() -> None:
    (event,) = events(ROW, mapping=mapping())
    assert (event["name"], event["channel"]) == ("Home", "Web")
    (event,) = events(ROW, mapping=mapping(labels={"lower": True}))
    assert (event["name"], event["channel"]) == ("home", "web")
    replace = {"Home": "start", "web": "website"}
    (event,) = events(ROW, mapping=mapping(labels={"lower": True, "replace": replace}))
    assert (event["name"], event["channel"]) == ("start", "website")
    (event,) = events(ROW, mapping=mapping(labels={"replace": replace}))
    assert (event["name"], event["channel"]) == ("start", "Web")
    assert rejected(ROW, mapping=mapping(labels={"replace": {"Home": ""}})) == [(1, "name", Reason.NO_NAME)]


def test_a_constant_stands_for_a_column_or_where_that_is_empty() -> None:
    constants = {"channel": "store", "value": 5, "currency": "EUR"}
    columns = {"time": "t", "name": "n", "currency": "cur"}
    first, second = events(ROW, {**ROW, "cur": "usd"}, mapping=mapping(columns=columns, constants=constants))
    assert (first["channel"], first["value"], first["currency"]) == ("store", 5.0, "EUR")
    assert second["currency"] == "USD"


def test_identifiers_of_one_type_may_come_from_several_columns() -> None:
    rows: list[dict[str, Any]] = [
        {**ROW, "alt": "B@example.com"},
        {**ROW, "alt": "ann@example.com"},
        {**ROW, "alt": '["z@example.com","y@example.com"]', "e": None},
        {**ROW, "alt": "[not a list"},
    ]
    found = events(*rows, mapping=mapping(identifiers={"email": ["e", "alt"]}))
    assert [event["identifiers"] for event in found] == [
        ["email:B@example.com", "email:ann@example.com"],
        ["email:ann@example.com"],
        ["email:y@example.com", "email:z@example.com"],
        ["email:[not a list", "email:ann@example.com"],
    ]


TYPES = ("a", "a-b", "a_b", "ab", "email")


@settings(max_examples=effort(50), deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(TYPES), st.text(st.sampled_from('ab [],"0~é'), max_size=3)),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_identifiers_are_trimmed_distinct_and_sorted_by_code_point(rows: list[dict[str, str]], twice: bool) -> None:
    columns = {kind: [kind, f"{kind}2"] if twice else kind for kind in TYPES}
    records = [{**row, "t": "2024-01-01", "n": "n", "c": "c"} for row in rows]
    batch = events_from_records(records, mapping(identifiers=columns))
    expected = [
        sorted({f"{kind}:{value}" for kind, text in row.items() for value in values_of(text)}, key=str.encode)
        for row in rows
    ]
    assert batch.events["identifiers"].to_list() == [found for found in expected if found]
    assert [reject.line for reject in batch.rejects] == [
        line for line, found in enumerate(expected, start=1) if not found
    ]


def values_of(text: str) -> list[str]:
    """The identifiers that a text stands for, written down anew."""
    text = text.strip()
    try:
        parsed = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        parsed = [text]
    values = [
        str(value if isinstance(value, str | int) else json.dumps(value, separators=(",", ":"))) for value in parsed
    ]
    return [value.strip() for value in values if value.strip()]


@settings(max_examples=effort(50), deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=6), st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{0,4})?", fullmatch=True)), max_size=8)
)
def test_traits_have_the_types_of_segments(texts: list[str]) -> None:
    texts = [text for text in texts if text.isprintable()] + ['a"b\\c\n', "true", "-0", "1.500", "5.00", "0.0", "007"]
    found = events(*({**ROW, "x": text} for text in texts), mapping=mapping(traits={"x": "x"}))
    for text, event in zip(texts, found, strict=True):
        if not text.strip():
            assert event["traits"] is None
            continue
        value = json.loads(event["traits"])["x"]
        assert value == typed(text.strip())
        assert type(value) is type(typed(text.strip()))


# Keys


def keys(*records: dict[str, Any], mapping: Mapping = PLAIN) -> list[str]:
    return [event["key"] for event in events(*records, mapping=mapping)]


def test_an_event_id_is_the_key_under_its_prefix() -> None:
    with_prefix = mapping(
        columns={"time": "t", "name": "n", "channel": "c", "event_id": "id"}, event_id={"prefix": "pos-"}
    )
    first, second = keys({**ROW, "id": " 7 "}, ROW, mapping=with_prefix)
    assert first == "pos-7"
    assert len(second) == 32  # no id in this row: its hash
    assert int(second, 16) >= 0


def test_equal_rows_have_equal_keys_whatever_the_order_of_their_fields() -> None:
    other_order = dict(reversed(VISIT.items()))
    first, second, third = keys(VISIT, {**other_order, "stage": None, "value": ""}, {**VISIT, "value": 1})
    assert first == second != third


def test_the_source_and_columns_that_the_mapping_leaves_out_count() -> None:
    web, shop = mapping(), mapping(source="shop")
    assert keys(ROW, mapping=web) != keys(ROW, mapping=shop)
    assert keys(ROW, mapping=web) != keys({**ROW, "unused": "x"}, mapping=web)


def test_the_key_is_of_the_raw_row_before_any_mapping() -> None:
    assert keys(ROW, mapping=mapping()) == keys(ROW, mapping=mapping(labels={"lower": True}, traits={"x": "c"}))


FIELDS = st.dictionaries(
    st.text(st.sampled_from("ab\x1b\x1e\x1f012"), min_size=1, max_size=2),
    st.text(st.sampled_from("ab\x1b\x1e\x1f012"), min_size=1, max_size=3),
    max_size=3,
)


@settings(max_examples=effort(50), deadline=None)
@example([{"a": "x\x1eb\x1fy"}, {"a": "x", "b": "y"}, {"a\x1fx\x1eb": "y"}])
@given(st.lists(FIELDS, min_size=2, max_size=6))
def test_two_keys_are_equal_just_where_the_rows_are(rows: list[dict[str, str]]) -> None:
    found = keys(*({**ROW, **row} for row in rows), mapping=mapping())
    assert len(set(found)) == len({tuple(sorted(row.items())) for row in rows})
    assert found[:1] == keys({**ROW, **rows[0]}, mapping=mapping())  # its neighbours do not matter


def test_keys_stay_what_they_were() -> None:
    """The key is stored: a change of its recipe would make every old row a new one."""
    assert keys(VISIT) == ["cca40a3cc408e62b3200198752df0fa4"]


def test_events_have_the_schema_of_the_graph_tables() -> None:
    batch = events_from_records([VISIT])
    assert batch.events.schema == EVENTS
    assert isinstance(batch.events, pl.DataFrame)
