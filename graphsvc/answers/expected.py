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
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import QueryError
from .written import WrittenStep, faults

MOST_STEPS = 20


class ExpectedStep(WrittenStep):
    """One step of an expected journey: ``ad|search`` (either), ``chat?`` (optional), ``visit+`` (may come again)."""

    grammar: ClassVar = re.compile(r"(?P<labels>.*?)(?P<marks>\?|\+|\?\+|\+\?)?", re.DOTALL)
    like: ClassVar = "`ad`, `ad|search`, `chat?` or `visit+`"

    optional: Annotated[bool, Field(description="A journey conforms without it.")] = False
    repeatable: Annotated[bool, Field(description="A journey conforms that comes to it again.")] = False

    @classmethod
    def marked(cls, found: re.Match[str]) -> dict[str, Any]:
        """The fields that the marks of a text set."""
        marks = found["marks"] or ""
        return {"optional": "?" in marks, "repeatable": "+" in marks}

    @property
    def marks(self) -> str:
        """The marks that set its fields."""
        return "+" * self.repeatable + "?" * self.optional


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
        raise QueryError(f"{path}: {faults(error, _File, ExpectedStep)}") from None
    except ValueError as error:
        raise QueryError(f"{path}: {error}") from None
    return tuple(step.written for step in steps)
