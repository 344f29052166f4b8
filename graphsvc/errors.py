"""Every error that graphsvc raises on purpose, drawn first:

    GraphsvcError
    ├── InputError                what was given cannot be used; nothing was written
    │   ├── MappingError          a mapping file is unreadable or wrong
    │   ├── UnsupportedFile       not CSV, JSONL or Parquet
    │   ├── UnknownColumn         a mapping names a column that the file lacks
    │   ├── TooManyRejects        more bad rows than --max-rejects allows
    │   ├── SettingsConflict      a mapping disagrees with the settings of the graph
    │   ├── RulesError            a rules file is unreadable or contradicts itself
    │   ├── DecisionConflict      a decision contradicts another
    │   ├── CannotErase           an erasure names a shared identifier, or an anonymous user
    │   │   └── ErasedAlready     it names somebody who was erased already
    │   ├── ErasureKeyMissing     the environment lacks the key of the erasure hashes
    │   ├── BodyTooLarge          a request's body is larger than the service takes
    │   ├── UnsupportedBody       a request's body is of a kind that the service does not read
    │   └── QueryError            a question cannot be asked like that
    │       ├── UnknownName       a name that the graph does not hold
    │       ├── CypherUnsupported a mode of an answer that only the journey frame can do
    │       └── CursorExpired     the list that a cursor leads on in has changed
    ├── Refused                   the service does not do this for this caller
    │   ├── Unauthorized          there is no key, or an unknown one
    │   └── TooManyRequests       the caller asks too often
    ├── NotFound                  nobody has that identifier or key
    └── StoreError                the store cannot do it now
        ├── StoreBusy             another process holds it
        ├── StoreUnavailable      it cannot be reached or opened
        ├── ForeignGraph          it holds data that are not ours
        ├── NewerGraph            it was written by a newer version
        ├── GraphLoading          a first load is still running
        ├── GraphMoved            somebody else wrote in between
        ├── QueryTimeout          reading took longer than was allowed
        └── TargetNotEmpty        copy needs an empty target

Each class carries a stable ``code``; the CLI prints ``code: message`` and exits with ``exit_code``, the API answers
RFC 9457 problem details with ``status``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError


class GraphsvcError(Exception):
    """Base of all deliberate errors; the message says what was given and what is allowed."""

    code = "error"
    status = 500
    exit_code = 1


class InputError(GraphsvcError):
    """What was given cannot be used; nothing was written."""

    code = "bad-input"
    status = 422
    exit_code = 2


class MappingError(InputError):
    """A mapping file cannot be read or does not validate."""

    code = "bad-mapping"


class UnsupportedFile(InputError):
    """The file is none of CSV, JSONL, Parquet."""

    code = "unsupported-file"


class UnknownColumn(InputError):
    """A mapping names a column that the file lacks, or a plain file has one that means nothing."""

    code = "unknown-column"


class TooManyRejects(InputError):
    """More rows were bad than the caller allows."""

    code = "too-many-rejects"


class SettingsConflict(InputError):
    """A mapping's settings disagree with those of the graph."""

    code = "settings-conflict"
    status = 409


class RulesError(InputError):
    """A rules file cannot be read or does not validate."""

    code = "bad-rules"


class DecisionConflict(InputError):
    """A decision contradicts one that stands."""

    code = "decision-conflict"
    status = 409


class CannotErase(InputError):
    """An erasure names a shared identifier, or an anonymous user."""

    code = "cannot-erase"
    status = 409


class ErasedAlready(CannotErase):
    """An erasure names somebody who was erased already."""

    code = "erased-already"


class ErasureKeyMissing(InputError):
    """The environment lacks the key of the erasure hashes, or has another one."""

    code = "erasure-key-missing"
    status = 503


class BodyTooLarge(InputError):
    """The body of a request is larger than the service takes."""

    code = "too-large"
    status = 413


class UnsupportedBody(InputError):
    """The body of a request is of a kind that the service does not read."""

    code = "unsupported-body"
    status = 415


class QueryError(InputError):
    """A question cannot be asked like that."""

    code = "bad-query"


class UnknownName(QueryError):
    """A touchpoint, channel, stage or named segment that the graph does not hold."""

    code = "unknown-name"


class CypherUnsupported(QueryError):
    """A mode of an answer that only the journey frame can do."""

    code = "cypher-unsupported"


class CursorExpired(QueryError):
    """The list that a cursor leads on in has changed since."""

    code = "cursor-expired"
    status = 410


class Refused(GraphsvcError):
    """The service does not do this for this caller."""

    code = "forbidden"
    status = 403
    exit_code = 2


class Unauthorized(Refused):
    """A request brings no key, or an unknown one."""

    code = "unauthorized"
    status = 401


class TooManyRequests(Refused):
    """A caller asks more often than the service allows."""

    code = "too-many-requests"
    status = 429


class NotFound(GraphsvcError):
    """Nobody has that identifier or key."""

    code = "not-found"
    status = 404
    exit_code = 3


class StoreError(GraphsvcError):
    """The store cannot do it now."""

    code = "store-error"
    status = 503
    exit_code = 4


class StoreBusy(StoreError):
    """Another process holds the store."""

    code = "store-busy"


class StoreUnavailable(StoreError):
    """The store cannot be reached or opened."""

    code = "store-unavailable"


class ForeignGraph(StoreError):
    """The store holds data that graphsvc did not write."""

    code = "foreign-graph"


class NewerGraph(StoreError):
    """The graph was written by a newer version of graphsvc."""

    code = "newer-graph"


class GraphLoading(StoreError):
    """A first load is still running, or was interrupted."""

    code = "graph-loading"


class GraphMoved(StoreError):
    """Somebody else wrote between reading the graph and replacing it."""

    code = "graph-moved"


class QueryTimeout(StoreError):
    """Reading took longer than was allowed, and was given up."""

    code = "timeout"
    status = 504


class TargetNotEmpty(StoreError):
    """A copy needs an empty target."""

    code = "target-not-empty"
    status = 409


def nearest(word: str, known: Iterable[str]) -> str:
    """A clause that suggests the closest known names, or lists a few of them: ``; did you mean 'app'?``."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(repr(name) for name in close) + "?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"; known: {shown}"


Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], given: Mapping[str, Any], what: str) -> Model:
    """A model from plain values.

    Raises:
        QueryError: a value that it does not allow; the message names it and says what is.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise QueryError(f"{what}: {'; '.join(wrong)}") from None
