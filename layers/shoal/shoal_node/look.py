"""What AWS, the table and Slurm said at one time, and what is decided of each instance from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from shoal_node import groups
from shoal_node.decide import (
    UNKNOWN,
    Action,
    Instance,
    MaybeInstance,
    MaybeSlurmNode,
    Moment,
    Record,
    SlurmNode,
    decide,
)
from shoal_node.notices import Notice

YOUNG_SECONDS = 120
"""So long EC2 may not know an instance that it has just made, https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"""


@dataclass(frozen=True)
class Look:
    """What AWS, the table and Slurm said at one time."""

    instances: groups.Seen
    records: Mapping[str, Record]
    nodes: Optional[Mapping[str, SlurmNode]]
    """None: Slurm does not answer."""

    def instance(self, instance_id: str, now: float) -> MaybeInstance:
        """An instance, None if it has ended, or unknown while it is too new for EC2 to be sure."""
        if instance_id in self.instances.alive:
            return self.instances.alive[instance_id]
        record = self.records.get(instance_id)
        if record and instance_id in self.instances.strangers:  # its compute resource has left the configuration
            return Instance(instance_id, record.queue, record.compute_resource, record.address, record.node_name)
        sure = instance_id in self.instances.ended
        return UNKNOWN if record and not sure and now - record.launched_at < YOUNG_SECONDS else None

    def node(self, name: str, instance: MaybeInstance) -> MaybeSlurmNode:
        """The node of an instance; None for one that has ended while another has its address, and so its name, now."""
        if self.nodes is None:
            return UNKNOWN
        if instance is None and name in {other.node_name for other in self.instances.alive.values()}:
            return None
        return self.nodes.get(name)


@dataclass(frozen=True)
class Case:
    """One instance, what is known of it, and what is decided."""

    instance_id: str
    name: str
    """Of its node."""
    instance: MaybeInstance
    record: Optional[Record]
    node: MaybeSlurmNode
    failed: Optional[Notice]
    """What the node itself said of its failure."""
    action: Action


def case_of(instance_id: str, look: Look, record: Optional[Record], failed: Optional[Notice], moment: Moment) -> Case:
    """What is known of an instance, and what is decided."""
    instance = look.instance(instance_id, moment.now)
    name = record.node_name if record else instance.node_name if isinstance(instance, Instance) else ""
    node = look.node(name, instance)
    action = decide(instance, record, node, moment, failed.cause if failed else None)
    return Case(instance_id, name, instance, record, node, failed, action)
