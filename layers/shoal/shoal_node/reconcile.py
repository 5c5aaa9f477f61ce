"""Looking at nodes and doing what is decided about each: some that messages name, or all, once a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from botocore.exceptions import ClientError

from shoal_node import groups
from shoal_node.daemon import Decisions
from shoal_node.decide import (
    UNKNOWN,
    Action,
    Do,
    Instance,
    MaybeInstance,
    MaybeSlurmNode,
    Moment,
    Record,
    SlurmNode,
    State,
    decide,
)
from shoal_node.fleet import Fleet
from shoal_node.node_table import NodeTable
from shoal_node.notices import Kind, Notice
from shoal_node.slurm import nodes as slurm_nodes
from shoal_node.slurm.commands import SlurmError

log = logging.getLogger("shoal_node")

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


@dataclass
class Reconciler:
    """Does what is decided; every method raises what the daemon's loop waits out."""

    fleet: Fleet
    decisions: Decisions = field(default_factory=Decisions)
    clock: Callable[[], float] = time.time
    _orphans: set[str] = field(default_factory=set)
    """Nodes in Slurm of which nobody knew an instance at the last sweep."""

    @property
    def table(self) -> NodeTable:
        """The cluster's table."""
        return NodeTable(self.fleet)

    def sweep(self) -> None:
        """Look at every node that anybody knows, and do what is decided about it."""
        look = self._look(None)
        for instance_id in sorted({*look.instances.alive, *look.records}):
            try:
                self._settle(instance_id, look, None)
            except (ClientError, SlurmError) as error:  # the others are not kept waiting; the next sweep tries again
                log.warning("%s: %s", instance_id, error)
        self._remove_orphans(look)

    def hear(self, notices: Sequence[Notice]) -> set[str]:
        """Look at the instances that notices name; the ids of those about which nothing could be decided."""
        heard = {notice.instance_id: notice for notice in notices}
        failed = {notice.instance_id: notice for notice in notices if notice.kind is Kind.FAILED}
        look = self._look(set(heard))
        return {name for name in sorted(heard) if not self._settle(name, look, failed.get(name))}

    def _look(self, ids: Optional[set[str]]) -> Look:
        records = self.table.all() if ids is None else self.table.of(ids)
        seen = groups.instances(self.fleet, ids)
        missing = {name for name, known in records.items() if known.state is not State.TERMINATING} - set(seen.alive)
        if (
            missing
        ):  # asked by their ids, where all were asked; and of all, where ids were: who has their addresses now?
            more = groups.instances(self.fleet, missing if ids is None else None)
            seen = groups.Seen({**more.alive, **seen.alive}, seen.ended | more.ended, seen.strangers | more.strangers)
        try:
            return Look(seen, records, slurm_nodes.nodes())
        except SlurmError as error:
            log.warning("Slurm does not tell of its nodes: %s", error)
            return Look(seen, records, None)

    def _settle(self, instance_id: str, look: Look, failed: Optional[Notice]) -> bool:
        """Decide about one instance and do it; whether it is settled for now."""
        moment = Moment(self.clock(), self.fleet.join_seconds)
        instance, record = look.instance(instance_id, moment.now), look.records.get(instance_id)
        name = record.node_name if record else instance.node_name if isinstance(instance, Instance) else ""
        node = look.node(name, instance)
        action = decide(instance, record, node, moment, failed.cause if failed else None)
        if action.do is Do.RECORD and isinstance(instance, Instance):
            self.table.put_new(instance, int(moment.now))
            self._tell(instance_id, name, action)
            record = self.table.of([instance_id]).get(instance_id)
            action = decide(instance, record, node, moment, failed.cause if failed else None)
        self._act(instance_id, record, node, action, failed)
        self._tell(instance_id, name, action)
        return action.do is not Do.WAIT

    def _act(
        self, instance_id: str, record: Optional[Record], node: MaybeSlurmNode, action: Action, failed: Optional[Notice]
    ) -> None:
        now = int(self.clock())
        if action.do is Do.READY and record:
            self.table.change(record, State.READY, now)
        elif action.do is Do.FAIL and record:
            if record.state is not State.FAILED:
                failure = replace(record, why=action.why, log=failed.log if failed else (), failed_at=now)
                self.table.change(failure, State.FAILED, now)
            if not groups.end(self.fleet, instance_id, fewer=True):
                groups.end(self.fleet, instance_id, fewer=False)
        elif action.do is Do.REMOVE and record:
            if isinstance(node, SlurmNode):
                slurm_nodes.remove(node.name)
            self.table.change(record, State.TERMINATING, now)

    def _remove_orphans(self, look: Look) -> None:
        """Take nodes out of Slurm whose instances nobody knows; once is chance, EC2 may not know a new one yet."""
        known = {record.node_name for record in look.records.values() if record.state is not State.TERMINATING}
        known |= {instance.node_name for instance in look.instances.alive.values()}
        ours = [resource.features for resource in self.fleet.resources]
        orphans = {
            name
            for name, node in (look.nodes or {}).items()
            if name not in known and any(features <= node.features for features in ours)
        }
        for name in sorted(orphans & self._orphans):
            slurm_nodes.remove(name)
            self._tell("no instance", name, Action(Do.REMOVE, "nobody knows its instance"))
        self._orphans = orphans

    def _tell(self, instance_id: str, name: str, action: Action) -> None:
        if action.do is not Do.NOTHING:
            self.decisions.tell(self.clock(), f"{name or 'no node'} ({instance_id})", action.do.value, action.why)
