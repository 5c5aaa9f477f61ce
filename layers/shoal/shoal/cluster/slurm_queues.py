"""Slurm queues: partitions, and the compute resources whose nodes serve them."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from shoal.cluster.custom_actions import NodeActions
from shoal.cluster.custom_settings import NODE_SETTINGS, QUEUE_SETTINGS, Settings, violations
from shoal.cluster.grammar import Change, Code, Integer, Matching, NotOffered, Refused, Section, Unique, Violation
from shoal.cluster.iam import QueueIam
from shoal.cluster.image import QueueImage
from shoal.cluster.local_storage import ComputeSettings
from shoal.cluster.network import QueueNetworking
from shoal.cluster.placement import PlacementGroup
from shoal.cluster.tags import MOST_TAGS, NodeTag

MOST_QUEUES = 50
"""As in ParallelCluster, https://docs.aws.amazon.com/parallelcluster/latest/ug/Scheduling-v3.html"""
MOST_COMPUTE_RESOURCES = 50
"""Of all queues together, likewise."""
MOST_NODES = 10_000
"""Of all compute resources together: Slurm has a placeholder for each."""
LONGEST_NAME = 25
LONGEST_NODE_NAME = 63
"""A host name, https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4"""
LONGEST_ADDRESS = len("-255-255-255-255")

Name = Annotated[
    str,
    Matching(
        rf"(?!default$)[a-z][a-z0-9-]{{0,{LONGEST_NAME - 1}}}",
        f"a small letter and at most {LONGEST_NAME - 1} small letters, digits or hyphens, and not `default`",
    ),
]
_NO_CAPACITY_BLOCKS = MappingProxyType(
    {"CAPACITY_BLOCK": Refused("nodes come and go with the jobs", "write ONDEMAND or SPOT")}
)
_RESERVATIONS = Refused(
    "no capacity reservation is named for nodes, which use every open one that fits",
    "remove the section and make the reservation an open one",
)
_HEALTH_CHECKS = Refused(
    "nodes are checked when they start: GPUs that do not answer are not given to jobs", "remove the section"
)
_WEIGHT = Refused("the nodes of a compute resource have one weight", "write CustomSlurmSettings with Weight")
NodeTags = Annotated[tuple[NodeTag, ...], Change.ROLLS, Field(max_length=MOST_TAGS), Unique("Key")]


class Instance(Section):
    """An instance type."""

    instance_type: Annotated[str, Change.ROLLS]
    """Instance type of the nodes."""


class Efa(Section):
    """Elastic Fabric Adapter."""

    enabled: Annotated[bool, Change.ROLLS] = False
    """Whether every network card of a node has an EFA."""
    gdr_support: Annotated[
        None, Refused("GPUs use the EFA directly wherever the instance type can", "remove the key")
    ] = None
    """Whether GPUs use the EFA directly."""


class ComputeResourceNetworking(Section):
    """Where the nodes of a compute resource stand."""

    placement_group: PlacementGroup = PlacementGroup()
    """Placement group of the nodes, instead of the queue's."""


