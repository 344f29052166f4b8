"""The same rows through CSV, JSON Lines, Parquet and the API are the same events."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.errors import InputError, UnsupportedFile
from graphsvc.ingest import Mapping, events_from_records, read_events
from graphsvc.ingest.readers import open_reader, read_rows
from graphsvc.ingest.rejects import Reason
from graphsvc.ingest.rows import RawRows
from graphsvc.ingest.sources import LINE_LIMIT
from graphsvc.tables import EVENTS

MAPPING = Mapping.model_validate(
    {
        "source": "shop",
        "columns": {"time": "at", "name": "what", "value": "paid"},
        "constants": {"channel": "website"},
        "identifiers": {"email": "mail"},
        "traits": {"age": "age", "staff": "staff"},
        "properties": {"page": "page.url"},
    }
)
RECORDS: list[dict[str, Any]] = [
    {"at": "2024-03-13T10:21:14", "what": "home", "paid": None, "mail": "ann@example.com", "age": 41, "staff": False},
    {"at": "2024-03-13T10:22:00", "what": "buy", "paid": 19.9, "mail": "ann@example.com", "page": {"url": '/ü,"x"'}},
    {"at": "2024-03-13T10:23:00.500", "what": "buy", "paid": 5.0, "mail": "bob@example.com", "staff": True},
]


def texts(path: Path) -> list[dict[str, str]]:
    """The texts of each row, null ones left out."""
    rows = [row for batch in read_rows(path) for row in batch.columns.iter_rows(named=True)]
    return [{name: text for name, text in row.items() if text is not None} for row in rows]


def one(path: Path) -> RawRows:
    (rows,) = read_rows(path)
    return rows


def write_all(folder: Path) -> list[Path]:
    """The same rows in every format."""
    csv = (
        "at,what,paid,mail,age,staff,page.url\n"
        "2024-03-13T10:21:14,home,,ann@example.com,41,false,\n"
        '2024-03-13T10:22:00,buy,19.9,ann@example.com,,,"/ü,""x"""\n'
        "2024-03-13T10:23:00.500,buy,5.0,bob@example.com,,true,\n"
    )
    jsonl = "".join(json.dumps(record) + "\n" for record in RECORDS)
    (folder / "a.csv").write_text(csv, "utf-8")
    (folder / "b.csv.gz").write_bytes(gzip.compress(csv.encode(), mtime=0))
    (folder / "c.jsonl").write_text(jsonl, "utf-8")
    (folder / "d.ndjson.gz").write_bytes(gzip.compress(jsonl.encode(), mtime=0))
    table = pl.DataFrame(
        {
            "staff": [False, None, True],  # columns in another order
            "at": [datetime.fromisoformat(record["at"]) for record in RECORDS],
            "what": ["home", "buy", "buy"],
            "paid": [None, 19.9, 5.0],
            "mail": ["ann@example.com", "ann@example.com", "bob@example.com"],
            "age": [41, None, None],
            "page": [{"url": None}, {"url": '/ü,"x"'}, {"url": None}],
        }
    )
    table.write_parquet(folder / "e.parquet")
    return sorted(folder.iterdir())


