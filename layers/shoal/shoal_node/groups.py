"""The cluster's Auto Scaling groups and their instances: what there is, and asking for more or for fewer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shoal_node.aws import at_once, client
from shoal_node.decide import Instance
from shoal_node.fleet import Fleet

GROUP_TAG = "aws:autoscaling:groupName"
"""Auto Scaling puts it on every instance, https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html"""
ALIVE = ("pending", "running")
MOST_FILTER_VALUES = 200
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html"""
MOST_GROUPS = 100
ENDING = "Terminat"
"""How the states begin of an instance that is being ended,
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html"""
VALIDATION = "ValidationError"
BELOW_MINIMUM = "min size"
NOT_IN_GROUP = "not found"
MALFORMED = "InvalidInstanceID.Malformed"


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group as it is now."""

    desired: int
    minimum: int
    maximum: int
    instances: int
    """Instances that it has, whatever their state."""


@dataclass(frozen=True)
class Seen:
    """Instances as EC2 tells of them."""

    alive: dict[str, Instance]
    """Those of our groups that are pending or running, by id."""
    ended: frozenset[str]
    """Those that EC2 knows to have stopped or ended, or to be of no group at all."""
    strangers: frozenset[str] = frozenset()
    """Those that run in a group that is not in the fleet, or no longer."""


def instances(fleet: Fleet, instance_ids: Iterable[str] | None = None) -> Seen:
    """Instances by their ids, or all of the fleet's groups; one that EC2 does not know is in neither set.

    Raises:
        ClientError, BotoCoreError: AWS does not answer, or refuses.
    """
    if instance_ids is None:
        return _seen(fleet, f"tag:{GROUP_TAG}", [resource.group for resource in fleet.resources])
    return _seen(fleet, "instance-id", sorted(set(instance_ids)))


def at_addresses(fleet: Fleet, addresses: Iterable[str]) -> Seen:
    """The instances that have these private addresses now; of other networks too, which are in nobody's group of ours.

    Raises:
        ClientError, BotoCoreError: AWS does not answer, or refuses.
    """
    return _seen(fleet, "private-ip-address", sorted(set(addresses)))


def _seen(fleet: Fleet, name: str, values: list[str]) -> Seen:
    ec2 = client("ec2", fleet.region, fleet.endpoint_url)

    def described(some: list[str]) -> list[dict[str, Any]]:
        pages = ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": name, "Values": some}])
        return [told for page in pages for reservation in page["Reservations"] for told in reservation["Instances"]]

    alive: dict[str, Instance] = {}
    ended: set[str] = set()
    strangers: set[str] = set()
    starts = range(0, len(values), MOST_FILTER_VALUES)
    parts = at_once(described, [values[start : start + MOST_FILTER_VALUES] for start in starts])
    for told in (told for part in parts for told in part):
        found = _instance(fleet, told)
        if found is not None:
            alive[found.instance_id] = found
        elif _is_alive(told) and GROUP_TAG in [tag["Key"] for tag in told.get("Tags", ())]:
            strangers.add(told["InstanceId"])
        else:
            ended.add(told["InstanceId"])
    return Seen(alive, frozenset(ended), frozenset(strangers))


def _is_alive(told: dict[str, Any]) -> bool:
    return told["State"]["Name"] in ALIVE


def _instance(fleet: Fleet, told: dict[str, Any]) -> Instance | None:
    tags = {tag["Key"]: tag["Value"] for tag in told.get("Tags", ())}
    resource = fleet.resource_of_group(tags.get(GROUP_TAG, ""))
    address = told.get("PrivateIpAddress")
    if not _is_alive(told) or resource is None or not address:
        return None
    return Instance(told["InstanceId"], resource.queue, resource.name, address, resource.node_name(address))


def groups(fleet: Fleet) -> dict[str, Group]:
    """The fleet's groups by name; one that Auto Scaling does not know is left out."""
    scaling = client("autoscaling", fleet.region, fleet.endpoint_url)
    names = [resource.group for resource in fleet.resources]
    found = {}
    for start in range(0, len(names), MOST_GROUPS):
        pages = scaling.get_paginator("describe_auto_scaling_groups").paginate(
            AutoScalingGroupNames=names[start : start + MOST_GROUPS]
        )
        for told in (told for page in pages for told in page["AutoScalingGroups"]):
            sizes = (told["DesiredCapacity"], told["MinSize"], told["MaxSize"], len(told["Instances"]))
            found[told["AutoScalingGroupName"]] = Group(*sizes)
    return found


def raise_capacity(fleet: Fleet, group: str, capacity: int) -> None:
    """Ask a group for so many instances, at once."""
    client("autoscaling", fleet.region, fleet.endpoint_url).set_desired_capacity(
        AutoScalingGroupName=group, DesiredCapacity=capacity, HonorCooldown=False
    )


def end(fleet: Fleet, instance_id: str, fewer: bool) -> bool:
    """End an instance through its group; whether that was done. One that is being ended already is left alone, so that
    a second request, of a daemon that was killed after the first, does not make the group want one less once more.

    Args:
        fleet: whose instance it is.
        instance_id: which one.
        fewer: whether the group wants one less from now on, instead of a new one; refused below its minimum.

    Raises:
        ClientError, BotoCoreError: AWS does not answer, or refuses for another reason.
    """
    scaling = client("autoscaling", fleet.region, fleet.endpoint_url)
    known = scaling.describe_auto_scaling_instances(InstanceIds=[instance_id])["AutoScalingInstances"]
    if not known or known[0]["LifecycleState"].startswith(ENDING):
        return True
    try:
        scaling.terminate_instance_in_auto_scaling_group(InstanceId=instance_id, ShouldDecrementDesiredCapacity=fewer)
    except ClientError as error:
        told = error.response["Error"]
        if told["Code"] != VALIDATION:
            raise
        if BELOW_MINIMUM in told["Message"].lower():
            return False
        if NOT_IN_GROUP in told["Message"].lower():  # it has ended already, or is about to
            return True
        raise
    return True


def protect(fleet: Fleet, group: str, instance_id: str, protected: bool) -> None:
    """Keep a group from choosing this instance when it scales in, or let it."""
    client("autoscaling", fleet.region, fleet.endpoint_url).set_instance_protection(
        AutoScalingGroupName=group, InstanceIds=[instance_id], ProtectedFromScaleIn=protected
    )


def group_of(fleet: Fleet, instance_id: str) -> str | None:
    """The name of the group that an instance is of, if it is of any."""
    scaling = client("autoscaling", fleet.region, fleet.endpoint_url)
    told = scaling.describe_auto_scaling_instances(InstanceIds=[instance_id])["AutoScalingInstances"]
    return str(told[0]["AutoScalingGroupName"]) if told else None
