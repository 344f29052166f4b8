"""What every answer owes, whichever it is."""

from __future__ import annotations

from typing import Any

from graphsvc.answers import Answer
from graphsvc.answers.drill import behind
from graphsvc.frame import JourneyFrame

from .people import rows_of

#: Integers that place a row and count nothing.
PLACES = {"rank", "step"}


def drills_down(declared: Answer, frame: JourneyFrame, params: Any) -> None:
    """Every number of every row has as many journeys, users or occurrences behind it as it says."""
    members = declared.members(frame, params)
    rows = rows_of(declared.on_frame(frame, params))
    for nth, row in enumerate(rows, start=1):
        assert {key for key, value in row.items() if type(value) is int} - PLACES == set(members.columns)
        for column in members.columns:
            found = behind(frame, declared.name, rows, members, row=nth, column=column, page=slice(None))
            assert found.number == row[column], (row, column)
            users = {journey.user for journey in found.shown}
            told = {"users": len(users), "occurrences": sum(journey.count for journey in found.shown)}
            assert told.get(found.unit, len(found.shown)) == row[column]
            if found.unit in ("converted", "open"):
                assert {journey.outcome for journey in found.shown} <= {found.unit}
