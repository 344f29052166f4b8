"""What the example world is about: four stories, each a handful of factors that can be turned up, down or off."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from ..errors import InputError

#: The brand. Wrenfold sells clothes online, in its stores and at its own events, and does not exist.
BRAND = "Wrenfold"

#: The half year that the example covers (UTC, the end is exclusive). It holds the spring change of the clocks in Europe
#: and in America and no autumn one, so that every local time in the files means exactly one moment.
BEGIN = datetime(2025, 1, 1)
END = datetime(2025, 7, 1)

#: Age from which the stories call a person older.
OLDER_FROM = 50


@dataclass(frozen=True)
class Story:
    """How strongly each planted story shows: factors on ordinary probabilities, so 1 tells no story.

    ``Story()`` tells all of them, ``Story.untold()`` none, ``replace(Story(), chat_buys=1)`` all but one.
    """

    #: Older people meet the brand offline: weight of an event or a store as the place of their first touch.
    older_offline: float = 4.0
    #: Younger people meet it on Instagram: weight of Instagram as the place of their first touch.
    younger_instagram: float = 4.0
    #: Many leave at the delivery costs: probability of leaving there, against any other step of the checkout (8 %).
    delivery_leaves: float = 6.0
    #: Chatbot users buy more: probability of setting out to buy (45 % without).
    chat_buys: float = 1.7
    #: Support answered after more than a day costs the next purchase: probability of buying again (50 % without).
    late_answer_repeats: float = 0.35

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) < float("inf"):
                raise InputError(f"{field.name} is a factor, so 0 or more, and 1 for no effect")

    @classmethod
    def untold(cls) -> Story:
        """A world in which none of the stories happens."""
        return cls(**{field.name: 1.0 for field in fields(cls)})
