"""The report as one HTML page: no script, no address outside the file, equal reports equal bytes."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from ..maps import shell
from ..maps.words import counted, number, percent
from .model import CATEGORIES, Finding, Proportion, Report

_TESTS = {
    "z": "two-proportion z test",
    "fisher": "Fisher’s exact test",
    "cmh": "Cochran–Mantel–Haenszel test",
    "exact": "exact conditional test",
    "by_user": "score test on the users’ sums",
}

_WITHIN_STRATA = ("cmh", "exact")


def render(report: Report) -> str:
    """The page of a report.

    Its policy allows its own style, by its hash, and nothing else; all texts are escaped.
    """
    style = shell.asset("base.css") + _asset("report.css")
    groups = [
        {
            "category": category,
            "name": name,
            "about": about,
            "findings": [_finding(one) for one in report.findings if one.category == category],
        }
        for category, (name, about) in CATEGORIES.items()
    ]
    return _template().render(
        report=report,
        policy=shell.policy(style),
        style=style,
        period=_period(report.figures.first, report.figures.last),
        figures=_figures(report),
        summary=_summary(report),
        groups=groups,
        tests=sum(family.tests for family in report.looked),
        questions=sum(family.questions for family in report.looked),
        rate=percent(report.rate),
        least_difference=f"{report.least_difference * 100:g}",
        parameters=shell.as_text(report.parameters),
        number=number,
    )


def _figures(report: Report) -> list[tuple[str, str, str]]:
    """Big numbers: number, name, what stands beside it."""
    told = report.figures
    return [
        (
            number(told.users),
            "users",
            "" if told.conversion is None else f"{number(told.users_converted)} reach a goal",
        ),
        ("–" if told.conversion is None else percent(told.conversion), "conversion", "of all users"),
        (number(told.journeys), "journeys", f"{number(told.converted)} converted, {number(told.open)} still open"),
        (number(told.touchpoints), "touchpoints", f"on {counted(told.channels, 'channel')}"),
    ]


def _summary(report: Report) -> str:
    """How many findings there are, in a sentence."""
    if not report.findings:
        return (
            "Nothing stands out that could not be chance. The tables describe what there is; more data may show more."
        )
    counts = [
        (sum(one.category == category for one in report.findings), name.lower())
        for category, (name, _) in CATEGORIES.items()
    ]
    singular = {
        "opportunities": "opportunity",
        "weaknesses": "weakness",
        "gaps": "gap",
        "inefficiencies": "inefficiency",
    }
    told = [f"{count} {name if count > 1 else singular[name]}" for count, name in counts if count]
    return f"{' and '.join([', '.join(told[:-1]), told[-1]] if len(told) > 1 else told)}."


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "finding": finding,
        "bars": [_bar(finding.a), _bar(finding.b)],
        "difference": f"{'of like with like ' if finding.test in _WITHIN_STRATA else ''}"
        f"{_points(finding.difference)} points",
        "interval": f"{_points(finding.low)} to {_points(finding.high)}",
        "p": _small(finding.p_value),
        "q": _small(finding.q_value),
        "test": _TESTS[finding.test],
    }


def _bar(side: Proportion) -> dict[str, str]:
    return {
        "name": side.name,
        "width": f"{max(side.share, 0.004) * 100:.1f}%",
        "share": percent(side.share),
        "count": f"{number(side.users)} of {number(side.of)}"
        if side.tries is None
        else f"of {number(side.tries)} tries by {counted(side.of, 'user')}",
        "journeys": number(side.journeys),
    }


def _points(difference: float) -> str:
    """A difference of shares in percentage points, with a sign."""
    return f"{difference * 100:+.1f}".replace("-", "−")


def _small(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.2g}"


def _period(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return "no touchpoints"
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("report.html.j2"))
