"""Record an operation's outcome, keep or forget its cluster, and release the lock: one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import ledger
from shoal.aws import cloudformation, dynamodb
from shoal.cluster.names import stack_name
from shoal.cluster.statuses import ABSENT
from shoal.observability import count, logger
from shoal.operation import outcome
from shoal.operation.events import EndEvent
from shoal.settings import Settings


@logger.inject_lambda_context
@event_parser
def handler(event: EndEvent, context: LambdaContext) -> dict[str, Any]:
    """Answer the execution's output, or `{"failure": {"code", "line", ...}}` for a failed operation."""
    operation = dynamodb.read_operation(event.cluster_name, event.operation_id)
    if operation is None:
        raise LookupError(f"the ledger has no operation {event.operation_id} of cluster {event.cluster_name}")
    stack = cloudformation.describe_stack(stack_name(Settings.from_environment().name_prefix, event.cluster_name))
    stack_status = stack["StackStatus"] if stack else ABSENT
    failure = None
    if event.failure is not None:
        caused = outcome.failure_of(operation, event.failure.model_dump())
        failure = outcome.with_what_is_left(caused, operation["operation"], stack_status)
    if operation["status"] == "RUNNING":
        _close(operation, event.result, failure, stack_status)
        count("OperationFailed" if failure else "OperationSucceeded", operation=operation["operation"])
    return {"failure": outcome.told(failure)} if failure else outcome.answer(operation, event.result or {})


def _close(
    operation: dict[str, Any], result: dict[str, Any] | None, failure: dict[str, Any] | None, stack_status: str
) -> None:
    name, identity, now = operation["clusterName"], operation["operationId"], datetime.now(UTC)
    key, closed = ledger.operation_key(name, identity), outcome.closed(now, result=result, failure=failure)
    if operation["dryrun"]:
        transaction = [ledger.closing(key, closed)]
    else:
        cluster = dynamodb.read_cluster(name) or {}
        status = outcome.cluster_status(operation["operation"], failure, cluster.get("status"), stack_status)
        registered = outcome.registered(operation, cluster, result, status, now)
        gone = stack_status == ABSENT and outcome.forgets(operation["operation"], failed=failure is not None)
        transaction = ledger.end(key, identity, name, closed, registered, forget=gone)
    if not dynamodb.write(transaction):
        logger.warning("the operation was ended by somebody else", operation_id=identity)
