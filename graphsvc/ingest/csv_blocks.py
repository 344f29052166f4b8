"""One block of CSV to columns, in two ways that agree: fast for a sound block, exact for one with trouble.

Both follow RFC 4180: a field is quoted or not; a quoted one may hold delimiters, line ends and doubled quotes. Both
give, for each record, the physical line on which it begins.

*Fast* looks at the whole block with NumPy. Outside the quotes a newline ends a record, and whether a byte is outside is
the parity of the quotes before it. If every opening quote stands at the beginning of a field and every closing one at
its end, the block is sound and pyarrow may cut it. Else, or where a record has another number of columns, a byte that
is not UTF-8 or a field over the limit, the block is left to the exact way.

*Exact* goes record by record. A record that does not close its quotes, or that runs over several lines and then has the
wrong number of columns, has an unclosed quote: its first line alone is refused and reading resumes on the next one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.csv

from .rejects import Reason, clip
from .rows import FIELD_LIMIT

#: An open quote may reach over so many bytes; then it counts as unclosed.
SPAN = 128 * 1024
#: Bytes that are cut at once where a whole block cannot be.
PIECE = 256 * 1024
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """What was cut from a block. Lines count from 0 at the beginning of the block."""

    columns: list[pl.Series]  # String, null where empty; one for each column of the header
    lines: pl.Series  # Int64
    bad: list[tuple[int, Reason, str]]  # line, reason, raw text
    used: int  # bytes; the rest belongs to the next block
    lines_used: int


def cut(data: bytes, delimiter: str, width: int, *, last: bool) -> Cut:
    """Cut the whole records of a block.

    Args:
        data: bytes from the beginning of a record on.
        delimiter: one ASCII character.
        width: number of columns.
        last: whether nothing follows, so that the end of the data ends a record.
    """
    return cut_fast(data, delimiter, width, last=last) or _cut_in_pieces(data, delimiter, width, last=last)


def _cut_in_pieces(data: bytes, delimiter: str, width: int, *, last: bool) -> Cut:
    """Cut a block with trouble: one torn row costs the slow way for its piece only."""
    done: list[Cut] = []
    at, size = 0, PIECE
    while at < len(data):
        end = data.find(b"\n", at + size) + 1 or len(data)
        piece, final = data[at:end], end == len(data)
        part = cut_fast(piece, delimiter, width, last=last and final)
        part = part or cut_exact(piece, delimiter, width, last=last and final)
        size = PIECE if part.used else 2 * size  # a record longer than the piece
        at += part.used
        done.append(part)
        if final:
            break
    return _joined(done, width)


def _joined(parts: list[Cut], width: int) -> Cut:
    """Cuts of successive pieces as one."""
    columns = [pl.concat([part.columns[number] for part in parts]) for number in range(width)] if parts else []
    before = [0, *accumulate(part.lines_used for part in parts)]
    lines = [part.lines + first for part, first in zip(parts, before, strict=False)]
    return Cut(
        columns=columns or _no_rows(width),
        lines=pl.concat(lines) if lines else pl.Series(dtype=pl.Int64),
        bad=[
            (first + line, reason, raw)
            for part, first in zip(parts, before, strict=False)
            for line, reason, raw in part.bad
        ],
        used=sum(part.used for part in parts),
        lines_used=before[-1],
    )


def cut_fast(data: bytes, delimiter: str, width: int, *, last: bool) -> Cut | None:
    """Cut a sound block; None where it is not sound."""
    used = len(data)
    if last and data and not data.endswith(b"\n"):
        data += b"\n"
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    array = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(array == _NEWLINE)
    quotes = np.flatnonzero(array == _QUOTE)
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0] if len(quotes) else newlines
    whole = int(ends[-1]) + 1 if len(ends) else 0
    if len(data) - whole > (0 if last else SPAN) or not _well_quoted(array, quotes[quotes < whole], ord(delimiter)):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    filled = (ends > starts) & ~((ends == starts + 1) & (array[starts] == _RETURN))
    multiline = len(ends) < int(np.searchsorted(newlines, whole))
    columns = _arrow_columns(data[:whole], delimiter, width, multiline=multiline)
    if columns is None or len(columns[0]) != np.count_nonzero(filled):
        return None
    lines = pl.Series(np.searchsorted(newlines, starts[filled]), dtype=pl.Int64)
    return Cut(columns, lines, [], min(whole, used), int(np.searchsorted(newlines, whole)))


def _well_quoted(array: Bytes, quotes: Indices, delimiter: int) -> bool:
    """Whether each quoted field begins and ends where a field does. ``quotes`` are pairwise, outside to outside."""
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = closing[:-1] + 1 == opening[1:]  # closed and opened at once: a quote within a quoted field
    before = array[opening - 1]  # of a quote at the very beginning: the last byte, a newline
    after = array[closing + 1]
    begins = (before == delimiter) | (before == _NEWLINE)
    ends = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN)
    return bool((begins[1:] | doubled).all() and (ends[:-1] | doubled).all() and begins[:1].all() and ends[-1:].all())


def _arrow_columns(data: bytes, delimiter: str, width: int, *, multiline: bool) -> list[pl.Series] | None:
    """The columns as pyarrow cuts them; None where a row or a field is not fit."""
    names = [str(column) for column in range(width)]
    if not data:
        return _no_rows(width)
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(data),
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=multiline),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return None
    columns = [pl.Series(column) for column in table.columns]
    too_long = any((column.str.len_bytes() > FIELD_LIMIT).any() for column in columns)
    return None if too_long else columns


def _no_rows(width: int) -> list[pl.Series]:
    return [pl.Series(dtype=pl.String)] * width


def cut_exact(data: bytes, delimiter: str, width: int, *, last: bool) -> Cut:
    """Cut a block record by record."""
    lines = data.split(b"\n")
    tail = lines.pop()  # behind the last newline
    if last and tail:
        lines.append(tail)
    rows: list[list[str]] = []
    row_lines: list[int] = []
    bad: list[tuple[int, Reason, str]] = []
    at = 0
    while at < len(lines):
        if lines[at] in (b"", b"\r"):
            at += 1
            continue
        record, taken = _record(lines, at, delimiter, width)
        if record is Reason.QUOTES and at + taken == len(lines) and not last:
            break  # the next block may close the quote
        if isinstance(record, Reason):
            taken = 1 if record is Reason.QUOTES else taken
            bad.append((at, record, clip(b"\n".join(lines[at : at + taken]).decode("utf-8", "backslashreplace"))))
        else:
            rows.append(record)
            row_lines.append(at)
        at += taken
    used = len(data) if last else sum(map(len, lines[:at])) + at
    columns = [pl.Series(texts, dtype=pl.String) for texts in zip(*rows, strict=True)] if rows else _no_rows(width)
    return Cut([_empty_as_null(texts) for texts in columns], pl.Series(row_lines, dtype=pl.Int64), bad, used, at)


def header(data: bytes, delimiter: str) -> tuple[list[str], int, int] | None:
    """The first record that is not blank, the bytes up to its end and the lines; None where its quotes are open.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    lines = data.split(b"\n")
    blank = next((at for at, line in enumerate(lines) if line not in (b"", b"\r")), len(lines) - 1)
    names, taken = _quoted_record(lines, blank, delimiter)
    beginning = b"\n".join(lines[: blank + taken])
    beginning.decode()
    return None if names is None else (names, min(len(beginning) + 1, len(data)), blank + taken)


