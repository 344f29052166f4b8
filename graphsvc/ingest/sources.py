"""What kind of file an input is, and its bytes in blocks, decompressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from ..errors import InputError, UnsupportedFile
from .rows import FIELD_LIMIT

Format = Literal["csv", "jsonl", "parquet"]

#: Bytes that one batch is read from: it bounds the memory.
BLOCK = 8 * 1024 * 1024
#: A longer line is no row: readers see it marked and refuse it, and the memory stays bounded.
LINE_LIMIT = 4 * 1024 * 1024
_COMPRESSED = 256 * 1024
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"SQLite format": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}
_ALLOWED = "CSV, JSON Lines (both also gzipped) or Parquet"


class Source:
    """The bytes of one file, decompressed where it is gzipped, without a byte-order mark.

    Attributes:
        size: bytes of the file.
        position: how many of them were read so far.
        broken: set when a gzip stream broke off; its last line is then not to be trusted.
    """

    def __init__(self, path: Path, block: int = BLOCK) -> None:
        self.path = path
        self.block = block
        self.position = 0
        self.broken = False
        try:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                self.gzipped = file.read(2) == _GZIP
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error

    def blocks(self) -> Iterator[bytes]:
        """The bytes in blocks of about ``block``; the last one may be shorter, none is empty."""
        self.position, self.broken = 0, False
        with self.path.open("rb") as file:
            first = True
            for block in _bounded(self._gunzipped(file) if self.gzipped else self._plain(file)):
                yield block.removeprefix(_BOM) if first else block
                first = False

    def marked_blocks(self) -> Iterator[tuple[bytes, bool]]:
        """The blocks, each with whether it is the last (``broken`` is then known)."""
        blocks = self.blocks()
        block = next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            yield block, following is None
            block = following

    def beginning(self, size: int = 1024 * 1024) -> tuple[bytes, bool]:
        """The first bytes (about ``size`` of them), and whether they are all."""
        block, self.block = self.block, size
        try:
            return next(self.marked_blocks(), (b"", True))
        finally:
            self.block = block

    def holds(self, needle: bytes) -> bool:
        """Whether the bytes occur anywhere in the file."""
        carry = b""
        for block in self.blocks():
            carry += block
            if needle in carry:
                return True
            carry = carry[-len(needle) :]
        return False

    def _plain(self, file: BinaryIO) -> Iterator[bytes]:
        while block := file.read(self.block):
            self.position = file.tell()
            yield block

    def _gunzipped(self, file: BinaryIO) -> Iterator[bytes]:
        parts: list[bytes] = []
        size = 0
        for part in self._inflated(file):
            parts.append(part)
            size += len(part)
            self.position = file.tell()
            if size >= self.block:
                yield b"".join(parts)
                parts, size = [], 0
        if parts:
            yield b"".join(parts)

    def _inflated(self, file: BinaryIO) -> Iterator[bytes]:
        """The members of a gzip file one after the other, up to the point where it breaks off."""
        stream = zlib.decompressobj(wbits=31)
        begun = False
        while data := file.read(_COMPRESSED):
            while data:
                if stream.eof:
                    data = data.lstrip(b"\0")  # padding between members and at the end
                    stream, begun = zlib.decompressobj(wbits=31), False
                    if not data:
                        break
                begun = True
                try:
                    part = stream.decompress(data, self.block)  # bounded: a small file can inflate a thousandfold
                except zlib.error:
                    self.broken = True
                    return
                if part:
                    yield part
                data = stream.unused_data if stream.eof else stream.unconsumed_tail
        while not stream.eof and (part := stream.decompress(b"", self.block)):  # what the bound held back
            yield part
        self.broken = begun and not stream.eof


def _bounded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks, where a line longer than ``LINE_LIMIT`` is cut and ends with more than a field may have."""
    length, dropping = 0, False
    for block in blocks:
        if dropping:
            end = block.find(b"\n")
            if end < 0:
                continue
            block, dropping = block[end:], False
        newline = block.rfind(b"\n")
        length = length + len(block) if newline < 0 else len(block) - newline - 1
        yield block
        if length > LINE_LIMIT:
            yield b"x" * (FIELD_LIMIT + 1)
            length, dropping = 0, True


def sniff(source: Source) -> Format:
    """The format of a file: by its first bytes where they are plain, else by its name, else by its look.

    Raises:
        UnsupportedFile: none of ours.
    """
    path = source.path
    head, _ = source.beginning(64 * 1024)
    if source.broken and not head:
        raise UnsupportedFile(f"{path} is no readable gzip file")
    if head.startswith(b"PAR1"):
        if source.gzipped:
            raise UnsupportedFile(f"{path} is a gzipped Parquet file; Parquet compresses by itself, unpack it first")
        return "parquet"
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise UnsupportedFile(f"{path} is {what}; give {_ALLOWED}")
    if b"\0" in head[:1024]:
        raise UnsupportedFile(f"{path} is a binary file; give {_ALLOWED}")
    look = head.lstrip()
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    named = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if look.startswith(b"[") and named != "csv":
        raise UnsupportedFile(f"{path} is one JSON array; write one object per line (jq -c '.[]' FILE)")
    if named != "csv" and look.partition(b"\n")[0].strip() == b"{":
        raise UnsupportedFile(f"{path} is one JSON document; write one object per line (jq -c . FILE)")
    if named:
        return named
    if look.startswith(b"{"):
        return "jsonl"
    first = look.split(b"\n", 1)[0]
    if any(delimiter in first for delimiter in (b",", b";", b"\t", b"|")):
        return "csv"
    raise UnsupportedFile(f"{path} has an unknown format; give {_ALLOWED}")
