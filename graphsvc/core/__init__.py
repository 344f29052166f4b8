"""The pure core: functions from tables to tables. No I/O, no clock, no randomness.

``derive(events, settings, rulings)`` is the one law of the design in code: the graph is a pure function of what is
stored.
"""

from .derive import Derived, changed, changed_rulings, derive, diff
from .normal import meant, normalised, sought

__all__ = ["Derived", "changed", "changed_rulings", "derive", "diff", "meant", "normalised", "sought"]
