"""Identifiers and links of made-up persons, as numbers: what ``partition`` is measured on.

Numbers order like keys (type by type, shuffled within a type), as in a real vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from graphsvc.core.partition import Codes, Flags, Kinds
from graphsvc.rules import Rules

KINDS = ("cookie", "customer_id", "device_id", "email")  # in the order of their names
CUSTOMER = KINDS.index("customer_id")
_LARGEST = 40


@dataclass(frozen=True)
class People:
    """Links for ``partition``, and what is true of them."""

    links: pl.DataFrame
    kinds: Kinds
    conflicts: int  # components that hold two customer_ids
    components: int


def people(persons: int, identifiers: int, links: int, conflicts: int, seed: int = 1) -> People:
    """Persons with one customer_id each and up to 40 identifiers; ``conflicts`` pairs of them are linked wrongly."""
    rng = np.random.default_rng(seed)
    size = _sizes(persons, identifiers, rng)
    first = np.append(0, np.cumsum(size)[:-1])
    person = np.repeat(np.arange(persons), size)
    place = np.arange(identifiers) - first[person]
    earlier = first[person] + (rng.random(identifiers) * place).astype(np.int64)
    tree = np.column_stack([earlier, np.arange(identifiers)])[place > 0]  # each to one before it: all hang together
    meant = rng.permutation(np.flatnonzero((size > 1) & (size <= _LARGEST // 4)))[: 2 * conflicts].reshape(-1, 2)
    wrong = first[meant] + 1  # the first one of each person is the customer_id
    among = _within(first, size)
    width = identifiers
    extra = np.setdiff1d(among[:, 0] * width + among[:, 1], tree[:, 0] * width + tree[:, 1], assume_unique=True)
    extra = rng.choice(extra, links - len(tree) - len(wrong), replace=False)
    ends = np.concatenate([tree, wrong, np.column_stack([extra // width, extra % width])])
    kind = np.where(place == 0, CUSTOMER, rng.choice([0, 2, 3], identifiers, p=[0.5, 0.25, 0.25]))
    order = np.lexsort((rng.random(identifiers), kind))
    code = np.empty(identifiers, dtype=np.int64)
    code[order] = np.arange(identifiers)
    pairs = np.sort(code[ends], axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    table = pl.DataFrame(
        {
            "a": pairs[:, 0],
            "b": pairs[:, 1],
            "declared": rng.random(links) < 0.02,
            "confidence": np.where(rng.random(links) < 0.02, 0.8, 1.0),
            "first_seen": pl.Series(rng.integers(1_700_000_000, 1_710_000_000, links) * 1_000_000).cast(
                pl.Datetime("us")
            ),
            "idle": np.zeros(links, dtype=np.int64),
        }
    )
    rules = Rules()
    return People(table, Kinds(kind[order], KINDS, [rules.of(name) for name in KINDS]), conflicts, persons - conflicts)


def conflicted(component: Codes, kinds: Kinds) -> Flags:
    """Per identifier: its component holds several customer_ids."""
    customers = np.bincount(component[kinds.codes == CUSTOMER], minlength=len(component))
    return customers[component] > 1


def _sizes(persons: int, identifiers: int, rng: np.random.Generator) -> Codes:
    """How many identifiers each person has: few mostly, the largest 40, so many in all."""
    size = np.minimum(rng.geometric(persons / identifiers, persons), _LARGEST - 1)
    while (off := identifiers - int(size.sum()) - (_LARGEST - int(size[0]))) != 0:
        able = 1 + np.flatnonzero((size[1:] < _LARGEST - 1) if off > 0 else (size[1:] > 1))
        size[rng.permutation(able)[: abs(off)]] += 1 if off > 0 else -1
    size[0] = _LARGEST
    return size.astype(np.int64)


def _within(first: Codes, size: Codes) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """All pairs of identifiers of one person."""
    found = []
    for count in range(2, _LARGEST + 1):
        one, other = np.triu_indices(count, 1)
        begin = first[size == count][:, None]
        found.append(np.column_stack([(begin + one).ravel(), (begin + other).ravel()]))
    return np.concatenate(found)
