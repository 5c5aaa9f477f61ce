"""A whole elastic cluster on one machine: real Slurm, our daemons, and what stands for EC2 and Auto Scaling's notices.

Groups, queue and table are moto's, in this process; a thread stands for the rest of EC2: for every instance that a
group gains it makes a namespace with a slurmd and a nodewatcher, and it sends the notices that moto does not. The
daemons are threads in their machines' namespaces; so are the programs of Slurm that they run.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from shoal_node import daemon, jobwatcher, nodewatcher, sqswatcher
from shoal_node.fleet import ComputeResource
from shoal_node.notices import Kind, node_message
from tests.slurm.network import Network, start, thread_inside
from tests.slurm.scheduler import Scheduler
from tests.support.fleet_account import FleetAccount, fleet_account

PAUSE = 0.2
SERVICES = ("autoscaling", "dynamodb", "ec2", "sqs")
Post = Callable[[list[Callable[[], None]]], list[Callable[[], None]]]
"""What becomes of the messages of one moment before they are sent."""


def faithful(messages: list[Callable[[], None]]) -> list[Callable[[], None]]:
    """Every message once, in order."""
    return messages


def lost(_: list[Callable[[], None]]) -> list[Callable[[], None]]:
    """No message at all."""
    return []


def doubled_and_reordered(messages: list[Callable[[], None]]) -> list[Callable[[], None]]:
    """Every message twice, in another order."""
    return random.Random(7).sample([*messages, *messages], 2 * len(messages))


class Daemon:
    """A daemon in a thread of its own."""

    def __init__(self, namespace: str, look: Callable[[], None], name: str) -> None:
        self._stop = threading.Event()
        self._thread = thread_inside(namespace, lambda: daemon.run(name, look, PAUSE, self._stop))

    def stop(self) -> None:
        """End it, at once after what it is doing."""
        self._stop.set()
        self._thread.join()


@dataclass
class Machine:
    """One instance."""

    address: str
    slurmd: Popen[bytes]
    watcher: Daemon
    group: str


@dataclass
class Rig:
    """The cluster, and what a test does to it."""

    account: FleetAccount
    network: Network
    slurm: Scheduler
    post: Post = faithful
    leaving: set[str] = field(default_factory=set)
    """Instances that AWS takes away."""
    machines: dict[str, Machine] = field(default_factory=dict)
    head: list[Daemon] = field(default_factory=list)

    def start_head(self) -> None:
        """Start the daemons of the head node."""
        watcher = sqswatcher.Watcher(self.account.fleet, sweep_seconds=1.0, long_poll=0)
        jobs = jobwatcher.Watcher(self.account.fleet)
        for look, name in ((watcher.look, "sqswatcher"), (jobs.look, "jobwatcher")):
            self.head.append(Daemon(self.slurm.namespace, look, name))

    def stop_head(self) -> None:
        """End them."""
        while self.head:
            self.head.pop().stop()

    def kill(self, instance_id: str) -> None:
        """An instance dies; its group starts another."""
        self.machines[instance_id].slurmd.kill()
        self.account.client("ec2").terminate_instances(InstanceIds=[instance_id])

    def settled(self, nodes: int) -> bool:
        """Whether groups, table and Slurm agree on this number of nodes, all of them ready."""
        states = self.account.states()
        instances = [name for told in self.account.fleet.resources for name in self.account.instances(told.name)]
        ready = set(states.values()) <= {"READY"} and set(states) == set(instances)
        return ready and len(states) == nodes and len(self.slurm.nodes()) == nodes

    def reconcile(self) -> None:
        """Do once what EC2 does: machines for new instances, none for those that ended, and a notice of each."""
        messages: list[Callable[[], None]] = []
        wanted = {name: told for told in self.account.fleet.resources for name in self.account.instances(told.name)}
        for instance in sorted(set(wanted) - set(self.machines)):
            messages += self._launch(instance, wanted[instance])
        for instance in sorted(set(self.machines) - set(wanted)):
            messages.append(self._end(instance))
        for message in self.post(messages):
            message()

    def stop_machines(self) -> None:
        """End what is left."""
        for instance in list(self.machines):
            self._end(instance)

    def _launch(self, instance: str, resource: ComputeResource) -> list[Callable[[], None]]:
        address = self.account.address(instance)
        namespace, name = self.network.add(address), resource.node_name(address)
        options = ["--conf", f"Feature={','.join(sorted(resource.features))}"]
        command = ["slurmd", "-D", "-Z", "-N", name, "-f", str(self.slurm.configuration), *options]
        host = f"ip-{address.replace('.', '-')}"
        slurmd = start(namespace, host, command, self.slurm.folder / f"{name}.out")
        watcher = nodewatcher.Watcher(self.account.fleet, resource, instance, name)
        warned = lambda: "Spot interruption" if instance in self.leaving else None  # noqa: E731 - it is handed on
        look = Daemon(namespace, lambda: watcher.look(warned), "nodewatcher")
        self.machines[instance] = Machine(address, slurmd, look, resource.name)
        ready = node_message(Kind.READY, instance, resource.queue, resource.name, [])
        return [
            lambda: self.account.notify("LAUNCH", instance, resource.name),
            lambda: self.account.send(ready),
        ]

    def _end(self, instance: str) -> Callable[[], None]:
        machine = self.machines.pop(instance)
        machine.slurmd.kill()
        machine.slurmd.wait()
        machine.watcher.stop()
        self.network.remove(machine.address)
        return lambda: self.account.notify("TERMINATE", instance, machine.group)


BELOW_MINIMUM = (
    "Currently, desiredSize equals minSize ({minimum}). Terminating instance without replacement will violate group's "
    "min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size."
)


@contextmanager
def as_strict_as_aws() -> Iterator[None]:
    """moto as AWS is: it lets no group shrink below its minimum; and one call at a time, for moto knows no threads."""
    lock, call = threading.RLock(), BaseClient._make_api_call  # type: ignore[attr-defined]

    def strict(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        with lock:
            if operation == "TerminateInstanceInAutoScalingGroup" and arguments["ShouldDecrementDesiredCapacity"]:
                instance = {"InstanceIds": [arguments["InstanceId"]]}
                for told in call(client, "DescribeAutoScalingInstances", instance)["AutoScalingInstances"]:
                    names = {"AutoScalingGroupNames": [told["AutoScalingGroupName"]]}
                    (group,) = call(client, "DescribeAutoScalingGroups", names)["AutoScalingGroups"]
                    if group["DesiredCapacity"] <= group["MinSize"]:
                        message = BELOW_MINIMUM.format(minimum=group["MinSize"])
                        raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, operation)
            return call(client, operation, arguments)

    with patch.object(BaseClient, "_make_api_call", strict):
        yield


@contextmanager
def cluster(
    folder: Path, resources: tuple[ComputeResource, ...], post: Post = faithful, idle_seconds: int = 3
) -> Iterator[Rig]:
    """A cluster whose nodes end after a few idle seconds, with all its daemons at work."""
    with ExitStack() as stack:
        account = stack.enter_context(fleet_account(resources, idle_seconds=idle_seconds, join_seconds=60))
        for service in SERVICES:
            account.client(service)
        stack.enter_context(as_strict_as_aws())
        network = stack.enter_context(Network())
        environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        stack.enter_context(patch.dict(os.environ, environment))
        slurm = stack.enter_context(Scheduler(folder, network, account.fleet, dict(os.environ)))
        rig = Rig(account, network, slurm, post)
        stop = threading.Event()
        stack.callback(rig.stop_machines)
        stack.callback(rig.stop_head)
        rig.start_head()
        ec2 = threading.Thread(target=daemon.run, args=("ec2", rig.reconcile, PAUSE, stop))
        ec2.start()
        stack.callback(ec2.join)
        stack.callback(stop.set)
        yield rig
