"""Segment predicates on user traits: ``age >= 50 and region = north``, ``older and not (member = true)``.

Grammar::

    predicate   = conjunction { "or" conjunction }
    conjunction = factor { "and" factor }
    factor      = "not" factor | "(" predicate ")" | comparison | segment
    comparison  = trait ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value | trait "in" "(" value { "," value } ")"

A value is a number, ``true``, ``false``, a bare word or a quoted text; a segment is the name of another one, quoted
where it is no bare word. Numbers compare with numbers, texts with texts; a missing trait, or one of another type, makes
its comparison false, and the negated comparison too: who is not known to be young is not therefore known to be old. A
parsed predicate is a list of conjunctions (disjunctive normal form): plain data that Cypher takes as a parameter.
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
_NEGATED = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MOST_CONJUNCTIONS = 1_000
_MOST_NESTED = 50
_ENTANGLED = "a segment is too entangled; write it with fewer or, not and brackets"
_KEYWORDS = ("and", "or", "not", "in")


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
        UnknownName: a word that names no segment.
    """
    if given in segments:
        return _Parser(segments[given], segments, (given,)).predicate()
    return parse(given, segments)


def parse(text: str, segments: Mapping[str, str] | None = None) -> Predicate:
    """Parse a predicate that may name other segments.

    Raises:
        QueryError: it does not fit the grammar (the message shows where), or a segment is made of itself.
        UnknownName: it names a segment that is not there.
    """
    return _Parser(text, segments or {}).predicate()


def together(segments: Mapping[str, str], *given: str | None) -> str | None:
    """The predicate of the users who are in all of some segments, by name or in full; None where none is given."""
    known = [text for text in given if text is not None]
    return known[0] if len(known) == 1 else " and ".join(as_part(text, segments) for text in known) or None


def as_part(given: str, segments: Mapping[str, str]) -> str:
    """A segment, by name or in full, as it stands within a longer predicate."""
    return _quoted(given) if given in segments else f"({given})"


def can_be_named(name: str) -> bool:
    """Whether a predicate can name a segment of this name."""
    return bool(name.strip()) and not ("'" in name and '"' in name)


def _quoted(name: str) -> str:
    found = _TOKEN.fullmatch(name)
    if found and found["word"] and name not in _KEYWORDS and name == name.strip():
        return name
    return f"'{name}'" if '"' in name else f'"{name}"'


def _both(one: Predicate, other: Predicate) -> Predicate:
    """Who is in both. The size is looked at first: what a short text comes to may be larger than any memory."""
    if len(one) * len(other) > _MOST_CONJUNCTIONS:
        raise QueryError(_ENTANGLED)
    return tuple(left + right for left in one for right in other)


def _negated(predicate: Predicate) -> Predicate:
    every: Predicate = ((),)
    for conjunction in predicate:
        any_fails = tuple(
            tuple(
                Comparison(each.trait, _NEGATED["=" if each.op == "in" else each.op], (value,)) for value in each.values
            )
            for each in conjunction
        )
        every = _both(every, any_fails)
    return every


class _Parser:
    """Recursive descent over the tokens of one predicate."""

    def __init__(self, text: str, segments: Mapping[str, str], within: tuple[str, ...] = ()) -> None:
        self.text = text
        self.segments = segments
        self.within = within  # the segments that this text is a part of
        self.nested = len(within)
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
        found = self._either()
        if self.at < len(self.tokens):
            raise self._error(f"unexpected {self.tokens[self.at][1]!r}")
        return found

    def _either(self) -> Predicate:
        found = self._conjunction()
        while self._takes("or"):
            found = found + self._conjunction()
            if len(found) > _MOST_CONJUNCTIONS:
                raise QueryError(_ENTANGLED)
        return found

    def _conjunction(self) -> Predicate:
        found = self._factor()
        while self._takes("and"):
            found = _both(found, self._factor())
        return found

    def _factor(self) -> Predicate:
        self.nested += 1
        if self.nested > _MOST_NESTED:
            raise QueryError(_ENTANGLED)
        found = self._nested()
        self.nested -= 1
        return found

    def _nested(self) -> Predicate:
        if not self._compares(ahead=1) and self._takes("not"):
            return _negated(self._factor())
        if self._takes("("):
            found = self._either()
            if not self._takes(")"):
                raise self._error("expected ) at the end of what ( began")
            return found
        kind, word = self._next("a trait or a segment")
        if kind == "op":
            raise self._error(f"expected a trait or a segment, found {word!r}")
        if not self._compares():
            return self._segment(word)
        return ((self._comparison(word),),)

    def _compares(self, ahead: int = 0) -> bool:
        """Whether an operator stands here, or so many tokens ahead."""
        at = self.at + ahead
        return at < len(self.tokens) and (self.tokens[at][1] in _OPERATORS or self.tokens[at] == ("word", "in"))

    def _segment(self, name: str) -> Predicate:
        if name in self.within:
            raise QueryError(f"the segment {name!r} is made of itself: {' of '.join([*self.within, name])}")
        if name not in self.segments:
            if (
                len(self.tokens) > 1
                and self.at < len(self.tokens)
                and self.tokens[self.at][1] not in ("and", "or", ")")
            ):
                raise self._error(f"expected one of {' '.join(_OPERATORS)} or in, found {self.tokens[self.at][1]!r}")
            known = nearest(name, self.segments)
            raise UnknownName(f"no segment is named {name!r}{known} (or write a predicate: age >= 50)")
        return _Parser(self.segments[name], self.segments, (*self.within, name)).predicate()

    def _comparison(self, trait: str) -> Comparison:
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
