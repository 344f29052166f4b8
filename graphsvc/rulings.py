"""What people ruled: which identifiers are one person or two, and who is to be erased.

Decisions and erasures are stored with the graph and replayed whenever it is derived. An erasure holds no personal data:
hashes, keyed by a secret that is never stored (``GRAPHSVC_ERASURE_KEY``), of identifiers in a fixed form.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from .errors import DecisionConflict, ErasureKeyMissing
from .tables import DECISIONS, ERASURES

VERSION = 1  # of `fixed`; hashes of another version could not be compared
KEY_VARIABLE = "GRAPHSVC_ERASURE_KEY"
_SEPARATORS = str.maketrans("", "", "+-()./")


@dataclass(frozen=True)
class Rulings:
    """The decisions and erasures of one graph."""

    decisions: pl.DataFrame  # tables.DECISIONS
    erasures: pl.DataFrame  # tables.ERASURES
    secret: bytes = field(default=b"", repr=False)

    @classmethod
    def none(cls) -> Rulings:
        """Nothing was ruled."""
        return cls(pl.DataFrame(schema=DECISIONS), pl.DataFrame(schema=ERASURES))

    def unlocked(self) -> Rulings:
        """The same with the secret from the environment, which is needed where anybody was erased.

        Raises:
            ErasureKeyMissing: there are erasures, and the environment lacks their key or has another.
        """
        if not len(self.erasures):
            return self
        with_secret = replace(self, secret=secret_of_environment())
        if set(self.erasures["check"]) != {with_secret.check()}:
            raise ErasureKeyMissing(
                f"{KEY_VARIABLE} is not the key that people were erased with here; set that one again: without it they "
                "could not be told from others"
            )
        return with_secret

    def check(self) -> str:
        """Tells a key from another, and nothing else about it."""
        return hashed(self.secret, "check", "")[:16]

    @cached_property
    def _cutoffs(self) -> dict[str, datetime]:
        """The latest cutoff by hash of an erased identifier."""
        found: dict[str, datetime] = {}
        for hashes, cutoff in self.erasures.select("identifiers", "cutoff").iter_rows():
            for one in hashes:
                found[one] = max(cutoff, found.get(one, cutoff))
        return found

    def erased_until(self, identifiers: pl.Series) -> dict[str, datetime]:
        """The cutoff by identifier (raw or key), for those that were erased."""
        if not len(self.erasures):
            return {}
        hashes = ((text, hashed(self.secret, "identifier", fixed(text))) for text in identifiers.to_list())
        return {text: self._cutoffs[one] for text, one in hashes if one in self._cutoffs}

    def stay_shared(self, identifiers: pl.Series) -> pl.Series:
        """Those identifiers that were shared through somebody who was erased."""
        kept = {one for hashes in self.erasures["shared"].to_list() for one in hashes}
        texts = identifiers.to_list() if kept else []
        found = [text for text in texts if hashed(self.secret, "identifier", fixed(text)) in kept]
        return pl.Series(found, dtype=pl.String)

    def erased_user(self, key: str) -> bool:
        """Whether a user key led to somebody who was erased."""
        return bool(self._users) and hashed(self.secret, "user", key) in self._users

    @cached_property
    def _users(self) -> frozenset[str]:
        return frozenset(one for hashes in self.erasures["users"].to_list() for one in hashes)


def decision_key(kind: str, a: str, b: str) -> str:
    """The key of a decision: one of each kind per pair."""
    return hashlib.sha256("\0".join([kind, *sorted((a, b))]).encode()).hexdigest()[:32]


def agree(decisions: Iterable[tuple[str, str, str]]) -> None:
    """Check that no two identifiers are decided to be one person and two.

    Args:
        decisions: kind, a, b of each.

    Raises:
        DecisionConflict: a chain of ``same`` decisions joins the ends of a ``different`` one.
    """
    given = list(decisions)
    first: dict[str, str] = {}

    def group(identifier: str) -> str:
        while identifier in first:
            identifier = first[identifier]
        return identifier

    for kind, a, b in given:
        if kind == "same" and group(a) != group(b):
            first[group(a)] = group(b)
    for kind, a, b in given:
        if kind == "different" and group(a) == group(b):
            raise DecisionConflict(
                "two identifiers would be decided to be different, and by other decisions to be the same; see "
                "`graphsvc decisions list`, and remove one of them first"
            )


def secret_of_environment() -> bytes:
    """The key of all erasure hashes.

    Raises:
        ErasureKeyMissing: it is not set, or short.
    """
    secret = os.environ.get(KEY_VARIABLE, "")
    if len(secret) < 16:
        raise ErasureKeyMissing(
            f"set {KEY_VARIABLE} to a random text of 16 characters or more (openssl rand -hex 32) and keep it: "
            "erased people are recognised by it, and only by it, when old files are read again"
        )
    return secret.encode()


def hashed(secret: bytes, purpose: str, text: str) -> str:
    """A keyed hash: 32 hex digits of HMAC-SHA-256 (RFC 2104)."""
    return hmac.digest(secret, f"graphsvc {purpose}\0{text}".encode(), "sha256").hex()[:32]


def hashes_of(secret: bytes, identifiers: Iterable[str]) -> list[str]:
    """The distinct keyed hashes of some identifiers, sorted."""
    return sorted({hashed(secret, "identifier", fixed(text)) for text in identifiers})


def fixed(identifier: str) -> str:
    """An identifier in the form that is hashed, which no rule changes (version 1).

    Compatibility forms (NFKC), no case, no spaces or quotes; numbers, as of phones, without signs between their digits.
    """
    kind, _, value = identifier.partition(":")
    bare = "".join(unicodedata.normalize("NFKC", value).casefold().split()).translate({34: None, 39: None, 96: None})
    digits = bare.translate(_SEPARATORS)
    return f"{kind}:{digits if digits.isdecimal() else bare}"
