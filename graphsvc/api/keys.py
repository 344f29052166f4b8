"""Keys and their roles. A file holds hashes only; keys are long and random, so a plain hash will do."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from ..errors import InputError

#: The keys that the environment may hold.
VARIABLES = {"GRAPHSVC_READ_KEY": "read", "GRAPHSVC_WRITE_KEY": "write", "GRAPHSVC_API_KEY": "admin"}
_LINE = re.compile(r"(?P<name>[\w.-]{1,60})\s+(?P<role>read|write|admin)\s+sha256:(?P<hash>[0-9a-f]{64})")


class Role(IntEnum):
    """What a caller may do; each role may do what those before it may."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    name: str  # of the key, never the key itself
    role: Role


#: Whoever asks a service without keys: it listens on this machine only.
ANYBODY = Caller("local", Role.ADMIN)


class Keys:
    """The keys that a service knows."""

    def __init__(self, callers: Mapping[str, Caller] | None = None) -> None:
        """Keep the callers by the hash of their key."""
        self._callers = dict(callers or {})

    def __bool__(self) -> bool:
        return bool(self._callers)

    @classmethod
    def of(cls, **secret_by_role: str) -> Keys:
        """Keys as such: ``Keys.of(admin="…", read="…")``."""
        return cls({hashed(secret): Caller(role, Role[role.upper()]) for role, secret in secret_by_role.items()})

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Keys:
        """The keys of ``VARIABLES`` and those of the file that ``GRAPHSVC_KEYS_FILE`` names.

        Raises:
            InputError: the file cannot be read, or holds something else.
        """
        given = {role: environment[name] for name, role in VARIABLES.items() if environment.get(name)}
        file = environment.get("GRAPHSVC_KEYS_FILE")
        return cls({**(read_keys(Path(file)) if file else {}), **cls.of(**given)._callers})

    def caller(self, secret: str) -> Caller | None:
        """Who has a key. Every hash is compared, each in constant time, so that time tells nothing."""
        given, found = hashed(secret), None
        for known, caller in self._callers.items():
            if hmac.compare_digest(known, given):
                found = caller
        return found


def hashed(secret: str) -> str:
    """SHA-256 of a key: 64 hex digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_key(name: str, role: Role) -> tuple[str, str]:
    """A new key, and the line of a keys file that knows it.

    Raises:
        InputError: the name is none.
    """
    secret = secrets.token_urlsafe(32)
    line = f"{name} {role} sha256:{hashed(secret)}"
    if not _LINE.fullmatch(line):
        raise InputError(f"{name!r} cannot name a key; take up to 60 letters, digits, and . _ -")
    return secret, line


def read_keys(path: Path) -> dict[str, Caller]:
    """The callers of a keys file by the hash of their key.

    Raises:
        InputError: the file cannot be read, or a line is not ``NAME ROLE sha256:HASH``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the keys file {path} cannot be read ({type(error).__name__})") from None
    return dict(_callers(path, lines))


def _callers(path: Path, lines: Iterable[str]) -> Iterable[tuple[str, Caller]]:
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        found = _LINE.fullmatch(text)
        if not found:
            raise InputError(f"{path}, line {number} is not NAME read|write|admin sha256:HASH; see `graphsvc keys`")
        yield found["hash"], Caller(found["name"], Role[found["role"].upper()])
