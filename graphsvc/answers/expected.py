"""An expected journey: the steps that people are meant to take, written as texts or in a TOML file.

[[step]]
labels = ["search ad", "instagram ad"]   # either

[[step]]
labels = ["chat"]
optional = true

[[step]]
labels = ["product page"]
repeatable = true
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import QueryError, nearest

MOST_STEPS = 20
_STEP = re.compile(r"(?P<labels>.*?)(?P<marks>\?|\+|\?\+|\+\?)?", re.DOTALL)


class ExpectedStep(BaseModel):
    """One step: any of some labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1, description="Any of these is the step.")
    ]
    optional: Annotated[bool, Field(description="A journey conforms without it.")] = False
    repeatable: Annotated[bool, Field(description="A journey conforms that comes to it again.")] = False

    @classmethod
    def parse(cls, text: str) -> ExpectedStep:
        """A step from text: ``ad``, ``ad|search`` (either), ``chat?`` (optional), ``visit+`` (repeatable), or JSON.

        Raises:
            ValueError: it says nothing, or the JSON does not validate.
        """
        if text.startswith("{"):
            try:
                return cls.model_validate_json(text)
            except ValidationError as error:
                raise ValueError(f"{text!r}: {_faults(error, cls)}") from None
        found = _STEP.fullmatch(text.strip())
        labels = tuple(label.strip() for label in found["labels"].split("|")) if found else ()
        if not found or not all(labels):
            raise ValueError(f"a step names a label, like `ad`, `ad|search`, `chat?` or `visit+`, not {text!r}")
        marks = found["marks"] or ""
        return cls(labels=labels, optional="?" in marks, repeatable="+" in marks)

    @property
    def text(self) -> str:
        """Its labels, as a row shows them."""
        return " | ".join(self.labels)

    @property
    def written(self) -> str:
        """A text that parses to this step: a short one where its labels allow that, else JSON."""
        short = "|".join(self.labels) + "+" * self.repeatable + "?" * self.optional
        with suppress(ValueError):
            if ExpectedStep.parse(short) == self:
                return short
        return self.model_dump_json(exclude_defaults=True)


class _File(BaseModel):
    """What a file with an expected journey holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Annotated[tuple[ExpectedStep, ...], Field(min_length=2, max_length=MOST_STEPS)]


def check(steps: Sequence[ExpectedStep]) -> None:
    """Refuse steps that make no expected journey.

    Raises:
        ValueError: a label is named twice, or every step is optional.
    """
    named = Counter(label for step in steps for label in step.labels)
    twice = next((label for label, times in named.items() if times > 1), None)
    if twice is not None:
        raise ValueError(
            f"{twice!r} is named twice, so its touchpoints could be either step; name it once, as repeatable "
            f"({twice}+) if it may come again"
        )
    if all(step.optional for step in steps):
        raise ValueError("every step is optional, so that every journey conforms; an expected journey requires a step")


def expected_journey(path: Path) -> tuple[str, ...]:
    """The steps in a TOML file, as texts that ``ConformanceParams.step`` takes.

    Raises:
        QueryError: it cannot be read or does not validate; the message names the file and what is wrong.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    except tomllib.TOMLDecodeError as error:
        raise QueryError(f"{path}: {error}") from None
    try:
        steps = _File.model_validate(given).step
        check(steps)
    except ValidationError as error:
        raise QueryError(f"{path}: {_faults(error, _File)}") from None
    except ValueError as error:
        raise QueryError(f"{path}: {error}") from None
    return tuple(step.written for step in steps)


def _faults(error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong, and where."""
    return "; ".join(_fault(one["loc"], one, model) for one in error.errors())


def _fault(location: tuple[int | str, ...], fault: Any, model: type[BaseModel]) -> str:
    what = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        known = (model if len(location) == 1 else ExpectedStep).model_fields
        what = "there is no such key" + nearest(str(location[-1]), known)
    if len(location) > 1 and isinstance(location[1], int):  # people count from 1
        location = (f"{location[0]} {location[1] + 1}", *location[2:])
    return f"{', '.join(map(str, location))}: {what}"
