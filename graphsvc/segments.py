"""Segment predicates on user traits: ``age >= 50 and region = north``.

Grammar::

    predicate   = conjunction { "or" conjunction }
    conjunction = comparison { "and" comparison }
    comparison  = trait ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value | trait "in" "(" value { "," value } ")"

A value is a number, ``true``, ``false``, a bare word or a quoted text. Numbers compare with numbers, texts with texts;
a missing trait, or one of another type, makes its comparison false. A parsed predicate is a list of conjunctions
(disjunctive normal form): plain data that Cypher takes as a parameter.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import QueryError, UnknownName, nearest

Value = float | bool | str
_TOKEN = re.compile(
    r"""\s*(?:(?P<op><=|>=|!=|=|<|>|\(|\)|,)|'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<word>[^\s<>=!(),'"]+))"""
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Comparison:
    """One trait against one or (``in``) several values."""

    trait: str
    op: str
    values: tuple[Value, ...]

    def holds(self, traits: Mapping[str, Any]) -> bool:
        """Whether a user with these traits meets it."""
        actual = traits.get(self.trait)
        if actual is None:
            return False
        if not isinstance(actual, str | int | float):  # a list or object: its JSON text, as Neo4j holds it
            actual = json.dumps(actual, ensure_ascii=False)
        return any(
            _type(actual) == _type(value) and _OPERATORS["=" if self.op == "in" else self.op](actual, value)
            for value in self.values
        )


Predicate = tuple[tuple[Comparison, ...], ...]


def _type(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"


def holds(predicate: Predicate, traits: Mapping[str, Any]) -> bool:
    """Whether a user with these traits is in the segment."""
    return any(all(comparison.holds(traits) for comparison in conjunction) for conjunction in predicate)


def as_parameter(predicate: Predicate) -> list[list[dict[str, Any]]]:
    """The predicate as a Cypher parameter: conjunctions of ``{trait, op, values, type}``."""
    return [
        [{"trait": c.trait, "op": c.op, "values": list(c.values), "type": _type(c.values[0])} for c in conjunction]
        for conjunction in predicate
    ]


def find(segments: Mapping[str, str], given: str) -> Predicate:
    """The predicate of a named segment, or of a predicate given in full.

    Raises:
        UnknownName: a single word that names no segment.
    """
    if given in segments:
        return parse(segments[given])
    if re.fullmatch(r"[\w-]+", given):
        raise UnknownName(f"no segment is named {given!r}{nearest(given, segments)} (or write a predicate: age >= 50)")
    return parse(given)


def parse(text: str) -> Predicate:
    """Parse a predicate.

    Raises:
        QueryError: it does not fit the grammar; the message shows where.
    """
    return _Parser(text).predicate()


class _Parser:
    """Recursive descent over the tokens of one predicate."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []  # (kind, token)
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(f"cannot read {text[at:].strip()[:20]!r}")
            kind = "op" if match["op"] else "word" if match["word"] else "quoted"
            self.tokens.append((kind, next(group for group in match.groups() if group is not None)))
            at = match.end()
        self.at = 0

    def predicate(self) -> Predicate:
        either = [self._conjunction()]
        while self._takes("or"):
            either.append(self._conjunction())
        if self.at < len(self.tokens):
            raise self._error(f"unexpected {self.tokens[self.at][1]!r}")
        return tuple(either)

    def _conjunction(self) -> tuple[Comparison, ...]:
        every = [self._comparison()]
        while self._takes("and"):
            every.append(self._comparison())
        return tuple(every)

    def _comparison(self) -> Comparison:
        kind, trait = self._next("a trait")
        if kind == "op":
            raise self._error(f"expected a trait, found {trait!r}")
        _, op = self._next("an operator")
        if op == "in":
            return Comparison(trait, op, self._values())
        if op not in _OPERATORS:
            raise self._error(f"expected one of {' '.join(_OPERATORS)} or in, found {op!r}")
        return Comparison(trait, op, (self._value(),))

    def _values(self) -> tuple[Value, ...]:
        if not self._takes("("):
            raise self._error("expected ( after in")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        if not self._takes(")"):
            raise self._error("expected ) after the values of in")
        if len({_type(value) for value in values}) > 1:
            raise self._error("the values of in must be of one type")
        return tuple(values)

    def _value(self) -> Value:
        kind, token = self._next("a value")
        if kind == "op":
            raise self._error(f"expected a value, found {token!r}")
        return token if kind == "quoted" else typed(token)

    def _takes(self, token: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] in (("word", token), ("op", token)):
            self.at += 1
            return True
        return False

    def _next(self, expected: str) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self._error(f"expected {expected} at the end")
        self.at += 1
        return self.tokens[self.at - 1]

    def _error(self, why: str) -> QueryError:
        return QueryError(f"cannot read the segment {self.text!r}: {why}; write it like: age >= 50 and region = north")


def typed(text: str) -> Value:
    """A trait value from text: numbers and booleans become such where nothing is lost (a postcode ``01234`` stays)."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?", text):
        return float(text) if "." in text else int(text)
    return text
