"""A job that waits, and what it needs of one node of a compute resource."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shoal_node.fleet import ComputeResource

_WORD = re.compile(r"[^\s&|,\[\]()*!]+")


@dataclass(frozen=True)
class PendingJob:
    """One pending job, or one task of an array, as Slurm tells of it."""

    job_id: str
    queues: tuple[str, ...]
    """The partitions that it may run in."""
    reason: str
    nodes: int = 1
    """The fewest nodes that it asks for."""
    cpus: int = 1
    """Of all its nodes together."""
    tasks: int = 1
    cpus_per_node: int = 1
    """The fewest CPUs that each node must have."""
    node_memory: int = 0
    """MiB: the least memory that it asks for, of each node or of each CPU."""
    memory: int = 0
    """MiB of all its nodes together."""
    gpus_per_node: int = 0
    gpus_per_task: int = 0
    gpus: int = 0
    """Of all its nodes together."""
    exclusive: bool = False
    features: str = ""
    begins: float | None = None
    """Seconds since 1970: when it may start at the earliest."""
    restarts: int = 0
    names_nodes: bool = False


@dataclass(frozen=True)
class Share:
    """What a job takes of each of its nodes."""

    cpus: int
    memory: int
    gpus: int
    whole: bool


def share(job: PendingJob, resource: ComputeResource, memory_is_consumable: bool) -> tuple[Share, int] | None:
    """What a job takes of each node of a compute resource, and of how many nodes; None where it never fits."""
    tasks = max(1, job.tasks)
    cpus_per_task = max(1, _up(job.cpus, tasks))
    limits = [resource.cpus // cpus_per_task]
    memory = job.memory if memory_is_consumable else 0
    if memory and not job.exclusive:
        limits.append(resource.memory // max(1, _up(memory, tasks)))
    if job.gpus_per_task:
        limits.append(resource.gpus // job.gpus_per_task)
    tasks_per_node = min(limits)
    if tasks_per_node < 1:
        return None
    nodes = max(job.nodes, _up(tasks, tasks_per_node), _up(job.gpus, resource.gpus) if resource.gpus else 1)
    on_each = _up(tasks, nodes)
    part = Share(
        cpus=max(on_each * cpus_per_task, job.cpus_per_node),
        memory=0 if job.exclusive else _up(memory, nodes),
        gpus=max(job.gpus_per_node, on_each * job.gpus_per_task, _up(job.gpus, nodes)),
        whole=job.exclusive,
    )
    fits = part.cpus <= resource.cpus and part.gpus <= resource.gpus
    return (part, nodes) if fits and max(part.memory, job.node_memory) <= resource.memory else None


def features_match(expression: str, features: frozenset[str]) -> bool:
    """Whether nodes with these features can serve a job's `--constraint`.

    Plain names, `&` and `|` are read as Slurm reads them. Of what says more (counts, brackets) it is enough that one
    of its names fits: Slurm decides the rest. https://slurm.schedmd.com/sbatch.html#OPT_constraint
    """
    words = _WORD.findall(expression)
    if not words:
        return True
    if set(expression) & set("[]()*!"):
        return any(word in features for word in words)
    return any(
        all(word in features for word in _WORD.findall(choice.replace(",", "&"))) for choice in expression.split("|")
    )


def _up(amount: int, parts: int) -> int:
    """A division, rounded up."""
    return -(-amount // parts)
