"""Where a job runs: the first environment of its queue with room for it, or why it does not start.

https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html has the reasons that DescribeJobs shows.
AWS tells them of the job at the head of a queue only, which then blocks the others; here nobody is blocked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedded_aws.batch import properties
from embedded_aws.batch.job import Job
from embedded_aws.ec2.types import TYPES, InstanceType

INVALID = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
TOO_MANY_VCPUS = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU"
    " requirement of the job."
)
NO_SUCH_INSTANCE = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that"
    " can be met by the CE(s) attached to the job queue."
)
NO_CAPACITY = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type"
)

Environment = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """What each container of a job needs, the largest of each, and how many containers there are."""

    vcpus: int
    memory: int
    """MiB."""
    gpus: int
    containers: int
    total_vcpus: int


@dataclass(frozen=True)
class Machine:
    """What this machine has for jobs."""

    slots: int
    """Containers at once."""
    gpus: int = 0


def need(job: Job) -> Need:
    """What a job asks for."""
    found = [task.container for task in job.tasks if task.container is not None]
    return Need(
        vcpus=max(container["vcpus"] for container in found),
        memory=max(container["memory"] for container in found),
        gpus=max(properties.gpus(container) for container in found),
        containers=len(found),
        total_vcpus=sum(container["vcpus"] for container in found),
    )


def place(asked: Need, environments: Sequence[Environment], used: Mapping[str, int]) -> tuple[Environment | None, str]:
    """The environment for a job, or None and the reason to show; no reason where it only has to wait its turn.

    Args:
        asked: what the job needs.
        environments: of its queue, in their order.
        used: vCPUs that jobs have now, by the environment's ARN.
    """
    valid = [one for one in environments if one["status"] in ("VALID", "UPDATING")]
    if not valid:
        return None, INVALID
    enabled = [one for one in valid if one["state"] == "ENABLED"]
    large = [one for one in enabled if asked.total_vcpus <= _limit(one)]
    if enabled and not large:
        return None, TOO_MANY_VCPUS
    fitting = [one for one in large if fitting_types(asked, one) is not NOTHING]
    if large and not fitting:
        return None, NO_SUCH_INSTANCE
    for one in fitting:
        if used.get(one["computeEnvironmentArn"], 0) + asked.total_vcpus <= _limit(one):
            return one, ""
    return None, ""


NOTHING: tuple[str, ...] = ()


def fitting_types(asked: Need, environment: Environment) -> tuple[str, ...]:
    """Instance types of an environment that hold one container, the smallest first; `NOTHING` if none does.

    A type that is not known here, as those of an UNMANAGED environment are not, is taken to be large enough.
    """
    wanted = environment.get("computeResources", {}).get("instanceTypes") or ["optimal"]
    known = {name: found for pattern in wanted for name, found in _offered(pattern).items()}
    holding = [name for name, found in known.items() if _holds(found, asked)]
    unknown = () if asked.gpus else tuple(pattern for pattern in wanted if not _offered(pattern))
    return (*sorted(holding, key=lambda name: (known[name].vcpus, known[name].memory_mib)), *unknown) or NOTHING


def _limit(environment: Environment) -> int:
    """The most vCPUs of an environment; one that is not managed by Batch has no limit."""
    return int(environment.get("computeResources", {}).get("maxvCpus", 1_000_000))


def _offered(pattern: str) -> dict[str, InstanceType]:
    """The types that `c5.large`, `c5` or `optimal` stands for."""
    if pattern == "optimal":
        families = ("c4.", "m4.", "r4.", "c5.", "m5.", "r5.")
        return {name: found for name, found in TYPES.items() if name.startswith(families)}
    return {name: found for name, found in TYPES.items() if pattern in (name, name.partition(".")[0])}


def _holds(found: InstanceType, asked: Need) -> bool:
    return asked.vcpus <= found.vcpus and asked.memory <= found.memory_mib and asked.gpus <= found.gpus