class SlurmComputeResource(Section):
    """Nodes of one kind: one Auto Scaling group."""

    name: Annotated[Name, Change.FIXED]
    """Name, by which an update recognises the compute resource."""
    instances: Annotated[tuple[Instance, ...], Change.ROLLS, Field(min_length=1, max_length=1)] = ()
    """Another way to write `InstanceType`: a list of one."""
    instance_type: Annotated[str, Change.ROLLS] = Field(
        default_factory=lambda section: section["instances"][0].instance_type if section["instances"] else ""
    )
    """Instance type of the nodes; it or `Instances` must be given."""
    min_count: Annotated[Integer, Change.LIVE, Field(ge=0)] = 0
    """Nodes that run even when there are no jobs."""
    max_count: Annotated[Integer, Change.LIVE, Field(ge=1)] = 10
    """Nodes that run at most."""
    spot_price: Annotated[float | None, Change.ROLLS, Field(ge=0, allow_inf_nan=False)] = None
    """Highest price of an instance in dollars an hour, instead of the On-Demand price; only with CapacityType SPOT."""
    disable_simultaneous_multithreading: Annotated[bool, Change.ROLLS] = False
    """Whether each core runs one thread."""
    efa: Efa = Efa()
    """Elastic Fabric Adapter."""
    schedulable_memory: Annotated[Integer | None, Change.ROLLS, Field(ge=1)] = None
    """MiB of a node that Slurm gives to jobs; 95 percent of the instance type's memory unless given."""
    networking: ComputeResourceNetworking = ComputeResourceNetworking()
    """Where the nodes of the compute resource stand."""
    custom_slurm_settings: Annotated[Settings, Change.ROLLS] = {}  # noqa: RUF012 pydantic copies it
    """Parameters of the nodes in Slurm, except those that Shoal writes itself."""
    tags: NodeTags = ()
    """Tags of the nodes; they go before the queue's."""
    capacity_reservation_target: Annotated[None, _RESERVATIONS] = None
    """Capacity reservation of the nodes."""
    health_checks: Annotated[None, _HEALTH_CHECKS] = None
    """Checks of the nodes before jobs."""
    static_node_priority: Annotated[None, _WEIGHT] = None
    """Weight of nodes up to `MinCount`."""
    dynamic_node_priority: Annotated[None, _WEIGHT] = None
    """Weight of nodes above `MinCount`."""
    launch_template_overrides: Annotated[
        None, Refused("the launch template is the cluster's own", "write the keys of the queue and compute resource")
    ] = None
    """Launch template of the user's, parts of which go before the cluster's."""

    def rules(self) -> Iterator[Violation]:
        """One instance type, minimum below maximum, settings that Shoal does not manage."""
        if self.instances and "instance_type" in self.model_fields_set:
            yield Violation("Instances", "cannot be combined with InstanceType", "keep InstanceType")
        elif not self.instance_type:
            yield Violation("InstanceType", "is missing", "add InstanceType", Code.MISSING_KEY)
        if self.max_count < self.min_count:
            yield Violation("MaxCount", "is less than MinCount", "write at least MinCount", Code.OUT_OF_RANGE)
        instead = {"realmemory": "write SchedulableMemory", "threadspercore": "write DisableSimultaneousMultithreading"}
        yield from violations(("CustomSlurmSettings",), self.custom_slurm_settings, NODE_SETTINGS, instead)


class SlurmQueueNetworking(QueueNetworking):
    """Where a queue's nodes stand."""

    placement_group: PlacementGroup = PlacementGroup()
    """Placement group of the nodes; only where all subnets are in one availability zone."""
    proxy: Annotated[
        None, Refused("nodes reach AWS directly", "use VPC endpoints or a NAT gateway in the queue's subnets")
    ] = None
    """HTTP proxy of the nodes."""


