"""Who is who by brute force, in plain Python: written from the definitions, not from the code.

Small inputs only. Nothing is shared with graphsvc: where both agree, both read the definitions alike.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import networkx as nx

PLACEHOLDERS = {
    *("", "-", "null", "none", "nil", "undefined", "unknown", "n/a", "na", "nan", "anonymous", "guest"),
    *("true", "false", "0", "[objectobject]"),
}
LATEST = datetime.max


class Rule(NamedTuple):
    """The rule of one type; 0 is off."""

    priority: int = 1_000
    unique: bool = False
    limit: int = 0
    shared_at: int = 2
    hub_above: int = 50
    blocked: tuple[str, ...] = ()


class Decision(NamedTuple):
    """What somebody decided of two identifiers."""

    kind: str  # same | different | withdrawn
    a: str
    b: str


class Resolved(NamedTuple):
    """What it comes to."""

    users: list[tuple[tuple[str, ...], tuple[str, ...]]]  # identifiers, keys of touchpoints in order; sorted
    refused: dict[tuple[str, str], str]  # links that were not accepted, with the reason
    shared: set[str]  # values that belong to nobody


class Link:
    """The evidence for one pair."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def counted(self, given_up: bool) -> list[dict[str, Any]]:
        """The rows that count: no match in review; of a withdrawn pair those that state nothing."""
        return [row for row in self.rows if row["kind"] != "review" and not (given_up and row["kind"] == "link")]


def key_of(raw: str, rules: dict[str, Rule]) -> str | None:
    """The key of a raw identifier; None where it points at nobody."""
    kind, _, value = raw.partition(":")
    value = re.sub(r"\s", "", value).lower() if kind == "email" else value.strip()
    bare = re.sub(r"[\s\"'`]", "", value).lower()
    if bare in PLACEHOLDERS or bare.startswith("test@") or not bare.strip("0-"):
        return None
    if any(re.search(pattern, value) for pattern in rules.get(kind, Rule()).blocked):
        return None
    return f"{kind}:{value}"


def resolve(
    rows: Sequence[dict[str, Any]],
    rules: dict[str, Rule],
    decisions: Iterable[Decision] = (),
    *,
    nearest_minutes: float | None = None,
) -> Resolved:
    """Resolve some rows, each of another event key."""

    def kind(key: str) -> str:
        return key.partition(":")[0]

    def rule(key: str) -> Rule:
        return rules.get(kind(key), Rule())

    held_by = {row["key"]: sorted({k for raw in row["identifiers"] if (k := key_of(raw, rules))}) for row in rows}
    known = sorted({key for keys in held_by.values() for key in keys})
    links: dict[tuple[str, str], Link] = defaultdict(Link)
    for row in rows:
        for pair in itertools.combinations(held_by[row["key"]], 2):
            links[pair].rows.append(row)

    decided: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for decision in decisions:
        a, b = key_of(decision.a, rules), key_of(decision.b, rules)
        if a in known and b in known and a != b:
            decided[decision.kind].add((min(a, b), max(a, b)))

    met: dict[str, set[str]] = defaultdict(set)
    for a, b in links:
        met[a].add(b)
        met[b].add(a)
    shared = set()
    for key in known:
        for other_kind in {kind(other) for other in met[key]}:
            count = sum(kind(other) == other_kind for other in met[key])
            if rule(key).hub_above and count > rule(key).hub_above:
                shared.add(key)
            unique = rules.get(other_kind, Rule()).unique
            if unique and not rule(key).unique and rule(key).shared_at and count >= rule(key).shared_at:
                shared.add(key)

    chains = nx.Graph(list(decided["same"]))
    held = shared & set(chains)
    apart = shared - held
    group = {key: key for key in known}
    for chain in nx.connected_components(chains):
        for key in chain:
            group[key] = min(chain)

    users = [{key} for key in known if key not in apart]

    def user_of(key: str) -> set[str]:
        return next(user for user in users if key in user)

    def unite(a: str, b: str) -> None:
        left, right = user_of(a), user_of(b)
        if left is not right:
            left |= right
            users.remove(right)

    def forbidden(a: str, b: str) -> str | None:
        left, right = user_of(a), user_of(b)
        if left is right:
            return None
        if any((x in left and y in right) or (x in right and y in left) for x, y in decided["different"]):
            return "different"
        broken = []
        for name in {kind(key) for key in left | right}:
            of = rules.get(name, Rule())
            most = 1 if of.unique else of.limit
            values = {group[key] for key in left | right if kind(key) == name}
            if most and len(values) > most:
                broken.append((of.priority, name, f"{'unique' if of.unique else 'limit'}:{name}"))
        return min(broken)[2] if broken else None

    for a, b in decided["same"]:
        unite(a, b)

    def strength(pair: tuple[str, str]) -> Any:
        counted = links[pair].counted(pair in decided["withdrawn"])
        certain = any(row["kind"] == "link" and (row["confidence"] or 1.0) >= 1 for row in counted)
        weaker = max(rule(pair[0]).priority, rule(pair[1]).priority)
        confidence = max(1.0 if row["confidence"] is None else row["confidence"] for row in counted)
        return (not certain, weaker, -confidence, min(row["at"] or LATEST for row in counted), pair)

    refused = {}
    standing = []
    for pair, link in links.items():
        if shared & set(pair):
            refused[pair] = "shared"
        elif not link.counted(pair in decided["withdrawn"]):
            refused[pair] = "withdrawn" if pair in decided["withdrawn"] else "review"
        else:
            standing.append(pair)
    for pair in sorted(standing, key=strength):
        reason = forbidden(*pair)
        if reason:
            refused[pair] = reason
        else:
            unite(*pair)

    return Resolved(_with_touchpoints(rows, held_by, users, apart, rules, nearest_minutes), refused, apart)


