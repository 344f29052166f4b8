"""The source systems: each writes what happened in a file, a format and words of its own.

The mapping that reads a system's file back stands in ``mappings/``; that file also says which columns are identifiers.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Literal

import polars as pl

from .life import KIOSK, PHONE, TABLET
from .scenes import DAY, HOUR
from .story import BEGIN, BRAND, END

_BERLIN, _LONDON, _NEW_YORK = "Europe/Berlin", "Europe/London", "America/New_York"


@dataclass(frozen=True)
class System:
    """One source system.

    ``columns`` says how each column of its file follows from a touchpoint and its person: from the columns of
    ``People.table`` and of the touchpoint (number of the row, at and received in UTC, name, device, value, cost,
    currency, sentiment, question). Times are texts, even counted ones, so that a bad row can spoil them.
    """

    name: str
    file: str
    columns: dict[str, pl.Expr]
    counted: tuple[str, ...] = ()  # columns that are whole numbers where the file has types
    arrives: tuple[int, int] = (1, 90)  # seconds from the touchpoint to its row: shortest, longest

    @cached_property
    def mapping_text(self) -> str:
        """The mapping file."""
        return (resources.files(__package__) / "mappings" / f"{self.name}.toml").read_text(encoding="utf-8")

    @cached_property
    def mapping(self) -> dict[str, Any]:
        """The mapping file, parsed."""
        return tomllib.loads(self.mapping_text)

    @cached_property
    def time_column(self) -> str:
        """The column that tells when."""
        return str(self.mapping["columns"]["time"])

    @cached_property
    def identifier_columns(self) -> dict[str, str]:
        """Identifier type by column."""
        return {
            column: kind
            for kind, columns in self.mapping["identifiers"].items()
            for column in ([columns] if isinstance(columns, str) else columns)
        }

    @property
    def has_event_ids(self) -> bool:
        """Whether each row carries an id."""
        return "event_id" in self.mapping["columns"]


def _time(form: str, zone: str = "UTC") -> pl.Expr:
    """Local time as this system writes it."""
    return pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.strftime(form)


def _epoch(unit: Literal["s", "ms"]) -> pl.Expr:
    return pl.col("at").dt.epoch(unit).cast(pl.String)


def _words(words: dict[str, str]) -> pl.Expr:
    """The touchpoint's name in the words of this system."""
    return pl.col("name").cast(pl.String).replace_strict(words)


def _at(*names: str) -> pl.Expr:
    """Whether the touchpoint is one of these."""
    return pl.col("name").cast(pl.String).is_in(names)


def _only(condition: pl.Expr, column: str) -> pl.Expr:
    """The column where the condition holds, else nothing."""
    return pl.when(condition).then(pl.col(column))


_ON = pl.col("device")
_NUMBER = pl.col("number").cast(pl.String)
_NAME = pl.col("name").cast(pl.String)
_EVERY_OTHER_PERSON = pl.col("person") % 2 == 0
_EVERY_THIRD_PERSON = pl.col("person") % 3 == 0
_COOKIE = (
    pl.when(_ON == KIOSK)
    .then(pl.col("kiosk_cookie"))
    .when(_ON == TABLET)
    .then(pl.col("tablet_cookie"))
    .when(_ON == PHONE)
    .then(pl.col("phone_cookie"))
    .otherwise(pl.col("laptop_cookie"))
)
_NEWS_EMAIL = pl.coalesce("second_email", "email")
_CARD = (  # a lost card is replaced in the middle of the time
    pl.when(pl.col("at") < pl.lit(BEGIN + (END - BEGIN) / 2))
    .then(pl.col("card"))
    .otherwise(pl.coalesce("second_card", "card"))
)
_EMAIL_WITHOUT_CARD = _only(pl.col("card").is_null(), "email")
_CITY = pl.col("region").replace_strict({"north": "Hamburg", "east": "Leipzig", "south": "Munich", "west": "Cologne"})
_SCAN_DAY = pl.col("received").dt.strftime("%d.%m.%Y")
_SIGNED_IN = _at("checkout", "payment", "purchase", "review") | ((_ON == KIOSK) & _at("product_view"))

