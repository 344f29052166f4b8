"""CSV: good rows go in whatever stands between them, with the line on which each begins."""

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphsvc.errors import InputError
from graphsvc.ingest import csv_blocks
from graphsvc.ingest.csv_blocks import Cut, cut, cut_exact, cut_fast
from graphsvc.ingest.csv_reader import CsvReader
from graphsvc.ingest.rejects import Reason
from graphsvc.ingest.sources import Source

from .effort import effort

Row = tuple[str | None, ...]


def read(path: Path, block: int = 1 << 20) -> tuple[list[Row], list[int], list[tuple[int, str]]]:
    """Rows, their lines, and the line and reason of each reject."""
    batches = list(CsvReader(Source(path, block)).batches())
    rows = [row for batch in batches for row in batch.columns.iter_rows()]
    lines = [line for batch in batches for line in batch.lines]
    return rows, lines, [(reject.line, reject.reason) for batch in batches for reject in batch.rejects]


def of_bytes(folder: Path, data: bytes) -> tuple[list[Row], list[int], list[tuple[int, str]]]:
    path = folder / "in.csv"
    path.write_bytes(data)
    return read(path)


def test_quotes_newlines_and_blank_lines(tmp_path: Path) -> None:
    data = b'a,b\n1,"x, y"\n\n2,"two\nlines"\n3,"say ""hi"""\n4,\n'
    rows, lines, rejects = of_bytes(tmp_path, data)
    assert rows == [("1", "x, y"), ("2", "two\nlines"), ("3", 'say "hi"'), ("4", None)]
    assert lines == [2, 4, 6, 7]
    assert rejects == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiter_line_ends_and_byte_order_mark(tmp_path: Path, delimiter: str, end: str, mark: str) -> None:
    table = [["time", '"name, or so"'], ["1", "ä"], ["2", "b"]]
    data = (mark + end.join(delimiter.join(row) for row in table)).encode()
    rows, lines, rejects = of_bytes(tmp_path, data)
    assert (rows, lines, rejects) == ([("1", "ä"), ("2", "b")], [2, 3], [])


def test_each_kind_of_trouble_costs_its_own_row_only(tmp_path: Path) -> None:
    long = b"x" * (32 * 1024 + 1)
    lines = [
        b"a,b",
        b"1,good",
        b"2,too,many",
        b"3",
        b"4,not \xff utf-8",
        b"5," + long,
        b'6,"unclosed',
        b'7,"misplaced" quote',
        b"8,5' 10\" is a height",
        b'9,"good"',
        b'10,"two',
        b'lines"',
        b"11,good",
    ]
    rows, at, rejects = of_bytes(tmp_path, b"\n".join(lines))
    assert [row[0] for row in rows] == ["1", "8", "9", "10", "11"]
    assert at == [2, 9, 10, 11, 13]
    assert rejects == [
        (3, Reason.COLUMNS),
        (4, Reason.COLUMNS),
        (5, Reason.NOT_UTF8),
        (6, Reason.LONG_FIELD),
        (7, Reason.QUOTES),
        (8, Reason.QUOTES),
    ]


def test_an_unclosed_quote_at_the_end_costs_one_line(tmp_path: Path) -> None:
    rows, at, rejects = of_bytes(tmp_path, b'a,b\n1,x\n2,"open\n3,y\n4,z')
    assert rows == [("1", "x"), ("3", "y"), ("4", "z")]
    assert at == [2, 4, 5]
    assert rejects == [(3, Reason.QUOTES)]


def test_a_quote_that_closes_lines_later_by_chance_costs_one_line(tmp_path: Path) -> None:
    rows, at, rejects = of_bytes(tmp_path, b'a,b,c\n1,"open,x\n2,y,"\n3,z,z\n')
    assert rows == [("3", "z", "z")]
    assert at == [4]
    assert rejects == [(2, Reason.QUOTES), (3, Reason.QUOTES)]  # each of them has one quote that never closes


def test_the_limit_of_a_field_holds_in_a_sound_block_too(tmp_path: Path) -> None:
    limit = b"x" * 32 * 1024
    rows, at, rejects = of_bytes(tmp_path, b"a,b\n1," + limit + b'\n2,"' + limit + b'y"\n3,z\n')
    assert [row[0] for row in rows] == ["1", "3"]
    assert at == [2, 4]
    assert rejects == [(3, Reason.LONG_FIELD)]


def test_an_unclosed_quote_does_not_swallow_a_big_file(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    good = b"".join(b"%d,x\n" % number for number in range(60_000))
    path.write_bytes(b'a,b\n0,"open\n' + good)
    rows, at, rejects = read(path, block=64 * 1024)
    assert len(rows) == 60_000
    assert at[0] == 3
    assert rejects == [(2, Reason.QUOTES)]


def test_a_block_with_trouble_takes_time_in_proportion(tmp_path: Path) -> None:
    """Cutting quoted records one by one once took time with the square of their number: minutes for this file."""
    path = tmp_path / "in.csv"
    path.write_bytes(b"a,b\n1,2,3\n" + b'1,"x"\n' * 60_000)
    rows, _, rejects = read(path, block=1 << 24)
    assert (len(rows), len(rejects)) == (60_000, 1)


def test_rejects_keep_the_row_but_not_all_of_a_huge_one(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"a,b\n1,\xfcber,z\n2," + b"x" * 100_000 + b",z\n")
    first, second = next(CsvReader(Source(path)).batches()).rejects
    assert first.raw == "1,\\xfcber,z"
    assert first.file == str(path)
    assert len(second.raw) < 5_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b,a\n1,2,3\n", "more than one column 'a'"),
        (b"1,2024-01-01\n2,2024-01-02\n", "looks like data"),
        (b"ann@example.com,x\n", "looks like data"),
        (b"a,\xff\n1,2\n", "not UTF-8"),
        (b'a,"b\n1,2\n', "quote that is not closed"),
    ],
)
def test_a_bad_header_stops_and_names_the_file(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        of_bytes(tmp_path, data)
    assert str(tmp_path / "in.csv") in str(error.value)
    assert "ann@example.com" not in str(error.value)


def test_a_header_alone_is_a_file_without_rows(tmp_path: Path) -> None:
    assert of_bytes(tmp_path, b"a,b\n") == ([], [], [])
    assert of_bytes(tmp_path, b"a,b") == ([], [], [])


def test_a_column_without_a_name_is_called_by_its_position(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b",a\n0,x\n")
    assert CsvReader(Source(path)).columns == ["column 1", "a"]


def test_a_quoted_header_may_span_lines(tmp_path: Path) -> None:
    rows, lines, _ = of_bytes(tmp_path, b'a,"b\nc"\n1,2\n')
    assert (rows, lines) == ([("1", "2")], [3])


def test_gzip_reads_the_same(tmp_path: Path) -> None:
    data = b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(1000))
    members = gzip.compress(data[:900]) + gzip.compress(data[900:]) + b"\0" * 512
    (tmp_path / "in.csv.gz").write_bytes(members)
    assert read(tmp_path / "in.csv.gz", block=1 << 12) == of_bytes(tmp_path, data)


