"""Answers counted by Cypher in Neo4j, by the statements of ``cypher/answers``: the same rows as from the frame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from ..errors import CypherUnsupported, StoreBusy
from ..frame import NO_STAGE
from ..segments import as_parameter, find
from ..settings import Settings
from ..stores import Head, Store
from ..tables import USERS
from . import Answer, answer
from .params import DAY_US, Filters
from .result import Result, Totals, result
from .walks import require

_ATTEMPTS = 5

#: What Neo4j calls the types that a comparison allows.
_TYPES = {
    "number": ["INTEGER NOT NULL", "FLOAT NOT NULL"],
    "boolean": ["BOOLEAN NOT NULL"],
    "text": ["STRING NOT NULL"],
}

#: How a trait may compare to a value: -1 (below), 0, 1 (above).
_SIGNS = {"=": [0], "in": [0], "!=": [-1, 1], "<": [-1], "<=": [-1, 0], ">": [1], ">=": [0, 1]}


def ask_cypher(store: Store, name: str, params: Filters) -> Result[Any]:
    """Answer a question by Cypher alone, on the graph at one revision.

    Raises:
        CypherUnsupported: only the journey frame can answer this.
        UnknownName: no answer has that name, or the parameters name something that the graph does not hold.
        StoreBusy: the graph keeps changing.
    """
    for _ in range(_ATTEMPTS):
        head = store.head()
        asked = answer(name)
        named = {} if head.settings is None else head.settings.segments
        segments = [_asked(store, asked, params.within(segment, named), head) for segment in params.by]
        found = _asked(store, asked, params, head).model_copy(update={"segments": segments})
        if store.revision() == head.revision:
            return found
    raise StoreBusy(f"{store.url} changed {_ATTEMPTS} times while it was asked; try again when nobody ingests")


def _asked(store: Store, asked: Answer, params: Filters, head: Head) -> Result[Any]:
    given = {"asked": parameters(params, head.settings or Settings(), head.data_end)}
    statement = asked.statement(params)
    _require_held(store, params)
    with ThreadPoolExecutor(1) as beside:
        beneath = beside.submit(store.cypher, "answers/totals", given)
        found = store.cypher(statement, given)
        (counted,) = beneath.result()
    distinct = sum(row.pop("different") for row in found)
    rows = [row for row in found if row.get("rank", 0) is not None]
    totals = Totals(**counted, occurrences=asked.occurrences(found), distinct=distinct)
    return result(
        asked.rows,
        rows,
        next((row for row in found if row.get("rank", 0) is None), None),
        totals,
        answer=asked.name,
        revision=head.revision,
        parameters=params,
        data_end=head.data_end,
        notes=asked.notes(rows, totals, params),
    )


def parameters(params: Filters, settings: Settings, data_end: datetime | None) -> dict[str, Any]:
    """What the statements of ``cypher/answers`` take as ``$asked``, as their head comments list it.

    Args:
        params: what is asked.
        settings: of the graph.
        data_end: its latest touchpoint.

    Raises:
        CypherUnsupported: another split than the stored one, or other goals where goals split journeys.
        UnknownName: no segment has that name.
    """
    gap_us = settings.gap_us if params.gap_days is None else round(params.gap_days * DAY_US)
    split = params.split or settings.split
    if split != settings.split or (split == "gap" and gap_us != settings.gap_us):
        raise CypherUnsupported(
            f"Neo4j holds journeys split by {_said(settings)}; another split is counted on the journey frame: "
            "ask without via=cypher"
        )
    if split == "conversion" and params.goal and set(params.goal) != set(settings.goals):
        raise CypherUnsupported(
            "Neo4j holds journeys split by the graph's own goals; a split by others is counted on the journey frame: "
            "ask without via=cypher"
        )
    segment = None if params.segment is None else as_parameter(find(settings.segments, params.segment))
    return {
        **params.own(),
        "label": params.label,
        "collapse": params.collapse,
        "exclude": list(params.exclude),
        "lookback": params.lookback_us,
        "since": params.since,
        "until": params.until,
        "channels": list(params.channel),
        "stages": [_stored_stage(stage) for stage in params.stage],
        "segment": segment and [[_on_property(comparison) for comparison in every] for every in segment],
        "goals": list(params.goal) or None,
        "open_since": data_end and data_end - timedelta(microseconds=gap_us),
    }


def _require_held(store: Store, params: Filters) -> None:
    """Refuse labels that the graph does not hold, with the same words as the frame."""
    asked = [
        {"kind": kind, "label": _stored_stage(label) if kind == "stage" else label}
        for kind, labels in params.named()
        for label in labels
    ]
    for absent in store.cypher("answers/absent", {"labels": asked}) if asked else []:
        label, *held = (text or NO_STAGE for text in (absent["label"], *absent["held"]))
        require(absent["kind"], [label], held)


def _stored_stage(stage: str) -> str:
    return "" if stage == NO_STAGE else stage


def _on_property(comparison: dict[str, Any]) -> dict[str, Any]:
    """A comparison on the property of ``:User`` that holds the trait."""
    trait = comparison["trait"]
    return {
        "property": f"trait_{trait}" if trait in USERS else trait,
        "types": _TYPES[comparison["type"]],
        "values": comparison["values"],
        "signs": _SIGNS[comparison["op"]],
    }


def _said(settings: Settings) -> str:
    return f"gap of {settings.gap_days:g} days" if settings.split == "gap" else settings.split
