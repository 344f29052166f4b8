"""CSV: comma, semicolon, tab or bar between the fields, quotes as in RFC 4180, a header line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..errors import InputError
from .csv_blocks import cut, header
from .rejects import Reason, Reject, clip
from .rows import RawRows
from .sources import Source

DELIMITERS = ",;\t|"
#: What stands in a row of data and never names a column.
_DATA = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|.*@.*\..*")


class CsvReader:
    """A CSV file, opened far enough to know its columns."""

    whole = True

    def __init__(self, source: Source) -> None:
        """Read the header.

        Raises:
            InputError: there is none, or it cannot be used.
        """
        self.source = source
        self.path: Path = source.path
        self.size = source.size
        head, _ = source.beginning()
        self._bare_returns = b"\r" in head and b"\n" not in head  # line ends of the classic Mac
        head = self._unix(head)
        if not head.strip():
            raise InputError(f"{self.path} is empty; a CSV file needs at least a header line")
        self.delimiter = _delimiter(head)
        try:
            found = header(head, self.delimiter)
        except UnicodeDecodeError as error:
            raise InputError(f"the header of {self.path} is not UTF-8; save the file as UTF-8") from error
        if found is None:
            raise InputError(f"the header of {self.path} has a quote that is not closed")
        names, self._header_bytes, self._header_lines = found
        self.columns = self._checked([name.strip() for name in names])

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self.source.position

    def holds(self, column: str) -> bool:
        """Whether the file has a column."""
        return column in self.columns

    def batches(self) -> Iterator[RawRows]:
        """The rows, a block at a time."""
        data, line, in_header = b"", 1, True
        for block, last in self.source.marked_blocks():
            data += self._unix(block)
            if in_header and len(data) < self._header_bytes and not last:
                continue
            if in_header:
                data, line, in_header = data[self._header_bytes :], 1 + self._header_lines, False
            torn = b""
            if last and self.source.broken:  # the last line may be half a line
                whole = data.rfind(b"\n") + 1
                data, torn = data[:whole], data[whole:]
            done = cut(data, self.delimiter, len(self.columns), last=last)
            rejects = [self._reject(line + at, reason, raw) for at, reason, raw in done.bad]
            rows = pl.DataFrame([texts.alias(name) for name, texts in zip(self.columns, done.columns, strict=True)])
            lines = done.lines + line
            data, line = data[done.used :], line + done.lines_used
            if last and self.source.broken:
                rejects.append(self._reject(line, Reason.BROKEN_OFF, torn.decode("utf-8", "backslashreplace")))
            yield RawRows(rows, lines, rejects)

    def _unix(self, block: bytes) -> bytes:
        return block.replace(b"\r", b"\n") if self._bare_returns else block

    def _reject(self, line: int, reason: Reason, raw: str) -> Reject:
        return Reject(str(self.path), line, None, reason, clip(raw))

    def _checked(self, names: list[str]) -> list[str]:
        """The names of the columns. A column without a name is called by its position: ``column 1``."""
        for position, name in enumerate(names, start=1):
            if _DATA.fullmatch(name):
                raise InputError(
                    f"the first line of {self.path} looks like data, not like names of columns "
                    f"(field {position} is a number, a date or an address); add a header line"
                )
        names = [name or f"column {position}" for position, name in enumerate(names, start=1)]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{self.path} has more than one column {name!r}; give each its own name")
        return names


def _delimiter(head: bytes) -> str:
    """The delimiter that is most frequent in the header line, quoted names aside."""
    line = re.sub(rb'"[^"]*"', b"", head.lstrip(b"\r\n").split(b"\n", 1)[0])
    return max(DELIMITERS, key=lambda delimiter: line.count(delimiter.encode()))
