"""Calls of Segment and RudderStack: track, page, screen, identify, group, alias (their common specification).

``previousId`` of an alias may be an anonymous or a known id: the row links it as both.
"""

from __future__ import annotations

from typing import Any

from .records import Record, first, inside, under

_KINDS = {
    "track": "event",
    "page": "event",
    "screen": "event",
    "identify": "profile",
    "group": "profile",
    "alias": "link",
}
#: The channel by what ``channel`` says, which RudderStack sets, and Segment on some servers.
_CHANNELS = {"web": "website", "browser": "website", "mobile": "app"}
_APP_LIBRARIES = ("android", "ios", "swift", "kotlin", "react-native", "flutter")
_CAMPAIGN = {"source": "utm_source", "medium": "utm_medium", "name": "utm_campaign", "term": "utm_term"}


def shape(call: Record) -> Record:
    """One call in the plain field names."""
    kind = _KINDS.get(str(call.get("type")), call.get("type") or "call without a type")
    plain = {
        "kind": kind,
        "event_id": call.get("messageId"),
        "time": first(call.get("timestamp"), call.get("originalTimestamp"), call.get("sentAt")),
        **_identifiers(call),
    }
    if kind == "event":
        return plain | _touchpoint(call)
    if kind == "profile":
        return plain | _traits(call)
    return plain


def _identifiers(call: Record) -> Record:
    told = [call.get("traits") if call.get("type") == "identify" else None, inside(call, "context", "traits")]
    previous = call.get("previousId") if call.get("type") == "alias" else None
    return {
        "identifiers.user_id": _several(call.get("userId"), previous),
        "identifiers.cookie": _several(call.get("anonymousId"), previous),
        "identifiers.device_id": inside(call, "context", "device", "id"),
        "identifiers.email": first(*(inside(traits, "email") for traits in told)),
        "identifiers.phone": first(*(inside(traits, "phone") for traits in told)),
    }


def _several(*values: Any) -> Any:
    """One value as it is, more of them as a list."""
    told = [value for value in values if value not in (None, "")]
    return told if len(told) > 1 else first(*told)


def _touchpoint(call: Record) -> Record:
    said = call.get("properties")
    campaign = inside(call, "context", "campaign")
    return {
        "name": call.get("event") if call["type"] == "track" else first(call.get("name"), call["type"]),
        "channel": _channel(call),
        "value": first(*(inside(said, name) for name in ("revenue", "total", "value"))),
        "currency": inside(said, "currency"),
        **under("properties", {ours: inside(campaign, theirs) for theirs, ours in _CAMPAIGN.items()}),
        **under("properties", said),
    }


def _channel(call: Record) -> str:
    if isinstance(said := call.get("channel"), str) and said:
        return _CHANNELS.get(said, said)
    library = str(inside(call, "context", "library", "name") or "").lower()
    if call["type"] == "screen" or any(word in library for word in _APP_LIBRARIES):
        return "app"
    in_page = inside(call, "context", "page") or "js" in library.replace("node.js", "").split(".")
    return "website" if call["type"] == "page" or in_page else "server"


def _traits(call: Record) -> Record:
    """Traits of the person: an identify's own; of a group its id, and its traits as ``group_…``."""
    if call["type"] == "identify":
        return {name: value for name, value in under("traits", call.get("traits")).items() if name not in _SAID}
    own = call.get("traits")
    named = {f"group_{name}": value for name, value in own.items()} if isinstance(own, dict) else {}
    return under("traits", {"group": call.get("groupId"), **named})


#: Traits that are identifiers.
_SAID = ("traits.email", "traits.phone")
