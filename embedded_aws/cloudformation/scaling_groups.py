"""CloudFormation's Auto Scaling group, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-autoscaling-autoscalinggroup.html:
it is there when the instances that it wants are in service, changes in place, and is deleted after it was scaled to
zero; an instance that is protected from scale-in therefore holds its stack up. MiniStack's handler launches nothing.
`UpdatePolicy` and `CreationPolicy` of a group are not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import request, without
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    FailedResourceError,
    Properties,
    ResourceType,
    absent_is_deleted,
    handler_message,
    physical_name,
    register,
    tag_changes,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

SETTLE_SECONDS = 30.0
_NOT_STABLE = 'Resource handler returned message: "{0}" (HandlerErrorCode: NotStabilized)'
_BUSY = ("ResourceInUse", "ScalingActivityInProgress")
"""What a group answers that has begun to launch an instance."""
_MEASURED = "MetricsCollection"
_TOLD = ("NotificationConfiguration", "NotificationConfigurations")


def install() -> None:
    """Put the type in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::AutoScaling::AutoScalingGroup",
            _create,
            _delete,
            _update,
            ("AutoScalingGroupName", "InstanceId"),
            ("Tags", "list"),
        )
    )


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("AutoScalingGroupName") or physical_name(stack, logical_id, 255)
    wanted = {**_parameters(name, properties), "Tags": _tags(name, properties)}
    client("autoscaling").create_auto_scaling_group(**request("autoscaling", "CreateAutoScalingGroup", wanted))
    try:
        _notify(name, {}, properties)
        _measure(name, {}, properties)
    except ClientError as error:
        raise FailedResourceError(handler_message(error.response["Error"]["Message"]), name) from error
    _stabilize(name)
    return name, _attributes(name)


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    wanted = _parameters(physical_id, new)
    client("autoscaling").update_auto_scaling_group(**request("autoscaling", "UpdateAutoScalingGroup", wanted))
    _retag(physical_id, old, new)
    _notify(physical_id, old, new)
    _measure(physical_id, old, new)
    _stabilize(physical_id)
    return physical_id, _attributes(physical_id)


def _delete(physical_id: str, properties: Properties) -> None:
    if _group(physical_id) is None:
        return
    sizes = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
    client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=physical_id, **sizes)
    _wait(lambda: _is_deleted(physical_id), f"Group {physical_id} did not stabilize")


def _is_deleted(name: str) -> bool:
    """Whether a group is gone; one that has no instance left is deleted."""
    group = _group(name)
    if group is None:
        return True
    if not group["Instances"] and not group.get("Status"):
        with absent_is_deleted(*_BUSY):
            client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=name)
    return False


def _parameters(name: str, properties: Properties) -> Properties:
    """The properties that are parameters of the API, in its shapes."""
    wanted = without(properties, "Tags", "Cooldown", _MEASURED, *_TOLD)
    if "Cooldown" in properties:
        wanted["DefaultCooldown"] = properties["Cooldown"]
    if isinstance(subnets := properties.get("VPCZoneIdentifier"), list):
        wanted["VPCZoneIdentifier"] = ",".join(subnets)
    return {**wanted, "AutoScalingGroupName": name}


def _tags(name: str, properties: Properties) -> list[Properties]:
    """A group's tags; those of its stack go to the instances as well."""
    about = {"ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
    return [{**about, **tag, "Value": str(tag.get("Value", ""))} for tag in properties.get("Tags") or []]


def _retag(name: str, old: Properties, new: Properties) -> None:
    gone, _ = tag_changes(old, new)
    scaling, about = client("autoscaling"), {"ResourceId": name, "ResourceType": "auto-scaling-group"}
    if gone:
        scaling.delete_tags(Tags=[{**about, "Key": key} for key in gone])
    if (old.get("Tags") or []) != (tags := new.get("Tags") or []) and tags:
        scaling.create_or_update_tags(**request("autoscaling", "CreateOrUpdateTags", {"Tags": _tags(name, new)}))


def _notify(name: str, old: Properties, new: Properties) -> None:
    """Make those who are told of the group those of the new properties."""
    scaling, before, after = client("autoscaling"), _told(old), _told(new)
    for topic in before.keys() - after.keys():
        scaling.delete_notification_configuration(AutoScalingGroupName=name, TopicARN=topic)
    for topic, types in after.items():
        if before.get(topic) != types:
            scaling.put_notification_configuration(AutoScalingGroupName=name, TopicARN=topic, NotificationTypes=types)


def _measure(name: str, old: Properties, new: Properties) -> None:
    """Make the metrics that a group sends those of the new properties."""
    scaling, before, after = client("autoscaling"), old.get(_MEASURED) or [], new.get(_MEASURED) or []
    for gone in (one for one in before if one not in after):
        scaling.disable_metrics_collection(AutoScalingGroupName=name, Metrics=gone.get("Metrics") or [])
    for one in (one for one in after if one not in before):
        call = request("autoscaling", "EnableMetricsCollection", {"AutoScalingGroupName": name, **one})
        scaling.enable_metrics_collection(**call)


def _told(properties: Properties) -> dict[str, list[str]]:
    """Types of notices by topic."""
    single = properties.get("NotificationConfiguration")
    given = [*(properties.get("NotificationConfigurations") or []), *([single] if single else [])]
    return {_topic(one["TopicARN"]): list(one.get("NotificationTypes") or []) for one in given}


def _topic(given: str | list[str]) -> str:
    return given[0] if isinstance(given, list) else given


def _group(name: str) -> dict[str, Any] | None:
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found[0] if found else None


def _attributes(name: str) -> dict[str, Any]:
    return {"AutoScalingGroupARN": (_group(name) or {}).get("AutoScalingGroupARN", "")}


def _stabilize(name: str) -> None:
    """Wait until the instances that a group wants are in service.

    Raises:
        FailedResourceError: a launch failed meanwhile, with what EC2 said; or it takes too long.
    """
    try:
        _wait(lambda: _is_stable(name), f"Group {name} did not stabilize")
    except ValueError as error:
        raise FailedResourceError(str(error), name) from error


def _is_stable(name: str) -> bool:
    group = _group(name) or {"Instances": [], "DesiredCapacity": 0, "MinSize": 0}
    states = [instance["LifecycleState"] for instance in group["Instances"]]
    if states.count("InService") >= group["DesiredCapacity"]:
        return True
    told = client("autoscaling").describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=1)["Activities"]
    if told and told[0]["StatusCode"] == "Failed":
        sizes = "/".join(str(size) for size in (len(states), group["MinSize"], group["DesiredCapacity"]))
        reason = (
            f"Group did not stabilize. {{current/minSize/group}} group size = {{{sizes}}}. "
            f"Failed Scaling Activity: {told[0]['StatusMessage']}"
        )
        raise ValueError(_NOT_STABLE.format(reason))
    return False


def _wait(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise ValueError(_NOT_STABLE.format(otherwise))
        time.sleep(0.05)
