"""Which column of a sample is most likely what."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from ..errors import InputError
from ..rules import Rules
from .canonical import LABEL_LIMIT
from .evidence import MOST, Evidence, share
from .times import EPOCHS

#: How columns of a field are usually called; the earlier pattern is the better hint.
_TIME = (
    "^(event_)?(timestamp|time|ts|datetime|occurred_at|event_at)$",
    "time|date|stamp|_at$|^at$|when|created|changed|sent$|_ms$",
)
_EVENT_ID = ("^(event|message|insert|row|hit|log|entry|record|click)(_?(id|no|nr|uuid|key))?$", "^(id|uuid|guid)$")
_NAME = (
    "^(name|event|event_name|event_type|action|activity|touchpoint)$",
    "event|action|activity|touchpoint|interaction",
    "^(type|step|what|verb|page|screen|page_name|status|outcome)$",
)
_CHANNEL = ("^channel$", "^(platform|medium|utm_medium|source|utm_source)$", "channel|platform|medium")
_STAGE = ("^(stage|funnel_stage|phase|journey_stage)$",)
_VALUE = ("^(value|amount|revenue|purchase_value|order_value|order_total)$", "revenue|amount|^(price|total)$")
_COST = ("^(cost|costs|spend|ad_cost|cpc)$",)
_SENTIMENT = ("sentiment|^(mood|polarity)$",)
_CURRENCY = ("currency",)
_QUESTION = ("^(question|query|message|text|comment|content|body|feedback)$",)

_IDENTIFIERS = {
    "customer_id": r"^(customer|cust|kunden?)(_?(id|no|nr|number|key|ref))?$|^account(_?(id|no))?$|^contact_?id$",
    "user_id": r"^(user|member|person|profile|login)(_?(id|no|key))?$|^uid$|^distinct_?id$",
    "loyalty_card": r"loyalty|(member|bonus|club|customer)_?card|^(old_|new_|replacement_)?card(_?(no|number|id))?$",
    "email": r"e_?mail|^mail$|^recipient$",
    "phone": r"phone|^mobile$|^tel$|telefon|msisdn",
    "discord": r"discord",
    "handle": r"handle|user_?name|nick|instagram|twitter",
    "device_id": r"device_?(id|uuid)|install(ation)?_?id|^(idfa|gaid|idfv|aaid)$",
    "cookie": r"cookie|visitor|anonymous_?id|^(client|ga|browser)_?id$",
    "session_id": r"session(_?id)?$|^(s|visit_?)id$",
}
_CONTENTS = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "phone": r"^\+[0-9][0-9 ()/-]{6,}$",
}
_UUID = r"^[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"
#: Ids of things, not of persons.
_THINGS = (
    "product|sku|item|order|page|campaign|creative|event|category|store|shop|ticket|transaction|invoice|coupon|message"
    "|cart|variant|^ad_"
)
_TRAITS = (
    "age|gender|sex$|region|country|city|birth|language|locale|segment|cohort|lifecycle|acquisition|plan$|tier|income"
    "|zip|postcode|occupation"
)
#: Times of records, not of events.
_OF_RECORDS = "chang|updat|creat|regist|since|sign|join"
#: A column whose values are this much distinct may tell rows apart.
MOSTLY = 0.9
_GOALS = r"^(purchase|purchased|order|ordered|order[ _](placed|completed)|buy|bought|conversion|sale|kauf|bestellung)$"


class Draft:
    """The parts of a proposed mapping, drawn one after the other from the columns that are still free."""

    def __init__(self, columns: Iterable[Evidence], stem: str) -> None:
        self.free = list(columns)
        self._texts = {column.name: column.texts for column in self.free}
        self.stem = stem
        self.height = max(len(column.texts) for column in self.free)
        self.kind = "event"
        self.columns: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.time: dict[str, str] = {}
        self.identifiers: dict[str, list[str]] = {}
        self.traits: dict[str, str] = {}
        self.properties: dict[str, str] = {}
        self.goals: list[str] = []
        self.unsure: list[str] = []

    def draw(self) -> None:
        """Give each column its place.

        Raises:
            InputError: no column can be an identifier.
        """
        self._draw_time()
        self._draw_event_id()
        self._draw_identifiers()
        self._draw_kind()
        if self.kind == "event":
            self._draw_label("name", _NAME)
            self._draw_label("channel", _CHANNEL)
            self._draw_fields()
        self._draw_the_rest()

    def _take(self, column: Evidence) -> str:
        self.free.remove(column)
        return column.name

    def _hinted(self, hints: tuple[str, ...]) -> list[Evidence]:
        """Free columns whose name gives a hint, the best first."""
        found = []
        for column in self.free:
            rank = next((rank for rank, hint in enumerate(hints) if re.search(hint, column.words)), None)
            if rank is not None and column.filled:
                found.append((rank, column))
        return [column for _, column in sorted(found, key=lambda pair: pair[0])]

    def _doubt(self, field: str, hints: tuple[str, ...], candidates: list[Evidence]) -> None:
        """Name the columns that could be a field, too, unless the first is called just like it."""
        chosen, *others = candidates
        if others and not re.search(hints[0], chosen.words):
            names = " or ".join(repr(column.name) for column in others)
            self.unsure.append(f"{chosen.name!r} is taken for the {field}; {names} could be it, too")

    def _draw_time(self) -> None:
        timely = [column for column in self.free if column.time_formats and "birth" not in column.words]
        hinted = [column for column in self._hinted(_TIME) if column in timely]
        # A number without a telling name is rather an order number than seconds since 1970.
        others = [column for column in timely if column not in hinted and column.time_formats[0] not in EPOCHS]
        candidates = sorted([*hinted, *others], key=lambda column: column.filled < MOST * self.height)
        if not candidates:
            return
        chosen = candidates[0]
        form = chosen.time_formats[0]
        self.columns["time"] = self._take(chosen)
        if form != "iso":
            self.time["format"] = form
        if len(chosen.time_formats) > 1:
            self.unsure.append(f"times in {chosen.name!r} also fit {' and '.join(chosen.time_formats[1:])}")
        if form not in EPOCHS and not chosen.has_offset and "%z" not in form:
            self.unsure.append(f"times in {chosen.name!r} carry no offset and are read as UTC; else set zone in [time]")
        self._doubt("time", _TIME, candidates)

    def _draw_event_id(self) -> None:
        for column in self._hinted(_EVENT_ID):
            once = column.distinct > MOSTLY * column.filled  # some rows are delivered twice
            if once and column.filled > MOSTLY * self.height and not column.share(r"\s"):
                self.columns["event_id"] = self._take(column)
                if again := column.filled - column.distinct:
                    self.unsure.append(f"{column.name!r} is taken for the event id; {again:,} rows repeat one")
                return

    def _draw_identifiers(self) -> None:
        for column in list(self.free):
            kind = self._identifier_type(column)
            if kind:
                self.identifiers.setdefault(kind, []).append(self._take(column))
        if not self.identifiers:
            self._draw_some_identifier()
        by_strength = sorted(self.identifiers, key=lambda kind: (Rules().of(kind).priority, kind))
        self.identifiers = {kind: self.identifiers[kind] for kind in by_strength}

    def _identifier_type(self, column: Evidence) -> str | None:
        """The identifier type of a column, if it is one; says so where only its contents or ending suggest it."""
        if column.name.startswith("identifiers."):
            return column.name.partition(".")[2]
        flag = column.distinct <= 2 and column.filled > 20  # has_account, newsletter_by_email
        if not column.filled or flag or column.longest > LABEL_LIMIT:
            return None
        for kind, pattern in _IDENTIFIERS.items():
            if re.search(pattern, column.words) or re.search(pattern, column.last_words):
                return kind
        for kind, pattern in _CONTENTS.items():
            if column.share(pattern) >= MOST:
                self.unsure.append(f"{column.name!r} looks like {kind} by its contents")
                return kind
        of_thing = re.search(_THINGS, column.words) or column.name in self.columns.values()
        if not of_thing and (re.search("_(id|uuid|key|no)$", column.words) or column.share(_UUID) >= MOST):
            self.unsure.append(f"{column.name!r} is taken for an identifier of persons; if it is none, move it")
            return column.words if column.words[:1].isalpha() else "id"
        return None

    def _draw_some_identifier(self) -> None:
        """The column with the most repeated values, for want of a better one."""
        repeated = [column for column in self.free if 1 < column.distinct < column.filled and not column.time_formats]
        if not repeated:
            names = ", ".join(repr(column.name) for column in self.free[:12])
            raise InputError(f"no column of {self.stem!r} looks like an identifier of persons, among {names}")
        best = max(repeated, key=lambda column: column.distinct)
        self.identifiers["user_id"] = [self._take(best)]
        self.unsure.append(f"no column is called like an identifier; {best.name!r} has the most different values")

    def _draw_kind(self) -> None:
        if "time" not in self.columns:
            self.kind = "profile"
            self.unsure.append("no column holds times: the rows are taken for profiles (traits, no touchpoints)")
        elif self._one_row_each() and not self._hinted(_NAME[:2]):
            if not self.free and len(self.identifiers) > 1:
                self.kind = "link"
                self.unsure.append("nothing but identifiers: the rows are taken for links between them")
            elif len(self._hinted((_TRAITS,))) > 1 or re.search(_OF_RECORDS, self.columns["time"].lower()):
                self.kind = "profile"
                self.unsure.append("one row for each person and no name of an event: the rows are taken for profiles")

    def _one_row_each(self) -> bool:
        """Whether (nearly) every person has one row."""
        persons = self._texts_of_person()
        if persons is None or self.height < 2:
            return False
        return persons.drop_nulls().n_unique() > MOSTLY * (len(persons) - persons.null_count())

    def _draw_label(self, field: str, hints: tuple[str, ...]) -> None:
        fit = [column for column in self.free if self._is_label(column)]
        candidates = [column for column in self._hinted(hints) if column in fit]
        if candidates:
            chosen = candidates[0]
            self.columns[field] = self._take(chosen)
            self._doubt(field, hints, candidates)
        elif field == "name" and (varying := [column for column in fit if not self._is_trait(column)]):
            chosen = min(varying, key=lambda column: column.distinct)
            self.columns[field] = self._take(chosen)
            self.unsure.append(f"no column is called like a touchpoint's name; {chosen.name!r} is taken for it")
        else:
            self.constants[field] = self.stem
            self.unsure.append(f"no column tells the {field}; it is {self.stem!r} for all rows")
        if field == "name" and field in self.columns:
            names = chosen.texts.drop_nulls().unique().sort()
            self.goals = names.filter(names.str.to_lowercase().str.contains(_GOALS)).to_list()
            if not self.goals:
                self.unsure.append(
                    "no touchpoint is called like a purchase; name the goals in [settings]: goals = ['…']"
                )

    def _is_label(self, column: Evidence) -> bool:
        """Few different texts that (nearly) every row has."""
        few = column.distinct <= max(50, self.height // 20)
        return few and column.filled >= MOST * self.height and not column.numeric and column.longest <= LABEL_LIMIT

    def _draw_fields(self) -> None:
        for field, hints in {"value": _VALUE, "cost": _COST, "sentiment": _SENTIMENT}.items():
            for column in self._hinted(hints):
                if column.numeric and (field != "sentiment" or column.share(r"^[+-]?(0|1|0?\.[0-9]+|1\.0+)$") >= MOST):
                    self.columns[field] = self._take(column)
                    break
        for column in self._hinted(_CURRENCY)[:1]:
            if column.share("^[A-Za-z]{3}$") >= MOST:
                self.columns["currency"] = self._take(column)
        for column in self._hinted(_STAGE)[:1]:
            if not column.numeric and column.distinct <= 20:
                self.columns["stage"] = self._take(column)
        for column in self._hinted(_QUESTION)[:1]:
            if not column.numeric and column.longest > 20:
                self.columns["question"] = self._take(column)

    def _draw_the_rest(self) -> None:
        """What belongs to the person is a trait, the rest are properties of the touchpoint."""
        for column in self.free:
            table, _, name = column.name.partition(".")
            if self.kind == "profile" or table == "traits" or (table != "properties" and self._is_trait(column)):
                self.traits[name if table == "traits" else column.name] = column.name
            else:
                self.properties[name if table == "properties" else column.name] = column.name

    def _is_trait(self, column: Evidence) -> bool:
        """Whether each person has one value, and not all persons the same; by its name where too few come twice."""
        persons = self._texts_of_person()
        if persons is None or column.distinct < 2:
            return False
        values = (
            pl.DataFrame([persons.alias("person"), column.texts.alias("value")])
            .drop_nulls()
            .group_by("person")
            .agg(pl.len().alias("rows"), pl.col("value").n_unique().alias("values"))
            .filter(pl.col("rows") > 1)["values"]
        )
        if len(values) < 10:
            return bool(re.search(_TRAITS, column.words))
        return share(values == 1) >= MOST

    def _texts_of_person(self) -> pl.Series | None:
        """The column of the strongest identifier that is more than a session."""
        strong = [names[0] for kind, names in self.identifiers.items() if kind != "session_id"]
        return self._texts[strong[0]] if strong else None
