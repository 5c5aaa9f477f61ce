"""Whether the queues of a configuration can be served by the instance types that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.findings import Finding
from shoal.cluster.image import architecture_by_name, container_image
from shoal.cluster.surroundings import Surroundings, is_instance_type
from shoal.image.job_image import PLATFORMS

if TYPE_CHECKING:
    from shoal.cluster.batch import ComputeResource, Queue
    from shoal.cluster.configuration import Cluster

COMPUTE_TYPE = "AwsBatchComputeInstanceTypeValidator"
ARCHITECTURE = "AwsBatchInstancesArchitectureCompatibilityValidator"


def _resources(cluster: Cluster) -> Iterator[tuple[str, Queue, ComputeResource]]:
    for number, queue in enumerate(cluster.scheduling.aws_batch_queues):
        for index, resource in enumerate(queue.compute_resources):
            yield f"Scheduling.AwsBatchQueues[{number}].ComputeResources[{index}]", queue, resource


def instance_types(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Instance types exist, can be bought as the queue wants, and are offered in one of its subnets."""
    for place, queue, resource in _resources(cluster):
        zones = {around.zone(subnet_id) for subnet_id in queue.networking.subnet_ids} - {None}
        usage = "spot" if queue.capacity_type == "SPOT" else "on-demand"
        for index, name in enumerate(resource.instance_types):
            path, known = f"{place}.InstanceTypes[{index}]", around.instance_types.get(name)
            if not is_instance_type(name):
                continue
            if known is None:
                message = f"is {name}, which is no instance type of this Region"
                yield Finding(COMPUTE_TYPE, path, message, "write one like c7i.large, or optimal", always=True)
            elif usage not in known.get("SupportedUsageClasses", [usage]):
                message = f"is {name}, which EC2 does not sell as {queue.capacity_type}"
                yield Finding("CapacityTypeValidator", path, message, "choose another type or CapacityType")
            elif zones and not any((name, zone) in around.offered for zone in zones):
                message = f"is {name}, which EC2 does not offer in {', '.join(sorted(map(str, zones)))}"
                yield Finding("InstanceTypeZoneValidator", path, message, "choose another type or other subnets")


def sizes(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """At least one instance fits below the limit."""
    for place, _, resource in _resources(cluster):
        only = resource.instance_types[0] if len(resource.instance_types) == 1 else ""
        known = around.instance_types.get(only)
        vcpus = known["VCpuInfo"]["DefaultVCpus"] if known else 0
        if resource.max_vcpus < vcpus:
            message = f"is {resource.max_vcpus}, and one {only} has {vcpus} vCPUs"
            yield Finding(COMPUTE_TYPE, f"{place}.MaxvCpus", message, f"write at least {vcpus}")


def architectures(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """One architecture in a queue, and an image for it."""
    for number, queue in enumerate(cluster.scheduling.aws_batch_queues):
        path = f"Scheduling.AwsBatchQueues[{number}].ComputeResources"
        found = sorted({_architecture(name, around) for resource in queue.compute_resources
                        for name in resource.instance_types} - {""})  # fmt: skip
        if len(found) > 1:
            message = f"have instance types of {' and '.join(found)}, and Batch takes one architecture for a queue"
            yield Finding(ARCHITECTURE, path, message, "make a queue for each architecture", always=True)
        platform = container_image(cluster, queue).platform
        if len(found) == 1 and platform not in (None, PLATFORMS[found[0]]):
            section = (
                f"Scheduling.AwsBatchQueues[{number}].ContainerImage" if queue.container_image else "ContainerImage"
            )
            message = f"is {platform}, and the instances of queue {queue.name} are {PLATFORMS[found[0]]}"
            suggestion = f"write {PLATFORMS[found[0]]}, or remove it"
            yield Finding(ARCHITECTURE, f"{section}.Platform", message, suggestion, always=True)


def _architecture(name: str, around: Surroundings) -> str:
    """Of a type what EC2 says, and nothing of one that does not exist; of the rest what the name says."""
    if is_instance_type(name):
        return around.architecture(name) or ""
    return architecture_by_name(name)


QUEUE_VALIDATORS = (instance_types, sizes, architectures)
