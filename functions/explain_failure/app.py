"""Find an operation's root cause and write it to its item; the first one stays. It changes nothing else."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import links
from shoal.aws import builds, cloudformation, dynamodb, ec2, logs
from shoal.build_failure import explain_build
from shoal.cluster.monitoring import HEAD_NODE_LOGS
from shoal.failure import Failure, explain, failed_instance
from shoal.observability import logger
from shoal_node.contract import BOOTSTRAP_STREAM


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a `Failure` as an item for `{operationId, clusterName, failure, stack, token}`.

    Stack (id or name) and token are those of the stack operation that failed, if one did; a failed build is found by
    the cause.
    A child that failed before has recorded what is now caught as its consequence, so what is recorded is the answer.
    """
    name, operation_id = event["clusterName"], event["operationId"]
    recorded = (dynamodb.read_operation(name, operation_id) or {}).get("failure")
    if recorded:
        return dict(recorded)
    failure = (_of_build(event) or _of_stack(event)).to_item()
    dynamodb.record_failure(name, operation_id, failure)
    logger.info("operation failed", cluster_name=name, operation_id=operation_id, failure=failure)
    return failure


def _of_build(event: dict[str, Any]) -> Failure | None:
    """The cause of a build's failure, if that is what the machine caught."""
    build, lines = builds.failed_build(event["failure"]["cause"])
    return explain_build(build, lines) if build else None


def _of_stack(event: dict[str, Any]) -> Failure:
    """Any other cause: the stack's, if there was a stack operation, or what the machine caught."""
    events = cloudformation.operation_events(event["stack"], event["token"]) if "stack" in event else []
    link = links.stack(events[0]["StackId"]) if events else None
    events = cloudformation.with_nested(events)
    instance = failed_instance(events)
    if instance is None:
        return explain(event["failure"], events, link)
    return explain(event["failure"], events, link, ec2.instance_tags(instance), _log_of(instance, event["stack"]))


def _log_of(instance: str, stack: str) -> list[str]:
    """The end of what a head node's bootstrap has sent, oldest line first; nothing where logs are not sent."""
    groups = [item for item in cloudformation.stack_resources(stack) if item["LogicalResourceId"] == HEAD_NODE_LOGS]
    name = next((item["PhysicalResourceId"] for item in groups if item.get("PhysicalResourceId")), None)
    return logs.last_lines(name, f"{instance}/{BOOTSTRAP_STREAM}") if name else []
