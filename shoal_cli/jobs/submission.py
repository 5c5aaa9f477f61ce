"""A job as it is asked for, what is wrong with it, and the request that SubmitJob takes.

Every limit is checked before anything is uploaded, and all problems are told at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.cluster.jobs import VCPUS
from shoal_cli.jobs import dependencies
from shoal_cli.jobs.cluster import JobQueue
from shoal_cli.jobs.environment import LONGEST, NODES_TIMEOUT
from shoal_cli.jobs.program import PARALLELCLUSTER_URL_VARIABLE, URL_VARIABLE, Program, command
from shoal_cli.jobs.waiting import QueueState

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html, as the bounds below"""
LARGEST_OVERRIDES = 8192
"""Characters of the overrides as JSON: Batch takes a job with longer ones, and fails it when ECS refuses them
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html). Batch's own limit, 30 KiB, is larger."""
BOUNDS: Mapping[str, tuple[int, int | None, str]] = {
    "array_size": (2, 10_000, "--array-size"),
    "nodes": (1, None, "--nodes"),
    "vcpus": (1, None, "--vcpus"),
    "memory": (4, None, "--memory"),
    "gpus": (1, None, "--gpus"),
    "attempts": (1, 10, "--retry-attempts"),
    "timeout": (60, None, "--timeout"),
}
"""Smallest and largest value of what is asked for, and its option; memory in MiB, the time-out in seconds."""


@dataclass(frozen=True)
class Asked:
    """A job as a user asks for it; what is none is as the queue's job definition has it."""

    name: str
    program: Program
    queue: str | None = None
    vcpus: int | None = None
    """For each node, as memory and GPUs are."""
    memory: int | None = None
    """MiB"""
    gpus: int | None = None
    attempts: int | None = None
    timeout: int | None = None
    """Seconds of each attempt."""
    nodes: int | None = None
    array_size: int | None = None
    depends_on: tuple[dependencies.Dependency, ...] = ()

    @property
    def is_multinode(self) -> bool:
        """Whether it runs on several nodes; one node is a job of one container, as for AWS's client."""
        return self.nodes is not None and self.nodes > 1


def problems(asked: Asked) -> Iterator[str]:
    """What is wrong whatever the cluster is."""
    if not NAME.fullmatch(asked.name):
        rule = "a letter or digit, and at most 127 letters, digits, hyphens and underscores after it"
        yield f"--job-name {asked.name} is no name of a job; write {rule}"
    for field, (smallest, largest, option) in BOUNDS.items():
        value = getattr(asked, field)
        if value is not None and not smallest <= value <= (largest or value):
            allowed = f"{smallest} to {largest}" if largest else f"at least {smallest}"
            yield f"{option} {value} is out of range; write {allowed}"
    if asked.is_multinode and asked.array_size is not None:
        yield "--nodes and --array-size exclude each other: Batch has no arrays of multi-node jobs"
    program = asked.program
    if program.working_dir is not None and program.parent_working_dir is not None:
        yield "--working-dir and --parent-working-dir exclude each other; write one of them"
    if any(len(argument.encode(errors="surrogateescape")) >= LONGEST for argument in program.arguments):
        yield f"an argument has more than {LONGEST - 1} bytes; send it as an --input-file"
    yield from dependencies.misfits(asked.depends_on, asked.array_size)


def problems_in_queue(asked: Asked, queue: QueueState) -> Iterator[str]:
    """What is wrong in a queue as it is now: with this the job would wait for ever, or be refused."""
    if queue.state != "ENABLED":
        yield f"--queue {queue.name} is {queue.state}: it takes no jobs; write another one of `shoal queues`"
    nodes, vcpus = max(1, asked.nodes or 1), max(1, asked.vcpus or VCPUS)
    largest = max((environment.max_vcpus for environment in queue.environments), default=0)
    if asked.is_multinode and all(environment.is_spot for environment in queue.environments):
        yield f"--nodes {nodes} cannot be had in --queue {queue.name}: Batch runs no multi-node jobs on Spot instances"
    elif nodes * vcpus > largest:
        if asked.is_multinode:
            most = largest // vcpus
            yield f"--nodes {nodes} is more than --queue {queue.name} can have; write at most {most} of {vcpus} vCPUs"
        else:
            yield f"--vcpus {vcpus} is more than --queue {queue.name} can have; write at most {largest}"


def travels_by_s3(asked: Asked) -> bool:
    """Whether files have to be uploaded: because there are some, or because the command is too long for the request."""
    overrides = _overrides(asked, None)
    return asked.program.needs_files or len(json.dumps(overrides)) > LARGEST_OVERRIDES


def request(asked: Asked, queue: JobQueue, url: str | None) -> dict[str, Any]:
    """SubmitJob's arguments.

    Args:
        asked: the job.
        queue: where it goes.
        url: folder in S3 that its files were uploaded to, if they were.
    """
    overrides = _overrides(asked, url)
    where: dict[str, Any] = {"jobDefinition": queue.definition, "containerOverrides": overrides}
    if asked.is_multinode:
        nodes = {"targetNodes": "0:", "containerOverrides": overrides}
        where = {
            "jobDefinition": queue.multinode_definition,
            "nodeOverrides": {"numNodes": asked.nodes, "nodePropertyOverrides": [nodes]},
        }
    return {
        "jobName": asked.name,
        "jobQueue": queue.arn,
        **where,
        **({"arrayProperties": {"size": asked.array_size}} if asked.array_size else {}),
        **({"dependsOn": [dependency.request() for dependency in asked.depends_on]} if asked.depends_on else {}),
        **({"retryStrategy": {"attempts": asked.attempts}} if asked.attempts else {}),
        **({"timeout": {"attemptDurationSeconds": asked.timeout}} if asked.timeout else {}),
    }


def _overrides(asked: Asked, url: str | None) -> dict[str, Any]:
    variables = {URL_VARIABLE: url, PARALLELCLUSTER_URL_VARIABLE: url} if url else {}
    variables |= {name: value for name, value in asked.program.environment.items() if name == NODES_TIMEOUT}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    return {
        "command": command(asked.program, uploaded=url is not None),
        **({"environment": environment} if environment else {}),
        # The older fields: the job definitions have vCPUs and memory in theirs, and only like overrides like.
        **({"vcpus": asked.vcpus} if asked.vcpus else {}),
        **({"memory": asked.memory} if asked.memory else {}),
        **({"resourceRequirements": [{"type": "GPU", "value": str(asked.gpus)}]} if asked.gpus else {}),
    }