EVENT_SYSTEMS = (
    System(
        "website",
        "website.csv.gz",
        {
            "hit": _NUMBER,
            "time": _time("%Y-%m-%dT%H:%M:%SZ"),
            "action": _NAME,
            "visitor": _COOKIE,
            "customer_no": _only(_SIGNED_IN, "customer_id"),
            "email": pl.when(_at("newsletter_signup")).then(_NEWS_EMAIL).when(_SIGNED_IN).then(pl.col("email")),
            "product": _only(_at("product_view"), "second") % 400,
            "order_value": pl.col("value"),
            "currency": pl.col("currency"),
        },
    ),
    System(
        "app",
        "app.parquet",
        {
            "event_no": _NUMBER,
            "event_ms": _epoch("ms"),
            "event": _NAME,
            "install_id": pl.when(_ON == TABLET).then(pl.col("tablet_device")).otherwise(pl.col("phone_device")),
            "account": _only(
                _at("sign_up", "checkout", "payment", "purchase") | (_at("app_open") & _EVERY_OTHER_PERSON),
                "customer_id",
            ),
            "os": pl.when(_EVERY_THIRD_PERSON).then(pl.lit("ios")).otherwise(pl.lit("android")),
            "amount": pl.col("value"),
            "currency": pl.col("currency"),
        },
        counted=("event_ms",),
    ),
    System(
        "search_ads",
        "search_ads.csv.gz",
        {
            "Click ID": _NUMBER,
            "Click time": _time("%m/%d/%Y %H:%M:%S", _NEW_YORK),
            "Campaign": pl.when(_EVERY_THIRD_PERSON).then(pl.lit(BRAND)).otherwise(pl.lit("linen shirts")),
            "Visitor": _COOKIE,
            "Cost": pl.col("cost"),
        },
        arrives=(DAY, 2 * DAY),
    ),
    System(
        "instagram_ads",
        "instagram_ads.csv.gz",
        {
            "id": _NUMBER,
            "ts": _epoch("s"),
            "kind": _words({"instagram_ad_view": "Impression", "instagram_ad_click": "Ad Click"}),
            "account": pl.col("handle"),
            "landing_cookie": pl.when(_at("instagram_ad_click")).then(_COOKIE),
            "spend": pl.col("cost"),
        },
        arrives=(HOUR, DAY),
    ),
    System(
        "chatbot",
        "chatbot.jsonl.gz",
        {
            "message": _NUMBER,
            "sent": _time("%Y-%m-%dT%H:%M:%S%:z", _BERLIN),
            "who": _words({"chat_question": "customer", "chat_answer": "bot"}),
            "visitor": _COOKIE,
            "emails": pl.when(_at("chat_question") & _EVERY_OTHER_PERSON).then(
                pl.concat_list("email", "second_email").list.drop_nulls()
            ),
            "text": pl.col("question"),
            "mood": pl.col("sentiment"),
        },
    ),
    System(
        "discord",
        "discord.csv.gz",
        {
            "Date": _time("%d %b %Y %H:%M:%S"),
            "Member": pl.col("discord"),
            "What": _words({"discord_join": "joined", "discord_question": "question", "discord_post": "message"}),
            "Content": pl.col("question"),
            "Mood": pl.col("sentiment"),
        },
    ),
    System(
        "email",
        "email.csv.gz",
        {
            "recipient": pl.when(_at("cart_reminder")).then(pl.col("email")).otherwise(_NEWS_EMAIL),
            "what": _words({"email_open": "opened", "email_click": "clicked", "cart_reminder": "opened cart reminder"}),
            "when": _time("%Y/%m/%d %H:%M:%S", _LONDON),
            "campaign": _time("news %Y-%m"),
            "landing_cookie": pl.when(_at("email_click")).then(_COOKIE),
        },
    ),
    System(
        "events",
        "events.csv.gz",
        {
            "checked_in": _time("%d/%m/%Y %H:%M", _BERLIN),
            "city": _CITY,
            "member_card": _CARD,
            "email": _EMAIL_WITHOUT_CARD,
            "scanned": _SCAN_DAY,
        },
        arrives=(2 * DAY, 9 * DAY),
    ),
    System(
        "stores",
        "stores.csv.gz",
        {
            "entry": _NUMBER,
            "booked": _time("%d.%m.%Y %H:%M", _BERLIN),
            "what": _words({"store_visit": "Visit", "fitting_room": "Fitting Room", "store_purchase": "Sale"}),
            "store": _CITY,
            "card": _CARD,
            "receipt_to": _EMAIL_WITHOUT_CARD.str.to_uppercase(),
            "total": pl.col("value"),
            "scanned": _SCAN_DAY,
        },
        arrives=(DAY, 6 * DAY),
    ),
    System(
        "support",
        "support.csv.gz",
        {
            "entry": _NUMBER,
            "logged": _time("%Y-%m-%d %H:%M:%S", _BERLIN),
            "what": _words({"support_contact": "ticket opened", "support_answer": "ticket answered"}),
            "mail": pl.col("email"),
            "phone": pl.col("phone"),
            "subject": pl.col("question"),
            "mood": pl.col("sentiment"),
        },
    ),
)

#: What the brand has on record: rows are people, not touchpoints, and ``at`` is when it was last changed.
PROFILES = System(
    "crm",
    "crm.csv.gz",
    {
        "customer": pl.col("customer_id"),
        "mail": pl.col("email"),
        "mobile": pl.col("phone"),
        "instagram": _only(_EVERY_OTHER_PERSON, "handle"),
        "age": pl.col("age"),
        "sex": pl.col("gender"),
        "region": pl.col("region"),
        "changed": _time("%Y-%m-%d %H:%M:%S", _BERLIN),
    },
)
LINKS = System(
    "members",
    "members.csv.gz",
    {
        "since": _time("%Y-%m-%d %H:%M:%S", _BERLIN),
        "card": pl.col("card"),
        "replacement_card": pl.col("second_card"),
        "email": pl.col("email"),
        "discord": _only(_EVERY_OTHER_PERSON, "discord"),
    },
)
