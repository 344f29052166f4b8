"""Who lives in the example: people with traits, habits, and the identifiers by which the systems know them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..frame import Flags, Ints

FIRST_NAMES = {
    "female": ["anna", "clara", "dilan", "elif", "greta", "hanna", "ines", "jana", "lena", "mira", "nora", "sofia"],
    "male": ["adam", "bruno", "cem", "david", "emil", "felix", "hugo", "jonas", "leo", "milan", "noah", "theo"],
    "diverse": ["alex", "kim", "luca", "mika", "noa", "robin", "sam", "toni"],
}
LAST_NAMES = ["adler", "berg", "brandt", "demir", "falk", "graf", "hahn", "keller", "lorenz", "maier", "novak", "otto"]
ADJECTIVES = ["amber", "calm", "denim", "frosty", "linen", "lucky", "mossy", "quiet", "rusty", "silk", "velvet"]
ANIMALS = ["badger", "crane", "finch", "heron", "lynx", "marten", "otter", "raven", "stoat", "wren"]
REGIONS = ["north", "east", "south", "west"]

#: Shares of people.
IN_HOUSEHOLD = 0.04  # two neighbours in the numbering who share one tablet
HAS_OWN_TABLET = 0.15
HAS_APP = 0.35
HAS_CARD = 0.40
LOST_CARD = 0.06  # of the card holders: got a second one
HAS_SECOND_EMAIL = 0.20
HAS_PHONE = 0.70
AGE_UNKNOWN = 0.04

#: A kiosk stands in a store; everybody who uses it there shows up with the same cookie.
PEOPLE_PER_KIOSK = 2_000


@dataclass(frozen=True)
class People:
    """Some people in the order of their numbers.

    ``table`` has one row per person: person (the number), age (null where nobody asked), gender, region, and one
    column for each identifier, null where the person has none. What only shapes behaviour stands beside it.
    """

    table: pl.DataFrame
    age: Ints  # [people] the true one
    has_app: Flags  # [people]
    has_tablet: Flags  # [people]
    prefers_phone: Flags  # [people] on the website: phone rather than laptop
    shared: list[str]  # identifier values that belong to no single person

    def __len__(self) -> int:
        return len(self.age)


def born(first: int, count: int, rng: np.random.Generator) -> People:
    """``count`` people, numbered from ``first`` on; both are even, so that no household is torn apart."""

    def share(of_people: float) -> Flags:
        return rng.random(count) < of_people

    number = np.arange(first, first + count)
    younger, older = rng.normal(33, 9, count), rng.normal(59, 9, count)
    age = np.clip(np.where(share(0.6), younger, older), 18, 86).astype(np.int64)
    gender = rng.choice(list(FIRST_NAMES), count, p=[0.56, 0.41, 0.03])
    in_household = np.repeat(rng.random(count // 2) < IN_HOUSEHOLD, 2)
    tablet_of = np.where(in_household, number - number % 2, number)
    has_tablet = in_household | share(HAS_OWN_TABLET)
    has_card = share(HAS_CARD)
    first_names = [rng.choice(names, count) for names in FIRST_NAMES.values()]

    def where(flags: Flags, texts: pl.Expr) -> pl.Expr:
        return pl.when(pl.lit(pl.Series(flags))).then(texts)

    table = pl.DataFrame(
        {
            "person": number,
            "age": age,
            "gender": gender,
            "region": rng.choice(REGIONS, count),
            "first_name": np.select([gender == g for g in FIRST_NAMES], first_names, ""),
            "last_name": rng.choice(LAST_NAMES, count),
            "adjective": rng.choice(ADJECTIVES, count),
            "animal": rng.choice(ANIMALS, count),
        }
    )
    first_name, last_name, suffix = pl.col("first_name"), pl.col("last_name"), pl.col("person")
    table = table.select(
        "person",
        where(~share(AGE_UNKNOWN), pl.col("age")),
        "gender",
        "region",
        customer_id=pl.format("C{}", _digits(number, 0)),
        email=pl.format("{}.{}{}@example.com", first_name, last_name, suffix),
        second_email=where(share(HAS_SECOND_EMAIL), pl.format("{}{}@example.org", first_name, suffix)),
        phone=where(share(HAS_PHONE), pl.format("+999{}", _digits(number, 1))),  # +999 belongs to no country
        discord=pl.format("{}_{}_{}", "adjective", "animal", suffix),
        handle=pl.format("{}.wears.{}", first_name, suffix),
        card=where(has_card, pl.format("WF{}", _digits(number, 2))),
        second_card=where(has_card & share(LOST_CARD), pl.format("WF{}", _digits(number, 3))),
        laptop_cookie=pl.format("v1.{}", _digits(number, 4)),
        phone_cookie=pl.format("v1.{}", _digits(number, 5)),
        tablet_cookie=pl.format("v1.{}", _digits(tablet_of, 6)),
        phone_device=pl.format("ph-{}", _digits(number, 4)),
        tablet_device=pl.format("tb-{}", _digits(tablet_of, 6)),
        kiosk_cookie=pl.format("kiosk-{}", pl.lit(pl.Series(number // PEOPLE_PER_KIOSK + 1))),
    )
    household = table.filter(in_household)
    shared = pl.concat([household["tablet_cookie"], household["tablet_device"], table["kiosk_cookie"]])
    return People(
        table=table,
        age=age,
        has_app=share(HAS_APP),
        has_tablet=has_tablet,
        prefers_phone=share(0.5),
        shared=shared.unique(maintain_order=True).to_list(),
    )


def _digits(number: Ints, kind: int) -> pl.Expr:
    """Ten digits that look random and that no other pair of number and kind (0 to 7) has."""
    largest_prime_of_ten_digits = 9_999_999_967
    scattered = (number * 8 + kind + 1) * 678_912_353 % largest_prime_of_ten_digits
    return pl.lit(pl.Series(scattered)).cast(pl.String).str.zfill(10)
