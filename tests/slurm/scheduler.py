"""The head node's Slurm: a real slurmctld with the configuration that Shoal renders; users' commands run there too."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from shoal_node.fleet import Fleet
from shoal_node.slurm.configuration import Place, cgroup_conf, slurm_conf
from tests.slurm.computer import Computer
from tests.support.polling import until

HEAD = "10.9.0.10"
QUICK = ("SchedulerParameters=bf_interval=1,sched_min_interval=100000", "AuthInfo=cred_expire=5")
"""Settings of the user that keep tests short: jobs are looked at more often, and given back ones wait for less long."""


def hardware() -> tuple[int, int]:
    """CPUs and MiB of memory that a slurmd finds on this machine."""
    told = subprocess.run(["slurmd", "-C"], capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"(CPUs|RealMemory)=(\d+)", told))
    return int(found["CPUs"]), int(found["RealMemory"])


def place() -> Place:
    """What Shoal's configuration is told of the head node; jobs are in no cgroups of a namespace."""
    plugin = "autodetect" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "cgroup/v1"
    return Place("head", HEAD, has_cgroups=False, cgroup_plugin=plugin)


class Scheduler:
    """slurmctld, and what users do with it."""

    def __init__(self, head: Computer, folder: Path, fleet: Fleet) -> None:
        self._head = head
        self._folder = folder
        self.configure(fleet)

    def configure(self, fleet: Fleet) -> None:
        """Write Slurm's files."""
        self._head.path("/etc/slurm/slurm.conf").write_text(slurm_conf(fleet, place()))
        self._head.path("/etc/slurm/cgroup.conf").write_text(cgroup_conf(place()))

    def start(self) -> None:
        """Start slurmctld and wait until it answers."""
        self._process = self._head.start("slurmctld", "slurmctld", "-D", own_processes=True)
        until(lambda: "is UP" in self.run("scontrol", "ping"), 60, "slurmctld")

    def stop(self) -> None:
        """End slurmctld as its service does."""
        self.run("scontrol", "shutdown", "slurmctld")
        self._process.wait(60)

    def run(self, *command: str) -> str:
        """What a command writes on the head node."""
        return self._head.run(*command).stdout

    def submit(self, *options: str, script: str = "srun hostname") -> str:
        """Submit a job that writes into the folder; its id."""
        path = self._folder / "job.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        output = f"--output={self._folder}/job-%j.out"
        told = self._head.run("sbatch", "--parsable", f"--chdir={self._folder}", output, *options, str(path))
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def has_saved(self, since: float) -> bool:
        """Whether slurmctld has written its jobs down after this time: it does so some seconds after a change."""
        saved = self._head.path("/var/lib/slurm/slurmctld/job_state")
        return saved.exists() and saved.stat().st_mtime > since

    def output(self, job: str) -> str:
        """What a job has written."""
        return (self._folder / f"job-{job}.out").read_text()

    def state(self, job: str) -> str:
        """The state of a job, or of an array's first task."""
        found = re.search(r"JobState=(\S+)", self.run("scontrol", "--oneliner", "show", "job", job))
        return found.group(1) if found else ""

    def restarts(self, job: str) -> int:
        """How often a job was given back to the queue."""
        found = re.search(r"Restarts=(\d+)", self.run("scontrol", "--oneliner", "show", "job", job))
        return int(found.group(1)) if found else 0

    def finished(self, job: str) -> bool:
        """Whether a job, or every task of an array, ended well."""
        told = self.run("scontrol", "--oneliner", "show", "job", job)
        states = re.findall(r"JobState=(\S+)", told)
        assert not {"FAILED", "NODE_FAIL", "CANCELLED"} & set(states), f"{told}\n{self._outputs()}"
        return bool(states) and set(states) == {"COMPLETED"}

    def nodes(self) -> list[str]:
        """The names of the nodes that have joined."""
        return sorted(set(self.run("sinfo", "--noheader", "--Node", "--format=%N").split()))

    def _outputs(self) -> str:
        return "".join(path.read_text() for path in self._folder.glob("job-*.out"))
