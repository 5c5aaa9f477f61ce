"""Read a request, decide what happens with it, and for work take the cluster's lock and open its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import dynamodb, s3, states
from shoal.errors import OperationError
from shoal.ledger import Start, begin, operation_id
from shoal.observability import logger
from shoal.operation import admission, outcome
from shoal.operation.request import Request, read_request
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"route": "answer" | "run" | "refuse", ...}`; see the state machine `run_operation`."""
    try:
        request = read_request(event["input"])
        if request.action.machine is None:
            return {"route": "answer"}
        return _run(request, event["executionArn"], datetime.fromisoformat(event["startedAt"]))
    except OperationError as error:
        logger.info("request refused", code=error.code)
        return outcome.refusal(error)


def _run(request: Request, execution_arn: str, started: datetime) -> dict[str, Any]:
    settings, name = Settings.from_environment(), str(request.cluster_name)
    identity = operation_id(execution_arn, started)
    cluster = dynamodb.read_cluster(name)
    admission.admit(request, cluster, identity)
    location, inline = request.configuration_location(), request.inline_configuration()
    text = inline if location is None else s3.read_text(*location)
    stored = None
    if text is not None:
        admission.check_configuration(text, settings.region, settings.name_prefix)
        stored = s3.put_text(settings.bucket, f"configurations/{name}.yaml", text)
    machine = admission.machine_of(request, cluster)
    start = Start(
        identity,
        request.operation,
        name,
        execution_arn,
        started,
        started + request.deadline,
        not request.changes_something,
        stored,
    )
    _open(request, start)
    return {
        "route": "run",
        "machine": machine,
        "executionName": f"{identity}-{machine.split('-')[0]}",
        "child": admission.child_input(request, start, settings.name_prefix, cluster),
    }


def _open(request: Request, start: Start) -> None:
    if not request.changes_something:
        dynamodb.put_operation(start)
    elif not dynamodb.write(begin(start, registers=request.operation == "create")):
        _take_over(start, registers=request.operation == "create")


def _take_over(start: Start, *, registers: bool) -> None:
    lock = dynamodb.read_lock(start.cluster) or {}
    if lock.get("holder") == start.operation_id:
        return  # an earlier try of this state took it
    if "holder" in lock and states.is_running(lock["executionArn"]):
        raise admission.busy(start.cluster, lock)
    if not dynamodb.write(begin(start, dead_holder=lock.get("holder"), registers=registers)):
        raise admission.busy(start.cluster, dynamodb.read_lock(start.cluster) or {})