def test_every_format_gives_the_same_texts_and_events(tmp_path: Path) -> None:
    files = write_all(tmp_path)
    assert len(files) == 5
    assert all(texts(file) == texts(files[0]) for file in files)
    results = [pl.concat(batch.events for batch in read_events([file], [MAPPING])) for file in files]
    results.append(events_from_records(RECORDS, MAPPING).events)
    first = results[0]
    assert first.schema == EVENTS
    assert first["key"].n_unique() == 3
    assert first["value"].to_list() == [None, 19.9, 5.0]
    assert first["traits"].to_list() == ['{"age":41,"staff":false}', None, '{"staff":true}']
    assert first["properties"].to_list() == [None, '{"page":"/ü,\\"x\\""}', None]
    assert all(result.equals(first) for result in results)


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["time", "name", "x.y"]), VALUES), min_size=1, max_size=5))
def test_json_lines_and_the_api_agree_on_any_values(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    expected = [
        {name: as_written(value) for name, value in record.items() if value not in (None, "")} for record in records
    ]
    assert texts(path) == expected


def as_written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20))
def test_parquet_spells_numbers_as_json_does(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "numbers.parquet"
    pl.DataFrame({"x": numbers}, schema={"x": pl.Float64}).write_parquet(path)
    assert one(path).columns["x"].to_list() == [None if number != number else repr(number) for number in numbers]


def test_parquet_types_become_the_usual_texts(tmp_path: Path) -> None:
    path = tmp_path / "types.parquet"
    moment = datetime(2024, 3, 13, 10, 21, 14)
    pl.DataFrame(
        {
            "naive": [moment],
            "aware": [moment.replace(tzinfo=UTC)],
            "berlin": pl.Series([moment.replace(tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin"),
            "milli": pl.Series([moment.replace(microsecond=500_000)]).cast(pl.Datetime("ms")),
            "day": [date(2024, 3, 13)],
            "decimal": pl.Series(["19.90"]).cast(pl.Decimal(10, 2)),
            "single": pl.Series([0.1], dtype=pl.Float32),
            "category": pl.Series(["x"]).cast(pl.Categorical),
            "bytes": [b"abc"],
            "list": [["a", "b"]],
            "deep": [{"inner": {"leaf": 7}}],
            "empty": [""],
        }
    ).write_parquet(path)
    assert one(path).columns.row(0, named=True) == {
        "naive": "2024-03-13T10:21:14",
        "aware": "2024-03-13T10:21:14Z",
        "berlin": "2024-03-13T10:21:14Z",
        "milli": "2024-03-13T10:21:14.500",
        "day": "2024-03-13",
        "decimal": "19.90",
        "single": "0.1",
        "category": "x",
        "bytes": "abc",
        "list": '["a","b"]',
        "deep.inner.leaf": "7",
        "empty": None,
    }


def test_parquet_rows_that_are_no_text_are_rejects(tmp_path: Path) -> None:
    path = tmp_path / "bytes.parquet"
    pl.DataFrame({"x": [b"ok", b"\xff", None, b""], "y": ["a", "b", "c", "d" * 40_000]}).write_parquet(path)
    rows = one(path)
    assert rows.lines.to_list() == [1, 3]
    assert [(reject.line, reject.reason) for reject in rows.rejects] == [(2, Reason.NOT_UTF8), (4, Reason.LONG_FIELD)]


def test_json_lines_that_cannot_be_read_are_rejects(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    lines = [
        b'{"name": "good"}',
        b"",
        b'{"name": "broken"',
        b"[1, 2]",
        b"5",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": "' + b"x" * 40_000 + b'"}',
        b"[" * 100_000,
        b'{"name": {"deep": [1, {"x": null}], "none": {}}, "nan": NaN}',
        b'  {"name": "good", "extra": null}  ',
        b'{"name": "torn',
    ]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    rows = one(path)
    assert rows.lines.to_list() == [1, 10, 11]
    assert texts(path) == [{"name": "good"}, {"name.deep": '[1,{"x":null}]'}, {"name": "good"}]
    assert sorted((reject.line, reject.reason) for reject in rows.rejects) == [
        (3, Reason.BROKEN_JSON),
        (4, Reason.NOT_OBJECT),
        (5, Reason.NOT_OBJECT),
        (6, Reason.NOT_UTF8),
        (7, Reason.NOT_UTF8),
        (8, Reason.LONG_FIELD),
        (9, Reason.BROKEN_JSON),
        (12, Reason.BROKEN_JSON),
    ]
    assert rows.count == 11  # the blank line is none


def test_json_lines_in_small_blocks_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"n": number, "t": "x" * (number % 7)}) + "\n" for number in range(500)), "utf-8"
    )
    whole = texts(path)
    reader = open_reader(path)
    reader.source.block = 100  # type: ignore[attr-defined]
    batches = list(reader.batches())
    assert len(batches) > 50
    assert [int(text) for batch in batches for text in batch.columns["n"]] == list(range(500))
    assert [line for batch in batches for line in batch.lines] == list(range(1, 501))
    assert len(whole) == 500


def test_a_truncated_json_lines_file_says_where_it_broke(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    data = "".join(json.dumps({"n": number * 7919 % 1009}) + "\n" for number in range(5_000)).encode()
    whole = gzip.compress(data, mtime=0)
    path.write_bytes(whole[: len(whole) // 2])
    rows = one(path)
    assert rows.rejects[0].reason == Reason.BROKEN_OFF
    assert rows.rejects[0].line == rows.lines[-1] + 1


def test_names_made_from_values_stop_before_they_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "wild.jsonl"
    path.write_text("".join(json.dumps({f"user_{number}": 1}) + "\n" for number in range(3_000)), "utf-8")
    with pytest.raises(InputError, match=r"wild\.jsonl has more than 2,000 different fields"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.xlsx", b"PK\x03\x04rest", "Excel"),
        ("a.csv", b"PK\x03\x04rest", "Excel"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a.pdf", b"%PDF-1.7", "PDF"),
        ("a.json", b'[{"a": 1}]', "JSON array"),
        ("a.bin", b"\0\1\2\3", "binary"),
        ("a.log", b"hello\nworld\n", "unknown format"),
        ("a.csv.gz", b"\x1f\x8bbroken", "gzip"),
        ("a.parquet", b"PAR1 and then nothing", "damaged"),
        ("a.json", b'{\n  "a": 1\n}', "one JSON document"),
        ("a.parquet.gz", gzip.compress(b"PAR1", mtime=0), "gzipped Parquet"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnsupportedFile, match=said) as error:
        open_reader(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("export", b"a,b\n1,2\n"),
        ("export.log.gz", gzip.compress(b"a\tb\n1\t2\n", mtime=0)),
        ("export.2024", b'{"a": 1, "b": 2}\n'),
        ("EXPORT.CSV", b"a,b\n1,2\n"),
        ("export.json", b'{"a": "1", "b": "2"}\n'),
    ],
)
def test_content_decides_where_the_name_does_not(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert texts(tmp_path / name) == [{"a": "1", "b": "2"}]


def test_a_line_without_end_is_refused_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    endless = b"1," + b"x" * (3 * LINE_LIMIT)
    (tmp_path / "a.csv").write_bytes(b"a,b\n0,good\n" + endless + b"\n2,good\n")
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 0}\n{"a": "' + endless + b'"}\n{"a": 2}\n')
    for name, line, reason in (("a.csv", 3, Reason.LONG_FIELD), ("a.jsonl", 2, Reason.BROKEN_JSON)):
        reader = open_reader(tmp_path / name)
        reader.source.block = LINE_LIMIT // 4  # type: ignore[attr-defined]
        batches = list(reader.batches())
        assert [row[0] for batch in batches for row in batch.columns.iter_rows()] == ["0", "2"]
        assert [lines for batch in batches for lines in batch.lines] == [line - 1, line + 1]
        assert [(reject.line, reject.reason) for batch in batches for reject in batch.rejects] == [(line, reason)]


def test_a_damaged_page_of_parquet_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": [f"{number * 7919 % 10007}" for number in range(10_000)]}).write_parquet(path, use_pyarrow=True)
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(data)
    batches = list(read_rows(path))
    assert [reject.reason for batch in batches for reject in batch.rejects] == [Reason.BROKEN_OFF]


def test_python_values_are_taken_as_their_json_would_be() -> None:
    moment = datetime(2024, 3, 13, 11, 21, 14, tzinfo=timezone(timedelta(hours=1)))
    record = {"at": moment, "what": "home", "paid": Decimal("19.9"), "mail": ("b@example.com", "a@example.com")}
    (event,) = events_from_records([record], MAPPING).events.to_dicts()
    assert (event["at"], event["value"]) == (datetime(2024, 3, 13, 10, 21, 14), 19.9)
    assert event["identifiers"] == ["email:a@example.com", "email:b@example.com"]
    assert events_from_records([{1: 2}, ["list"]]).rejects[0].reason == Reason.NOT_OBJECT  # type: ignore[list-item, dict-item]


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        open_reader(tmp_path / "none.csv")
