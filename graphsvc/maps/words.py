"""Numbers as people read them, and the sentence that tells what a flow shows."""

from __future__ import annotations

from collections import Counter

from ..answers.flow import Flow

NONE = "–"

#: What each kind of node is called on the page.
KIND_NAMES = {
    "touchpoint": "Touchpoint",
    "other": "Other touchpoints",
    "converted": "Converted",
    "open": "Still open",
    "dropped": "Dropped off",
    "beyond": "Goes on",
}


def number(count: int) -> str:
    """``12,345``."""
    return f"{count:,}"


def counted(count: int, what: str) -> str:
    """``1 journey``, ``2,000 journeys``."""
    return f"{number(count)} {plural(what, count)}"


def plural(what: str, count: int) -> str:
    """``journey`` of one, ``journeys`` of more."""
    return what if count == 1 else f"{what}s"


def percent(share: float) -> str:
    """``34%``, ``3.4%``; never 0% or 100% for what is a little more or less."""
    if share in (0, 1):
        return f"{share:.0%}"
    if share < 0.001:
        return "<0.1%"
    if share > 0.995:
        return ">99%"
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def duration(seconds: float | None) -> str:
    """``45 s``, ``12 min``, ``3.5 h``, ``2.4 days``."""
    if seconds is None:
        return NONE
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 59.5 * 60:
        return f"{seconds / 60:.0f} min"
    amount, unit = (seconds / 3_600, "h") if seconds < 172_800 else (seconds / 86_400, "days")
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def headline(flow: Flow) -> str:
    """Where journeys begin most often, how many convert, and after which touchpoint most are lost."""
    totals = flow.totals
    if not totals.counted:
        return "No journeys to show."
    by_id = {node.id: node for node in flow.nodes}
    sentences = []
    first = flow.nodes[0]  # the most common one of step 1, where any is common enough to have a node
    if first.kind == "touchpoint":
        sentences.append(f"The most common start is {quoted(first.label)} ({percent(first.share)}).")
    lost = Counter[str]()
    for edge in flow.edges:
        source = by_id[edge.source]
        if by_id[edge.target].kind == "dropped" and source.kind == "touchpoint":
            lost[source.label] += edge.journeys
    if lost:
        label, journeys = min(lost.items(), key=lambda item: (-item[1], item[0]))
        share = percent(journeys / (totals.counted - totals.converted - totals.open))
        drop = f"{counted(journeys, 'journey')} {'drops' if journeys == 1 else 'drop'} off there"
        sentences.append(f"The largest loss is after {quoted(label)}: {drop}, {share} of all that do.")
    else:
        sentences.append(f"{percent(totals.converted / totals.counted)} convert.")
    return " ".join(sentences)


def quoted(label: str, longest: int = 60) -> str:
    """A label in quotation marks, shortened where very long, its writing direction kept to itself."""
    shown = label if len(label) <= longest else label[: longest - 1] + "…"
    return f"“\u2068{shown}\u2069”"
