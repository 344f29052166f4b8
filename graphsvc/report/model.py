"""The report as data: what stands on its page, and in its JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..pages import Page
from ..settings import Utc

Category = Literal["opportunity", "weakness", "gap", "inefficiency"]

#: In the order of the page: the name of each group and what it holds.
CATEGORIES: dict[Category, tuple[str, str]] = {
    "opportunity": ("Opportunities", "what goes with reaching a goal, and where groups of people are met"),
    "weakness": ("Weaknesses", "where people are lost"),
    "gap": ("Gaps", "who comes less far than others"),
    "inefficiency": ("Inefficiencies", "what takes long, and after which fewer reach a goal"),
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Proportion(_Part):
    """One side of a finding: some users, and those of them who do something."""

    name: Annotated[str, Field(description="Who they are, in words.")]
    users: Annotated[int, Field(description="Those who do it, each counted once.")]
    of: Annotated[int, Field(description="All of this side, each counted once.")]
    tries: Annotated[
        int | None,
        Field(description="Where one user counts for several steps: how often in all; else null."),
    ]
    share: Annotated[float, Field(description="`users` of `of`; where there are `tries`, the share of these.")]
    journeys: Annotated[
        int, Field(description="Journeys of `users` that the filters choose, as the graph splits them.")
    ]
    keys: Annotated[list[str], Field(description="Keys of the first of these journeys; all, if enough were asked for.")]


class Ask(_Part):
    """An answer that shows what a finding speaks of, journey by journey."""

    answer: Annotated[str, Field(description="Name of the answer.")]
    parameters: Annotated[dict[str, Any], Field(description="Its parameters, for Python and the API.")]
    command: Annotated[str, Field(description="The same on the command line.")]


class Finding(_Part):
    """Something that is so, as far as these data can tell, and is large enough to matter."""

    category: Category
    about: Annotated[
        str, Field(description="What was compared: `first touch`, `step`, `channel`, `wait` and the like.")
    ]
    sentence: Annotated[str, Field(description="In plain words.")]
    detail: Annotated[str, Field(description="How it was compared, and what that leaves open.")]
    a: Annotated[Proportion, Field(description="Those of whom the sentence speaks.")]
    b: Annotated[Proportion, Field(description="Those with whom they are compared.")]
    difference: Annotated[
        float,
        Field(
            description="First minus second share; where like is compared with like (`cmh`, `exact`), its mean within "
            "strata (Mantel-Haenszel)."
        ),
    ]
    low: Annotated[
        float,
        Field(
            description="Interval of the difference (95 %, Wald); within strata by the variance of Sato, Greenland and "
            "Robins, for `by_user` that of the users' sums."
        ),
    ]
    high: float
    p_value: float
    q_value: Annotated[
        float, Field(description="Of its question, corrected for all of the report (Simes, Benjamini-Hochberg).")
    ]
    test: Annotated[
        Literal["z", "fisher", "cmh", "exact", "by_user"],
        Field(
            description="Two-proportion z test, or Fisher's exact test where an expected cell is below 5; within "
            "strata Cochran-Mantel-Haenszel, or its exact conditional test; `by_user`: a score test on the users' "
            "sums, where one user counts for several steps."
        ),
    ]
    confidence: Annotated[str, Field(description="In words.")]
    also: Annotated[list[str], Field(description="Findings that say nearly the same, in short.")]
    see: Annotated[Ask | None, Field(description="Where to see it.")]


class Figures(_Part):
    """The graph, or what the filters leave of it, in numbers."""

    users: int
    journeys: int
    touchpoints: int
    channels: int
    converted: Annotated[int, Field(description="Journeys with a goal.")]
    open: Annotated[int, Field(description="Journeys that may still get there.")]
    users_converted: Annotated[int, Field(description="Users with a goal.")]
    conversion: Annotated[float | None, Field(description="Users with a goal, of all; null where there is nobody.")]
    median_steps: Annotated[float | None, Field(description="Touchpoints of a journey.")]
    first: Annotated[Utc | None, Field(description="Earliest touchpoint that is counted (UTC).")]
    last: Annotated[Utc | None, Field(description="Latest touchpoint that is counted (UTC).")]


class Table(_Part):
    """A table that describes and claims nothing."""

    name: Annotated[str, Field(description="Its heading.")]
    note: Annotated[str, Field(description="What it counts.")]
    columns: list[str]
    rows: Annotated[list[list[str]], Field(description="Cells as texts, the first names the row.")]
    explained: Annotated[bool, Field(description="Whether the last column says in words what the row means.")] = False
    command: Annotated[str | None, Field(description="The answer behind it, on the command line.")]


class Looked(_Part):
    """One family of questions that the report asked of the data."""

    what: Annotated[str, Field(description="What was compared.")]
    tests: Annotated[int, Field(description="How many comparisons had enough users to be tested.")]
    questions: Annotated[int, Field(description="What these ask; comparisons that say nearly the same are one.")]
    passed: Annotated[int, Field(description="Questions that are within the accepted rate.")]
    findings: Annotated[int, Field(description="Those that are also large enough to matter.")]


class Report(Page, _Part):
    """What a manager should know of a graph. No identifier and no user key stands in it.

    Equal reports are equal pages, byte by byte.
    """

    title: str
    revision: Annotated[int, Field(description="Revision of the graph.")]
    version: Annotated[str, Field(description="Version of graphsvc.")]
    parameters: Annotated[dict[str, Any], Field(description="The filters that were asked for.")]
    rate: Annotated[float, Field(description="Accepted rate of false findings.")]
    least_difference: Annotated[float, Field(description="Smaller differences of shares are no findings.")]
    least_users: Annotated[int, Field(description="A side with fewer users is not tested.")]
    figures: Figures
    path: Annotated[list[str], Field(description="Steps of the main path to the goal, as found in the data.")]
    findings: Annotated[list[Finding], Field(description="By category, then the largest differences first.")]
    looked: Annotated[list[Looked], Field(description="What was looked at; together one family of tests.")]
    tables: list[Table]
    notes: Annotated[list[str], Field(description="What a reader should know.")]

    def html(self) -> str:
        """The report as one HTML page that needs nothing but itself: no network, no script, no other file."""
        from .page import render

        return render(self)
