"""The elastic part of a Slurm cluster as its daemons are told of it: queues, compute resources, SQS queue, idle time.

All that an update may change. The control plane writes it as a JSON value into the metadata of the head node's
resource; the head node reads it there and gives the same text to its daemons and to every compute node. Standard
library only, Python 3.9 and later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import Field, asdict, dataclass, fields
from typing import Any

from shoal_node.contract import Action, read_actions

FLEET_FILE = "/etc/shoal/fleet.json"
SHARED_FLEET_FILE = "/opt/shoal/fleet.json"
"""The same text where compute nodes read it: the head node exports this directory."""
METADATA_KEY = "Shoal"
FLEET_KEY = "Fleet"
"""Where the fleet stands in the metadata of the head node's resource: `{"Shoal": {"Fleet": {...}}}`."""


@dataclass(frozen=True)
class ComputeResource:
    """The nodes of one kind in a queue: one Auto Scaling group."""

    queue: str
    name: str
    group: str
    """Name of the Auto Scaling group."""
    cpus: int
    """CPUs that Slurm gives to jobs on one node: hardware threads, or cores where each runs one thread."""
    memory: int
    """MiB of one node that Slurm gives to jobs."""
    max_count: int
    min_count: int = 0
    gpus: int = 0
    threads_per_core: int = 1
    custom_settings: tuple[str, ...] = ()
    """Parameters of the node that the user sets, `Weight=10`."""

    @property
    def features(self) -> frozenset[str]:
        """What a job can ask for with `--constraint`, and what puts the node into its partition."""
        return frozenset({self.queue, self.name})

    def node_name(self, address: str) -> str:
        """The name in Slurm of the node with this IPv4 address."""
        return f"{self.queue}-{self.name}-{address.replace('.', '-')}"


@dataclass(frozen=True)
class Partition:
    """A queue as Slurm has it."""

    name: str
    is_default: bool = False
    """Whether jobs that name no queue come here."""
    is_exclusive: bool = False
    """Whether every job has its nodes for itself."""
    custom_settings: tuple[str, ...] = ()
    """Parameters of the partition that the user sets, `PriorityTier=10`."""


@dataclass(frozen=True)
class Fleet:
    """Everything that the three daemons are told."""

    cluster_name: str
    region: str
    queue_url: Any
    """The SQS queue with the groups' notices and the nodes' own messages; in the control plane a reference."""
    table: Any
    """The DynamoDB table of nodes; in the control plane a reference."""
    resources: tuple[ComputeResource, ...]
    """In the order in which a queue's compute resources are tried."""
    idle_seconds: int = 600
    """`ScaledownIdletime`: how long a node may have nothing to do before it ends itself; negative: for ever."""
    join_seconds: int = 1800
    """How long an instance may take to become a node before it is ended."""
    memory_is_consumable: bool = False
    """Whether Slurm gives memory to jobs (`CR_CPU_Memory`) or only looks whether a node has enough (`CR_CPU`)."""
    endpoint_url: str | None = None
    """Where AWS answers, if not at its own addresses."""
    version: str = ""
    """Changes with everything else here; the head node acknowledges what it has applied by it."""
    queues: tuple[Partition, ...] = ()
    custom_settings: tuple[str, ...] = ()
    """Lines of `slurm.conf` that the user sets."""
    on_node_updated: tuple[Action, ...] = ()
    """The user's scripts that run on the head node when an update has been applied."""

    def resource_of_group(self, group: str) -> ComputeResource | None:
        """The compute resource whose Auto Scaling group has this name."""
        return next((resource for resource in self.resources if resource.group == group), None)

    def of_queue(self, queue: str) -> tuple[ComputeResource, ...]:
        """The compute resources of a queue, in the order in which they are tried."""
        return tuple(resource for resource in self.resources if resource.queue == queue)

    def resource(self, queue: str, name: str) -> ComputeResource | None:
        """A compute resource by its names."""
        return next((found for found in self.of_queue(queue) if found.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """The fleet as JSON values; what is not given is left out, since CloudFormation takes no null."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def to_json(self) -> str:
        """The text that `from_json` reads."""
        return json.dumps(self.as_dict(), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Fleet:
        """Read the fleet back.

        Raises:
            ValueError: the text is not what `to_json` gives.
        """
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Fleet:
        """Read the fleet back from JSON values, numbers and booleans as text included: CloudFormation may make text of
        them (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-metadata.html says nothing).

        Raises:
            ValueError: the values are not what `as_dict` gives.
        """
        try:
            values = _typed(fields(cls), given)
            values["resources"] = tuple(
                ComputeResource(**_typed(fields(ComputeResource), one)) for one in given["resources"]
            )
            values["queues"] = tuple(Partition(**_typed(fields(Partition), one)) for one in given.get("queues", ()))
            values["on_node_updated"] = read_actions(given.get("on_node_updated", []))
            return cls(**values)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this fleet is of another version of the node package: {error}") from error


def _typed(known: tuple[Field[Any], ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values with the types of their fields; those of unknown fields stay, to be refused."""
    types = {field.name: field.type for field in known}
    return {name: _value(types.get(name), value) for name, value in given.items()}


def _value(kind: Any, value: Any) -> Any:
    if kind == "int":
        return int(value)
    if kind == "bool":
        return value in (True, "true")
    return tuple(value) if isinstance(value, list) else value


def queues(resources: Iterable[ComputeResource]) -> tuple[str, ...]:
    """The names of the queues, each once, in their order."""
    return tuple(dict.fromkeys(resource.queue for resource in resources))
