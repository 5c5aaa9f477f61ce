"""Say how far one operation on a stack is and what the machine does next; it starts nothing and changes nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import cloudformation
from shoal.cluster.statuses import ABSENT, Step, meaning, next_of_awaited, next_of_change_set, next_step
from shoal.errors import ErrorCode, OperationError
from shoal.observability import logger

MADE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
"""Statuses of a resource that can be used."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"next": "start" | "wait" | "done", "stackId", "status"}`; see the state machine `deploy_stack`.

    Raises:
        OperationError: `StackFailed` when CloudFormation has given up, `ClusterExists` when the stack to be created
            is another operation's, `ClusterNotFound` when the stack to be changed is not there.
    """
    stack = cloudformation.describe_stack(event.get("stackId") or event["stackName"])
    status = stack["StackStatus"] if stack else ABSENT
    stack_id = stack["StackId"] if stack else event.get("stackId", "")
    step = _step(event, stack_id, status)
    logger.info("stack observed", stack_id=stack_id, status=status, action=event["action"], next=step)
    if step in {Step.FAILED, Step.TAKEN}:
        raise _failed(event, step, stack or {})
    return {"next": step.value, "stackId": stack_id, "status": status}


def _step(event: dict[str, Any], stack_id: str, status: str) -> Step:
    if event["action"] == "create-change-set":
        found = cloudformation.describe_change_set(event["stackName"], event["changeSetName"])
        return next_of_change_set(status, found["Status"] if found else None, started=event["started"])
    if event["action"] == "await":
        there = cloudformation.stack_resources(stack_id or event["stackName"])
        made = [item for item in there if item["ResourceStatus"] in MADE]
        return next_of_awaited(
            status, complete=set(event["logicalIds"]) <= {item["LogicalResourceId"] for item in made}
        )
    settled = status != ABSENT and meaning(status).settled
    ours = settled and cloudformation.last_token(stack_id) == event["token"]
    return next_step(event["action"], status, started=event["started"], ours=ours)


def _failed(event: dict[str, Any], step: Step, stack: dict[str, Any]) -> OperationError:
    name, status = event["stackName"], stack.get("StackStatus", ABSENT)
    if step is Step.TAKEN:
        return OperationError(
            ErrorCode.CLUSTER_EXISTS, f"clusterName: the stack {name} is there already, {status}", resource=name
        )
    if status in {ABSENT, "DELETE_COMPLETE"}:
        return OperationError(ErrorCode.CLUSTER_NOT_FOUND, f"clusterName: the stack {name} is not there", resource=name)
    reason = stack.get("StackStatusReason") or "CloudFormation gives no reason"
    return OperationError(ErrorCode.STACK_FAILED, f"the stack {name} is {status}: {reason}", resource=name)
