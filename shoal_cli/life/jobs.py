"""The jobs of the story: submitted, watched and read as `shoal job` does it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from shoal_cli.application import Account
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import output, records
from shoal_cli.jobs.cluster import Cluster
from shoal_cli.jobs.gathering import describe_jobs
from shoal_cli.jobs.program import Program
from shoal_cli.jobs.submission import Asked
from shoal_cli.jobs.submitting import prepare, submit

SCRIPT = b"""#!/bin/bash
echo "$1 from $(whoami) in $(basename "$PWD"), $GREETING"
"""
RANKS = 'echo "mpi rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE on $(hostname)"'
NODES = 2
SECONDS = 180.0
"""Longest that one job may take."""
PAUSE = 0.2

HELLO = Asked(
    "hello",
    Program(("hello",), script=SCRIPT, script_name="hello.sh", environment={"GREETING": "and good wishes"}),
)
"""A script with an argument and a variable."""
MPI = Asked("mpi", Program(("mpirun", "bash", "-c", RANKS)), nodes=NODES)
"""Two nodes, each of which says which rank it runs."""


@dataclass(frozen=True)
class RanJob:
    """A job that has ended."""

    name: str
    status: str
    exit_code: int | None
    lines: tuple[str, ...]
    """What it printed, as its log has it."""
    nodes: int
    """How many it ran on; each prints a line that begins with the job's name and ends with a word of its own."""

    @property
    def as_expected(self) -> bool:
        """Whether it succeeded, and every node printed its line; `mpirun` may have printed others between them."""
        last_words = {line.rpartition(" ")[2] for line in self.lines if line.startswith(self.name)}
        return self.status == "SUCCEEDED" and self.exit_code == 0 and len(last_words) == self.nodes

    @property
    def last_line(self) -> str:
        """The last line of its output, empty if it printed nothing."""
        return self.lines[-1] if self.lines else ""


def run(account: Account, cluster: Cluster, asked: Asked) -> RanJob:
    """Submit a job, wait for its end, and read its output.

    Raises:
        CommandError: the job is refused, or does not end.
    """
    identifier = submit(account, prepare(account, cluster, asked, []))
    batch, until = account.client("batch"), time.monotonic() + SECONDS
    while (job := describe_jobs(batch, [identifier])[identifier])["status"] not in records.ENDED:
        if time.monotonic() > until:
            why = f"the job {asked.name} is {job['status']} after {SECONDS:.0f} s: {records.reason(job)}"
            raise CommandError(why, Exit.FAILED)
        time.sleep(PAUSE)
    writer = output.writer(job)
    written = describe_jobs(batch, [writer])[writer]
    logs = account.client("logs")
    streams = [output.Stream(logs, cluster.log_group, name) for name in output.chosen(written, None)]
    lines = [event["message"] for stream in streams for event in stream.new()]
    return RanJob(asked.name, job["status"], records.exit_code(written), tuple(lines), asked.nodes or 1)
