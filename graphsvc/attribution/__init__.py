"""Attribution models on a table of paths: pure functions, no store, no journey frame."""

from __future__ import annotations

from .bootstrap import Difference, Drawn, Interval, differences, intervals
from .credit import MODELS, Columns, Credits, Model, Options, attribute, credit, label_of, ranked
from .paths import NONE, SEPARATOR, PathTable, path_table
from .shapley import Firsts, firsts

__all__ = [
    "MODELS",
    "NONE",
    "SEPARATOR",
    "Columns",
    "Credits",
    "Difference",
    "Drawn",
    "Firsts",
    "Interval",
    "Model",
    "Options",
    "PathTable",
    "attribute",
    "credit",
    "differences",
    "firsts",
    "intervals",
    "label_of",
    "path_table",
    "ranked",
]
