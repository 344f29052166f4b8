"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from .records import as_rows
from .rejects import Reason, Reject, clip
from .rows import RawRows
from .sources import Source


class WrongColumns(ValueError):
    """A line that is no JSON does not have the fields of its format."""


def _json(line: bytes) -> Any:
    return json.loads(line.decode())


_REASONS = {UnicodeDecodeError: Reason.NOT_UTF8, WrongColumns: Reason.COLUMNS}


class JsonlReader:
    """A JSON Lines file. Its columns are the names that occur in its first megabyte."""

    def __init__(self, source: Source, decode: Callable[[bytes], Any] = _json) -> None:
        """Read the first megabyte.

        Args:
            source: the file.
            decode: makes a record of a line; raises ``ValueError`` where it cannot.
        """
        self.source = source
        self._decode = decode
        self.path: Path = source.path
        self.size = source.size
        head, self.whole = source.beginning()
        if not self.whole:
            head = head[: head.rfind(b"\n") + 1]
        self.columns = self._rows(head, 1).columns.columns

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self.source.position

    def holds(self, column: str) -> bool:
        """Whether the last name of a dotted column stands quoted anywhere in the file.

        It looks at bytes and may take a value for a name: good enough to tell a rare field from a misspelt one.
        """
        if column in self.columns or self.whole:
            return column in self.columns
        name = column.rsplit(".", 1)[-1]
        spellings = {json.dumps(name), json.dumps(name, ensure_ascii=False)}
        return any(self.source.holds(spelling.encode()) for spelling in spellings)

    def batches(self) -> Iterator[RawRows]:
        """The rows, a block at a time."""
        data, line = b"", 1
        for block, last in self.source.marked_blocks():
            data += block
            whole = len(data) if last and not self.source.broken else data.rfind(b"\n") + 1
            rows = self._rows(data[:whole], line)
            line += data.count(b"\n", 0, whole)
            data = data[whole:]
            if last and self.source.broken:
                torn = clip(data.decode("utf-8", "backslashreplace"))
                rows.rejects.append(Reject(str(self.path), line, None, Reason.BROKEN_OFF, torn))
            yield rows

    def _rows(self, data: bytes, first_line: int) -> RawRows:
        records: list[Any] = []
        lines: list[int] = []
        bad: list[Reject] = []
        for number, line in zip(count(first_line), data.split(b"\n"), strict=False):
            if not line or line.isspace():
                continue
            try:
                records.append(self._decode(line))
                lines.append(number)
            except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are both ValueErrors
                reason = _REASONS.get(type(error), Reason.BROKEN_JSON)
                raw = clip(line.decode("utf-8", "backslashreplace"))
                bad.append(Reject(str(self.path), number, None, reason, raw))
        rows = as_rows(records, lines, str(self.path))
        return RawRows(rows.columns, rows.lines, [*bad, *rows.rejects])
