"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from .records import as_rows
from .rejects import Reason, Reject, clip
from .rows import RawRows
from .sources import Source


class JsonlReader:
    """A JSON Lines file. Its columns are the names that occur in its first megabyte."""

    def __init__(self, source: Source) -> None:
        self.source = source
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
                records.append(json.loads(line.decode()))
                lines.append(number)
            except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are both ValueErrors
                reason = Reason.NOT_UTF8 if isinstance(error, UnicodeDecodeError) else Reason.BROKEN_JSON
                raw = clip(line.decode("utf-8", "backslashreplace"))
                bad.append(Reject(str(self.path), number, None, reason, raw))
        rows = as_rows(records, lines, str(self.path))
        return RawRows(rows.columns, rows.lines, [*bad, *rows.rejects])