def _record(lines: list[bytes], at: int, delimiter: str, width: int) -> tuple[list[str] | Reason, int]:
    """The record that begins on a line, or why it is refused, and how many lines it looked at."""
    line, taken = lines[at].removesuffix(b"\r"), 1
    if b'"' in line or b"\r" in line:
        record, taken = _quoted_record(lines, at, delimiter)
        if record is None or (taken > 1 and len(record) != width):
            return Reason.QUOTES, taken
    else:
        record = line.decode("utf-8", "surrogateescape").split(delimiter)
    raw = b"".join(lines[at : at + taken])
    if len(record) != width:
        return Reason.COLUMNS, taken
    if not _is_utf8(raw):
        return Reason.NOT_UTF8, taken
    if len(raw) > FIELD_LIMIT and any(len(field.encode()) > FIELD_LIMIT for field in record):
        return Reason.LONG_FIELD, taken
    return record, taken


def _quoted_record(lines: list[bytes], at: int, delimiter: str) -> tuple[list[str] | None, int]:
    """The record that begins on a line and the lines it takes; None where its quotes are not in order.

    The csv module gives up a field after 128 KiB, so that an unclosed quote is found out soon.
    """
    taken = 0

    def following() -> Iterator[str]:
        nonlocal taken
        while at + taken < len(lines):
            line = lines[at + taken]
            taken += 1
            yield line.decode("utf-8", "surrogateescape") + "\n"

    try:
        return next(csv.reader(following(), delimiter=delimiter, strict=True)), taken
    except csv.Error:
        return None, taken


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _empty_as_null(texts: pl.Series) -> pl.Series:
    return texts.set(texts == "", None)
