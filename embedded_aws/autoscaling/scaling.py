"""A group comes to the size that it wants: it launches, replaces and ends instances, and tells of each.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html,
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html and, for what a suspended
process does not do, https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html. An
instance that somebody else terminates or stops is noticed at once; on AWS that takes up to some minutes.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from embedded_aws.autoscaling import activities, faults, launching, notices, protocol, worker
from embedded_aws.autoscaling.worker import later
from embedded_aws.ec2.request import Action, Query, Record, Response, listed, wrap
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*protocol.HOOKS, *launching.HOOKS, *worker.HOOKS)

BOOT_SECONDS = 0.5
"""How long an instance is pending."""
RETRY_SECONDS = 5.0
"""How long a group waits after a failed launch or termination, doubled with each one after it."""
LONGEST_RETRY_SECONDS = 60.0
WANTED = ("Pending", "InService")
"""States of instances that count towards what a group wants."""
ENDING = "Terminating"

_marking = threading.Lock()
"""Held for a moment only: requests and the worker both let instances and groups go."""


def install() -> None:
    """Notice what becomes of instances, and try again when a test takes its faults back."""
    wrap(TerminateInstances=_noticing, StopInstances=_noticing)
    faults.ON_CHANGE.append(_try_again)


def look_after(name: str, seconds: float = 0.0) -> None:
    """Let a group do what it has to, soon."""
    later(lambda: _pass(name), seconds)


def retire(record: Record, instance: Record, cause: str) -> Record | None:
    """Begin to end an instance of a group; the activity, or None if it ends already."""
    with _marking:
        if instance["LifecycleState"] == ENDING:
            return None
        if instance["LifecycleState"] == "Pending":
            activities.end(instance["_activity"], "The instance was ended before it was in service.")
        instance.update(LifecycleState=ENDING, _due=0.0)
        description = f"Terminating EC2 instance: {instance['InstanceId']}"
        where = (instance["_subnet"], instance["AvailabilityZone"])
        instance["_activity"] = activities.begin(record, description, cause, *where)
    look_after(record["AutoScalingGroupName"])
    found: Record = instance["_activity"]
    return found


def close(record: Record, force: bool) -> None:
    """Begin to delete a group, with its instances where that is forced.

    Raises:
        RefusedError: it is not, and the group has instances, or is about to.
    """
    with _marking:
        if record["Instances"] and not force:
            message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance"
            raise protocol.RefusedError(f"{message} request(s) still in the group.", "ResourceInUse")
        if record["_launching"] and not force:
            message = "You cannot delete an AutoScalingGroup while there are scaling activities in progress for it."
            raise protocol.RefusedError(message, "ScalingActivityInProgress")
        record.update(Status=protocol.BEING_DELETED, MinSize=0, MaxSize=0, DesiredCapacity=0)
    _close(record)


def _close(record: Record) -> None:
    """End what is left of a group that is being deleted; forget it when nothing is."""
    from ministack.services import autoscaling

    for instance in list(record["Instances"]):
        retire(record, instance, f"At {activities.instant()} a user request force deleted AutoScaling group.")
    if not record["Instances"] and not record["_launching"]:
        autoscaling._asgs.pop(record["AutoScalingGroupName"], None)
        autoscaling._tags.pop(record["AutoScalingGroupName"], None)


def may(record: Record, *processes: str) -> bool:
    """Whether none of these processes is suspended."""
    return bool(record["_suspended"].keys().isdisjoint(processes))


def _pass(name: str) -> None:
    from ministack.services import autoscaling

    record = autoscaling._asgs.get(name)
    if record is None:
        return
    for instance in list(record["Instances"]):
        _advance(record, instance)
    if record["Status"] != protocol.BEING_DELETED:
        _fit(record)
    else:
        _close(record)


def _advance(record: Record, instance: Record) -> None:
    if instance["LifecycleState"] == ENDING:
        _end(record, instance)
        return
    if may(record, "HealthCheck") and not launching.is_alive(instance["InstanceId"]):
        instance["HealthStatus"] = "Unhealthy"
    if instance["HealthStatus"] == "Unhealthy":
        if may(record, "ReplaceUnhealthy", "Terminate"):
            by_user = launching.is_alive(instance["InstanceId"])
            record["_replacing"] += retire(record, instance, activities.unhealthy(by_user)) is not None
        return
    with _marking:
        if instance["LifecycleState"] != "Pending" or instance["_due"] > time.monotonic():
            return
        instance["LifecycleState"] = "InService"
        activities.end(instance["_activity"])
    launching.show(instance["InstanceId"], 16, "running")
    notices.tell(record, notices.LAUNCH, instance["_activity"], instance["InstanceId"])
    for begin in launching.ON_IN_SERVICE:
        begin(instance["InstanceId"])


def _end(record: Record, instance: Record) -> None:
    if instance["_due"] > time.monotonic():
        return
    refused = launching.terminate(record, instance["InstanceId"])
    activity = instance["_activity"]
    activities.end(activity, refused or "")
    if refused:
        notices.tell(record, notices.TERMINATE_ERROR, activity, instance["InstanceId"])
        again = activities.begin(record, f"Terminating EC2 instance: {instance['InstanceId']}", activity["Cause"])
        instance.update(_activity=again, _due=time.monotonic() + RETRY_SECONDS)
        look_after(record["AutoScalingGroupName"], RETRY_SECONDS)
        return
    record["Instances"].remove(instance)
    notices.tell(record, notices.TERMINATE, activity, instance["InstanceId"])


def _fit(record: Record) -> None:
    while may(record, "Launch") and _size(record) < record["DesiredCapacity"] and _launch(record):
        pass
    if may(record, "Terminate"):
        for _ in range(_size(record) - record["DesiredCapacity"]):
            if not (unprotected := [one for one in _wanted(record) if not one["ProtectedFromScaleIn"]]):
                return
            instance = _first_to_go(record, unprotected)
            retire(record, instance, activities.chosen(record, _size(record), instance["InstanceId"]))


def _wanted(record: Record) -> list[Record]:
    return [instance for instance in record["Instances"] if instance["LifecycleState"] in WANTED]


def _size(record: Record) -> int:
    return len(_wanted(record))


def _first_to_go(record: Record, candidates: list[Record]) -> Record:
    """The default policy: the fullest zone, then the oldest version of the template, then the oldest instance.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
    """
    zones = [instance["AvailabilityZone"] for instance in _wanted(record)]
    return min(
        candidates,
        key=lambda one: (-zones.count(one["AvailabilityZone"]), int(one["LaunchTemplate"]["Version"]), one["_place"]),
    )


def _launch(record: Record) -> bool:
    """Launch one instance; whether to go on."""
    name, now = record["AutoScalingGroupName"], time.monotonic()
    with _marking:
        if record["_retry_at"] > now or record["Status"] == protocol.BEING_DELETED:
            return False
        record["_launching"] = True
    try:
        return _launch_one(record, name, now)
    finally:
        record["_launching"] = False


def _launch_one(record: Record, name: str, now: float) -> bool:
    replaced = record["_replacing"] > 0
    cause = activities.replacing() if replaced else activities.started(record, _size(record))
    activity = activities.begin(record, "Launching a new EC2 instance", cause)
    try:
        launched = launching.launch(record)
    except launching.LaunchError as error:
        activities.end(activity, str(error))
        notices.tell(record, notices.LAUNCH_ERROR, activity, "")
        pause = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2 ** record["_failures"])
        record.update(_failures=record["_failures"] + 1, _retry_at=now + pause)
        look_after(name, pause)
        return False
    activity["Description"] += f": {launched['InstanceId']}"
    record.update(_failures=0, _replacing=max(0, record["_replacing"] - 1))
    record["Instances"].append(_managed(record, launched, activity))
    look_after(name, BOOT_SECONDS)
    return True


def _managed(record: Record, launched: Record, activity: Record) -> Record:
    """A launched instance as its group has it."""
    zone = launched["Placement"]["AvailabilityZone"]
    activity["Details"] = f'{{"Subnet ID": "{launched["SubnetId"]}", "Availability Zone": "{zone}"}}'
    record["_places"] += 1
    template = record["LaunchTemplate"]
    return {
        "InstanceId": launched["InstanceId"],
        "InstanceType": launched["InstanceType"],
        "AvailabilityZone": zone,
        "LifecycleState": "Pending",
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": record["NewInstancesProtectedFromScaleIn"],
        "LaunchTemplate": {**template, "Version": _version(template)},
        "_subnet": launched["SubnetId"],
        "_place": record["_places"],
        "_activity": activity,
        "_due": time.monotonic() + BOOT_SECONDS,
    }


def _version(template: Record) -> str:
    """The number of the version that a template's `$Latest` or `$Default` is now."""
    found: dict[str, Any] = (launching.template_data(template) or ({}, {}))[1]
    keys = {"$Latest": "LatestVersionNumber", "$Default": "DefaultVersionNumber"}
    wanted = template["Version"]
    return str(found.get(keys[wanted], 1) if wanted in keys else wanted)


def _noticing(action: Action, query: Query) -> Response:
    from ministack.services import autoscaling

    answer, instances = action(query), set(listed(query, "InstanceId"))
    for name, record in autoscaling._asgs.items():
        if instances & {instance["InstanceId"] for instance in record["Instances"]}:
            look_after(name)
    return answer


def _try_again() -> None:
    """Let every group of every account forget that it failed."""
    from ministack.core.responses import request_scope
    from ministack.services import autoscaling

    for (account, region, name), record in list(autoscaling._asgs.all_items()):
        record.update(_retry_at=0.0, _failures=0)
        for instance in list(record["Instances"]):
            instance["_due"] = 0.0
        with request_scope(account, region):
            look_after(name)
