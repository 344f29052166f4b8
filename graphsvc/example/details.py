"""What a touchpoint carries beside its name: money, mood and words."""

from __future__ import annotations

import numpy as np
import polars as pl

CURRENCY = "EUR"

_COST = {  # of an advertisement: from, to
    "search_ad_click": (0.30, 1.40),
    "instagram_ad_view": (0.004, 0.012),
    "instagram_ad_click": (0.20, 0.90),
}
_MOOD = {  # mean sentiment, from -1 to 1
    "chat_question": 0.10,
    "discord_question": 0.00,
    "discord_post": 0.45,
    "review": 0.50,
    "support_contact": -0.45,
}
_QUESTIONS = {
    "chat_question": [
        "How much is delivery?",
        "Which size fits me, if I am between M and L?",
        'Is the "Lark" coat warm enough for winter?',
        "Do you deliver to a parcel station?",
        "When will the linen shirt be back in stock?",
        "Is delivery free in the app?",
    ],
    "discord_question": [
        "Does anybody know whether the jeans shrink?",
        "Is the repair workshop free for members?",
        "When does the autumn collection arrive?",
        "Who else finds delivery too dear?",
    ],
    "support_contact": [
        "Where is my parcel?",
        "How do I send one item back?",
        "The zip broke on the first day, what now?",
        "Why was I charged for delivery twice?",
        "Can I still change the address?",
    ],
}
_ORDER = (4.2, 0.5)  # log-normal: 67 € in the middle


def detailed(touchpoints: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The touchpoints with value, cost, currency, sentiment and question, each null where it does not apply."""
    count = len(touchpoints)
    name = pl.col("name").cast(pl.String)
    chance, wording = pl.lit(pl.Series(rng.random(count))), pl.lit(pl.Series(rng.random(count)))
    mood = pl.lit(pl.Series(rng.normal(0, 0.3, count)))
    price = pl.lit(pl.Series(rng.lognormal(*_ORDER, count)))

    lowest, highest = (
        name.replace_strict({n: cost[i] for n, cost in _COST.items()}, default=None, return_dtype=pl.Float64)
        for i in (0, 1)
    )
    mean_mood = name.replace_strict(_MOOD, default=None, return_dtype=pl.Float64)
    phrases = name.replace_strict(_QUESTIONS, default=None, return_dtype=pl.List(pl.String))
    return touchpoints.with_columns(
        value=pl.when(name.is_in(["purchase", "store_purchase"])).then(price.round(2)),
        cost=(lowest + chance * (highest - lowest)).round(3),
        sentiment=(mean_mood + mood).clip(-1, 1).round(2),
        question=phrases.list.get((wording * phrases.list.len()).cast(pl.Int64)),
    ).with_columns(currency=pl.when(pl.any_horizontal(pl.col("value", "cost").is_not_null())).then(pl.lit(CURRENCY)))
