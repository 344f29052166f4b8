"""The pure core: functions from tables to tables. No I/O, no clock, no randomness.

``derive(events, settings)`` is the one law of the design in code: the graph is a pure function of what is stored.
"""

from .derive import derive, derive_in_parts, diff
from .identity import normalised, sought

__all__ = ["derive", "derive_in_parts", "diff", "normalised", "sought"]
