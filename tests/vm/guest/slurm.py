"""Slurm under systemd and cgroups of version 2, configured and started by the node's own steps."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from shoal_node.compute import start_node_daemon
from shoal_node.contract import Settings
from shoal_node.controller import start_controller
from shoal_node.fleet import SHARED_FLEET_FILE, ComputeResource, Fleet, Partition
from tests.vm.guest.layout import compute_settings
from tests.vm.guest.programs import said, text

MEMORY = 700
"""MiB that Slurm may give to jobs, of those that the machine has."""
_GREEDY = "b = bytearray(200 << 20); print(len(b) >> 20)"
_SEES = "cat /proc/self/cgroup; nproc; cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/../memory.max"


def slurm(told: Settings) -> dict[str, Any]:
    """slurmctld and slurmd on this machine; a job that keeps within its memory, and one that does not."""
    resource = ComputeResource("main", "small", "small", cpus=2, memory=MEMORY, max_count=2)
    queue = Partition("main", is_default=True)
    fleet = Fleet("vm", told.region, "queue", "nodes", (resource,), memory_is_consumable=True, queues=(queue,))
    Path(SHARED_FLEET_FILE).write_text(fleet.to_json())
    said("systemctl", "start", "munge")
    start_controller(fleet)
    start_node_daemon(compute_settings())
    return {
        "cgroups": said("stat", "-f", "-c", "%T", "/sys/fs/cgroup"),
        "cgroup.conf": text(Path("/etc/slurm/cgroup.conf")),
        "slurm.conf": text(Path("/etc/slurm/slurm.conf")),
        "nodes": said("sinfo", "--noheader", "--format=%N %T"),
        "sees": _job("--mem=100", "--cpus-per-task=1", "sh", "-c", _SEES),
        "modest": _job("--mem=300", "python3", "-c", _GREEDY),
        "greedy": _job("--mem=60", "python3", "-c", _GREEDY),
        "after": said("sinfo", "--noheader", "--format=%N %T"),
    }


def _job(*options: str) -> dict[str, Any]:
    done = subprocess.run(["srun", *options], capture_output=True, text=True, check=False, timeout=120)
    return {"code": done.returncode, "out": done.stdout.split(), "error": done.stderr.strip()}
