"""Whether the queues of a Slurm cluster can have their nodes: instance types, AMIs, zones, placement groups, EFA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.cluster.findings import Finding, Level
from shoal.cluster.surroundings import Surroundings, queue_ami

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmComputeResource, SlurmQueue

TYPE = "InstanceTypeValidator"
AMI = "InstanceTypeBaseAMICompatibleValidator"
ALL_PROTOCOLS = "-1"


@dataclass(frozen=True)
class _Nodes:
    """The nodes of one compute resource."""

    place: str
    """Path of the compute resource."""
    queue_place: str
    queue: SlurmQueue
    resource: SlurmComputeResource
    known: Mapping[str, Any] | None
    """What EC2 says of their instance type; none if there is no such type."""
    zones: tuple[str, ...]
    """The availability zones of their subnets, each once."""


def _nodes(cluster: Cluster, around: Surroundings) -> Iterator[_Nodes]:
    for number, queue in enumerate(cluster.scheduling.slurm_queues):
        queue_place = f"Scheduling.SlurmQueues[{number}]"
        zones = sorted({zone for subnet_id in queue.networking.subnet_ids if (zone := around.zone(subnet_id))})
        for index, resource in enumerate(queue.compute_resources):
            known = around.instance_types.get(resource.instance_type)
            place = f"{queue_place}.ComputeResources[{index}]"
            yield _Nodes(place, queue_place, queue, resource, known, tuple(zones))


def instance_types(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Instance types exist, are HVM, can be bought as the queue wants, and are offered in one of its subnets."""
    for nodes in _nodes(cluster, around):
        name, path, known = nodes.resource.instance_type, f"{nodes.place}.InstanceType", nodes.known
        usage = "spot" if nodes.queue.capacity_type == "SPOT" else "on-demand"
        if known is None:
            message = f"is {name}, which is no instance type of this Region"
            yield Finding(TYPE, path, message, "write one like c7i.large", always=True)
        elif "hvm" not in known.get("SupportedVirtualizationTypes", ["hvm"]):
            message = f"is {name}, which has no hardware virtualization"
            yield Finding(TYPE, path, message, "write an instance type that supports HVM")
        elif usage not in known.get("SupportedUsageClasses", [usage]):
            message = f"is {name}, which EC2 does not sell as {nodes.queue.capacity_type}"
            yield Finding("CapacityTypeValidator", path, message, "choose another type or CapacityType")
        elif nodes.zones and not any((name, zone) in around.offered for zone in nodes.zones):
            message = f"is {name}, which EC2 does not offer in {', '.join(nodes.zones)}"
            yield Finding("InstanceTypeZoneValidator", path, message, "choose another type or other subnets")


