"""A group tells of launches and terminations through SNS, with AWS's body.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html; whoever asks for notices
gets a test first. MiniStack sends none.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator

from botocore.exceptions import ClientError

from embedded_aws import clients
from embedded_aws.autoscaling import protocol
from embedded_aws.autoscaling.protocol import RefusedError, Result, named_group, page, put, strings
from embedded_aws.autoscaling.worker import later
from embedded_aws.ec2.request import Query, Record, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*protocol.HOOKS, ("services.sns", "_topics"))

LAUNCH = "autoscaling:EC2_INSTANCE_LAUNCH"
LAUNCH_ERROR = "autoscaling:EC2_INSTANCE_LAUNCH_ERROR"
TERMINATE = "autoscaling:EC2_INSTANCE_TERMINATE"
TERMINATE_ERROR = "autoscaling:EC2_INSTANCE_TERMINATE_ERROR"
TEST = "autoscaling:TEST_NOTIFICATION"
SUBJECTS = {
    LAUNCH: "launch",
    LAUNCH_ERROR: "failed launch",
    TERMINATE: "termination",
    TERMINATE_ERROR: "failed termination",
    TEST: "test notification",
}
"""By event; the keys are what DescribeAutoScalingNotificationTypes lists."""

KEPT = "_notices"
"""Key of a group's record: types by topic."""


def install() -> None:
    """Put the operations into Auto Scaling's table."""
    put(
        PutNotificationConfiguration=_put,
        DeleteNotificationConfiguration=_delete,
        DescribeNotificationConfigurations=_describe,
        DescribeAutoScalingNotificationTypes=lambda _: {"AutoScalingNotificationTypes": list(SUBJECTS)},
    )


def tell(record: Record, event: str, activity: Record, instance_id: str) -> None:
    """Send the notice of an activity that has ended to whoever asked for it."""
    body = {
        "Progress": 50,
        "AccountId": record["AutoScalingGroupARN"].split(":")[4],
        "Description": activity["Description"],
        "RequestId": activity["ActivityId"],
        "EndTime": activity["EndTime"],
        "AutoScalingGroupARN": record["AutoScalingGroupARN"],
        "ActivityId": activity["ActivityId"],
        "StartTime": activity["StartTime"],
        "Service": "AWS Auto Scaling",
        "Time": activity["EndTime"],
        "EC2InstanceId": instance_id,
        "StatusCode": activity["StatusCode"] if activity["StatusCode"] == "Failed" else "InProgress",
        "StatusMessage": activity.get("StatusMessage", ""),
        "Details": json.loads(activity["Details"]),
        "AutoScalingGroupName": record["AutoScalingGroupName"],
        "Cause": activity["Cause"],
        "Event": event,
        "Origin": "AutoScalingGroup" if event in (TERMINATE, TERMINATE_ERROR) else "EC2",
        "Destination": "EC2" if event in (TERMINATE, TERMINATE_ERROR) else "AutoScalingGroup",
    }
    for topic in [topic for topic, types in record[KEPT].items() if event in types]:
        _publish(topic, record, event, body)


def _publish(topic: str, record: Record, event: str, body: Result) -> None:
    subject = f'Auto Scaling: {SUBJECTS[event]} for group "{record["AutoScalingGroupName"]}"'
    with contextlib.suppress(ClientError):  # the topic may be gone by now; nobody is told of that on AWS either
        clients.client("sns").publish(TopicArn=topic, Subject=subject[:100], Message=json.dumps(body))


def _put(query: Query) -> Result:
    from ministack.core.responses import now_iso
    from ministack.services import sns

    record, topic, types = named_group(query), value(query, "TopicARN"), strings(query, "NotificationTypes")
    if unknown := [one for one in types if one not in SUBJECTS]:
        raise RefusedError(f'"{unknown[0]}" is not a valid notification type')
    if topic not in sns._topics:
        message = "Please check your target and role configuration and try to put notification configuration again."
        raise RefusedError(f"Unable to publish test notification message to notification target {topic}. {message}")
    record[KEPT][topic] = types
    about = {key: record[key] for key in ("AutoScalingGroupARN", "AutoScalingGroupName")}
    body = {
        "AccountId": record["AutoScalingGroupARN"].split(":")[4],
        "RequestId": str(uuid.uuid4()),
        **about,
        "Service": "AWS Auto Scaling",
        "Event": TEST,
        "Time": now_iso(),
    }
    later(lambda: _publish(topic, record, TEST, body))
    return {}


def _delete(query: Query) -> Result:
    named_group(query)[KEPT].pop(value(query, "TopicARN"), None)
    return {}


def _describe(query: Query) -> Result:
    return page(query, _configurations(strings(query, "AutoScalingGroupNames")), "NotificationConfigurations", 50, 100)


def _configurations(names: list[str]) -> Iterator[Result]:
    from ministack.services import autoscaling

    for name, record in autoscaling._asgs.items():
        for topic, types in record[KEPT].items() if not names or name in names else ():
            for one in types:
                yield {"AutoScalingGroupName": name, "TopicARN": topic, "NotificationType": one}
