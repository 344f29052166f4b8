"""Shapley values of labels, exactly, for any number of them.

The players are the labels; ``v(S)`` is what the paths earn whose labels all lie in ``S``. Each path with ``m`` distinct
labels is a unanimity game of these labels, whose Shapley value is ``1 / m`` for each of them; and Shapley values of
games that are added are added. So the sum over all subsets equals an equal split of each path over its distinct
labels (Zhao, Mahboobi, Bagheri 2018, arXiv:1804.05327), which is what is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..frame import Flags, Floats, Ints
from .paths import PathTable


@dataclass(frozen=True)
class Firsts:
    """Where each label of a path occurs first."""

    first: Flags  # [M] whether a touch is the first of its label in its path
    position: Ints  # [M] of a first touch among the first touches of its path, from 1
    labels: Ints  # [P] distinct labels of each path


def firsts(table: PathTable) -> Firsts:
    """The first occurrence of each label of each path."""
    label = table.path * max(len(table.texts), 1) + table.codes
    _, at = np.unique(label, return_index=True)
    first = np.zeros(len(label), dtype=np.bool_)
    first[at] = True
    before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(first)])
    position = before[1:] - before[table.offsets[table.path]]
    return Firsts(first, position, before[table.offsets[1:]] - before[table.offsets[:-1]])


def shapley(table: PathTable, found: Firsts) -> Floats:
    """The part of its path's conversion that each touch is given: ``1 / m`` at the first touch of each label: [M].

    With ``found.position`` as a second key, the same weights make the *ordered* Shapley value: a label's part is told
    apart by when the label came into the path, first, second, … of the path's distinct labels. Its sum over positions
    is the plain value. (Zhao et al. number touchpoints and spread the part of a repeated label over all of its touches;
    here a repeated label stands where it occurs first.)
    """
    return np.where(found.first, 1.0 / np.maximum(found.labels, 1)[table.path], 0.0)
