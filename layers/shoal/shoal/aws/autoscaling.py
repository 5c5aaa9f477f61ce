"""Auto Scaling: the groups of a Slurm cluster's nodes, closed and opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from shoal.aws.session import client
from shoal.errors import RetryableError

_GROUPS = 100
"""Groups in one call and on one page,
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html"""
_PROTECTED = 50
"""Instances in one call, https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceProtection.html"""
_LAUNCH = "Launch"
_BUSY = frozenset({"ResourceContention", "ResourceContentionFault", "ScalingActivityInProgress"})
"""Another change of the group is under way, which passes."""


def describe_groups(names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Those of the groups that exist, with their instances."""
    paginator = client("autoscaling").get_paginator("describe_auto_scaling_groups")
    for chunk in batched(sorted(set(names)), _GROUPS, strict=False):
        for page in paginator.paginate(AutoScalingGroupNames=list(chunk), MaxRecords=_GROUPS):
            yield from page["AutoScalingGroups"]


def close(group: Mapping[str, Any]) -> None:
    """Let a group launch nothing and end all that it has; a second time changes nothing.

    Args:
        group: as `describe_groups` tells of it.

    Raises:
        RetryableError: the group is being changed at this moment.
    """
    name = group["AutoScalingGroupName"]
    if _LAUNCH not in [process["ProcessName"] for process in group.get("SuspendedProcesses", ())]:
        _call("suspend_processes", AutoScalingGroupName=name, ScalingProcesses=[_LAUNCH])
    release(group)
    if group["MinSize"] or group["DesiredCapacity"]:
        _call("update_auto_scaling_group", AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)


def release(group: Mapping[str, Any]) -> None:
    """Take the scale-in protection off a group's instances: with it the group can be neither emptied nor deleted.

    Args:
        group: as `describe_groups` tells of it.

    Raises:
        RetryableError: the group is being changed at this moment.
    """
    kept = [instance["InstanceId"] for instance in group["Instances"] if instance.get("ProtectedFromScaleIn")]
    for chunk in batched(kept, _PROTECTED, strict=False):
        _unprotect(group["AutoScalingGroupName"], chunk)


def open_again(group: Mapping[str, Any], minimum: int) -> None:
    """Let a group launch again, so many at once; a second time changes nothing.

    Args:
        group: as `describe_groups` tells of it.
        minimum: of its instances.

    Raises:
        RetryableError: the group is being changed at this moment.
    """
    name, desired = group["AutoScalingGroupName"], max(minimum, group["DesiredCapacity"])
    if (group["MinSize"], group["DesiredCapacity"]) != (minimum, desired):
        _call("update_auto_scaling_group", AutoScalingGroupName=name, MinSize=minimum, DesiredCapacity=desired)
    if _LAUNCH in [process["ProcessName"] for process in group.get("SuspendedProcesses", ())]:
        _call("resume_processes", AutoScalingGroupName=name, ScalingProcesses=[_LAUNCH])


def _unprotect(group: str, instance_ids: Sequence[str]) -> None:
    """Take the scale-in protection off instances; one that has ended meanwhile fails the call, so each is tried."""
    try:
        _call(
            "set_instance_protection",
            AutoScalingGroupName=group,
            InstanceIds=list(instance_ids),
            ProtectedFromScaleIn=False,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        if len(instance_ids) > 1:
            for instance_id in instance_ids:
                _unprotect(group, [instance_id])


def _call(operation: str, **arguments: Any) -> None:
    try:
        getattr(client("autoscaling"), operation)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in _BUSY:
            raise RetryableError(f"the group {arguments['AutoScalingGroupName']} is being changed") from error
        raise
