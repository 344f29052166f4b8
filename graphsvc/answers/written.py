"""Steps as people write them: ``ad|search``, with marks after the labels that each answer defines, or as JSON."""

from __future__ import annotations

import re
from abc import abstractmethod
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import nearest


class WrittenStep(BaseModel):
    """One step: any of some labels."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    grammar: ClassVar[re.Pattern[str]]  # of a whole text: the group ``labels``, and those that ``marked`` reads
    like: ClassVar[str]  # examples of texts

    labels: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1, description="Any of these is the step.")
    ]
    optional: bool = False

    @classmethod
    @abstractmethod
    def marked(cls, found: re.Match[str]) -> dict[str, Any]:
        """The fields that the marks of a text set."""

    @property
    @abstractmethod
    def marks(self) -> str:
        """The marks that set its fields."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """A step from text: labels and marks, or JSON.

        Raises:
            ValueError: it says nothing, or does not validate.
        """
        try:
            if text.startswith("{"):
                return cls.model_validate_json(text)
            found = cls.grammar.fullmatch(text.strip())
            labels = tuple(label.strip() for label in found["labels"].split("|")) if found else ()
            if not found or not all(labels):
                raise ValueError(f"a step names a label, like {cls.like}, not {text!r}")
            return cls(labels=labels, **cls.marked(found))
        except ValidationError as error:
            raise ValueError(f"{text!r}: {faults(error, cls)}") from None

    @property
    def text(self) -> str:
        """Its labels, as a row shows them."""
        return " | ".join(self.labels)

    @property
    def written(self) -> str:
        """A text that parses to this step: a short one where its labels allow that, else JSON."""
        short = "|".join(self.labels) + self.marks
        with suppress(ValueError):
            if self.parse(short) == self:
                return short
        return self.model_dump_json(exclude_defaults=True)


def faults(error: ValidationError, *models: type[BaseModel]) -> str:
    """What is wrong, and where.

    Args:
        error: of a step, or of a file that lists steps.
        models: which model was validated, and that of the steps within it.
    """
    return "; ".join(_fault(one["loc"], one, models) for one in error.errors())


def _fault(location: tuple[int | str, ...], fault: Any, models: tuple[type[BaseModel], ...]) -> str:
    what = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        known = models[0 if len(location) == 1 else -1].model_fields
        what = "there is no such key" + nearest(str(location[-1]), known)
    if len(location) > 1 and isinstance(location[1], int):  # people count from 1
        location = (f"{location[0]} {location[1] + 1}", *location[2:])
    return f"{', '.join(map(str, location))}: {what}" if location else what
