"""What one node's join and one's leave cost Slurm, with ten, a hundred and five hundred nodes there, in two ways."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.slurm import Rewritten, Slurm
from tests.slurm.network import Network

SIZES = (10, 100, 500)
TIMES = 3
"""Nodes that join and leave, one after the other."""
NEEDED = ("slurmctld", "slurmd", "munged", "nsenter", "unshare", "setpriv", "ip")


@dataclass(frozen=True)
class Cost:
    """Seconds of each join and each leave."""

    nodes: int
    joins: tuple[float, ...]
    leaves: tuple[float, ...]


def refused() -> str | None:
    """Why it cannot be measured on this machine, if it cannot."""
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        return f"not installed: {', '.join(missing)}"
    done = subprocess.run(["unshare", "--net", "--uts", "true"], capture_output=True, text=True, check=False)
    return f"this machine makes no namespaces: {done.stderr.strip()}" if done.returncode else None


def measure() -> tuple[list[Cost], list[Cost]]:
    """Shoal's way and ParallelCluster 2's, in turn at each size."""
    ours, theirs = [], []
    for nodes in SIZES:
        ours.append(_cost(Slurm, nodes))
        theirs.append(_cost(Rewritten, nodes))
        for way, cost in (("a node that joins", ours[-1]), ("a file that is rewritten", theirs[-1])):
            sys.stdout.write(f"{nodes} nodes, {way}: {min(cost.joins):.3f} s join, {min(cost.leaves):.3f} s leave\n")
            sys.stdout.flush()
    return ours, theirs


def _cost(kind: type[Slurm], nodes: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="slurm-") as made, Network() as network:
        folder = Path(made)
        folder.chmod(0o755)
        with kind(folder, network, nodes) as slurm:
            slurm.connect(range(nodes + TIMES))
            if isinstance(slurm, Rewritten):
                slurm.know(range(nodes))
            for number in range(nodes):
                slurm.start_node(number)
            slurm.until(lambda: slurm.idle() == nodes)
            joins, leaves = [], []
            for number in range(nodes, nodes + TIMES):
                joins.append(_seconds(slurm.join, number))
                slurm.stop_node(number)
                leaves.append(_seconds(slurm.leave, number))
    return Cost(nodes, tuple(joins), tuple(leaves))


def _seconds(work: Callable[[int], None], number: int) -> float:
    began = time.perf_counter()
    work(number)
    return time.perf_counter() - began


def measured(ours: Sequence[Cost], theirs: Sequence[Cost]) -> dict[str, Any]:
    """The figures for the report, in seconds; those of the most nodes first."""
    cases = []
    for mine, other in zip(ours, theirs, strict=True):
        case: dict[str, Any] = {"nodes": mine.nodes}
        for event in ("joins", "leaves"):
            figures = {"ours": list(getattr(mine, event)), "parallelcluster2": list(getattr(other, event))}
            medians = {side: statistics.median(seconds) for side, seconds in figures.items()}
            case[event] = {**medians, "ratio": medians["parallelcluster2"] / medians["ours"], "rounds": figures}
        sums = {side: case["joins"][side] + case["leaves"][side] for side in ("ours", "parallelcluster2")}
        cases.append({**case, **sums, "ratio": sums["parallelcluster2"] / sums["ours"]})
    return {**{key: cases[-1][key] for key in ("ours", "parallelcluster2", "ratio")}, "cases": cases}
