"""How many processes a node runs: as many as the job's vCPUs, not as many as its host has cores."""

from __future__ import annotations

import json
import math
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from .problems import NOT_CONFIGURED, JobError

SHARES_OF_A_VCPU = 1024
_CGROUPS = Path("/sys/fs/cgroup")


def slots(variables: Mapping[str, str], cgroups: Path = _CGROUPS) -> int:
    """The processes of this node: `SHOAL_SLOTS`, else the vCPUs that the job asked for, else all cores.

    ECS hands a job's vCPUs to the container as shares, which limit nothing on an idle host. It tells them when asked;
    where it does not, a limit of the container stands for them.

    Raises:
        JobError: `SHOAL_SLOTS` is not a number.
    """
    asked = variables.get("SHOAL_SLOTS")
    if asked is not None:
        if not asked.isdecimal() or asked == "0":
            raise JobError(NOT_CONFIGURED, f"the variable SHOAL_SLOTS is {asked!r}; write a whole number from 1")
        return int(asked)
    found = _told(variables.get("ECS_CONTAINER_METADATA_URI_V4")) or _limit(cgroups) or len(os.sched_getaffinity(0))
    return max(1, math.ceil(found))


def _told(url: str | None) -> float | None:
    """What ECS says; https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html"""
    if not url:
        return None
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a job may have a proxy; the host is near
    try:
        with directly.open(url, timeout=5) as answer:
            return float(json.load(answer)["Limits"]["CPU"]) / SHARES_OF_A_VCPU
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the next best answer is good enough


def _limit(cgroups: Path) -> float | None:
    """Cores that the container may use, by the files of either version of control groups."""
    try:
        quota, period = (cgroups / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroups / "cpu" / "cpu.cfs_quota_us").read_text()
            period = (cgroups / "cpu" / "cpu.cfs_period_us").read_text()
        except OSError:
            return None
    return int(quota) / int(period) if quota.strip().isdecimal() and int(period) else None
