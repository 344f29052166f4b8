"""Event files of any system to events: ``tables.EVENTS`` and rejects."""

from .canonical import to_events
from .guess import Guess, guess
from .mapping import PLAIN, Mapping, load_mapping
from .reading import EventBatch, Progress, events_from_records, expand, read_events
from .rejects import Reject, RejectsFile

__all__ = [
    "PLAIN",
    "EventBatch",
    "Guess",
    "Mapping",
    "Progress",
    "Reject",
    "RejectsFile",
    "events_from_records",
    "expand",
    "guess",
    "load_mapping",
    "read_events",
    "to_events",
]
