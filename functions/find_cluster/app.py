"""Find what of a cluster there is to delete, and refuse when its configuration protects it; changes nothing of it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import cloudformation, dynamodb, s3
from shoal.cleanup.removal import is_protected, stores, targets
from shoal.cluster.statuses import ABSENT, meaning
from shoal.errors import ErrorCode, OperationError
from shoal.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"state": "present" | "gone" | "absent", "stackId", "stores", ...}`; see the machine `delete_cluster`.

    Raises:
        OperationError: the cluster is protected, or the stack of its name is not Shoal's.
    """
    name, operation_id, lap = event["clusterName"], event["operationId"], event["lap"]
    known = dynamodb.read_cluster(name) or {}
    if not event["discard"]:
        _refuse_protected(name, known)
        if lap > 1:  # what is being repaired is not why the operation fails, if it fails
            dynamodb.forget_failure(name, operation_id)
    stack_id = event["stackId"] or known.get("stackId", "")
    stack = _living(name, stack_id) or _living(name, event["stackName"])
    if stack and event["discard"] and not _made_by(operation_id, stack):
        stack = None  # undoing a create touches nothing that another operation made
    state = "present" if stack else "gone" if stack_id else "absent"
    resources = cloudformation.stack_resources(stack["StackId"]) if stack else []
    logger.info("cluster found", cluster_name=name, state=state, stack_id=stack_id)
    return {
        "state": state,
        "stackId": stack["StackId"] if stack else stack_id,
        "protected": bool(stack and stack.get("EnableTerminationProtection")),
        "stores": stores(targets(resources), operation_id, lap),
        "deletion": f"{operation_id}-delete" + ("" if lap == 1 else f"-{lap}"),
        "report": {"summary": f"There is no cluster {name}; nothing had to be deleted.", "removed": 0, "kept": []},
    }


def _made_by(operation_id: str, stack: dict[str, Any]) -> bool:
    return cloudformation.creation_token(stack["StackId"]) == f"{operation_id}-create"


def _refuse_protected(name: str, known: dict[str, Any]) -> None:
    stored = known.get("configuration")
    if stored and is_protected(s3.read_stored(stored)):
        raise OperationError(
            ErrorCode.CLUSTER_PROTECTED,
            f"Lifecycle.Protect: the configuration of the cluster {name} protects it from deletion",
            next_action="Update the cluster with Lifecycle.Protect: false, then delete it.",
        )


def _living(name: str, stack: str) -> dict[str, Any] | None:
    """A stack that is there, by id or name; none if it never was or has been deleted."""
    found = cloudformation.describe_stack(stack) if stack else None
    if meaning(found["StackStatus"] if found else ABSENT).cluster_status == "DELETE_COMPLETE" or found is None:
        return None
    if {"Key": "shoal:cluster", "Value": name} not in found.get("Tags", []):
        raise OperationError(
            ErrorCode.INVALID_REQUEST,
            f"the stack {stack} is not the cluster {name}'s: it lacks the tag shoal:cluster={name}",
            resource=stack,
        )
    return found
