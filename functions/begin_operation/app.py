"""Read a request, decide what happens with it, and for work take the cluster's lock and open its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import dynamodb, lock, s3
from shoal.errors import OperationError
from shoal.ledger import Start, operation_id
from shoal.observability import logger
from shoal.operation import admission, outcome
from shoal.operation.events import BeginEvent
from shoal.operation.request import Request, read_request
from shoal.settings import Settings


@logger.inject_lambda_context
@event_parser
def handler(event: BeginEvent, context: LambdaContext) -> dict[str, Any]:
    """Answer `{"route": "answer" | "run" | "refuse", ...}`; see the state machine `run_operation`."""
    try:
        request = read_request(event.input)
        if request.action.machine is None:
            return {"route": "answer"}
        return _begin(request, event.execution_arn, event.started_at)
    except OperationError as error:
        logger.info("request refused", code=error.code)
        return outcome.refusal(error)


def _begin(request: Request, execution_arn: str, started: datetime) -> dict[str, Any]:
    settings, name = Settings.from_environment(), str(request.cluster_name)
    identity = operation_id(execution_arn, started)
    cluster = dynamodb.read_cluster(name)
    admission.admit(request, cluster, identity)
    location = request.configuration_location()
    text = s3.read_text(*location) if location else request.inline_configuration()
    stored = None
    if text is not None:
        admission.check_configuration(text, settings.region, settings.name_prefix)
        stored = s3.put_text(settings.bucket, f"configurations/{name}.yaml", text)
    deadline = started + request.deadline
    dryrun = not request.changes_something
    start = Start(identity, request.operation, name, execution_arn, started, deadline, dryrun, stored)
    if dryrun:
        dynamodb.put_operation(start)
    else:
        lock.take(start, registers=request.operation == "create")
    return admission.run_route(request, start, settings.name_prefix, cluster)
