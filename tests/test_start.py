"""What is imported when the service starts: a library that only some questions need waits until one is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SLOW = ("scipy", "sklearn", "statsmodels", "pyvis", "networkx", "pandas", "pyarrow", "IPython", "splink", "pm4py")
STARTED = f"""
import sys, graphsvc
from graphsvc.api import create_app
with graphsvc.open(sys.argv[1]) as graph:
    create_app(graph)
    print(*[name for name in {SLOW} if name in sys.modules])
"""


def test_the_service_starts_without_what_only_some_questions_need(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED, str(tmp_path / "graph.duckdb")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