class SlurmQueue(Section):
    """A Slurm partition with the compute resources whose nodes serve it."""

    name: Annotated[Name, Change.FIXED]
    """Name, by which an update recognises the queue."""
    capacity_type: Annotated[Literal["ONDEMAND", "SPOT"], Change.ROLLS, NotOffered(_NO_CAPACITY_BLOCKS)] = "ONDEMAND"
    """Whether nodes are On-Demand or Spot instances."""
    networking: SlurmQueueNetworking
    """Where the queue's nodes stand."""
    compute_settings: ComputeSettings = ComputeSettings()
    """Volumes of the nodes."""
    compute_resources: Annotated[
        tuple[SlurmComputeResource, ...],
        Change.LIVE,
        Field(min_length=1, max_length=MOST_COMPUTE_RESOURCES),
        Unique("Name"),
    ]
    """Compute resources in the order in which they are tried for a job."""
    custom_actions: NodeActions = NodeActions()
    """Scripts that run as root on each node."""
    iam: QueueIam = QueueIam()
    """What the nodes, and the jobs with them, may do beyond what the cluster needs."""
    image: QueueImage = QueueImage()
    """Image of the queue's nodes."""
    job_exclusive_allocation: Annotated[bool, Change.LIVE] = False
    """Whether each job has its nodes for itself."""
    custom_slurm_settings: Annotated[Settings, Change.LIVE] = {}  # noqa: RUF012 pydantic copies it
    """Parameters of the partition, except those that Shoal writes itself."""
    tags: NodeTags = ()
    """Tags of the queue's nodes; they go before the cluster's."""
    allocation_strategy: Annotated[
        None, Refused("a compute resource has one instance type, so there is nothing to choose", "remove the key")
    ] = None
    """How Spot or On-Demand instances are chosen."""
    capacity_reservation_target: Annotated[None, _RESERVATIONS] = None
    """Capacity reservation of the nodes."""
    health_checks: Annotated[None, _HEALTH_CHECKS] = None
    """Checks of the nodes before jobs."""

    def placement_group(self, resource: SlurmComputeResource) -> PlacementGroup:
        """What holds for a compute resource: its own section, or the queue's."""
        own = resource.networking.placement_group
        return own if own.given else self.networking.placement_group

    def rules(self) -> Iterator[Violation]:
        """A price only for Spot, names that fit, settings that Shoal does not manage."""
        instead = {"oversubscribe": "write JobExclusiveAllocation", "suspendtime": "write ScaledownIdletime"}
        yield from violations(("CustomSlurmSettings",), self.custom_slurm_settings, QUEUE_SETTINGS, instead)
        for index, resource in enumerate(self.compute_resources):
            at = ("ComputeResources", index)
            if resource.spot_price is not None and self.capacity_type != "SPOT":
                message, suggestion = "is a price for Spot instances", "write CapacityType: SPOT, or remove it"
                yield Violation((*at, "SpotPrice"), message, suggestion)
            elif resource.spot_price == 0:
                message, suggestion = "is nothing, for which there are no instances", "write a price, or remove it"
                yield Violation((*at, "SpotPrice"), message, suggestion, Code.OUT_OF_RANGE)
            longest = LONGEST_NODE_NAME - LONGEST_ADDRESS - len(self.name) - 1
            if len(resource.name) > longest:
                message = "is too long: the names of nodes have it, the queue's and the address"
                yield Violation((*at, "Name"), message, f"write at most {longest} characters", Code.OUT_OF_RANGE)


def queue_violations(items: list[tuple[int, SlurmQueue]]) -> Iterator[Violation]:
    """Names that cannot be told apart in Slurm and Auto Scaling, and too many compute resources or nodes."""
    queues = {queue.name: index for index, queue in items}
    seen: dict[str, str] = {}
    resources = [(index, queue, number, resource) for index, queue in items
                 for number, resource in enumerate(queue.compute_resources)]  # fmt: skip
    for index, queue, number, resource in resources:
        at, joined = (index, "ComputeResources", number, "Name"), f"{queue.name}-{resource.name}"
        if seen.setdefault(joined, queue.name) != queue.name:
            message = f"gives its nodes the name {joined}, which those of queue {seen[joined]} have too"
            yield Violation(at, message, "write another name", Code.NOT_UNIQUE)
        elif queues.get(resource.name, index) != index:
            message = f"is the name of queue {resource.name}, so its nodes would have the features of both"
            yield Violation(at, message, "write another name", Code.NOT_UNIQUE)
    if len(resources) > MOST_COMPUTE_RESOURCES:
        message = f"have {len(resources)} compute resources together"
        yield Violation((), message, f"write at most {MOST_COMPUTE_RESOURCES}", Code.OUT_OF_RANGE)
    elif (nodes := sum(resource.max_count for *_, resource in resources)) > MOST_NODES:
        yield Violation((), f"have {nodes} nodes together", f"write at most {MOST_NODES} in all MaxCount",
                        Code.OUT_OF_RANGE)  # fmt: skip
