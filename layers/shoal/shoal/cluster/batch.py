"""Batch: queues and the compute environments that serve them."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from shoal.cluster.bucket import EMPTY_BUCKET
from shoal.cluster.container_image import ContainerImage
from shoal.cluster.grammar import Change, Code, Integer, Matching, NotOffered, Refused, Section, Unique, Violation
from shoal.cluster.network import QueueNetworking, queue_groups
from shoal.cluster.repository import EMPTY_REPOSITORY
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, get_att, logical_id, ref, tag_map

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

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
    spot_bid_percentage: Annotated[Integer | None, Change.ROLLS, Field(ge=1, le=100)] = None
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


# ---- resources

HOST_PROFILE = "HostInstanceProfile"
UPDATE_TIMEOUT = 30
"""Minutes that jobs may go on on instances that an update retires; Batch's own default,
https://docs.aws.amazon.com/batch/latest/userguide/updating-compute-environments.html
"""
HOST_IMAGES = ("ECS_AL2023", "ECS_AL2023_NVIDIA")
"""Batch takes the second for instance types with GPUs."""


def queue_id(queue: Queue) -> str:
    """The job queue."""
    return logical_id("Queue", queue.name)


def environment_id(queue: Queue, resource: ComputeResource) -> str:
    """The compute environment of one of a queue's compute resources."""
    return logical_id("Environment", queue.name, resource.name)


def launch_template_id(queue: Queue) -> str:
    """The launch template of a queue's instances."""
    return logical_id("LaunchTemplate", queue.name)


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """For each queue its compute environments and the queue itself."""
    for queue in cluster.scheduling.aws_batch_queues:
        for resource in queue.compute_resources:
            yield environment_id(queue, resource), _environment(cluster, site, queue, resource)
        yield queue_id(queue), _queue(cluster, site, queue)


def _queue(cluster: Cluster, site: Site, queue: Queue) -> Resource:
    environments = [environment_id(queue, resource) for resource in queue.compute_resources]
    return {
        "Type": "AWS::Batch::JobQueue",
        "DependsOn": [EMPTY_BUCKET, EMPTY_REPOSITORY],
        "Properties": {
            "JobQueueName": names(site).job_queue(queue.name),
            "State": "ENABLED",
            "Priority": 1,
            "ComputeEnvironmentOrder": [
                {"Order": order, "ComputeEnvironment": ref(environment)}
                for order, environment in enumerate(environments, start=1)
            ],
            "Tags": tag_map(cluster, site),
        },
    }


def _environment(cluster: Cluster, site: Site, queue: Queue, resource: ComputeResource) -> Resource:
    """A compute environment without a name of its own and with Batch's service-linked role: only so can it change."""
    instances: dict[str, Any] = {
        **_capacity(queue, resource),
        "MinvCpus": resource.min_vcpus,
        "MaxvCpus": resource.max_vcpus,
        "InstanceTypes": list(resource.instance_types),
        "Ec2Configuration": [{"ImageType": image} for image in HOST_IMAGES],
        "InstanceRole": get_att(HOST_PROFILE, "Arn"),
        "LaunchTemplate": {
            "LaunchTemplateId": ref(launch_template_id(queue)),
            "Version": get_att(launch_template_id(queue), "LatestVersionNumber"),
        },
        "Subnets": list(queue.networking.subnet_ids),
        "Tags": tag_map(cluster, site) | {"Name": f"{site.cluster_name} {queue.name} {resource.name}"},
    }
    if resource.desired_vcpus != resource.min_vcpus:
        # Batch moves it with the jobs and refuses to be told less than it has, so no update may repeat the default.
        instances["DesiredvCpus"] = resource.desired_vcpus
    if queue.networking.assign_public_ip is None:
        instances["SecurityGroupIds"] = queue_groups(queue)
    return {
        "Type": "AWS::Batch::ComputeEnvironment",
        "DependsOn": [EMPTY_BUCKET, EMPTY_REPOSITORY],
        "Properties": {
            "Type": "MANAGED",
            "State": "ENABLED",
            "ReplaceComputeEnvironment": False,
            "UpdatePolicy": {"TerminateJobsOnUpdate": False, "JobExecutionTimeoutMinutes": UPDATE_TIMEOUT},
            "ComputeResources": instances,
            "Tags": tag_map(cluster, site),
        },
    }


def _capacity(queue: Queue, resource: ComputeResource) -> dict[str, Any]:
    if queue.capacity_type == "ONDEMAND":
        return {"Type": "EC2", "AllocationStrategy": "BEST_FIT_PROGRESSIVE"}
    bid = {} if resource.spot_bid_percentage is None else {"BidPercentage": resource.spot_bid_percentage}
    return {"Type": "SPOT", "AllocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED", **bid}
