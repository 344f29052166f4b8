"""The endpoints about who is who. Raw identifiers stand in bodies only, never in a URL."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from ..deciding import Decided, Decision, Verdict
from ..erasing import Erased
from ..errors import InputError
from ..explaining import Explanation
from ..graph import Graph
from ..matching import Matches, ToReview
from ..preview import Preview
from ..quality import Quality
from ..rules import Rules, in_words
from ..whereabouts import Whereabouts
from .conditional import TaggedNow
from .heavy import heavy
from .keys import Role
from .paging import LINKED, PAGE, Cursor, Limit, page
from .problems import described
from .roles import Routers, demand

_Identifier = Annotated[
    str, Field(min_length=3, max_length=600, description="`type:value`.", examples=["email:ann@example.org"])
]
_Key = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Key.", examples=["0f3c9a6b2d7e41588c1f2a3b4c5d6e7f"])]
_Tagged = Annotated[TaggedNow, Depends()]
_MOST_FIELDS = 50  # of the records of a list to match, all together


class Pair(BaseModel):
    """Two identifiers."""

    a: _Identifier
    b: _Identifier
    reason: Annotated[str | None, Field(max_length=2_000, description="Why, for those who wonder later.")] = None


class Judged(Pair):
    """What is decided of two identifiers."""

    verdict: Annotated[Verdict, Field(description="One person (`same`) or two (`different`).")]


class ToErase(BaseModel):
    """Who is to be erased."""

    target: Annotated[
        str, Field(min_length=3, max_length=600, description="An identifier as `type:value`, or a user key.")
    ]
    dry_run: Annotated[bool, Field(description="Say what would go, and change nothing.")] = True


class ToMatch(BaseModel):
    """A list of people to match."""

    people: Annotated[
        list[dict[str, str | None]],
        Field(
            min_length=1,
            max_length=100_000,
            description="Records with `identifier` and, as known, `first_name`, `last_name`, `birth_date`, `postcode`, "
            "`city`, `street`, `email`, `phone`, `national_id`.",
        ),
    ]
    name: Annotated[str, Field(min_length=1, max_length=100, description="Of the list: matched again, it is replaced.")]
    threshold: Annotated[float, Field(gt=0, lt=1, description="Least confidence of a link.")] = 0.9


class Picture(BaseModel):
    """Whose identifiers to draw."""

    identifier: _Identifier


class ToPreview(BaseModel):
    """Rules to try."""

    rules: Rules


class RulesInForce(BaseModel):
    """The rules of identity of the graph."""

    rules: Rules
    in_words: Annotated[list[str], Field(description="The same as sentences.")]


def _as_table(people: list[dict[str, str | None]]) -> pl.DataFrame:
    """Records as rows of text; a field that a record lacks is null.

    Raises:
        InputError: they have too many fields.
    """
    fields = dict.fromkeys(name for person in people for name in person)
    if len(fields) > _MOST_FIELDS:
        raise InputError(f"the people have {len(fields):,} different fields; {_MOST_FIELDS} are allowed")
    return pl.DataFrame(people, schema=dict.fromkeys(fields, pl.String))


def add_people(routers: Routers, graph: Graph) -> None:
    """Add the endpoints about who is who."""
    people = graph.people

    @routers.read.get("/rules", tags=["identity"], operation_id="rules", responses=described(404))
    def rules(tagged: _Tagged) -> RulesInForce:
        """The rules of identity, and what they mean in words."""
        tagged.at(tagged.revision)
        held = graph.settings().rules
        return RulesInForce(rules=held, in_words=in_words(held))

    @routers.read.post("/rules/preview", tags=["identity"], operation_id="preview_rules")
    def preview_rules(wanted: ToPreview, request: Request) -> Preview:
        """What other rules would make of the people: merges, splits, users touched. Nothing is changed.

        It works on the whole graph, so it needs a key with the role write.
        """
        demand(request, Role.WRITE)
        with heavy():
            return people.preview({"rules": wanted.rules.model_dump()})

    @routers.reveal.post("/explain", tags=["identity"], operation_id="explain", responses=described(404))
    def explain(pair: Pair) -> Explanation:
        """Why two identifiers are one person, with the evidence, or what keeps them apart."""
        return people.explain(pair.a, pair.b)

    @routers.reveal.get(
        "/decisions", tags=["identity"], operation_id="decisions", responses={200: LINKED, **described(410)}
    )
    def decisions(
        request: Request, response: Response, tagged: _Tagged, cursor: Cursor = None, limit: Limit = PAGE
    ) -> list[Decision]:
        """All decisions, the latest first. They name identifiers."""
        tagged.at(tagged.revision)
        return page(people.decisions(), tagged.revision, cursor, limit, request, response)

    @routers.write.post("/decisions", tags=["identity"], operation_id="decide", responses=described(404, 409))
    def decide(judged: Judged) -> Decided:
        """Decide that two identifiers are one person, or two. Journeys follow at once."""
        return _warmed(people.decide(judged.verdict, judged.a, judged.b, reason=judged.reason))

    @routers.write.post("/decisions/withdraw", tags=["identity"], operation_id="withdraw", responses=described(404))
    def withdraw(pair: Pair) -> Decided:
        """Let the declared and matched links of two identifiers count no more."""
        return _warmed(people.withdraw(pair.a, pair.b, reason=pair.reason))

    @routers.admin.delete(
        "/decisions/{key}", tags=["identity"], operation_id="remove_decision", responses=described(404)
    )
    def remove_decision(key: _Key) -> Decided:
        """Remove a decision; the graph is again what it was without it."""
        return _warmed(people.remove_decision(key))

    @routers.admin.post("/erase", tags=["identity"], operation_id="erase", responses=described(404, 409))
    def erase(wanted: ToErase) -> Erased:
        """Erase a person. It is a dry run unless `dry_run` is false; a replay of old files brings nobody back."""
        gone = people.erase(wanted.target, dry_run=wanted.dry_run)
        graph.warm()
        return gone

    @routers.read.get("/keys/{key}", tags=["identity"], operation_id="whereabouts", responses=described(404))
    def whereabouts(key: _Key, tagged: _Tagged) -> Whereabouts:
        """What became of a user key, however old: current, moved, split, shared or erased."""
        with heavy():
            found = people.whereabouts(key)
        tagged.at(found.revision)
        return found

    @routers.read.get("/quality", tags=["identity"], operation_id="quality")
    def quality(
        tagged: _Tagged, top: Annotated[int, Query(ge=1, le=1_000, description="Most rows of each list.")] = 20
    ) -> Quality:
        """How far the people can be trusted. Raw identifiers are not shown."""
        tagged.at(tagged.revision)
        return people.quality(top=top)

    @routers.reveal.get("/review", tags=["identity"], operation_id="review", responses={200: LINKED, **described(410)})
    def review(
        request: Request, response: Response, tagged: _Tagged, cursor: Cursor = None, limit: Limit = PAGE
    ) -> list[ToReview]:
        """The matches that were held back and wait for a decision, the surest first. They name identifiers."""
        tagged.at(tagged.revision)
        return page(people.review(), tagged.revision, cursor, limit, request, response)

    @routers.write.post("/match", tags=["identity"], operation_id="match")
    def match(wanted: ToMatch) -> Matches:
        """Match a list of people by names, birth dates, addresses …, and add the links that are found."""
        made = people.match(_as_table(wanted.people), threshold=wanted.threshold, name=wanted.name)
        graph.warm()
        return made

    @routers.reveal.post(
        "/identity-map",
        tags=["identity"],
        operation_id="identity_map",
        responses=described(404),
        response_class=HTMLResponse,
    )
    def identity_map(wanted: Picture) -> HTMLResponse:
        """One person's identifiers and links as one self-contained HTML page. It holds personal data."""
        return HTMLResponse(people.picture(wanted.identifier).html())

    def _warmed(made: Decided) -> Decided:
        graph.warm()
        return made
