"""Rows of the BigQuery export of Google Analytics 4: one event a row, parameters as lists of key and typed value.

BigQuery writes whole numbers as texts in JSON; both spellings come to the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .records import Record, first, inside, under

_CHANNELS = {"WEB": "website", "ANDROID": "app", "IOS": "app"}
_TYPES = ("string_value", "int_value", "float_value", "double_value")
#: Of ``traffic_source``, which tells how the person first came, not where this event came from.
_SOURCE = ("source", "medium", "name")
_EPOCH = datetime(1970, 1, 1)


def shape(row: Record) -> Record:
    """One event in the plain field names."""
    parameters = _listed(row.get("event_params"))
    platform = row.get("platform")
    app = platform in ("ANDROID", "IOS")
    return {
        "kind": "event",
        "time": _iso(row.get("event_timestamp")),
        "name": row.get("event_name"),
        "channel": _CHANNELS.get(str(platform), platform),
        "value": first(inside(row, "ecommerce", "purchase_revenue"), parameters.pop("value", None)),
        "currency": parameters.pop("currency", None),
        "identifiers.user_id": row.get("user_id"),
        "identifiers.device_id" if app else "identifiers.cookie": row.get("user_pseudo_id"),
        **under("traits", _listed(row.get("user_properties"))),
        **under("traits", {f"first_{name}": inside(row, "traffic_source", name) for name in _SOURCE}),
        **under("properties", _surroundings(row)),
        **under("properties", parameters),
    }


def _surroundings(row: Record) -> Record:
    """Where an event came from, and what tells two that are otherwise alike apart."""
    click = row.get("collected_traffic_source")
    return {
        **{name: inside(click, f"manual_{name}") for name in ("source", "medium", "campaign_name")},
        "device": inside(row, "device", "category"),
        "country": inside(row, "geo", "country"),
        "transaction_id": inside(row, "ecommerce", "transaction_id"),
        "bundle": row.get("event_bundle_sequence_id"),
        "batch_event_index": row.get("batch_event_index"),
    }


def _listed(pairs: Any) -> Record:
    """Key and value of each parameter, whichever of its typed fields holds it."""
    if not isinstance(pairs, list):
        return {}
    return {
        str(pair["key"]): first(*(inside(pair, "value", kind) for kind in _TYPES))
        for pair in pairs
        if isinstance(pair, dict) and pair.get("key")
    }


def _iso(microseconds: Any) -> Any:
    """ISO 8601 of microseconds since 1970; what is none stays as it is and is refused."""
    try:
        return (_EPOCH + timedelta(microseconds=int(microseconds))).isoformat(timespec="microseconds")
    except (TypeError, ValueError, OverflowError):
        return microseconds
