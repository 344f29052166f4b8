"""How well users match known persons: pairwise and B-cubed precision, recall and F1."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from .errors import InputError

#: Columns of a file of truth.
TRUTH = ("identifier", "person")


class Agreement(BaseModel):
    """How far claims and truth agree, from 0 to 1."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    precision: Annotated[float, Field(description="How much of what is claimed is true; 1 when nothing is claimed.")]
    recall: Annotated[float, Field(description="How much of the truth is claimed; 1 when there is nothing to claim.")]
    f1: Annotated[float, Field(description="Harmonic mean of precision and recall; 0 when both are.")]


class Score(BaseModel):
    """How well users match persons, over the identifiers that both know."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    pairwise: Annotated[Agreement, Field(description="Over pairs of identifiers: large users weigh by their square.")]
    b_cubed: Annotated[Agreement, Field(description="Mean over identifiers: large users weigh by their size.")]
    claimed_pairs: Annotated[int, Field(description="Pairs of identifiers that are one user.")]
    true_pairs: Annotated[int, Field(description="Pairs of identifiers that are one person.")]
    right_pairs: Annotated[int, Field(description="Pairs that are one user and one person.")]
    identifiers: Annotated[int, Field(description="Identifiers that both know; all else is measured over these.")]
    users: Annotated[int, Field(description="Users that have any of them.")]
    persons: Annotated[int, Field(description="Persons that have any of them.")]
    merged_users: Annotated[int, Field(description="Users that hold identifiers of more than one person.")]
    split_persons: Annotated[int, Field(description="Persons whose identifiers lie in more than one user.")]
    only_resolved: Annotated[int, Field(description="Identifiers that have a user, of which the truth knows nothing.")]
    only_truth: Annotated[
        int, Field(description="Identifiers that the truth names and that no user has: never seen, set aside, shared.")
    ]


def score(resolved: pl.DataFrame, truth: pl.DataFrame) -> Score:
    """Hold users against the truth.

    Counted from the contingency table of users and persons, so a user of 50,000 identifiers costs one row and not a
    billion pairs. B-cubed: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space
    model", COLING-ACL 1998, every identifier with the same weight.

    Conventions: where no pair is claimed, pairwise precision is 1 (nothing claimed is wrong); where no pair is true,
    pairwise recall is 1; without an identifier that both know everything is 1, so look at ``identifiers`` first.

    Args:
        resolved: identifier, user; rows without a user (shared identifiers) claim nothing and are left out.
        truth: identifier, person; identifiers written as the graph keys them. Rows without a person are left out.

    Raises:
        InputError: a table lacks a column, or has an identifier with two users or two persons.
    """
    known = _by_identifier(resolved, "user", "the resolved identifiers")
    true = _by_identifier(truth, "person", "the truth")
    both = known.join(true, on="identifier")
    # Sorted, because the last digit of a sum of floats depends on the order, and the same input gives the same score.
    cells = both.group_by("user", "person").agg(n=pl.len().cast(pl.Int64)).sort("user", "person")
    cells = cells.with_columns(of_user=pl.col("n").sum().over("user"), of_person=pl.col("n").sum().over("person"))
    users, persons = cells.unique("user")["of_user"], cells.unique("person")["of_person"]
    claimed, actual, right = _pairs(users), _pairs(persons), _pairs(cells["n"])
    squares = pl.col("n") ** 2
    b_cubed = cells.select(
        precision=(squares / pl.col("of_user")).sum(), recall=(squares / pl.col("of_person")).sum()
    ).row(0)
    return Score(
        pairwise=_agreement(_share(right, claimed), _share(right, actual)),
        b_cubed=_agreement(_share(b_cubed[0], len(both)), _share(b_cubed[1], len(both))),
        claimed_pairs=claimed,
        true_pairs=actual,
        right_pairs=right,
        identifiers=len(both),
        users=len(users),
        persons=len(persons),
        merged_users=len(cells.filter(pl.col("user").is_duplicated()).unique("user")),
        split_persons=len(cells.filter(pl.col("person").is_duplicated()).unique("person")),
        only_resolved=len(known) - len(both),
        only_truth=len(true) - len(both),
    )


def read_truth(path: Path) -> pl.DataFrame:
    """A file of truth: CSV in UTF-8 with the columns ``identifier`` and ``person``, as ``graphsvc example`` writes it.

    An identifier is written as the graph keys it (``email:ann@x.org``). Rows that repeat each other count once.

    Returns:
        identifier, person; both strings, each identifier once, sorted by it.

    Raises:
        InputError: the file cannot be read, has other columns, lacks a value, or gives an identifier to two persons;
            the message names file, columns and line, never an identifier.
    """
    try:
        rows = pl.read_csv(path.read_bytes(), infer_schema=False)  # bytes: polars takes a path for a pattern of paths
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or 'it is no file'}") from None
    except pl.exceptions.NoDataError:
        raise InputError(f"{path} is empty; it needs a header with the columns {','.join(TRUTH)}") from None
    except pl.exceptions.ComputeError:
        raise InputError(
            f"{path} is not CSV in UTF-8 with the columns {','.join(TRUTH)}"
        ) from None  # it would quote the row
    if sorted(rows.columns) != sorted(TRUTH):
        raise InputError(f"{path} has the columns {','.join(rows.columns)}; a file of truth has {','.join(TRUTH)}")
    rows = rows.select(TRUTH).with_row_index("row", offset=1)
    lacking = rows.filter(pl.any_horizontal(pl.col(name).is_null() | (pl.col(name) == "") for name in TRUTH))
    if len(lacking):
        raise InputError(f"{path}, row {lacking['row'][0]} below the header: it lacks an identifier or a person")
    rows = rows.unique(TRUTH, keep="first", maintain_order=True)
    twice = rows.filter(pl.col("identifier").is_duplicated()).sort("row")
    if len(twice):
        places = twice.filter(pl.col("identifier") == twice["identifier"][0])["row"]
        raise InputError(
            f"{path}: rows {places[0]} and {places[1]} below the header give one identifier to two persons; "
            "leave out identifiers that several persons share"
        )
    return rows.select(TRUTH).sort("identifier")


def _by_identifier(table: pl.DataFrame, holder: str, what: str) -> pl.DataFrame:
    """identifier and its holder, each identifier once."""
    missing = [name for name in ("identifier", holder) if name not in table.columns]
    if missing:
        raise InputError(f"{what}: the column {missing[0]} is missing; given: {', '.join(table.columns)}")
    rows = table.select(pl.col("identifier", holder).cast(pl.String)).drop_nulls().unique()
    twice = int(rows.filter(pl.col("identifier").is_duplicated())["identifier"].n_unique())
    if twice:
        raise InputError(f"{what}: {twice:,} identifiers have more than one {holder}; each may have one")
    return rows


def _pairs(sizes: pl.Series) -> int:
    """How many pairs there are within groups of some sizes."""
    return int((sizes * (sizes - 1) // 2).sum())


def _share(part: float, whole: int) -> float:
    """A share, from 0 to 1; 1 of nothing."""
    return min(part / whole, 1.0) if whole else 1.0  # sums of floats may pass 1 by a hair


def _agreement(precision: float, recall: float) -> Agreement:
    both = precision + recall
    return Agreement(precision=precision, recall=recall, f1=2 * precision * recall / both if both else 0.0)
