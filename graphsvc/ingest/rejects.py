"""Rows that could not go in, and the file that keeps them."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

#: Characters of a bad row that are kept, enough to recognise it.
RAW_LIMIT = 4_000


class Reason(StrEnum):
    """Why a row was refused. The texts are documented in ``docs/mapping.md``."""

    # The row could not be read.
    COLUMNS = "wrong number of columns"
    QUOTES = "unclosed or misplaced quote"
    NOT_UTF8 = "not UTF-8"
    LONG_FIELD = "field longer than 32 KiB"
    BROKEN_JSON = "broken JSON"
    NOT_OBJECT = "not a JSON object"
    BROKEN_OFF = "the file breaks off here"
    # The row was read but is no event.
    UNKNOWN_FIELD = "unknown field"
    BAD_KIND = "kind is not event, profile or link"
    NO_TIME = "no time"
    BAD_TIME = "unreadable time"
    SKIPPED_TIME = "time skipped by a clock change"
    ABSURD_TIME = "date before 1970 or after 2099"
    NO_NAME = "no name"
    NO_CHANNEL = "no channel"
    NO_IDENTIFIER = "no identifier"
    ONE_IDENTIFIER = "a link needs two identifiers"
    MANY_IDENTIFIERS = "more than 50 identifiers"
    TOO_LONG = "too long"
    NOT_A_NUMBER = "not a number"
    OUT_OF_RANGE = "out of range"


@dataclass(frozen=True)
class Reject:
    """One row that did not go in. ``raw`` holds personal data: it belongs in the rejects file and nowhere else."""

    file: str
    line: int  # physical line from 1; in Parquet the row, in a list of records the position
    field: str | None  # our field, where one is to blame
    reason: str
    raw: str

    def as_json(self) -> str:
        """The reject as one line of the rejects file."""
        return json.dumps(asdict(self), ensure_ascii=False)


def clip(raw: str) -> str:
    """The beginning of a bad row, free of what UTF-8 cannot carry."""
    return raw[:RAW_LIMIT].encode("utf-8", "backslashreplace").decode("utf-8")


class RejectsFile:
    """A JSON Lines file of rejects that only its owner can read.

    A reject that the file already holds is not written again, so reading the same input twice adds nothing. A last
    line torn by a crash is cut off: the run that repeats the input writes it anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, rejects: Iterable[Reject]) -> int:
        """Append those that are new; returns how many were."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # two ingests into one server may share the file
            os.fchmod(descriptor, 0o600)  # a file made by other means may be open to all
            held: set[bytes] = set()
            whole = 0
            for line in file:
                if line.endswith(b"\n"):
                    held.add(sha256(line).digest())
                    whole += len(line)
            file.truncate(whole)
            file.seek(whole)
            before = len(held)
            for reject in rejects:
                line = reject.as_json().encode() + b"\n"
                mark = sha256(line).digest()
                if mark not in held:
                    held.add(mark)
                    file.write(line)
        return len(held) - before

    def purge(self, values: Iterable[str], *, dry_run: bool = False) -> int:
        """Remove the rejects that name one of some identifier values; returns how many (would be with ``dry_run``)."""
        wanted = "|".join(re.escape(value) for value in sorted(values))
        if not wanted or not self.path.exists():
            return 0
        named = re.compile(rf"(?<![\w@.+-])(?:{wanted})(?![\w@+-])", re.IGNORECASE)
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = file.readlines()
            kept = [line for line in lines if not named.search(_raw_of(line))]
            if len(kept) < len(lines) and not dry_run:
                file.seek(0)
                file.writelines(kept)
                file.truncate()
        return len(lines) - len(kept)


def _raw_of(line: bytes) -> str:
    """The bad row of a line of the file; the line itself where it is torn."""
    try:
        return str(json.loads(line)["raw"])
    except (ValueError, KeyError, TypeError):
        return line.decode("utf-8", "replace")
