"""A stand-in for the head node of a Slurm cluster, where no instances boot: it does what AWS sees of one.

With the credentials of its role it makes the munge key, reads what it has to apply from the metadata of its stack's
resource, acknowledges it in the node table, and runs sqswatcher and jobwatcher themselves on a Slurm without jobs. The
fixture `cloudformation.head_node_signal` signals when that has begun. Nothing of the bootstrap runs: what it does is
tested elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded_aws.cloudformation import head_node_signal
from embedded_aws.cloudformation.signals import Waiting
from embedded_aws.hooks import Hook
from embedded_aws.stand_in_nodes import daemons, faults, machine, slurm
from embedded_aws.stand_in_nodes.machine import Machine

if TYPE_CHECKING:
    from shoal_node.contract import Settings
    from shoal_node.fleet import Fleet

HOOKS: tuple[Hook, ...] = (*machine.HOOKS, *head_node_signal.HOOKS)

PAUSE = 0.3
"""Seconds between two looks."""
ROUTES = faults.ROUTES


def install() -> None:
    """Boot before the signal is sent."""
    head_node_signal.BEFORE_SUCCESS.append(_boot)


def _boot(waiting: Waiting) -> bool:
    """Set the node up; whether that went well. Instances that are no such node have nothing to set up."""
    machine.make_importable()
    from shoal_node.contract import SLURM, Settings

    found = machine.find(waiting.instance_id)
    if found is None or not isinstance(settings := found.settings, Settings) or settings.kind != SLURM:
        return True
    head = Head(found, settings)
    if lines := faults.found("head", settings.cluster_name):
        head.fail(lines)
        return False
    machine.run(found, head.run)
    return head.configured.wait(30)


@dataclass
class Head:
    """One head node."""

    machine: Machine
    settings: Settings
    """What the stack told it."""
    configured: threading.Event = field(default_factory=threading.Event)
    """Set once the first configuration has been acknowledged."""
    _seen: set[str] = field(default_factory=set)
    """Versions that were applied or refused."""
    _watchers: tuple[Any, ...] = ()
    _stop: threading.Event = field(default_factory=threading.Event)

    def fail(self, lines: list[str]) -> None:
        """End as a bootstrap that fails does: log, tag."""
        from shoal_node.contract import BOOTSTRAP_TAG, FAILURE

        if group := self.settings.log_group:
            where = {"logGroupName": group, "logStreamName": f"{self.machine.instance_id}/bootstrap"}
            logs = self.machine.client("logs")
            logs.create_log_stream(**where)
            now = int(time.time() * 1000)
            logs.put_log_events(**where, logEvents=[{"timestamp": now, "message": line} for line in lines])
        told = {"Key": BOOTSTRAP_TAG, "Value": f"{FAILURE} {lines[-1]}"[:256]}
        self.machine.client("ec2").create_tags(Resources=[self.machine.instance_id], Tags=[told])

    def run(self) -> None:
        """Live until the instance ends."""
        from shoal_node import daemon

        daemons.act_as(self.machine, slurm.of(self.machine.role.split(":")[4], str(self.settings.table)))
        self._make_key()
        daemon.run("the stand-in of a head node", self._look, PAUSE, self._stop)

    def _look(self) -> None:
        if self.machine.state == "running":
            self._configure()
            for watcher in self._watchers:
                watcher.look()
        elif self.machine.state == "terminated":
            self._stop.set()

    def _make_key(self) -> None:
        dynamodb = self.machine.client("dynamodb")
        item = {"pk": {"S": "secret#munge"}, "key": {"S": "c3RhbmQtaW4="}, "slurmVersion": {"S": "22.05.8"}}
        with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(TableName=self.settings.table, Item=item, ConditionExpression="attribute_not_exists(pk)")

    def _configure(self) -> None:
        """Apply what the metadata say, if that was not seen before, and acknowledge it."""
        fleet = self._read()
        if fleet.version in self._seen:
            return
        self._seen.add(fleet.version)
        refused = faults.found("configuration", self.settings.cluster_name)
        told = {"pk": {"S": f"configuration#{fleet.version}"}, "changedAt": {"N": str(int(time.time()))}}
        if refused:
            told |= {"state": {"S": "FAILED"}, "error": {"S": refused}}
        else:
            self._watchers = daemons.watchers(fleet)
            told |= {"state": {"S": "APPLIED"}}
        self.machine.client("dynamodb").put_item(TableName=self.settings.table, Item=told)
        self.configured.set()

    def _read(self) -> Fleet:
        from shoal_node.fleet import FLEET_KEY, METADATA_KEY, Fleet

        found = self.machine.client("cloudformation").describe_stack_resource(
            StackName=self.settings.stack_name, LogicalResourceId=self.settings.logical_id
        )["StackResourceDetail"]
        return Fleet.from_dict(json.loads(found["Metadata"])[METADATA_KEY][FLEET_KEY])
