"""Scaling activities: what a group did, why, and how it went, newest first.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-verify-scaling-activity.html; MiniStack has none.
"""

from __future__ import annotations

import json
import uuid

from embedded_aws.ec2.request import Record

KEPT = "_activities"
"""Key of a group's record with its activities."""

ACTIVE = "InProgress"
FAILED = "Failed"


def instant() -> str:
    """The time as a cause writes it."""
    from ministack.core.responses import now_iso

    return str(now_iso()).partition(".")[0] + "Z"


def begin(record: Record, description: str, cause: str, subnet: str = "", zone: str = "") -> Record:
    """A new activity of a group, in progress."""
    from ministack.core.responses import now_iso

    details = {"Subnet ID": subnet, "Availability Zone": zone} if subnet else {}
    activity = {
        "ActivityId": str(uuid.uuid4()),
        "AutoScalingGroupName": record["AutoScalingGroupName"],
        "AutoScalingGroupARN": record["AutoScalingGroupARN"],
        "Description": description,
        "Cause": cause,
        "StartTime": now_iso(),
        "StatusCode": ACTIVE,
        "Progress": 50,
        "Details": json.dumps(details),
    }
    record[KEPT].insert(0, activity)
    return activity


def end(activity: Record, failure: str = "") -> None:
    """End an activity: well, or with the reason why it failed."""
    from ministack.core.responses import now_iso

    activity.update(EndTime=now_iso(), Progress=100, StatusCode=FAILED if failure else "Successful")
    if failure:
        activity["StatusMessage"] = failure
        activity["Description"] += f".  Status Reason: {failure}"


def started(record: Record, before: int) -> str:
    """Why an instance is launched: what was asked for last, and the difference that it made."""
    return (
        f"{record['_asked']}  At {instant()} an instance was started in response to a difference between desired and "
        f"actual capacity, increasing the capacity from {before} to {record['DesiredCapacity']}."
    )


def replacing() -> str:
    """Why an instance is launched in place of another one."""
    return f"At {instant()} an instance was launched in response to an unhealthy instance needing to be replaced."


def chosen(record: Record, before: int, instance_id: str) -> str:
    """Why a group that has more instances than it wants ends one."""
    return (
        f"{record['_asked']}  At {instant()} an instance was taken out of service in response to a difference between "
        f"desired and actual capacity, shrinking the capacity from {before} to {record['DesiredCapacity']}.  "
        f"At {instant()} instance {instance_id} was selected for termination."
    )


def unhealthy(told_by_user: bool) -> str:
    """Why an instance that does not do is ended."""
    by = (
        "a user health-check"
        if told_by_user
        else "an EC2 health check indicating it has been terminated or stopped"
    )  # fmt: skip
    return f"At {instant()} an instance was taken out of service in response to {by}."


def requested(instance_id: str, before: int, after: int) -> str:
    """Why an instance is ended that somebody asked to end."""
    shrinking = f", shrinking the capacity from {before} to {after}" if after != before else ""
    return f"At {instant()} instance {instance_id} was taken out of service in response to a user request{shrinking}."
