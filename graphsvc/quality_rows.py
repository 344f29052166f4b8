"""The rows of a quality report."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Shown = Annotated[
    str, Field(description="Identifier as `type:value`, or `type:•••` unless identifiers were asked for.")
]
ByType = dict[str, int]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


AnyRow = TypeVar("AnyRow", bound=_Row)


class Section(_Row, Generic[AnyRow]):
    """A list that may be cut, and how long it is in all."""

    count: Annotated[int, Field(description="How many there are in all.")]
    rows: Annotated[list[AnyRow], Field(description="The first of them.")]


class SizeBand(_Row):
    """Users of about one size."""

    size: Annotated[str, Field(description="Identifiers per user: `1`, `4-5`, `> 50`.")]
    users: Annotated[int, Field(description="Users of that size.")]
    identifiers: Annotated[int, Field(description="Identifiers that they have together.")]


class LargeUser(_Row):
    """A user with many identifiers."""

    user: Annotated[str, Field(description="User key.")]
    identifiers: Annotated[int, Field(description="Identifiers of the user.")]
    by_type: Annotated[ByType, Field(description="Identifiers by type.")]
    links: Annotated[int, Field(description="Accepted links among them.")]


class Pair(_Row):
    """A link between two identifiers."""

    a: Shown
    b: Shown
    user_a: Annotated[str | None, Field(description="Key of the user that has `a`; null for a shared identifier.")]
    user_b: Annotated[str | None, Field(description="Key of the user that has `b`; null for a shared identifier.")]
    count: Annotated[int, Field(description="Events behind the link.")]
    declared: Annotated[bool, Field(description="Whether somebody stated it, as in an `identify` call.")]
    confidence: Annotated[float, Field(description="Greatest confidence of its evidence; 1 is certain.")]


class Bridge(Pair):
    """An accepted link whose removal would split a large user."""

    part_a: Annotated[int, Field(description="Linked identifiers that would stay with `a`, itself included.")]
    part_b: Annotated[int, Field(description="Linked identifiers that would stay with `b`, itself included.")]


class Passed(_Row):
    """A threshold that made a value shared."""

    threshold: Annotated[
        Literal["shared_at", "hub_above"], Field(description="Its name in the rule of the value's own type.")
    ]
    allowed: Annotated[int, Field(description="Most values of the type met that leave a value unshared.")]
    type: Annotated[str, Field(description="Type of the values that it met.")]
    met: Annotated[int, Field(description="How many different ones it met.")]


class SharedValue(_Row):
    """A value that several people use."""

    identifier: Shown
    type: Annotated[str, Field(description="Its type.")]
    status: Annotated[
        Literal["shared", "held"], Field(description="`held`: a `same` decision holds it in one user all the same.")
    ]
    user: Annotated[str | None, Field(description="Key of the user that holds it; null unless `held`.")]
    meets: Annotated[ByType, Field(description="How many different values of each type it was met with.")]
    passed: Annotated[
        list[Passed], Field(description="Thresholds that it passed; none where an erasure keeps it shared.")
    ]


class Refusals(_Row):
    """Links refused for one reason."""

    reason: Annotated[
        str, Field(description="`shared`, `withdrawn`, `review`, `different`, `unique:TYPE`, `limit:TYPE`.")
    ]
    pairs: Annotated[int, Field(description="Pairs of identifiers that it keeps apart.")]
    examples: Annotated[list[Pair], Field(description="Those with most events behind them.")]


class SetAside(_Row):
    """Raw identifiers of the events that name nobody."""

    type: Annotated[str, Field(description="Type of identifier.")]
    why: Annotated[Literal["placeholder", "blocked"], Field(description="`blocked`: by a pattern of the type's rule.")]
    form: Annotated[
        str, Field(description="The placeholder without quotes, spaces and case, or which pattern it was (from 1).")
    ]
    count: Annotated[int, Field(description="How often events hold such an identifier.")]
    examples: Annotated[list[str], Field(description="Raw identifiers; empty unless identifiers were asked for.")]


class Quality(_Row):
    """How far the resolved people of a graph can be trusted."""

    users: Annotated[int, Field(description="All users.")]
    anonymous_users: Annotated[int, Field(description="Users without an identifier of their own.")]
    identifiers: Annotated[int, Field(description="All usable identifiers, shared ones too.")]
    shared_identifiers: Annotated[int, Field(description="Identifiers that belong to no user, because many use them.")]
    held_identifiers: Annotated[int, Field(description="Shared ones that a decision holds in one user.")]
    by_type: Annotated[ByType, Field(description="Usable identifiers by type.")]
    sizes: Annotated[
        list[SizeBand], Field(description="Users by their number of identifiers; anonymous ones left out.")
    ]
    largest_users: Annotated[list[LargeUser], Field(description="Users with most identifiers.")]
    bridges: Annotated[
        Section[Bridge], Field(description="Links on which a large user hangs, the fewest events behind it first.")
    ]
    shared: Annotated[Section[SharedValue], Field(description="Shared values, those that meet most others first.")]
    refused_links: Annotated[list[Refusals], Field(description="Refused links by reason, the most common first.")]
    set_aside: Annotated[
        list[SetAside], Field(description="Placeholders and blocked values in the events, the most common first.")
    ]
    users_with_touchpoints: Annotated[int, Field(description="Users that have at least one touchpoint.")]
    single_event_users: Annotated[int, Field(description="Users that have exactly one touchpoint.")]
    single_event_share: Annotated[float, Field(description="Of the users with touchpoints; 0 where there are none.")]
    shows_identifiers: Annotated[bool, Field(description="Whether raw identifiers stand in this answer.")]
