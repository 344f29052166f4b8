"""The comparison as a picture: what two segments or periods do more often, told by colour, sign and line."""

from __future__ import annotations

from ..answers import Comparison
from ..answers.compare import ComparedRow
from .arrows_layout import Arrow, place
from .scene import Line, Scene, ScenePicture, Sign, Table
from .transition_map import about, label_node
from .words import counted, duration, number, percent, quoted

_WIDEST = 10.0
_FAINT = 1.2


class ComparisonMap(ScenePicture):
    """What two sides do differently. An aggregate: no identifier and no user key stands in it."""

    answer: Comparison

    def scene(self) -> Scene:
        """Labels as boxes; arrows by the difference of shares, those that may be chance thin and grey."""
        found = self.answer
        a, b = found.a.given, found.b.given
        greatest = max((abs(row.difference) for row in found.rows if row.significant), default=1.0) or 1.0
        arrows = [
            Arrow(
                *_ends(row),
                row.users_a + row.users_b,
                max(_WIDEST * abs(row.difference) / greatest, 2.0) if row.significant else _FAINT,
                _word(row),
            )
            for row in found.rows
        ]
        layout = place(arrows)
        columns = _columns(found)
        return Scene(
            about=about("Transitions, by the share of users who make them", found.parameters.label, self.footer.period),
            headline=_headline(found),
            figures=[
                (number(found.a.users), f"users: {_short(a)}"),
                (number(found.b.users), f"users: {_short(b)}"),
                (number(sum(row.significant for row in found.rows)), f"of {len(found.rows)} differ beyond chance"),
            ],
            alt="Labels joined by arrows: plus and solid where the first side goes more often, minus and dashed where "
            "the second does.",
            hint="Point at an arrow, or click to keep its details here.",
            nodes=[label_node(label, box, tint="even", strength=0.2, facts=[]) for label, box in layout.boxes.items()],
            lines=[
                Line(
                    source=arrow.source,
                    target=arrow.target,
                    width=arrow.width,
                    tint=_tint(row),
                    dashed=_tint(row) == "minus",
                    facts=list(zip(columns[2:], [text for text, _ in _cells(row)[2:]], strict=True)),
                    curve=layout.curves[nth],
                    text=arrow.word if layout.words[nth] else "",
                    at=layout.words[nth],
                )
                for nth, (arrow, row) in enumerate(zip(arrows, found.rows, strict=True))
            ],
            legend=[
                Sign("line", "plus", f"+ more users of {_short(a)} (percentage points)"),
                Sign("dashed", "minus", f"− more users of {_short(b)}"),
                Sign("line", "even", "may be chance"),
                *([Sign("", "", "* small sample")] if any(row.test == "fisher" for row in found.rows) else []),
            ],
            tables=[Table("Transitions", columns, [_cells(row) for row in found.rows])],
            notes=[
                f"The {counted(len(found.rows), 'transition')} most common on both sides together; rarer ones are "
                "neither compared nor drawn.",
                f"Beyond chance: the adjusted p value (Benjamini-Hochberg) is at most {found.rate:g}.",
                *found.notes,
            ],
            width=max(layout.width, 400.0),
            height=layout.height,
        )


def _ends(row: ComparedRow) -> tuple[str, str]:
    source, target = row.labels
    return source, target


def _short(side: str) -> str:
    return quoted(side, 28)


def _tint(row: ComparedRow) -> str:
    return "even" if not row.significant else "plus" if row.difference > 0 else "minus"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with a sign."""
    return f"{difference * 100:+.1f}".replace("-", "−")


def _word(row: ComparedRow) -> str:
    if not row.significant:
        return ""
    return points(row.difference) + ("*" if row.test == "fisher" else "")


def _columns(found: Comparison) -> tuple[str, ...]:
    a, b = _short(found.a.given), _short(found.b.given)
    return (
        "From", "To", f"Users of {a}", f"Users of {b}", "Difference in points", f"{found.confidence:.0%} interval",
        "Adjusted p", "Told apart", f"Median gap, {a}", f"Median gap, {b}",
    )  # fmt: skip


def _cells(row: ComparedRow) -> list[tuple[str, float | int | None]]:
    source, target = _ends(row)
    told = "yes" if row.significant else "may be chance"
    return [
        (source, None),
        (target, None),
        (f"{percent(row.share_a)} ({number(row.users_a)} of {number(row.of_a)})", row.users_a),
        (f"{percent(row.share_b)} ({number(row.users_b)} of {number(row.of_b)})", row.users_b),
        (points(row.difference), row.difference),
        (f"{points(row.low)} to {points(row.high)}", None),
        ("<0.0001" if row.q_value < 0.0001 else f"{row.q_value:.2g}", row.q_value),
        (told + (", small sample (Fisher’s exact test)" if row.test == "fisher" else ""), None),
        (duration(row.median_seconds_a), row.median_seconds_a),
        (duration(row.median_seconds_b), row.median_seconds_b),
    ]


def _headline(found: Comparison) -> str:
    """The greatest difference that is not chance."""
    told = [row for row in found.rows if row.significant]
    if not told:
        return "No transition differs by more than chance could make."
    row = max(told, key=lambda row: abs(row.difference))
    source, target = _ends(row)
    more, less = (found.a.given, found.b.given) if row.difference > 0 else (found.b.given, found.a.given)
    high, low = max(row.share_a, row.share_b), min(row.share_a, row.share_b)
    return (
        f"The greatest difference: {percent(high)} of {_short(more)} go from {quoted(source)} to {quoted(target)}, "
        f"but {percent(low)} of {_short(less)}."
    )