def _with_touchpoints(
    rows: Sequence[dict[str, Any]],
    held_by: dict[str, list[str]],
    users: list[set[str]],
    apart: set[str],
    rules: dict[str, Rule],
    nearest_minutes: float | None,
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The users with their touchpoints, anonymous ones among them."""

    def strongest(keys: Iterable[str]) -> str:
        return min(keys, key=lambda key: (rules.get(key.partition(":")[0], Rule()).priority, key))

    owned: dict[Any, list[dict[str, Any]]] = {tuple(sorted(user)): [] for user in users}
    of_row = {}
    lone = []
    for row in rows:
        usable = [key for key in held_by[row["key"]] if key not in apart]
        if usable:
            best = strongest(usable)
            of_row[row["key"]] = next(user for user in owned if best in user)
        elif held_by[row["key"]]:
            lone.append(row)
        else:
            of_row[row["key"]] = ("event", row["key"])

    if nearest_minutes is not None:
        for row in list(lone):
            key = strongest(held_by[row["key"]])
            logins = [
                other
                for other in rows
                if other["kind"] == "event"
                and key in held_by[other["key"]]
                and any(k not in apart and rules.get(k.partition(":")[0], Rule()).unique for k in held_by[other["key"]])
            ]
            near = [
                (abs(other["at"] - row["at"]), other["at"], other["key"])
                for other in logins
                if row["at"] is not None and abs(other["at"] - row["at"]) <= timedelta(minutes=nearest_minutes)
            ]
            if near:
                of_row[row["key"]] = of_row[min(near)[2]]
                lone.remove(row)

    session: dict[str, tuple[Any, datetime | None]] = {}
    for row in sorted(lone, key=lambda row: (row["at"] or datetime.min, row["key"])):
        key = strongest(held_by[row["key"]])
        name, last = session.get(key, (None, None))
        if name is None or last is None or row["at"] is None or row["at"] - last > timedelta(minutes=30):
            name = ("session", row["key"])
        session[key] = (name, row["at"])
        of_row[row["key"]] = name

    for row in rows:
        owned.setdefault(of_row[row["key"]], [])
        if row["kind"] == "event":
            owned[of_row[row["key"]]].append(row)
    found = []
    for user, touched in owned.items():
        touched.sort(key=lambda row: (row["at"], row["key"]))
        identifiers = () if user and user[0] in ("event", "session") else user
        found.append((identifiers, tuple(row["key"] for row in touched)))
    return sorted(found)
