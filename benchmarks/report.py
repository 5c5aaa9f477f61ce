"""The figures as a page: ratios first, since they hold on other machines too."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/performance.md")


@dataclass(frozen=True)
class Row:
    """One case, with the seconds of each round."""

    case: str
    parallelcluster: Sequence[float]
    shoal: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times longer ParallelCluster's flow takes: the median of the ratios round by round."""
        pairs = zip(self.parallelcluster, self.shoal, strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)


def page(rows: Sequence[Row], engine: str) -> str:
    """The page, Markdown."""
    rounds = len(rows[0].shoal)
    lines = [_HEAD.format(rounds=rounds, machine=_machine(), engine=engine)]
    lines += ["| case | ratio | ParallelCluster's flow, s | Shoal's flow, s |", "|---|---|---|---|"]
    lines += [
        f"| {row.case} | **{row.ratio:.1f}** | {_range(row.parallelcluster)} | {_range(row.shoal)} |" for row in rows
    ]
    return "\n".join(lines) + "\n\n" + _NOTES


def _range(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.1f} ({min(seconds):.1f} - {max(seconds):.1f})"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.datetime.now(datetime.UTC).date()
    cores = f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB"
    return f"{today}, {cores}, Linux {platform.release().partition('-')[0]}, load {os.getloadavg()[2]:.0f}"


_HEAD = """# Performance

Measured by `make bench`, which writes this page. Nothing here ran on AWS.

## Building a job image

Both flows are built through CodeBuild's API on the embedded AWS with a real container engine behind it, from a zip
archive in S3 to an image in ECR: Shoal's context and buildspec, and the buildspec, scripts and Dockerfile that
ParallelCluster 3.15.1 ships for AWS Batch. Base image and list of packages are the same, Shoal's, so that what differs
is the flow. Before every build the engine forgets all layers: CodeBuild gives each build a machine that has built
nothing before.

{machine};
{engine}; {rounds} rounds, the flows in turn. Seconds are medians, with minimum and maximum; the ratio is the
median of the rounds' ratios, ParallelCluster's seconds by Shoal's.
"""
_NOTES = """\
- *Nothing built before*: both do the same work; Shoal also keeps the layers for the next build, in a second or
  two. How far this ratio is from 1 tells how much other work of the machine disturbed the run.
- *One line of a script changed*: Shoal's packages come from the cache repository, since scripts stand after them in the
  Dockerfile. ParallelCluster's Dockerfile copies its scripts first, and its project has no cache: all is built again.
- *Nothing changed*: Shoal is asked by `shoal build-image`. The control plane finds the content's tag in the repository
  and starts no build; its seconds are those of the embedded AWS, whose waits are shortened. ParallelCluster has no such
  command and its tag says nothing of the content, so the figure is that of a build.
- The registry is on this machine: on AWS pushes and pulls take longer, in both flows.
"""
