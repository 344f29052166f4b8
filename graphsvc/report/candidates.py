"""A candidate: one comparison of two sides, of which the report may make a finding once all are tested together."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..answers.params import Filters
from ..frame import Flags, Ints
from .model import Ask, Category
from .strata import shares, stratified

#: A side with fewer users is not tested, and a smaller difference of shares is no finding.
LEAST_USERS = 30
LEAST_DIFFERENCE = 0.05
#: What nearly nobody or nearly everybody does tells no two groups apart.
RARE = 0.03


@dataclass(frozen=True)
class Side:
    """Some users, and which of them do something; in what counts several steps, a user stands once for each."""

    name: str
    users: Ints  # [n] rows of the walks
    does: Flags  # [n]

    @property
    def share(self) -> float:
        """Share of those who do it."""
        return float(self.does.mean()) if len(self.does) else 0.0

    @property
    def of(self) -> int:
        """Users, each counted once."""
        return len(np.unique(self.users))


@dataclass(frozen=True)
class Said:
    """What the report says if the first side does it more often, or less often."""

    category: Category
    sentence: str
    short: str  # where another finding on the subject says more
    of_b: bool = False  # it speaks of the second side


@dataclass(frozen=True)
class Candidate:
    """One comparison and its test."""

    family: str
    subject: tuple[str, ...]  # comparisons with one subject are one question, and are told as one
    about: str
    a: Side
    b: Side
    tested: Mapping[str, Any]  # difference, low, high, p_value, test
    more: Said | None  # None: nothing to tell in this direction
    less: Said | None
    detail: str
    see: Ask | None = None

    @property
    def difference(self) -> float:
        """First minus second share, of like with like where strata were given: what the test looks at."""
        return float(self.tested["difference"])

    @property
    def said(self) -> Said | None:
        """What there is to tell in the direction that was found."""
        return self.more if self.difference > 0 else self.less

    @property
    def p_value(self) -> float:
        """Of the test; a difference in a direction in which there is nothing to tell counts for none."""
        return float(self.tested["p_value"]) if self.said is not None else 1.0

    @property
    def matters(self) -> bool:
        """Whether the difference is large enough to tell of."""
        return abs(self.difference) >= LEAST_DIFFERENCE


def enough(a: Side, b: Side, least: int = LEAST_USERS) -> bool:
    """Whether both sides have users enough for a test that can say something. Looks at margins only."""
    if min(a.of, b.of) < least:
        return False
    share = (a.does.sum() + b.does.sum()) / (len(a.does) + len(b.does))
    return bool(RARE <= share <= 1 - RARE)


def expected(a: Side, b: Side) -> float:
    """The least that a side would have of those who do it, or do not, if both did it alike. Looks at margins only."""
    share = float(np.concatenate([a.does, b.does]).mean())
    return min(len(a.does), len(b.does)) * min(share, 1 - share)


def judged(a: Side, b: Side, strata: tuple[Ints, Ints] | None = None) -> dict[str, Any]:
    """Compare the two sides' shares, within strata where they are given."""
    return shares(a.does, b.does) if strata is None else stratified(a.does, b.does, *strata)


def points(tested: Mapping[str, Any]) -> str:
    """How far apart the sides are, in percentage points, with the interval."""
    difference, *ends = (100 * tested[name] for name in ("difference", "low", "high"))
    low, high = ends if difference > 0 else (-ends[1], -ends[0])
    return f"{abs(difference):.0f} points (95%: {low:.0f} to {high:.0f})".replace("-", "−")


def among(has: Flags, inside: Flags, name: str) -> Side:
    """The users inside, and those of them who have something: both [W]."""
    users = np.flatnonzero(inside)
    return Side(name, users, has[users])


def ask(answer: str, filters: Filters, **parameters: Any) -> Ask:
    """An answer that shows it, of the journeys that the filters choose; a channel that they name stays."""
    given = filters.model_dump(mode="json", exclude_defaults=True, exclude={"label", "collapse", "by"})
    given = {**parameters, **given}
    words = ["graphsvc", answer]
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [option, str(one)]
    return Ask(answer=answer, parameters=given, command=shlex.join(words))
