"""The screenplay: what people do in one visit, as short scenes of touchpoints in order.

A scene is a funnel. At each step that is shown to them, some leave, and see nothing of what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..frame import Flags, Ints

SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400

#: Share that leaves at each step of a checkout.
CHECKOUT_LEAVES = 0.08


@dataclass(frozen=True)
class Step:
    """One touchpoint of a scene and the system that records it."""

    name: str
    system: str
    shown: float = 1.0  # share of those still there who do it
    leave: float = 0.0  # share of those who did it who leave there
    pause: tuple[float, float] = (10 * SECOND, 2 * MINUTE)  # before it: shortest, longest


@dataclass(frozen=True)
class Scene:
    """Steps in order; the first is shown to everybody."""

    steps: tuple[Step, ...]
    hours: tuple[float, float, float] = (5, 18, 22)  # of the day (UTC) when it begins: earliest, most usual, latest
    device: str | None = None  # what it happens on, where that is not the person's choice


@dataclass(frozen=True)
class Played:
    """What came of a scene: one row per touchpoint, and who stayed to the end."""

    player: Ints  # [touchpoints]
    step: Ints  # [touchpoints] of the scene
    second: Ints  # [touchpoints] since the first day began
    stayed: Flags  # [players]


def play(scene: Scene, day: Ints, rng: np.random.Generator, leave: Mapping[str, float]) -> Played:
    """Play a scene once for each player, on their ``day``; ``leave`` replaces the shares that leave, by step name."""
    shape = (len(day), len(scene.steps))
    shown = rng.random(shape) < [step.shown for step in scene.steps]
    left = shown & (rng.random(shape) < [leave.get(step.name, step.leave) for step in scene.steps])
    stayed = ~np.logical_or.accumulate(left, axis=1)
    there = shown.copy()
    there[:, 1:] &= stayed[:, :-1]

    shortest, longest = np.array([step.pause for step in scene.steps]).T
    pause = rng.uniform(shortest, longest, shape)
    pause[:, 0] = rng.triangular(*scene.hours, len(day)) * HOUR
    second = day[:, None] * DAY + np.cumsum(pause.astype(np.int64), axis=1)
    player, step = np.nonzero(there)
    return Played(player, step, second[there], stayed[:, -1])


def _web(name: str, shown: float = 1.0) -> Step:
    return Step(name, "website", shown)


def _app(name: str, shown: float = 1.0) -> Step:
    return Step(name, "app", shown)


def _checkout(system: str) -> tuple[Step, ...]:
    """From the cart to the purchase."""
    funnel = ("add_to_cart", "checkout", "delivery_costs", "payment")
    return (*(Step(name, system, leave=CHECKOUT_LEAVES) for name in funnel), Step("purchase", system))


def _support(answered: tuple[float, float]) -> Scene:
    """A question to the support, answered after so long."""
    return Scene(
        (Step("support_contact", "support"), Step("support_answer", "support", pause=answered)), hours=(6, 9, 15)
    )


_LOOK_ROUND = (_web("product_view"), _web("product_view", shown=0.5), _web("size_guide", shown=0.3))
_STORE_HOURS = (9, 15, 17)  # in Berlin an hour or two later
_STORE_VISIT = Step("store_visit", "stores")
_FEW_MINUTES = (3 * MINUTE, 20 * MINUTE)

# How people meet the brand.
SEARCH = Scene((Step("search_ad_click", "search_ads"), _web("home_page"), *_LOOK_ROUND))
INSTAGRAM = Scene(
    (
        Step("instagram_ad_view", "instagram_ads", leave=0.25),
        Step("instagram_ad_view", "instagram_ads", shown=0.5, pause=(5 * MINUTE, 45 * MINUTE)),
        Step("instagram_ad_click", "instagram_ads"),
        _web("home_page"),
        *_LOOK_ROUND,
    ),
    device="phone",
)
DIRECT = Scene((_web("home_page"), *_LOOK_ROUND))
STORE = Scene((_STORE_VISIT, Step("fitting_room", "stores", shown=0.5, pause=_FEW_MINUTES)), hours=_STORE_HOURS)
EVENT = Scene((Step("event_visit", "events"),), hours=(15, 17, 19))

# How they come back before they buy.
SUBSCRIBE = Scene((_web("home_page"), _web("newsletter_signup"), _web("product_view", shown=0.6)))
NEWSLETTER = Scene((Step("email_open", "email", leave=0.4), Step("email_click", "email"), *_LOOK_ROUND))
APP_START = Scene((_app("app_install"), _app("app_open"), _app("sign_up", shown=0.6), _app("product_view")))
APP_VISIT = Scene((_app("app_open"), _app("product_view"), _app("product_view", shown=0.5)))
KIOSK = Scene((_STORE_VISIT, _web("home_page"), _web("product_view")), hours=_STORE_HOURS, device="kiosk")
CHAT = Scene(
    (
        _web("home_page"),
        _web("product_view"),
        Step("chat_question", "chatbot"),
        Step("chat_answer", "chatbot", pause=(2 * SECOND, 8 * SECOND)),
        Step("chat_question", "chatbot", shown=0.35),
        _web("product_view", shown=0.6),
    )
)
COMMUNITY = Scene(
    (
        Step("discord_join", "discord"),
        Step("discord_question", "discord", shown=0.5, pause=(2 * MINUTE, 30 * MINUTE)),
        Step("discord_post", "discord", shown=0.6, pause=(5 * MINUTE, 60 * MINUTE)),
        Step("discord_post", "discord", shown=0.3, pause=(5 * MINUTE, 60 * MINUTE)),
    )
)

# How they buy, or do not.
BUY_ONLINE = Scene((_web("home_page"), _web("product_view"), *_checkout("website")))
BUY_IN_APP = Scene((_app("app_open"), _app("product_view"), *_checkout("app")))
BUY_IN_STORE = Scene(
    (
        _STORE_VISIT,
        Step("fitting_room", "stores", leave=0.2, pause=_FEW_MINUTES),
        Step("store_purchase", "stores", pause=_FEW_MINUTES),
    ),
    hours=_STORE_HOURS,
)
CART_REMINDER = Scene((Step("cart_reminder", "email", leave=0.6), Step("email_click", "email")))

# What follows. Who buys again knows the way, and the second delivery is free.
ANSWERED_WITHIN_A_DAY = _support((1 * HOUR, 22 * HOUR))
ANSWERED_LATER = _support((26 * HOUR, 110 * HOUR))
REVIEW = Scene((_web("review"),))
ORDER_AGAIN = ("product_view", "add_to_cart", "checkout", "payment", "purchase")
BUY_AGAIN_ONLINE = Scene((_web("home_page"), *map(_web, ORDER_AGAIN)))
BUY_AGAIN_IN_APP = Scene((_app("app_open"), *map(_app, ORDER_AGAIN)))

_STEPS = [step for scene in list(vars().values()) if isinstance(scene, Scene) for step in scene.steps]
NAMES = pl.Enum(sorted({step.name for step in _STEPS}))
SYSTEMS = pl.Enum(sorted({step.system for step in _STEPS}))
