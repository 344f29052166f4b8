"""Predicates that would take more than they are worth."""

from __future__ import annotations

import pytest

from graphsvc.errors import QueryError
from graphsvc.segments import find, holds, parse


@pytest.mark.parametrize(
    "text",
    [
        f"not ({' or '.join(['(a = 1 and b = 1)'] * 30)})",  # 2 to the 30 conjunctions
        " and ".join(["(a = 1 or b = 2)"] * 40),
        " or ".join(["a = 1"] * 2_000),
        f"{'(' * 2_000}a = 1{')' * 2_000}",
        f"{'not ' * 200}a = 1",
    ],
    ids=["negated", "multiplied", "long", "nested", "negated again and again"],
)
def test_an_entangled_predicate_is_refused_before_it_is_multiplied_out(text: str) -> None:
    with pytest.raises(QueryError, match="too entangled"):
        parse(text)


def test_a_chain_of_named_segments_is_refused_where_it_is_too_long() -> None:
    chain = {f"s{nth}": f"s{nth + 1}" for nth in range(100)} | {"s100": "age >= 50"}
    with pytest.raises(QueryError, match="too entangled"):
        find(chain, "s0")
    assert holds(find(chain, "s90"), {"age": 60})