def memory(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """No more memory for jobs than a node has."""
    for nodes in _nodes(cluster, around):
        asked, has = nodes.resource.schedulable_memory, (nodes.known or {}).get("MemoryInfo", {}).get("SizeInMiB")
        if asked and has and asked > has:
            message = f"is {asked}, and a {nodes.resource.instance_type} has {has} MiB"
            path = f"{nodes.place}.SchedulableMemory"
            yield Finding("SchedulableMemoryValidator", path, message, f"write at most {has}")


def images(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """A queue's AMI exists, runs on all its instance types, fits on the root volume, and has drivers for its GPUs."""
    told: set[str] = set()
    for nodes in _nodes(cluster, around):
        own, image_id = queue_ami(cluster, nodes.queue), around.queue_image_id(cluster, nodes.queue)
        path = f"{nodes.queue_place}.Image.CustomAmi" if nodes.queue.image.custom_ami else "Image.CustomAmi"
        image = around.images.get(image_id or "")
        architecture = around.architecture(nodes.resource.instance_type)
        if image is None:
            if nodes.queue_place not in told and (own or architecture):
                told.add(nodes.queue_place)
                what = f"is {own}, which is no AMI that this account can use"
                if not own:
                    path = "Image.Os"
                    what = f"is {cluster.image.os}, for which no official AMI for {architecture} is in this Region"
                yield Finding(AMI, path, what, "name an AMI of this Region as Image.CustomAmi", always=True)
            continue
        if architecture and image["Architecture"] != architecture:
            message = f"is {nodes.resource.instance_type}, {architecture}, and the queue's AMI {image_id} is for"
            message += f" {image['Architecture']}"
            suggestion = "make a queue for each architecture" if not own else f"name an AMI for {architecture}"
            yield Finding(AMI, f"{nodes.place}.InstanceType", message, suggestion, always=True)
        yield from _root_volume(nodes, image, told)
        if not own and _gpus(nodes):
            message = f"is {nodes.resource.instance_type} with GPUs, for which the official AMI has no driver"
            suggestion = (
                "name an AMI with NVIDIA's driver as Image.CustomAmi of the queue; without it no job gets a GPU"
            )
            yield Finding("GpuDriverValidator", f"{nodes.place}.InstanceType", message, suggestion, Level.WARNING)


def _root_volume(nodes: _Nodes, image: Mapping[str, Any], told: set[str]) -> Iterator[Finding]:
    path = f"{nodes.queue_place}.ComputeSettings.LocalStorage.RootVolume.Size"
    size = nodes.queue.compute_settings.local_storage.root_volume.size
    volumes = [mapping["Ebs"].get("VolumeSize", 0) for mapping in image.get("BlockDeviceMappings", ())
               if "Ebs" in mapping]  # fmt: skip
    least = max(volumes, default=0)
    if size and size < least and path not in told:
        told.add(path)
        yield Finding("RootVolumeSizeValidator", path, f"is {size}, and the AMI needs {least} GiB", f"write {least}")


def _gpus(nodes: _Nodes) -> bool:
    gpus = (nodes.known or {}).get("GpuInfo", {}).get("Gpus", ())
    return any(gpu.get("Manufacturer") == "NVIDIA" for gpu in gpus)


def placement(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """A placement group exists, and its nodes are in one zone: a cluster placement group never spans several.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-strategies.html#placement-groups-cluster
    """
    for nodes in _nodes(cluster, around):
        group = nodes.queue.placement_group(nodes.resource)
        own = nodes.resource.networking.placement_group.given
        path = f"{nodes.place if own else nodes.queue_place}.Networking.PlacementGroup"
        if group.wanted and len(nodes.zones) > 1:
            message = f"is for nodes in {' and '.join(nodes.zones)}, and a placement group is in one zone"
            suggestion = "keep the subnets of one zone, or remove the placement group"
            yield Finding("MultiAzPlacementGroupValidator", path, message, suggestion, always=True)
        if group.existing and group.existing not in around.placement_groups:
            message = f"names {group.existing}, which is no cluster placement group of this account and Region"
            suggestion = "name one, or write Enabled: true without a name for a new one"
            yield Finding("PlacementGroupNamingValidator", path, message, suggestion)


def fabric(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """EFA: where the instance type has it, in one zone, and with security groups that let the nodes at each other.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html
    """
    for nodes in _nodes(cluster, around):
        if not nodes.resource.efa.enabled:
            continue
        path, name = f"{nodes.place}.Efa.Enabled", nodes.resource.instance_type
        if nodes.known is not None and not nodes.known.get("NetworkInfo", {}).get("EfaSupported"):
            message = f"is true, and {name} has no Elastic Fabric Adapter"
            yield Finding("EfaValidator", path, message, "choose a type like c6i.32xlarge, or write false")
        if len(nodes.zones) > 1:
            message = f"is true, and EFA does not leave a zone: the subnets are in {' and '.join(nodes.zones)}"
            yield Finding("EfaMultiAzValidator", path, message, "keep the subnets of one zone, or write false")
        elif not nodes.queue.placement_group(nodes.resource).wanted:
            message, suggestion = "is true without a placement group", "add PlacementGroup with Enabled: true"
            yield Finding("EfaPlacementGroupValidator", path, f"{message}, so that nodes may be far apart", suggestion,
                          Level.WARNING)  # fmt: skip
        own = [around.security_groups[group] for group in nodes.queue.networking.security_groups
               if group in around.security_groups]  # fmt: skip
        if own and not any(map(_open_to_itself, own)):
            message = "is true, and none of SecurityGroups lets all traffic in from and out to itself"
            suggestion = "add both rules to one of them, or remove SecurityGroups"
            yield Finding("EfaSecurityGroupValidator", path, message, suggestion)


def _open_to_itself(group: Mapping[str, Any]) -> bool:
    return all(
        any(
            rule["IpProtocol"] == ALL_PROTOCOLS
            and any(pair.get("GroupId") == group["GroupId"] for pair in rule.get("UserIdGroupPairs", ()))
            for rule in group.get(direction, ())
        )
        for direction in ("IpPermissions", "IpPermissionsEgress")
    )


def addresses(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """No public address asked for where EC2 gives none: on instances with several network cards.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html
    """
    for nodes in _nodes(cluster, around):
        cards = (nodes.known or {}).get("NetworkInfo", {}).get("MaximumNetworkCards", 1)
        if nodes.queue.networking.assign_public_ip and cards > 1:
            message = f"is true, and {nodes.resource.instance_type} has {cards} network cards, so it gets no address"
            path = f"{nodes.queue_place}.Networking.AssignPublicIp"
            suggestion = "remove the key, and use subnets with a NAT gateway"
            yield Finding("MultiNetworkInterfacesInstancesValidator", path, message, suggestion)


SLURM_VALIDATORS = (instance_types, memory, images, placement, fabric, addresses)
