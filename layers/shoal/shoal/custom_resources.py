"""Serve the events of `Custom::EmptyBucket` and `Custom::EmptyRepository`.

Create and Update make nothing and are answered at once, except that a prefix in the user's own bucket is marked as
the stack's. Delete starts the machine `clean_up`, whose last state answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.data_classes import CloudFormationCustomResourceEvent

from shoal.aws import cloudformation, dynamodb, s3, s3_versions, states, sts
from shoal.cleanup import policies
from shoal.cleanup.custom_resource import ANSWER_MARGIN, SERVICE_TIMEOUT, Target, execution_name
from shoal.cluster.statuses import ABSENT, meaning
from shoal.errors import ErrorCode, OperationError
from shoal.observability import logger
from shoal.settings import Settings


def serve(event: Mapping[str, Any], now: datetime) -> bool:
    """Do what an event asks for; whether CloudFormation is to be answered at once, with success.

    Args:
        event: CloudFormation's event.
        now: the time, in UTC.

    Raises:
        OperationError: the event is wrong, or the prefix belongs to another stack.
    """
    asked = CloudFormationCustomResourceEvent(dict(event))
    request = asked.request_type
    logger.info("custom resource", request=request, stack_id=asked.stack_id, logical_id=asked.logical_resource_id)
    if request == "Delete":
        return _delete(asked, now)
    target = Target.from_event(event)
    if target.prefix:
        _claim(target, asked.stack_id)
    return True


def _delete(event: CloudFormationCustomResourceEvent, now: datetime) -> bool:
    """Have emptied what the physical id names; nothing is to be done for one that a failed Create got."""
    target = Target.from_physical_id(event.physical_resource_id)
    if target is not None:
        _start(event, target, now)
    return target is None


def _start(event: CloudFormationCustomResourceEvent, target: Target, now: datetime) -> None:
    """Start `clean_up`, or attach to the one that an earlier delivery of this event started."""
    settings, name = Settings.from_environment(), execution_name(event)
    kept = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")}
    expires = now + timedelta(seconds=SERVICE_TIMEOUT)
    dynamodb.put_answer(name, {**kept, "ResponseURL": event.response_url}, int(expires.timestamp()))
    deadline = (expires - timedelta(seconds=ANSWER_MARGIN)).astimezone(UTC)
    states.start(
        settings.state_machine_arn("clean-up"),
        name,
        {
            "kind": target.kind,
            "name": target.name,
            "prefix": target.prefix,
            "stackId": event.stack_id,
            "answer": name,
            "deadline": f"{deadline:%Y-%m-%dT%H:%M:%SZ}",
        },
    )


def _claim(target: Target, stack_id: str) -> None:
    """Mark a prefix as this stack's; refuse one that another living stack or nobody of ours has filled."""
    settings = Settings.from_environment()
    policy = policies.marking(target, partition=settings.partition)
    (bucket,) = sts.narrowed(settings.clean_up_role, policy, "s3", s3_versions.LISTING)
    owner = s3.read_marker(bucket, target.name, target.marker)
    if owner == stack_id:
        return
    if owner is None and s3.holds_objects(bucket, target.name, target.prefix):
        raise _taken(target, "already holds objects that no cluster of Shoal wrote; move them away")
    if owner is not None and _lives(owner):
        raise _taken(target, f"belongs to the stack {owner}; give the cluster another name or bucket")
    if not s3.write_marker(bucket, target.name, target.marker, stack_id, replaces=owner is not None):
        raise _taken(target, "is being taken by another stack at this moment")


def _lives(stack_id: str) -> bool:
    stack = cloudformation.describe_stack(stack_id)
    return meaning(stack["StackStatus"] if stack else ABSENT).cluster_status != "DELETE_COMPLETE"


def _taken(target: Target, why: str) -> OperationError:
    return OperationError(
        ErrorCode.INVALID_CONFIGURATION,
        f"CustomS3Bucket: the prefix {target.prefix} of the bucket {target.name} {why}",
        resource=target.physical_id,
    )
