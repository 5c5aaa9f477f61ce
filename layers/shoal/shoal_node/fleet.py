"""The elastic part of a Slurm cluster as its daemons are told of it: compute resources, queue, table, idle time.

The control plane writes it as JSON onto the head node and, the same text, onto every compute node. Standard library
only, Python 3.9 and later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

FLEET_FILE = "/etc/shoal/fleet.json"


@dataclass(frozen=True)
class ComputeResource:
    """The nodes of one kind in a queue: one Auto Scaling group."""

    queue: str
    name: str
    group: str
    """Name of the Auto Scaling group."""
    cpus: int
    """CPUs that Slurm gives to jobs on one node."""
    memory: int
    """MiB of one node that Slurm gives to jobs."""
    max_count: int
    min_count: int = 0
    gpus: int = 0

    @property
    def features(self) -> frozenset[str]:
        """What a job can ask for with `--constraint`, and what puts the node into its partition."""
        return frozenset({self.queue, self.name})

    def node_name(self, address: str) -> str:
        """The name in Slurm of the node with this IPv4 address."""
        return f"{self.queue}-{self.name}-{address.replace('.', '-')}"


@dataclass(frozen=True)
class Fleet:
    """Everything that the three daemons are told."""

    cluster_name: str
    region: str
    queue_url: str
    """The SQS queue with the groups' notices and the nodes' own messages."""
    table: str
    """The DynamoDB table of nodes."""
    resources: tuple[ComputeResource, ...]
    """In the order in which a queue's compute resources are tried."""
    idle_seconds: int = 600
    """`ScaledownIdletime`: how long a node may have nothing to do before it ends itself."""
    join_seconds: int = 1800
    """How long an instance may take to become a node before it is ended."""
    memory_is_consumable: bool = False
    """Whether Slurm gives memory to jobs (`CR_CPU_Memory`) or only looks whether a node has enough (`CR_CPU`)."""
    endpoint_url: str | None = None
    """Where AWS answers, if not at its own addresses."""

    def resource_of_group(self, group: str) -> ComputeResource | None:
        """The compute resource whose Auto Scaling group has this name."""
        return next((resource for resource in self.resources if resource.group == group), None)

    def of_queue(self, queue: str) -> tuple[ComputeResource, ...]:
        """The compute resources of a queue, in the order in which they are tried."""
        return tuple(resource for resource in self.resources if resource.queue == queue)

    def resource(self, queue: str, name: str) -> ComputeResource | None:
        """A compute resource by its names."""
        return next((found for found in self.of_queue(queue) if found.name == name), None)

    def to_json(self) -> str:
        """The text that `from_json` reads."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Fleet:
        """Read the fleet back.

        Raises:
            ValueError: the text is not what `to_json` gives.
        """
        try:
            values = json.loads(text)
            values["resources"] = tuple(ComputeResource(**resource) for resource in values["resources"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this fleet is of another version of the node package: {error}") from error


def placeholders(resource: ComputeResource) -> str:
    """The names, as Slurm writes a range, of the nodes that a compute resource could have."""
    return f"{resource.queue}-{resource.name}-future[1-{resource.max_count}]"


def queues(resources: Iterable[ComputeResource]) -> tuple[str, ...]:
    """The names of the queues, each once, in their order."""
    return tuple(dict.fromkeys(resource.queue for resource in resources))
