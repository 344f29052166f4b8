"""How many random examples tests take: a third, or all of them with ``pytest --hypothesis-profile thorough``.

``make test`` takes few, so that it stays short; ``make test-lts`` takes all, in every test that has more of them.
"""

from __future__ import annotations

from hypothesis import settings

#: Examples of a test that names no number.
settings.register_profile("brief", max_examples=30)
settings.register_profile("thorough", max_examples=100)


def thorough() -> bool:
    """Whether this run takes all."""
    return settings.get_current_profile_name() == "thorough"


def effort(examples: int) -> int:
    """So many when thorough, else a third of them, yet two: the first one of Hypothesis is the simplest there is."""
    return examples if thorough() else max(2, -(-examples // 3))
