"""``python -m bench``: measure everything and write ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from . import asking, identity, loading, service
from .children import ROOT, ChildFailed
from .context import Bench
from .environment import WORK, machine
from .report import Section, page

MEASUREMENTS: dict[str, Callable[[Bench], Section]] = {
    "a": loading.from_files,
    "b": loading.into_neo4j,
    "c": loading.by_import,
    "d": loading.second_batch,
    "e": asking.questions,
    "f": asking.lookups,
    "g": loading.sizes,
    "h": asking.frames,
    "i": asking.command_line,
    "j": identity.people,
    "k": asking.more_questions,
    "l": service.answering,
    "m": service.loaded,
}
#: In this order: what adds to the shared graphs comes last.
ORDER = "aekcgfhibldmj"
EVENTS = 1_000_000


def main() -> int:
    """Run the asked measurements and write the page."""
    told = "; ".join(f"{letter}: {measure.__doc__}" for letter, measure in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=told)
    parser.add_argument("--only", help="letters of measurements, such as a,e; default: all")
    parser.add_argument("--events", type=int, default=EVENTS, help="default: 1,000,000")
    parser.add_argument("--runs", type=int, default=3, help="repetitions of what takes seconds; default: 3")
    parser.add_argument("--neo4j-runs", type=int, default=1, help="repetitions of what fills a Neo4j; default: 1")
    parser.add_argument("--neo4j-version", help="default: the newest that runs here")
    parser.add_argument("--no-neo4j", action="store_true", help="leave out what needs a Neo4j")
    parser.add_argument("--out", type=Path, help="default: docs/benchmarks.md for the whole, else within .bench")
    args = parser.parse_args()
    letters = args.only.split(",") if args.only else list(MEASUREMENTS)
    if unknown := set(letters) - MEASUREMENTS.keys():
        parser.error(f"--only knows {', '.join(MEASUREMENTS)}, not {', '.join(sorted(unknown))}")
    if args.no_neo4j and args.only is None:
        letters = [letter for letter in letters if letter not in "bc"]
    whole = args.only is None and not args.no_neo4j and args.events == EVENTS
    out = args.out or (ROOT / "docs" / "benchmarks.md" if whole else WORK / "benchmarks.md")

    command = f"python -m bench {' '.join(sys.argv[1:])}" if sys.argv[1:] else "make bench"
    sections: dict[str, Section] = {}
    with Bench(args.events, args.runs, args.neo4j_runs, args.neo4j_version, not args.no_neo4j) as bench:
        for letter in sorted(letters, key=ORDER.index):
            print(MEASUREMENTS[letter].__doc__, file=sys.stderr, flush=True)
            try:
                sections[letter] = MEASUREMENTS[letter](bench)
            except ChildFailed as failed:
                print(failed, file=sys.stderr)
                continue
            measured = [sections[known] for known in MEASUREMENTS if known in sections]
            out.parent.mkdir(parents=True, exist_ok=True)
            left_out = [measure.__doc__ or letter for letter, measure in MEASUREMENTS.items() if letter not in sections]
            text = page(measured, machine(), command, args.events, left_out)
            out.write_text(text, encoding="utf-8")  # what we have is kept
    print(f"written: {out.relative_to(ROOT) if out.is_relative_to(ROOT) else out}")
    return int(len(sections) < len(letters))


if __name__ == "__main__":
    sys.exit(main())
