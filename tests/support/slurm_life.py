"""Slurm clusters of a deployed Shoal: a small configuration, and what there is of a cluster in its account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support import front_door
from tests.support.front_door import FrontDoor
from tests.support.polling import until

Configure = Callable[..., dict[str, Any]]


def resource(name: str = "work", **changed: Any) -> dict[str, Any]:
    """A compute resource that has no nodes of its own accord."""
    return {"Name": name, "InstanceType": "c6i.large", "MinCount": 0, "MaxCount": 4} | changed


def queue(subnet: str, name: str = "main", *resources: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A queue; of one compute resource, unless some are given."""
    return {
        "Name": name,
        "Networking": {"SubnetIds": [subnet]},
        "ComputeResources": list(resources) or [resource()],
    } | changed


def configuration(
    subnet: str, *queues: dict[str, Any], settings: dict[str, Any] | None = None, **changed: Any
) -> dict[str, Any]:
    """A small cluster; keyword arguments are root keys."""
    scheduling: dict[str, Any] = {"Scheduler": "slurm", "SlurmQueues": list(queues) or [queue(subnet)]}
    scheduling |= {"SlurmSettings": settings} if settings else {}
    return front_door.configuration(subnet, ContainerImage=None, **{"Scheduling": scheduling} | changed)


@dataclass(frozen=True)
class SlurmCluster:
    """One cluster, looked at as the account's root."""

    shoal: FrontDoor
    name: str

    def item(self, key: str) -> dict[str, Any]:
        """An item of the node table: its texts and numbers; empty without one."""
        found = self.shoal.client("dynamodb").get_item(TableName=self.physical("NodeTable"), Key={"pk": {"S": key}})
        return {name: next(iter(value.values())) for name, value in found.get("Item", {}).items()}

    def status(self, part: str) -> Any:
        """A part of what the head node publishes; None before it does."""
        text = self.item("status#head").get(part)
        return json.loads(text) if text else None

    def physical(self, logical_id: str) -> str:
        """A resource's id."""
        return str(self.shoal.resources(self.name)[logical_id]["PhysicalResourceId"])

    def groups(self) -> dict[str, dict[str, Any]]:
        """Its Auto Scaling groups by name, as Auto Scaling tells of them."""
        filters = [{"Name": "tag:shoal:cluster", "Values": [self.name]}]
        pages = self.shoal.client("autoscaling").get_paginator("describe_auto_scaling_groups").paginate(Filters=filters)
        return {group["AutoScalingGroupName"]: group for page in pages for group in page["AutoScalingGroups"]}

    def nodes(self) -> list[str]:
        """The ids of its groups' instances."""
        return [one["InstanceId"] for group in self.groups().values() for one in group["Instances"]]

    def start_nodes(self, group: str, wanted: int) -> None:
        """Ask for nodes, as jobwatcher does for jobs."""
        self.shoal.client("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=wanted)

    @contextmanager
    def failing(self, **fault: Any) -> Iterator[None]:
        """Let something go wrong on its nodes."""
        self.shoal.server.call("POST", "/_shoal/nodes", {"cluster": self.name, **fault})
        try:
            yield
        finally:
            self.shoal.server.call("POST", "/_shoal/nodes", {"cluster": self.name})

    def until_ready(self, queue_name: str, count: int) -> None:
        """Wait until Slurm has so many nodes of a queue."""
        until(
            lambda: sum(row["ready"] for row in (self.status("queues") or {}).get(queue_name, [])) == count,
            30,
            f"{count} nodes of {queue_name}",
        )

    def protect(self, group: str) -> None:
        """Protect a group's instances from scale-in, as nodewatcher does while a job runs there."""
        ids = [instance["InstanceId"] for instance in self.groups()[group]["Instances"]]
        self.shoal.client("autoscaling").set_instance_protection(
            AutoScalingGroupName=group, InstanceIds=ids, ProtectedFromScaleIn=True
        )
