"""What a page is asked by its address, and the form that asks it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Self

from fastapi import Request

from ..answers import Filters
from ..frame import JourneyFrame
from . import forms
from .forms import Given
from .render import address


@dataclass(frozen=True)
class Asking:
    """What the address of a page asks."""

    model: type[Filters]  # the parameters of an answer, and what the page adds to them
    added: frozenset[str]  # by the page
    given: Given
    onward: str | None  # the address that asks the same without blanks and defaults, where this one has some
    wrong: dict[str, str]  # what cannot be asked, by parameter

    @classmethod
    def of(cls, request: Request, model: type[Filters], added: frozenset[str] = frozenset()) -> Self:
        """Read the address of a request."""
        query = request.query_params.multi_items()
        given = forms.entered(model, query)
        neat = forms.canonical(model, given)
        untidy = neat != given or any(not text.strip() for _, text in query)
        onward = address(request.url.path, neat) if untidy else None
        return cls(model, added, given, onward, forms.faults(model, given))

    @property
    def question(self) -> Given:
        """What the answer is asked."""
        return {name: value for name, value in self.given.items() if name not in self.added}

    @property
    def missing(self) -> bool:
        """Whether nothing is wrong but that what is needed has not been said yet."""
        needed = (name for name, about in self.model.model_fields.items() if about.is_required())
        return bool(self.wrong) and set(self.wrong) <= set(needed) - set(self.given)

    def form(self, frame: JourneyFrame, hidden: Container[str] = ()) -> dict[str, Any]:
        """What the template of a page shows of the form, and of what cannot be asked.

        Args:
            frame: whose labels and segments are proposed.
            hidden: parameters that have no field.
        """
        known, wrong = forms.known_values(frame), {} if self.missing else self.wrong
        first, more = forms.fields(self.model, self.given, known, wrong, hidden)
        return {
            "given": self.given,
            "first": first,
            "more": more,
            "unfolded": any(field.name in self.given or field.fault for field in more),
            "known": known,
            "missing": self.missing,
            "wrong": wrong,
            "titles": {field.name: field.title for field in [*first, *more]},
        }
