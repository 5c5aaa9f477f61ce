"""What Batch and the job definition say of a job: the variables of its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .problems import NOT_CONFIGURED, JobError

PATIENCE = 600.0
"""Seconds for which the nodes of a job wait for each other."""


@dataclass(frozen=True)
class Job:
    """A job, or one node of it."""

    home: Path
    folder: Path
    """Where it runs. It is the same on every node of a job, so that a program has one path on all of them."""
    files: str
    """S3 URL of its script and input files; empty when the command is all there is."""
    nodes: int = 1
    node: int = 0
    main_node: int = 0
    meeting: str = ""
    """S3 URL of the prefix at which the nodes of this attempt find each other; empty when there is one node only."""
    patience: float = PATIENCE
    """Seconds for which its nodes wait for each other."""

    @property
    def is_main(self) -> bool:
        """Whether the command runs on this node."""
        return self.node == self.main_node

    @property
    def children(self) -> list[int]:
        """Its nodes but the main one."""
        return [node for node in range(self.nodes) if node != self.main_node]


def read_job(variables: Mapping[str, str]) -> Job:
    """The job that the container's variables tell of.

    Batch's own are listed at https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html

    Raises:
        JobError: a variable is missing or is not a number.
    """
    # A node's id is the job's with "#" and the node's number.
    name = variables.get("AWS_BATCH_JOB_ID", "job").partition("#")[0]
    home = Path(_needed(variables, "HOME"))
    folder = Path(variables.get("SHOAL_WORKDIR") or home / name)
    files = variables.get("SHOAL_JOB_S3_URL", "")
    nodes = _number(variables, "AWS_BATCH_JOB_NUM_NODES", "1")
    if nodes == 1:
        return Job(home, folder, files)
    attempt = variables.get("AWS_BATCH_JOB_ATTEMPT", "1")
    return Job(
        home,
        folder,
        files,
        nodes=nodes,
        node=_number(variables, "AWS_BATCH_JOB_NODE_INDEX"),
        main_node=_number(variables, "AWS_BATCH_JOB_MAIN_NODE_INDEX"),
        meeting=f"{_needed(variables, 'SHOAL_JOBS_S3_URL').rstrip('/')}/rendezvous/{name}/{attempt}/",
        patience=_number(variables, "SHOAL_NODES_TIMEOUT", str(int(PATIENCE))),
    )


def _needed(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name)
    if not value:
        raise JobError(NOT_CONFIGURED, f"the variable {name} is missing; submit with a job definition of the cluster")
    return value


def _number(variables: Mapping[str, str], name: str, default: str = "") -> int:
    value = variables.get(name) or default or _needed(variables, name)
    if not value.isdecimal():
        raise JobError(NOT_CONFIGURED, f"the variable {name} is {value!r}; write a whole number")
    return int(value)
