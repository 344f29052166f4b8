"""Which identifiers are one person: shared values out, then components, then what the rules forbid.

Everything here speaks of identifiers by number (their position in the sorted vocabulary, so that numbers order like
keys) and of links by row. The way, told once:

1. A value that meets too many others is *shared*: nothing is joined through it. Only a ``same`` decision holds it.
2. Links and ``same`` decisions connect the rest: *candidates*. Most break no rule and are users as they stand.
3. In a candidate that breaks one, links are taken strongest first and each union that would break a rule is refused.
   The order is total, so the outcome does not depend on the order of arrival.
4. The *raw component* is what must be looked at together: all links, refused ones too, but those through shared values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..rules import TypeRule

Codes = np.ndarray[tuple[int], np.dtype[np.int64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Pairs = Sequence[tuple[int, int]]

SHARED, DIFFERENT = "shared", "different"
_IDLE = ("withdrawn", "review")  # in the order of `evidence.WITHDRAWN`, `evidence.IN_REVIEW`


@dataclass(frozen=True)
class Kinds:
    """The types of some identifiers: one code per identifier, one name and rule per code."""

    codes: Codes
    names: Sequence[str]
    rules: Sequence[TypeRule]

    def priorities(self) -> Codes:
        """The priority of each identifier."""
        return np.array([rule.priority for rule in self.rules] or [0], dtype=np.int64)[self.codes]


@dataclass(frozen=True)
class Partition:
    """What became of some identifiers and links."""

    shared: Flags  # per identifier: meets too many others
    held: Flags  # per identifier: shared, but held in one user by a `same` decision
    component: Codes  # per identifier: smallest number of its raw component
    user: Codes  # per identifier: smallest number of its user; of no meaning for those that are apart
    reasons: pl.Series  # per link: why it was refused, null where it was accepted

    @property
    def apart(self) -> Flags:
        """Identifiers that belong to no user."""
        return self.shared & ~self.held


def partition(
    links: pl.DataFrame,
    kinds: Kinds,
    *,
    same: Pairs = (),
    different: Pairs = (),
    known_shared: Flags | None = None,
    through_shared: bool = False,
) -> Partition:
    """Resolve some identifiers.

    Args:
        links: one row per pair: a < b (identifier numbers), declared, confidence, first_seen (null: undated),
            idle (0, or why nothing of its evidence counts: see ``evidence``).
        kinds: type and rule of each identifier.
        same: pairs decided to be one person.
        different: pairs decided to be two.
        known_shared: identifiers that are shared whatever these links say.
        through_shared: raw components also reach through shared values.
    """
    size = len(kinds.codes)
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    idle = links["idle"].to_numpy()
    shared = _shared(a, b, kinds)
    if known_shared is not None:
        shared |= known_shared
    one = np.array([code for pair in same for code in pair], dtype=np.int64)
    held = np.zeros(size, dtype=np.bool_)
    held[one] = shared[one]
    through = shared[a] | shared[b]
    active = ~through & (idle == 0)
    candidate = connected(np.append(a[active], one[0::2]), np.append(b[active], one[1::2]), size)
    apart = shared & ~held
    rest = ~active if through_shared else ~active & ~(apart[a] | apart[b])
    component = candidate
    if rest.any():
        component = connected(candidate[a[rest]], candidate[b[rest]], size)[candidate]
    names: list[str | None] = [None, *_IDLE, SHARED]
    verdict = np.where(through, names.index(SHARED), idle)
    user = candidate.copy()
    broken = _broken(candidate, apart, kinds, same, different)
    if len(broken):
        conflicted = np.zeros(size, dtype=np.bool_)
        conflicted[broken] = True
        concerned = active & conflicted[candidate[a]]
        held_together = _Unions(np.flatnonzero(conflicted[candidate] & ~apart), kinds, same, different)
        order = _strongest_first(links.filter(concerned), kinds)
        where = np.flatnonzero(concerned)
        for row, left, right in order.iter_rows():
            refused = held_together.unite(left, right)
            if refused is not None:
                if refused not in names:
                    names.append(refused)
                verdict[where[row]] = names.index(refused)
        for code in held_together.codes:
            user[code] = held_together.find(code)
    return Partition(shared, held, component, user, pl.Series(names, dtype=pl.String)[verdict])


def connected(a: Codes, b: Codes, size: int) -> Codes:
    """For each of ``size`` numbers the smallest number that pairs connect it with."""
    if not len(a):
        return np.arange(size, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(size, size))
    count, label = connected_components(graph, directed=False)
    smallest = np.empty(count, dtype=np.int64)
    smallest[label[::-1]] = np.arange(size - 1, -1, -1, dtype=np.int64)  # the last one written is the smallest
    return smallest[label]  # type: ignore[no-any-return]


def _shared(a: Codes, b: Codes, kinds: Kinds) -> Flags:
    """Values that meet too many distinct others, by the thresholds of their own type."""
    size = len(kinds.codes)
    shared = np.zeros(size, dtype=np.bool_)
    shared_at = np.array([rule.shared_at for rule in kinds.rules] or [0], dtype=np.int64)[kinds.codes]
    hub_above = np.array([rule.hub_above for rule in kinds.rules] or [0], dtype=np.int64)[kinds.codes]
    kind_of_a, kind_of_b = kinds.codes[a], kinds.codes[b]
    for code, rule in enumerate(kinds.rules):
        met = np.bincount(a[kind_of_b == code], minlength=size) + np.bincount(b[kind_of_a == code], minlength=size)
        shared |= (hub_above > 0) & (met > hub_above)
        if rule.unique:
            shared |= (shared_at > 0) & (met >= shared_at)
    return shared


def _broken(candidate: Codes, apart: Flags, kinds: Kinds, same: Pairs, different: Pairs) -> Codes:
    """The candidates that hold more values of a type than a user may have, or a ``different`` pair."""
    size = len(candidate)
    broken = [candidate[x] for x, y in different if candidate[x] == candidate[y] and not (apart[x] or apart[y])]
    counted = ~apart
    if same:  # values that a chain of decisions joins count as one: only the first of each type is counted
        first: dict[tuple[int, int], int] = {}
        chain = _chains(same)
        for code in sorted(chain):
            if first.setdefault((chain[code], int(kinds.codes[code])), code) != code:
                counted[code] = False
    found = [np.array(broken, dtype=np.int64)]
    for code, rule in enumerate(kinds.rules):
        if rule.cap:
            values = candidate[counted & (kinds.codes == code)]
            found.append(np.flatnonzero(np.bincount(values, minlength=size) > rule.cap))
    return np.unique(np.concatenate(found))


def _chains(same: Pairs) -> dict[int, int]:
    """For each identifier in a ``same`` decision the smallest one that decisions join it with."""
    codes = sorted({code for pair in same for code in pair})
    place = {code: position for position, code in enumerate(codes)}
    ends = np.array([(place[x], place[y]) for x, y in same], dtype=np.int64).reshape(-1, 2)
    return dict(zip(codes, (codes[root] for root in connected(ends[:, 0], ends[:, 1], len(codes))), strict=True))


def _strongest_first(links: pl.DataFrame, kinds: Kinds) -> pl.DataFrame:
    """Rows of links (row, a, b) in the total order: declared, priority of the weaker end's type, confidence, earlier
    first_seen (undated last), key.
    """  # fmt: skip
    priority = kinds.priorities()
    weaker = np.maximum(priority[links["a"].to_numpy()], priority[links["b"].to_numpy()])
    return (
        links.select("a", "b", "declared", "confidence", "first_seen", weaker=weaker)
        .with_row_index("row")
        .sort(
            ["declared", "weaker", "confidence", "first_seen", "a", "b"],
            descending=[True, False, True, False, False, False],
            nulls_last=True,
        )
        .select("row", "a", "b")
    )


class _Unions:
    """Union-find that refuses a union which would break a rule."""

    def __init__(self, codes: Codes, kinds: Kinds, same: Pairs, different: Pairs) -> None:
        self.codes: list[int] = codes.tolist()
        here = set(self.codes)
        self._parent = {code: code for code in self.codes}
        capped = sorted(
            (rule.priority, kinds.names[code], code, rule) for code, rule in enumerate(kinds.rules) if rule.cap
        )
        self._caps = [
            (code, rule.cap, f"{'unique' if rule.unique else 'limit'}:{name}") for _, name, code, rule in capped
        ]
        limited = {code for code, *_ in self._caps}
        kind_of = kinds.codes.tolist() if len(codes) * 20 > len(kinds.codes) else kinds.codes
        chain = _chains([pair for pair in same if pair[0] in here and pair[1] in here]) if same else {}
        self._held: dict[int, dict[int, int]] = {}  # by root: how many of each limited type (a chain counts once)
        for code in self.codes:
            root = self._parent[code] = chain.get(code, code)
            kind = int(kind_of[code])
            if kind not in limited:
                continue
            held = self._held.setdefault(root, {})
            held[kind] = 1 if root in chain else held.get(kind, 0) + 1
        self._enemies: dict[int, list[int]] = {}  # by root: identifiers that must stay out
        for x, y in different:
            if x in here and y in here:
                self._enemies.setdefault(self.find(x), []).append(y)
                self._enemies.setdefault(self.find(y), []).append(x)

    def find(self, code: int) -> int:
        """The smallest identifier of a user."""
        parent = self._parent
        root = code
        while parent[root] != root:
            root = parent[root]
        while parent[code] != root:
            parent[code], code = root, parent[code]
        return root

    def unite(self, x: int, y: int) -> str | None:
        """Join two users, unless a rule forbids it; says which."""
        left, right = sorted((self.find(x), self.find(y)))
        if left == right:
            return None
        few, other = self._enemies.get(left, []), right
        if len(self._enemies.get(right, [])) < len(few):
            few, other = self._enemies.get(right, []), left
        if any(self.find(enemy) == other for enemy in few):
            return DIFFERENT
        held, more = self._held.get(left, {}), self._held.get(right, {})
        if held and more:
            for kind, cap, name in self._caps:
                if held.get(kind, 0) + more.get(kind, 0) > cap:
                    return name
        self._parent[right] = left
        if more:
            self._held[left] = {kind: held.get(kind, 0) + more.get(kind, 0) for kind in {*held, *more}}
        if right in self._enemies:
            self._enemies.setdefault(left, []).extend(self._enemies.pop(right))
        return None
