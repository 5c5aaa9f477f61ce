"""Measure beside ParallelCluster, write `docs/performance.md` and `build/bench-report.json`: `make bench`.

`python -m benchmarks sqswatcher node_join` measures these parts alone; the page keeps the other parts as they were
measured in an earlier run, and says so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import builds_in_turn, joins, report, watchers
from embedded_aws.process import EmbeddedAws

Part = Callable[[int], dict[str, Any]]


def measure_images(rounds: int) -> dict[str, Any]:
    """Builds of a job image."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, EmbeddedAws(Path(folder), wait_scale=0.02) as server:
        return builds_in_turn.measured(builds_in_turn.measure(server, rounds, Path(folder)))


def measure_watchers(rounds: int) -> dict[str, Any]:
    """Messages per second of both sqswatchers."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, EmbeddedAws(Path(folder), wait_scale=0.02) as server:
        return watchers.measured(watchers.measure(server, rounds))


def measure_joins(_: int) -> dict[str, Any]:
    """What joins and leaves cost Slurm."""
    return joins.measured(*joins.measure())


PARTS: dict[str, tuple[Callable[[], str | None], Part]] = {
    "images": (builds_in_turn.refused, measure_images),
    "sqswatcher": (lambda: None, measure_watchers),
    "node_join": (joins.refused, measure_joins),
}


def main() -> int:
    """Measure and write; 1 where a part cannot be measured on this machine, which keeps the others from nothing."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is measured (default 3)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    code, page = 0, ""
    for name in options.parts or PARTS:
        refused, measure = PARTS[name]
        if reason := refused():
            sys.stderr.write(f"{name} is not measured: {reason}\n")
            code = 1
        else:
            page = report.write({name: report.stamped(measure(options.rounds))})
    sys.stdout.write(page)
    return code


if __name__ == "__main__":
    sys.exit(main())
