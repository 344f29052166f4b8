"""Room for words: what is put somewhere covers nothing that was put before."""

from __future__ import annotations

from collections.abc import Iterable

_DIGIT = 7.4  # about the width of a digit
_LINE = 16.0


class Room:
    """Rectangles that are taken."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float, float]] = []

    def take(self, x: float, y: float, width: float, height: float) -> None:
        """Take a rectangle, by its centre."""
        self._taken.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))

    def word(self, text: str, places: Iterable[tuple[float, float]]) -> tuple[float, float] | None:
        """The first of some places where a short word is free, which it takes; None where there is none."""
        half = (len(text) * _DIGIT + 6) / 2
        for x, y in places if text else ():
            spot = (x - half, y - _LINE / 2, x + half, y + _LINE / 2)
            if all(spot[0] >= c or spot[2] <= a or spot[1] >= d or spot[3] <= b for a, b, c, d in self._taken):
                self._taken.append(spot)
                return x, y
        return None
