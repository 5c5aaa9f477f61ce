"""The messages of the cluster's queue: Auto Scaling's notices, wrapped by SNS, and what the compute nodes post.

Auto Scaling's are described at https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any

MOST_LOG_LINES = 20
MOST_CAUSE = 500
"""Characters of a cause that are kept."""


class NoticeError(ValueError):
    """A message that nobody can read; it stays in the queue until it goes to the dead letters."""


class Kind(str, enum.Enum):
    """What a message is about."""

    LAUNCH = "autoscaling:EC2_INSTANCE_LAUNCH"
    TERMINATE = "autoscaling:EC2_INSTANCE_TERMINATE"
    LAUNCH_ERROR = "autoscaling:EC2_INSTANCE_LAUNCH_ERROR"
    TERMINATE_ERROR = "autoscaling:EC2_INSTANCE_TERMINATE_ERROR"
    TEST = "autoscaling:TEST_NOTIFICATION"
    READY = "COMPUTE_READY"
    FAILED = "COMPUTE_FAILED"


@dataclass(frozen=True)
class Notice:
    """One message."""

    kind: Kind
    instance_id: str = ""
    group: str = ""
    """The Auto Scaling group, of a notice of Auto Scaling."""
    cause: str = ""
    """Why AWS launched nothing, or the last line of a node that failed."""
    log: tuple[str, ...] = ()
    """The last lines of a node that failed."""


def parse(body: str) -> Notice:
    """Read a message.

    Raises:
        NoticeError: it is none that we know; what is wrong with it in one line.
    """
    message = _object(body)
    if message.get("Type") == "Notification":
        message = _object(message.get("Message"))
    if "shoal" in message:
        return _of_node(message)
    if "Event" in message:
        return _of_group(message)
    raise NoticeError("it is neither a notice of Auto Scaling nor a message of a node")


def node_message(kind: Kind, instance_id: str, queue: str, compute_resource: str, log: list[str]) -> str:
    """What a compute node posts about itself: `READY`, or `FAILED` with the last lines of its log."""
    about = {"instanceId": instance_id, "queue": queue, "computeResource": compute_resource}
    return json.dumps({"shoal": kind.value, **about, "log": log[-MOST_LOG_LINES:]})


def _of_node(message: dict[str, Any]) -> Notice:
    kind = _kind(message["shoal"], (Kind.READY, Kind.FAILED))
    lines = message.get("log") or []
    if not isinstance(lines, list):
        raise NoticeError("its log is not a list of lines")
    log = tuple(str(line) for line in lines[-MOST_LOG_LINES:])
    cause = log[-1] if log else "no reason was given"
    return Notice(kind, _instance(message, "instanceId"), cause=cause[:MOST_CAUSE], log=log)


def _of_group(message: dict[str, Any]) -> Notice:
    known = (Kind.LAUNCH, Kind.TERMINATE, Kind.LAUNCH_ERROR, Kind.TERMINATE_ERROR, Kind.TEST)
    kind = _kind(message["Event"], known)
    group = str(message.get("AutoScalingGroupName", ""))
    if kind is Kind.TEST:
        return Notice(kind, group=group)
    cause = str(message.get("StatusMessage") or message.get("Cause") or "")[:MOST_CAUSE]
    if kind is Kind.LAUNCH_ERROR:  # no instance came to be, and the notice names none
        return Notice(kind, group=group, cause=cause)
    return Notice(kind, _instance(message, "EC2InstanceId"), group, cause)


def _object(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError) as error:
        raise NoticeError("it is not JSON") from error
    if not isinstance(found, dict):
        raise NoticeError("it is not a JSON object")
    return found


def _kind(name: Any, known: tuple[Kind, ...]) -> Kind:
    found = next((kind for kind in known if kind.value == name), None)
    if found is None:
        raise NoticeError(f"nobody knows {str(name)[:80]!r}")
    return found


def _instance(message: dict[str, Any], key: str) -> str:
    found = message.get(key)
    if not isinstance(found, str) or not found.startswith("i-"):
        raise NoticeError(f"{key} is not the id of an instance")
    return found
