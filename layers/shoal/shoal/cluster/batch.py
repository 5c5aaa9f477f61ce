"""Batch: queues and the compute environments that serve them."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from shoal.cluster.grammar import Change, Code, Integer, Matching, NotOffered, Refused, Section, Unique, Violation
from shoal.cluster.image import ContainerImage
from shoal.cluster.network import QueueNetworking

MOST_QUEUES = 10
MOST_COMPUTE_RESOURCES = 3
"""Compute environments of one queue; https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html"""

Name = Annotated[
    str,
    Matching(
        r"(?!default$)[A-Za-z][A-Za-z0-9_-]{0,24}",
        "a letter and at most 24 letters, digits, hyphens or underscores, and not `default`",
    ),
]
SLURM = Refused("this Shoal creates AWS Batch clusters only", "use Scheduler: awsbatch with AwsBatchQueues")
_NO_CAPACITY_BLOCKS = MappingProxyType(
    {"CAPACITY_BLOCK": Refused("Batch has no capacity blocks", "write ONDEMAND or SPOT")}
)


class ComputeResource(Section):
    """Instances that serve a queue: one Batch compute environment."""

    name: Annotated[Name, Change.FIXED]
    """Name, by which an update recognises the compute resource."""
    instance_types: Annotated[tuple[str, ...], Change.ROLLS, Field(min_length=1)]
    """Instance types or families, or `optimal`; Batch chooses among them. All have one architecture."""
    min_vcpus: Annotated[Integer, Change.LIVE, Field(ge=0)] = 0
    """vCPUs that run even when there are no jobs."""
    max_vcpus: Annotated[Integer, Change.LIVE, Field(ge=1)] = 10
    """vCPUs that run at most."""
    desired_vcpus: Annotated[Integer, Change.LIVE, Field(ge=0)] = Field(
        default_factory=lambda section: section["min_vcpus"]
    )
    """vCPUs to start with; `MinvCpus` unless given. Batch changes it as jobs come and go."""
    spot_bid_percentage: Annotated[Integer | None, Change.ROLLS, Field(ge=0, le=100)] = None
    """Highest Spot price as a percentage of the On-Demand price; only with CapacityType SPOT."""

    def rules(self) -> Iterator[Violation]:
        """Minimum, desired and maximum in this order."""
        if self.max_vcpus < self.min_vcpus:
            yield Violation("MaxvCpus", "is less than MinvCpus", "write at least MinvCpus", Code.OUT_OF_RANGE)
        elif not self.min_vcpus <= self.desired_vcpus <= self.max_vcpus:
            suggestion = f"write {self.min_vcpus} to {self.max_vcpus}"
            yield Violation("DesiredvCpus", "is not between MinvCpus and MaxvCpus", suggestion, Code.OUT_OF_RANGE)


class Queue(Section):
    """A Batch job queue with the compute resources that serve it, in their order."""

    name: Annotated[Name, Change.FIXED]
    """Name, by which an update recognises the queue."""
    capacity_type: Annotated[Literal["ONDEMAND", "SPOT"], Change.ROLLS, NotOffered(_NO_CAPACITY_BLOCKS)] = "ONDEMAND"
    """Whether instances are On-Demand or Spot."""
    networking: QueueNetworking
    """Where the queue's instances stand."""
    compute_resources: Annotated[
        tuple[ComputeResource, ...],
        Change.LIVE,
        Field(min_length=1, max_length=MOST_COMPUTE_RESOURCES),
        Unique("Name"),
    ]
    """One to three compute resources of one architecture; Batch fills the first one first."""
    container_image: ContainerImage | None = None
    """Image of the jobs of this queue, instead of the cluster's."""


class AwsBatchSettings(Section):
    """Settings of AWS Batch; ParallelCluster has none."""


class Scheduling(Section):
    """Scheduler and queues."""

    scheduler: Annotated[Literal["awsbatch"], Change.REPLACES, NotOffered(MappingProxyType({"slurm": SLURM}))]
    """Scheduler of the cluster."""
    aws_batch_queues: Annotated[
        tuple[Queue, ...], Change.LIVE, Field(min_length=1, max_length=MOST_QUEUES), Unique("Name")
    ]
    """One to ten queues. The first is the one that AWS's Batch client uses. Removing one ends its jobs."""
    aws_batch_settings: AwsBatchSettings = AwsBatchSettings()
    """Settings of AWS Batch."""
    scaling_strategy: Annotated[None, SLURM] = None
    """How Slurm starts nodes."""
    slurm_settings: Annotated[None, SLURM] = None
    """Settings of Slurm."""
    slurm_queues: Annotated[None, SLURM] = None
    """Slurm queues."""


# ---- resources
