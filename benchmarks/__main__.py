"""Measure, print the table and write `docs/performance.md`: `make bench`, or `python -m benchmarks --rounds N`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.builds import Builds
from benchmarks.flows import PARALLELCLUSTER, SHOAL
from benchmarks.report import Row
from benchmarks.unchanged import Cluster
from embedded_aws.containers.engine import engine
from embedded_aws.process import EmbeddedAws, Server


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


def main() -> int:
    """Measure and write; 1 where no Docker can be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is measured (default 3)")
    options = parser.parse_args()
    if not engine().name.startswith("docker"):
        sys.stderr.write(f"the engine here is {engine().name}; the cache between builds needs Docker's BuildKit\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, EmbeddedAws(Path(folder), wait_scale=0.02) as server:
        page = report.page(measure(server, options.rounds, Path(folder)), engine().name)
    report.PAGE.write_text(page)
    sys.stdout.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
