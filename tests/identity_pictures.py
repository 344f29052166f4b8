"""Users for tests of their picture: one with all that it can show, one that is too large, one that does harm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from graphsvc.core import derive
from graphsvc.maps.identity_graph import IdentityGraph, identity_graph
from graphsvc.rulings import Rulings
from graphsvc.tables import DECISIONS, IDENTIFIERS, LINKS

from .graphs import DAY_ONE, decided, event, link, settings, table

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script x"
RIGHT_TO_LEFT = "עגלת קניות \u202e abc"
LONG = "word " * 60 + "x" * 200


def of_events(
    rows: list[dict[str, Any]], rulings: Rulings | None = None, title: str = "Ann", **asked: Any
) -> IdentityGraph:
    """The picture of all identifiers of some events."""
    tables = derive(table(rows), settings(), rulings)
    decisions = rulings.decisions if rulings else pl.DataFrame(schema=DECISIONS)
    return identity_graph(tables.identifiers, tables.links, decisions, title=title, **asked)


def ann() -> IdentityGraph:
    """A user with most types, a kiosk that many share, another customer, a decision of each kind."""
    rows = [event(f"a{i:03}", i % 40, "visit", "cookie:ann-laptop", "email:ann@example.org") for i in range(120)]
    rows += [event(f"b{i}", 3 + i, "visit", "cookie:ann-phone", "device_id:ann-iphone") for i in range(14)]
    rows += [
        event("c", 5, "buy", "email:ann@example.org", "customer_id:C-1001", source="shop"),
        event("d", 6, "visit", "device_id:ann-iphone", "email:ann@example.org", "user_id:u77"),
        event("e", 7, "store", "customer_id:C-1001", "loyalty_card:5501 2299", source="till"),
        link("f", 8, "phone:+4930123456", "customer_id:C-1001"),
        link("g", 8, "discord:ann#1", "email:ann@example.org", 0.82),
        event("h", 9, "chat", "handle:@ann", "discord:ann#1"),
        event("i", 10, "visit", "session_id:s-1", "cookie:ann-laptop"),
        event("j", 10, "visit", "tv_id:living-room", "cookie:ann-laptop"),
        event("k1", 11, "kiosk", "device_id:kiosk-7", "customer_id:C-1001"),
        event("k2", 11, "kiosk", "device_id:kiosk-7", "customer_id:C-2002"),
        event("k3", 11, "kiosk", "email:family@example.org", "customer_id:C-2002"),
        event("k4", 12, "kiosk", "email:family@example.org", "customer_id:C-1001"),
        event("m", 13, "buy", "customer_id:C-2002", "cookie:bob"),
        event("n", 13, "visit", "cookie:ann-phone", "cookie:bob"),
        event("o", 14, "visit", "cookie:guest-wifi", "cookie:ann-laptop"),
    ]
    rulings = decided(
        ("different", "cookie:ann-laptop", "cookie:guest-wifi"),
        ("same", "customer_id:C-1001", "email:family@example.org"),
        ("same", "handle:@ann", "user_id:u77"),
    )
    return of_events(rows, rulings, "Ann’s identifiers", user=None)


def many(own: int = 500, shared: int = 30) -> IdentityGraph:
    """A user with more identifiers than a picture can show: addresses in a chain, each with five cookies or devices."""
    rows = [
        event(
            f"e{i:04}", i % 90, "visit", f"{'cookie' if i % 6 else 'device_id'}:{i:04x}-x", f"email:{1 + i // 5}@x.org"
        )
        for i in range(own * 5 // 6)
    ]
    rows += [link(f"l{i}", 2, f"email:{i}@x.org", f"email:{i + 1}@x.org") for i in range(1, own // 6)]
    kiosks = [(i, f"device_id:kiosk-{i}") for i in range(shared)]
    rows += [event(f"k{i}{j}", 3, "kiosk", kiosk, f"customer_id:{j}") for i, kiosk in kiosks for j in "bc"]
    rows += [event(f"m{i}", 3, "kiosk", kiosk, f"email:{1 + i}@x.org") for i, kiosk in kiosks]
    return of_events(rows, title="Too many")


def hostile(values: tuple[str, ...] = (HOSTILE, RIGHT_TO_LEFT, LONG)) -> IdentityGraph:
    """Values, types, sources and reasons that try to be markup."""
    times = {"first_seen": DAY_ONE, "last_seen": DAY_ONE + timedelta(days=1)}
    keys = sorted([f"email:{value}" for value in values] + [f"{values[0]}:bad type"])
    rows = [
        dict.fromkeys(IDENTIFIERS.names())
        | {"key": key, "type": key.split(":")[0], "value": key.split(":", 1)[1], "status": "active", "user": "u" * 32}
        | times
        for key in keys
    ]
    links = [
        dict.fromkeys(LINKS.names())
        | {"a": min(keys[0], key), "b": max(keys[0], key), "count": 3, "sources": [values[0]], "confidence": 1.0}
        | {"declared": False, "accepted": i != 0, "reason": None if i else values[0]}
        | times
        for i, key in enumerate(keys[1:])
    ]
    decision = {"key": "k", "kind": "different", "a": keys[0], "b": keys[1], "reason": values[0], "decided_at": DAY_ONE}
    return identity_graph(
        pl.DataFrame(rows, schema=IDENTIFIERS),
        pl.DataFrame(links, schema=LINKS),
        pl.DataFrame([decision], schema=DECISIONS),
        title=values[0],
    )
