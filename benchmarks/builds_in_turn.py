"""Builds of a job image by both flows, in turn."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.builds import Builds
from benchmarks.flows import PARALLELCLUSTER, SHOAL
from benchmarks.ratios import Row
from benchmarks.unchanged import Cluster
from embedded_aws.containers.engine import engine
from embedded_aws.process import Server


def refused() -> str | None:
    """Why it cannot be measured on this machine, if it cannot."""
    name = engine().name
    return None if name.startswith("docker") else f"the engine here is {name}; the cache needs Docker's BuildKit"


def measure(server: Server, rounds: int, state_dir: Path) -> list[Row]:
    """The figures of every case, the flows in turn."""
    cold, changed = "Nothing built before", "One line of a script changed"
    theirs: dict[str, list[float]] = {cold: [], changed: []}
    ours: dict[str, list[float]] = {cold: [], changed: []}
    for number in range(1, rounds + 1):
        for flow, figures in ((PARALLELCLUSTER, theirs), (SHOAL, ours)):
            builds = Builds(server, engine(), flow)
            figures[cold].append(builds.seconds(changed=False))
            figures[changed].append(builds.seconds(changed=True))
            said = f"{figures[cold][-1]:.1f} s cold, {figures[changed][-1]:.1f} s with one line changed"
            sys.stdout.write(f"round {number}, {flow.name}: {said}\n")
            sys.stdout.flush()
    cluster = Cluster(server, state_dir)
    asked = [cluster.seconds() for _ in range(rounds)]
    started = sum(builds for _, builds in asked)
    sys.stdout.write(f"build-image of what is built: {', '.join(f'{seconds:.1f} s' for seconds, _ in asked)}\n")
    if started:
        raise RuntimeError(f"{started} builds were started though nothing changed")
    rows = [Row(case, theirs[case], ours[case]) for case in (cold, changed)]
    return [*rows, Row("Nothing changed", theirs[cold], [seconds for seconds, _ in asked])]


def measured(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures for the report."""
    cases = [
        {
            "case": row.case,
            "ours": statistics.median(row.shoal),
            "parallelcluster": statistics.median(row.parallelcluster),
            "ratio": row.ratio,
            "rounds": {"ours": list(row.shoal), "parallelcluster": list(row.parallelcluster)},
        }
        for row in rows
    ]
    return {"engine": engine().name, "cases": cases}
