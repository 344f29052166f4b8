"""From candidates to findings: one family of tests, corrected together, and what matters of it told once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..answers.significance import corrected
from ..frame import Ints, JourneyFrame
from .candidates import Candidate, Said, Side
from .model import CATEGORIES, Finding, Looked, Proportion
from .people import People

#: What a corrected p value says in words; the last holds up to the rate that was asked for.
WORDS = ((0.001, "very sure"), (0.01, "sure"), (1.0, "fairly sure"))


@dataclass(frozen=True)
class Question:
    """Candidates with one subject, tested together."""

    candidates: list[Candidate]
    p_value: float  # that none of them is so (Simes)
    q_value: float  # corrected for all questions of the report


@dataclass(frozen=True)
class _Told:
    candidate: Candidate
    said: Said


def questions(candidates: Sequence[Candidate]) -> list[Question]:
    """The candidates by subject, corrected.

    Where comparisons say nearly the same (who begins in a store, who uses one), the report tells one finding. So these
    count as one question in the correction, too, or the few findings on chance would stand beside few true ones:
    Simes' p value of the question is the least of the Benjamini-Hochberg values within it, and the questions are
    corrected by Benjamini and Hochberg (Benjamini and Bogomolov 2014).
    """
    by_subject: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_subject[candidate.subject].append(candidate)
    simes = [min(corrected([one.p_value for one in alike])) for alike in by_subject.values()]
    return [
        Question(alike, p_value, q_value)
        for alike, p_value, q_value in zip(by_subject.values(), simes, corrected(simes), strict=True)
    ]


def findings(
    people: People, candidates: Sequence[Candidate], *, rate: float, keys: int
) -> tuple[list[Finding], list[Looked]]:
    """Correct all questions together, and tell what is within the rate, and large enough to matter.

    Args:
        people: the users.
        candidates: all comparisons of the report.
        rate: of false findings that is accepted.
        keys: most journey keys on each side of a finding.
    """
    asked = questions(candidates)
    passed = [question for question in asked if question.q_value <= rate]
    journeys = _Journeys(people, keys)
    found = []
    told_of: Counter[str] = Counter()
    for question in passed:
        told = _told(question, rate * len(passed) / len(asked))
        if told:
            found.append(_finding(told, question.q_value, journeys))
            told_of[told[0].candidate.family] += 1
    order = list(CATEGORIES)
    found.sort(key=lambda each: (order.index(each.category), -abs(each.difference), each.sentence))
    families = dict.fromkeys(candidate.family for candidate in candidates)
    return found, [
        Looked(
            what=family,
            tests=sum(one.family == family for one in candidates),
            questions=sum(question.candidates[0].family == family for question in asked),
            passed=sum(question.candidates[0].family == family for question in passed),
            findings=told_of[family],
        )
        for family in families
    ]


def _told(question: Question, rate: float) -> list[_Told]:
    """What there is to tell of a question that passed, the largest difference first."""
    within = corrected([one.p_value for one in question.candidates])
    told = [
        _Told(one, said)
        for one, q_value in zip(question.candidates, within, strict=True)
        if q_value <= rate and one.matters and (said := one.said) is not None
    ]
    return sorted(told, key=lambda each: -abs(each.candidate.difference))


def _finding(told: list[_Told], q_value: float, journeys: _Journeys) -> Finding:
    candidate, said = told[0].candidate, told[0].said
    low, high = candidate.tested["low"], candidate.tested["high"]
    a, b = (candidate.b, candidate.a) if said.of_b else (candidate.a, candidate.b)
    return Finding(
        category=said.category,
        about=candidate.about,
        sentence=said.sentence,
        detail=candidate.detail,
        a=journeys.of(a),
        b=journeys.of(b),
        difference=-candidate.difference if said.of_b else candidate.difference,
        low=-high if said.of_b else low,
        high=-low if said.of_b else high,
        p_value=candidate.p_value,
        q_value=q_value,
        test=candidate.tested["test"],
        confidence=next(word for limit, word in WORDS if q_value <= limit),
        also=[each.said.short for each in told[1:]],
        see=candidate.see,
    )


class _Journeys:
    """The chosen journeys of users, as the graph splits them: those that hold a touchpoint that is looked at."""

    def __init__(self, people: People, keys: int) -> None:
        self._people, self._keys = people, keys
        frame: JourneyFrame = people.frame
        self._rows = np.unique(np.searchsorted(frame.offsets, people.walks.touchpoints, side="right") - 1)
        # Journeys are sorted by user.
        self._first = np.searchsorted(frame.user[self._rows], np.arange(len(frame.users) + 1))

    def of(self, side: Side) -> Proportion:
        """A side with the journeys of those who do it."""
        users: Ints = np.unique(side.users[side.does])
        rows = self._people.walks.user[users]
        first, last = self._first[rows], self._first[rows + 1]
        shown: list[int] = []
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            if len(shown) >= self._keys:
                break
            shown += range(begin, end)
        return Proportion(
            name=side.name,
            users=len(users),
            of=side.of,
            tries=len(side.does) if len(side.does) > side.of else None,
            share=side.share,
            journeys=int((last - first).sum()),
            keys=self._people.frame.keys[self._rows[shown[: self._keys]]].to_list(),
        )
