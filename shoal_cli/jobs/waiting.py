"""Why a job waits: decided from what Batch and EC2 say of the job, its queue and the queue's environments.

https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html names the causes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HOST_MEMORY = 32
"""MiB that the ECS agent of a host keeps to itself at least."""
TIGHT = 0.92
"""Share of an instance type's memory that its hosts register with ECS, about; the kernel has the rest.
https://docs.aws.amazon.com/batch/latest/userguide/memory-management.html"""
ADVICE = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": "EC2 has no such instances now; other types or subnets may help",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": "raise MaxvCpus, or ask for less",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": "ask for less, or give the queue larger instance types",
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS": "Batch's service-linked role lacks rights; ask an administrator",
}
"""What to do about a reason that Batch itself gives; its texts begin with these codes."""


@dataclass(frozen=True)
class InstanceType:
    """What one instance has."""

    name: str
    vcpus: int
    memory: int
    """MiB"""
    gpus: int


@dataclass(frozen=True)
class EnvironmentState:
    """A compute environment as it is now."""

    name: str
    state: str
    status: str
    reason: str
    is_spot: bool
    max_vcpus: int
    desired_vcpus: int
    types: tuple[InstanceType, ...] = ()
    """What it may start; none when that is not known."""

    @property
    def works(self) -> bool:
        """Whether it can start jobs."""
        return self.state == "ENABLED" and self.status in {"VALID", "UPDATING"}


@dataclass(frozen=True)
class QueueState:
    """A queue as it is now, with the environments that serve it."""

    name: str
    state: str
    status: str
    reason: str
    environments: tuple[EnvironmentState, ...]


@dataclass(frozen=True)
class Wanted:
    """What a waiting job needs, on each of its nodes."""

    status: str
    reason: str
    """Batch's own, often empty."""
    vcpus: int
    memory: int
    """MiB"""
    gpus: int = 0
    nodes: int = 1
    dependencies: tuple[tuple[str, str], ...] = ()
    """Ids and statuses of the jobs that it waits for; the status is empty when Batch has forgotten the job."""


def reasons(job: Wanted, queue: QueueState) -> list[str]:
    """Why the job does not start, what is surest first; never empty."""
    found = [*_of_batch(job), *_dependencies(job), *_queue(queue), *_environments(queue)]
    usable = [environment for environment in queue.environments if environment.works]
    if usable:
        found += _size(job, usable) or _room(job, usable)
    return found or [_NOTHING[job.status == "RUNNABLE"]]


_NOTHING = {
    True: "nothing stands in its way: instances are being started, or jobs that were submitted before it go first",
    False: "Batch is looking at it; this takes seconds",
}


def _of_batch(job: Wanted) -> Iterator[str]:
    if job.reason:
        advice = next((text for code, text in ADVICE.items() if job.reason.startswith(code)), "")
        yield f"Batch says: {job.reason}{f' ({advice})' if advice else ''}"


def _dependencies(job: Wanted) -> Iterator[str]:
    for job_id, status in job.dependencies:
        if status not in {"SUCCEEDED", ""}:
            yield f"it waits for the job {job_id}, which is {status}"


def _queue(queue: QueueState) -> Iterator[str]:
    if queue.state != "ENABLED":
        yield f"the queue {queue.name} is {queue.state}: its jobs are not started"
    elif queue.status not in {"VALID", "UPDATING"}:
        yield f"the queue {queue.name} is {queue.status}: {queue.reason}"


def _environments(queue: QueueState) -> Iterator[str]:
    for environment in queue.environments:
        if environment.state != "ENABLED":
            yield f"the compute environment {environment.name} is {environment.state}"
        elif not environment.works:
            yield f"the compute environment {environment.name} is {environment.status}: {environment.reason}"


def _size(job: Wanted, usable: Sequence[EnvironmentState]) -> list[str]:
    """Why no environment could ever have the job."""
    if job.nodes > 1 and all(environment.is_spot for environment in usable):
        return ["it has several nodes, and Batch runs no multi-node jobs on Spot instances"]
    if not all(environment.types for environment in usable):
        return []
    types = [kind for environment in usable for kind in environment.types]
    found = [
        f"it asks for {wanted}{unit}, and no instance type of the queue has more than {most}{unit}"
        for wanted, most, unit in (
            (job.vcpus, max(kind.vcpus for kind in types), " vCPUs"),
            (job.memory, max(kind.memory for kind in types) - HOST_MEMORY, " MiB of memory for jobs"),
            (job.gpus, max(kind.gpus for kind in types), " GPUs"),
        )
        if wanted > most
    ]
    if not found and not any(_fits(job, kind) for kind in types):
        found = [f"no single instance type of the queue has {_needs(job)} at once"]
    if not found and not any(_fits(job, kind, TIGHT) for kind in types):
        found = [
            f"it asks for {job.memory} MiB, nearly all that its instance types have; their hosts need a part of it"
        ]
    return found


def _fits(job: Wanted, kind: InstanceType, share: float = 1.0) -> bool:
    memory = min(kind.memory - HOST_MEMORY, kind.memory * share)
    return job.vcpus <= kind.vcpus and job.memory <= memory and job.gpus <= kind.gpus


def _needs(job: Wanted) -> str:
    gpus = f" and {job.gpus} GPUs" if job.gpus else ""
    return f"{job.vcpus} vCPUs, {job.memory} MiB{gpus}"


def _room(job: Wanted, usable: Sequence[EnvironmentState]) -> list[str]:
    """Why no environment can have the job now, though one of them may later."""
    needed = job.vcpus * job.nodes
    largest = max(environment.max_vcpus for environment in usable)
    if needed > largest:
        return [f"it needs {needed} vCPUs, and no compute environment of the queue may have more than {largest}"]
    if any(environment.desired_vcpus + needed <= environment.max_vcpus for environment in usable):
        return []
    used = ", ".join(f"{one.desired_vcpus} of {one.max_vcpus} in {one.name}" for one in usable)
    return [
        f"the vCPUs that the queue may have are in use ({used}): it waits for other jobs to end, or for more MaxvCpus"
    ]
