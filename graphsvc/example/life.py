"""How people live with the brand: who plays which scene on which day, and where the stories come in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from ..frame import Floats, Ints
from . import scenes
from .people import People
from .scenes import NAMES, SYSTEMS, Scene
from .story import BEGIN, END, OLDER_FROM, Story

#: What visits happen on. The website knows each by a cookie, the app by a device id.
LAPTOP, PHONE, TABLET, KIOSK = DEVICES = ("laptop", "phone", "tablet", "kiosk")

#: How people meet the brand, and how they come back, before any story: shares.
FIRST_TOUCH = {
    scenes.SEARCH: 0.30,
    scenes.INSTAGRAM: 0.20,
    scenes.DIRECT: 0.20,
    scenes.STORE: 0.17,
    scenes.EVENT: 0.13,
}
NEXT_VISIT = {
    scenes.DIRECT: 0.35,
    scenes.NEWSLETTER: 0.25,
    scenes.APP_VISIT: 0.25,
    scenes.INSTAGRAM: 0.086,
    scenes.STORE: 0.06,
    scenes.KIOSK: 0.004,
}
MOST_VISITS = 4
USES_THE_PREFERRED = 0.80  # of phone and laptop
USES_THE_TABLET = 0.30  # of those that have one
SUBSCRIBES = 0.60
JOINS_COMMUNITY = 0.15
ASKS_CHATBOT = 0.30
SETS_OUT_TO_BUY = 0.45
IN_STORE = 0.30  # of those
IN_APP = 0.50  # of the others, if they have the app
REMINDED = 0.60  # of those who left the checkout
TRIES_AGAIN = 0.35  # of those who left the checkout
ASKS_SUPPORT = 0.35  # of those who bought
ANSWERED_WITHIN_A_DAY = 0.50
REVIEWS = 0.30
BUYS_AGAIN = 0.50

_SPAN = int((END - BEGIN).total_seconds())
_LAST_FIRST_TOUCH = 130  # day: late enough to fill the half year, early enough for most to buy twice


def live(people: People, story: Story, rng: np.random.Generator) -> pl.DataFrame:
    """Everything that these people do with the brand until the example ends.

    Returns one row per touchpoint, in no particular order: row (of the person), second (since the beginning), name,
    system, device.
    """
    diary = Diary(people, rng)
    everyone = np.arange(len(people))
    _meet_the_brand(diary, everyone, story)
    _come_back(diary, everyone)
    chatters = diary.some(everyone, ASKS_CHATBOT)
    diary.wait(chatters, 1, 4)
    diary.play(scenes.CHAT, chatters)
    customers = _buy(diary, everyone, chatters, story)
    _live_with_it(diary, customers, story)
    return diary.touchpoints()


class Diary:
    """What people did, written down scene by scene. A person is a row of ``people``."""

    def __init__(self, people: People, rng: np.random.Generator) -> None:
        self.people = people
        self.rng = rng
        self.today: Ints = rng.integers(0, _LAST_FIRST_TOUCH, len(people))  # [people] how far each has come
        self._pages: list[pl.DataFrame] = []

    def some(self, who: Ints, share: float | Floats) -> Ints:
        """A random share of them."""
        return who[self.rng.random(len(who)) < share]

    def wait(self, who: Ints, fewest: int, most: int) -> None:
        """Let days pass for them: scenes of a person lie on different days, so they happen in the order of the play."""
        self.today[who] += self.rng.integers(fewest, most, len(who), endpoint=True)

    def play(self, scene: Scene, who: Ints, leave: Mapping[str, float] | None = None) -> Ints:
        """Let them play a scene today; returns those who stayed to its end."""
        played = scenes.play(scene, self.today[who], self.rng, leave or {})
        name = pl.Series([step.name for step in scene.steps], dtype=NAMES)
        system = pl.Series([step.system for step in scene.steps], dtype=SYSTEMS)
        self._pages.append(
            pl.DataFrame(
                {
                    "row": who[played.player],
                    "second": played.second,
                    "name": name[played.step],
                    "system": system[played.step],
                    "device": self._devices(scene, who)[played.player],
                }
            )
        )
        return who[played.stayed]

    def touchpoints(self) -> pl.DataFrame:
        """All pages, up to the end of the example."""
        return pl.concat(self._pages).filter(pl.col("second") < _SPAN)

    def _devices(self, scene: Scene, who: Ints) -> pl.Series:
        """What each of them plays the scene on: usually the one they prefer, sometimes the tablet."""
        if scene.device:
            return pl.repeat(scene.device, len(who), dtype=pl.Enum(DEVICES), eager=True)
        chance = self.rng.random(len(who))
        on_phone = self.people.prefers_phone[who] == (chance < USES_THE_PREFERRED)
        device = np.where(on_phone, DEVICES.index(PHONE), DEVICES.index(LAPTOP))
        device[self.people.has_tablet[who] & (chance < USES_THE_TABLET)] = DEVICES.index(TABLET)
        return pl.Series(device.astype(np.uint8)).cat.to(pl.Enum(DEVICES))


def _meet_the_brand(diary: Diary, everyone: Ints, story: Story) -> None:
    """Story: older people meet it offline, younger people on Instagram."""
    older = diary.people.age >= OLDER_FROM
    weights = np.tile(list(FIRST_TOUCH.values()), (len(everyone), 1))
    for column, scene in enumerate(FIRST_TOUCH):
        if scene in (scenes.STORE, scenes.EVENT):
            weights[older, column] *= story.older_offline
        if scene is scenes.INSTAGRAM:
            weights[~older, column] *= story.younger_instagram
    for scene, who in zip(FIRST_TOUCH, _dealt(diary, everyone, weights), strict=True):
        diary.play(scene, who)


def _come_back(diary: Diary, everyone: Ints) -> None:
    """Subscribe, install the app, look in a few times, join the community."""
    subscribes = np.isin(everyone, diary.some(everyone, SUBSCRIBES))
    has_app = diary.people.has_app
    diary.wait(everyone, 1, 6)
    diary.play(scenes.SUBSCRIBE, everyone[subscribes])
    diary.wait(everyone, 1, 6)
    diary.play(scenes.APP_START, everyone[has_app])
    visits = diary.rng.integers(1, MOST_VISITS, len(everyone), endpoint=True)
    for visit in range(MOST_VISITS):
        who = everyone[visits > visit]
        weights = np.tile(list(NEXT_VISIT.values()), (len(who), 1))
        for column, scene in enumerate(NEXT_VISIT):
            if scene is scenes.NEWSLETTER:
                weights[~subscribes[who], column] = 0
            if scene is scenes.APP_VISIT:
                weights[~has_app[who], column] = 0
        diary.wait(who, 1, 8)
        for scene, visitors in zip(NEXT_VISIT, _dealt(diary, who, weights), strict=True):
            diary.play(scene, visitors)
    fans = diary.some(everyone, JOINS_COMMUNITY)
    diary.wait(fans, 1, 4)
    diary.play(scenes.COMMUNITY, fans)


def _buy(diary: Diary, everyone: Ints, chatters: Ints, story: Story) -> Ints:
    """Stories: chatbot users buy more; many leave at the delivery costs. Returns those who bought."""
    chance = np.full(len(everyone), SETS_OUT_TO_BUY)
    chance[chatters] *= story.chat_buys
    buyers = diary.some(everyone, chance)
    diary.wait(buyers, 1, 7)
    in_store = diary.some(buyers, IN_STORE)
    online = np.setdiff1d(buyers, in_store)
    bought_in_store = diary.play(scenes.BUY_IN_STORE, in_store)

    bought_online = _order(diary, online, story)
    left = np.setdiff1d(online, bought_online)
    diary.wait(left, 1, 2)
    diary.play(scenes.CART_REMINDER, diary.some(left, REMINDED))
    second_try = diary.some(left, TRIES_AGAIN)
    diary.wait(second_try, 1, 5)
    bought_after_all = _order(diary, second_try, story)
    return np.concatenate([bought_in_store, bought_online, bought_after_all])


def _order(diary: Diary, who: Ints, story: Story) -> Ints:
    """Go through the checkout of the app or the website; returns those who bought."""
    leave = {"delivery_costs": min(1.0, scenes.CHECKOUT_LEAVES * story.delivery_leaves)}
    in_app = diary.some(who[diary.people.has_app[who]], IN_APP)
    on_website = np.setdiff1d(who, in_app)
    return np.concatenate(
        [diary.play(scenes.BUY_IN_APP, in_app, leave), diary.play(scenes.BUY_ONLINE, on_website, leave)]
    )


def _live_with_it(diary: Diary, customers: Ints, story: Story) -> None:
    """Story: an answer of the support after more than a day costs the second purchase."""
    asked = diary.some(customers, ASKS_SUPPORT)
    content = diary.some(asked, ANSWERED_WITHIN_A_DAY)
    kept_waiting = np.setdiff1d(asked, content)
    diary.wait(customers, 1, 3)
    diary.play(scenes.ANSWERED_WITHIN_A_DAY, content)
    diary.play(scenes.ANSWERED_LATER, kept_waiting)
    diary.wait(customers, 6, 14)
    diary.play(scenes.REVIEW, diary.some(customers, REVIEWS))

    chance = np.full(len(diary.people), BUYS_AGAIN)
    chance[kept_waiting] *= story.late_answer_repeats
    again = diary.some(customers, chance[customers])
    diary.wait(again, 10, 25)
    in_app = diary.some(again[diary.people.has_app[again]], IN_APP)
    diary.play(scenes.BUY_AGAIN_IN_APP, in_app)
    diary.play(scenes.BUY_AGAIN_ONLINE, np.setdiff1d(again, in_app))


def _dealt(diary: Diary, who: Ints, weights: Floats) -> list[Ints]:
    """Deal people out to the columns of ``weights`` [people, choices], each by the weights of their row."""
    bounds = np.cumsum(weights, axis=1)
    drawn = diary.rng.random((len(who), 1)) * bounds[:, -1:]
    choice = (drawn >= bounds).sum(axis=1)
    return [who[choice == column] for column in range(weights.shape[1])]
