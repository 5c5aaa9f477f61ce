"""A group's instances, one by one: ended, protected, called unhealthy; and the group's processes, suspended.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html,
API_SetInstanceProtection.html, API_SetInstanceHealth.html and API_SuspendProcesses.html. MiniStack has none of these.
"""

from __future__ import annotations

from embedded_aws.autoscaling import activities, protocol, scaling
from embedded_aws.autoscaling.protocol import RefusedError, Result, managed_instance, named_group, put, strings
from embedded_aws.ec2.request import Query, Record, is_true, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = protocol.HOOKS

PROCESSES = (
    "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "Launch",
    "ReplaceUnhealthy", "ScheduledActions", "Terminate",
)  # fmt: skip
PER_CALL = 50
"""Instances of a SetInstanceProtection."""


def install() -> None:
    """Put the operations into Auto Scaling's table."""
    put(
        TerminateInstanceInAutoScalingGroup=_terminate,
        SetInstanceProtection=_protect,
        SetInstanceHealth=_set_health,
        SuspendProcesses=_suspend,
        ResumeProcesses=_resume,
    )


def _terminate(query: Query) -> Result:
    record, instance = managed_instance(value(query, "InstanceId"))
    before, least = record["DesiredCapacity"], record["MinSize"]
    fewer = is_true(value(query, "ShouldDecrementDesiredCapacity"))
    if fewer and before <= least:
        raise RefusedError(
            f"Currently, desiredSize equals minSize ({least}). Terminating instance without replacement will violate "
            "group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min "
            "size."
        )
    after = before - 1 if fewer else before
    activity = scaling.retire(record, instance, activities.requested(instance["InstanceId"], before, after))
    if activity is None:
        raise RefusedError(f"Instance Id not found - {instance['InstanceId']} is being terminated already")
    record["DesiredCapacity"] = after
    record["_replacing"] += not fewer
    return {"Activity": activity}


def _protect(query: Query) -> Result:
    record, wanted = named_group(query), strings(query, "InstanceIds")
    if len(wanted) > PER_CALL:
        raise RefusedError(f"The number of instance ids that may be passed in is limited to {PER_CALL}")
    found = [_in_service(record, instance_id) for instance_id in wanted]
    for instance in found:
        instance["ProtectedFromScaleIn"] = is_true(value(query, "ProtectedFromScaleIn"))
    scaling.look_after(record["AutoScalingGroupName"])  # it may want fewer, and not have been able to
    return {}


def _in_service(record: Record, instance_id: str) -> Record:
    group = record["AutoScalingGroupName"]
    for instance in record["Instances"]:
        if instance["InstanceId"] == instance_id:
            if instance["LifecycleState"] != "InService":
                raise RefusedError(f"The instance {instance_id} is not in InService or EnteringStandby or Standby.")
            found: Record = instance
            return found
    raise RefusedError(f"The instance {instance_id} is not part of Auto Scaling group {group}.")


def _set_health(query: Query) -> Result:
    record, instance = managed_instance(value(query, "InstanceId"))
    status = value(query, "HealthStatus")
    if status not in ("Healthy", "Unhealthy"):
        raise RefusedError(f"'{status}' is not a valid health status: it is Healthy or Unhealthy")
    instance["HealthStatus"] = status
    scaling.look_after(record["AutoScalingGroupName"])
    return {}


def _suspend(query: Query) -> Result:
    record = named_group(query)
    for process in _processes(query):
        record["_suspended"].setdefault(process, f"User suspended at {activities.instant()}")
    return {}


def _resume(query: Query) -> Result:
    record = named_group(query)
    for process in _processes(query):
        record["_suspended"].pop(process, None)
    scaling.look_after(record["AutoScalingGroupName"])
    return {}


def _processes(query: Query) -> tuple[str, ...]:
    """The processes that a request names; all, if it names none."""
    named = tuple(strings(query, "ScalingProcesses"))
    if unknown := [process for process in named if process not in PROCESSES]:
        raise RefusedError(f"'{unknown[0]}' is not a valid scaling process: one of {', '.join(PROCESSES)}")
    return named or PROCESSES