def test_a_truncated_gzip_gives_its_good_rows_and_says_where_it_broke(tmp_path: Path) -> None:
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * 7919 % 1009) for number in range(5_000))
    whole = gzip.compress(data)
    (tmp_path / "in.csv.gz").write_bytes(whole[: len(whole) // 2])
    rows, lines, rejects = read(tmp_path / "in.csv.gz")
    assert 1_000 < len(rows) < 4_000
    assert rows == of_bytes(tmp_path, data)[0][: len(rows)]  # the torn last line is not among them
    assert rejects == [(lines[-1] + 1, Reason.BROKEN_OFF)]


# The two ways to cut a block agree

PIECES = [b"a", b"", b",", b"\n", b"\r\n", b"\r", b'"', b'""', b'",', b',"', b'"\n', b" ", b"\xc3\xa9", b"\xff", b"\0"]
SOUND = [b"a", b"", b'"a"', b'"a""b"', b'"x\ny"', b'"p,q"', b'""', b'"\r\n"', b'""""', b'"\xc3\xa9"']


def broken_blocks() -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(PIECES), max_size=24).map(b"".join)


@st.composite
def sound_blocks(draw: st.DrawFn) -> bytes:
    width = draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(st.sampled_from(SOUND), min_size=width, max_size=width).map(b",".join), max_size=6))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
    return end.join(rows) + draw(st.sampled_from([b"", end]))


def plain(done: Cut) -> tuple[list[list[str | None]], list[int], list[tuple[int, Reason, str]], int, int]:
    return [column.to_list() for column in done.columns], done.lines.to_list(), done.bad, done.used, done.lines_used


@settings(max_examples=effort(400), deadline=None)
@given(st.one_of(broken_blocks(), sound_blocks()), st.integers(1, 3), st.booleans())
@example(b'"a\nb",c\n1,2\n', 2, False)
def test_fast_and_exact_give_the_same_rows_and_lines(data: bytes, width: int, last: bool) -> None:
    fast = cut_fast(data, ",", width, last=last)
    if fast is not None:
        assert plain(fast) == plain(cut_exact(data[: fast.used], ",", width, last=True))


def test_a_sound_block_goes_the_fast_way() -> None:
    data = b'1,"two\nlines"\n\n3,"say ""hi"""\r\n4,\n5,part'
    fast = cut_fast(data, ",", 2, last=False)
    assert fast is not None
    assert plain(fast) == ([["1", "3", "4"], ["two\nlines", 'say "hi"', None]], [0, 3, 4], [], len(data) - 6, 5)


@settings(max_examples=effort(150), deadline=None)
@given(st.one_of(broken_blocks(), sound_blocks()), st.integers(1, 3), st.integers(1, 9))
def test_the_size_of_blocks_does_not_matter(data: bytes, width: int, size: int) -> None:
    whole = cut_exact(data, ",", width, last=True)
    columns: list[list[str | None]] = [[] for _ in range(width)]
    lines: list[int] = []
    bad: list[tuple[int, Reason, str]] = []
    line, rest = 0, b""
    for start in range(0, max(len(data), 1), size):
        rest += data[start : start + size]
        done = cut(rest, ",", width, last=start + size >= len(data))
        for column, more in zip(columns, done.columns, strict=True):
            column += more.to_list()
        lines += (done.lines + line).to_list()
        bad += [(line + at, reason, raw) for at, reason, raw in done.bad]
        rest, line = rest[done.used :], line + done.lines_used
    assert columns == [column.to_list() for column in whole.columns]
    assert lines == whole.lines.to_list()
    assert bad == whole.bad


@settings(max_examples=effort(150), deadline=None)
@given(st.one_of(broken_blocks(), sound_blocks()), st.integers(1, 3), st.integers(1, 9))
def test_the_size_of_pieces_does_not_matter(data: bytes, width: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_blocks, "PIECE", size)
        assert plain(cut(data, ",", width, last=True)) == plain(cut_exact(data, ",", width, last=True))


def test_reading_keeps_texts_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    texts = [" padded ", "01234", "1.50", "true", "NA", "null", "2024-01-01", "  "]
    path.write_text("a;b\n" + "".join(f"{text};x\n" for text in texts), "utf-8")
    assert next(CsvReader(Source(path)).batches()).columns["a"].to_list() == texts
    assert isinstance(next(CsvReader(Source(path)).batches()).columns["a"].dtype, pl.String)
