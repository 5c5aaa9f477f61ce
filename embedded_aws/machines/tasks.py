"""Tasks of state machines call AWS through boto3, under the machine's role.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-create-iam-advanced.html - every call of a Task is
made with the machine's role. MiniStack reaches a fixed list of services, without asking the role, and is lenient
about parameters. Here every Resource of the form `arn:...:states:::...` goes through `integrations`, so that any
service botocore knows works, and a missing right or a misspelled field fails as on AWS.

Waiting for a task token is left to MiniStack.
"""

from __future__ import annotations

import json
from typing import Any

import botocore
from botocore.exceptions import ClientError, ParamValidationError

from embedded_aws.clients import role_client
from embedded_aws.hooks import Hook
from embedded_aws.machines import faults, integrations, sync
from embedded_aws.machines.integrations import Integration, TaskError
from embedded_aws.machines.scopes import Scope, current

LARGEST_PAYLOAD = 262_144
"""Bytes of an input, a result or a state's output. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

HOOKS: tuple[Hook, ...] = (
    ("services.stepfunctions", "_invoke_resource"),
    ("services.stepfunctions", "_invoke_resource_with_timeout"),
    ("services.stepfunctions", "_ExecutionError"),
    ("services.stepfunctions", "_add_event"),
)


def install() -> None:
    """Take over the tasks that call a service."""
    from ministack.services import stepfunctions

    other, timed = stepfunctions._invoke_resource, stepfunctions._invoke_resource_with_timeout

    def invoke(resource: str, arguments: Any) -> Any:
        if ":states:::" not in resource:
            return other(resource, arguments)
        try:
            return call(resource, arguments, current.get())
        except TaskError as error:
            raise stepfunctions._ExecutionError(error.error, error.cause) from error

    def invoke_in_time(resource: str, arguments: Any, seconds: float) -> Any:
        """Give the task a scope of its own, which ends when the task times out."""
        scope = current.get().child()
        token = current.set(scope)
        try:
            return timed(resource, arguments, seconds)
        finally:
            scope.over = True
            current.reset(token)

    stepfunctions._invoke_resource = invoke
    stepfunctions._invoke_resource_with_timeout = invoke_in_time


def call(resource: str, arguments: Any, scope: Scope) -> Any:
    """Run a service integration and return its result.

    Raises:
        TaskError: the call failed, or is one that AWS would not accept.
    """
    integration = integrations.parse(resource)
    if integration.pattern.startswith(".sync") and (integration.service, integration.action) not in sync.JOBS:
        raise TaskError(
            "States.Runtime", f"The resource provided {resource} is not recognized. The value is not valid."
        )
    faults.check(integration, arguments, scope.role.split(":")[4])
    client = role_client(integration.client_name, scope.role, scope.execution["name"])
    try:
        answer = _answer(integration, client, arguments)
        if integration.pattern.startswith(".sync"):
            _submitted(integration, answer, scope)
            answer = sync.wait(integration, client, answer, scope)
    except ClientError as error:
        raise _translated(integration, error) from error
    except ParamValidationError as error:
        raise TaskError("States.Runtime", f"{resource}: {error}") from error
    if len(json.dumps(answer).encode()) > LARGEST_PAYLOAD:
        message = f"The task called {resource} and its result exceeds the maximum number of bytes ({LARGEST_PAYLOAD})"
        raise TaskError("States.DataLimitExceeded", message)
    return answer


def _submitted(integration: Integration, answer: Any, scope: Scope) -> None:
    """The event that tells which job was started, from which a reader of the history finds a child execution.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskSubmittedEventDetails.html
    """
    from ministack.services import stepfunctions

    details = {
        "resourceType": integration.service,
        "resource": integration.action + integration.pattern,
        "output": json.dumps(answer),
    }
    stepfunctions._add_event(scope.execution, "TaskSubmitted", {"taskSubmittedEventDetails": details})


def _answer(integration: Integration, client: Any, arguments: Any) -> Any:
    operation = integration.operation
    function = not integration.sdk and integration.action == "invoke"
    if function:
        arguments = {**arguments, "Payload": json.dumps(arguments.get("Payload", {}))}
    parameters = integrations.request(arguments, operation.input_shape)
    answer = getattr(client, botocore.xform_name(operation.name))(**parameters)
    return _function_result(answer) if function else integrations.result(answer, operation.output_shape)


def _function_result(answer: Any) -> Any:
    """The result of the optimised `lambda:invoke`: the payload as a value, an unhandled exception as the Task's error.

    Raises:
        TaskError: the function raised; the name is its exception's class, the Cause its payload.
    """
    text = answer["Payload"].read().decode()
    payload = json.loads(text) if text else None
    if answer.get("FunctionError"):
        named = payload.get("errorType") if isinstance(payload, dict) else None
        raise TaskError(named or "Lambda.Unknown", text)
    version = answer.get("ExecutedVersion", "$LATEST")
    return {"ExecutedVersion": version, "Payload": payload, "StatusCode": answer["StatusCode"]}


def _translated(integration: Integration, error: ClientError) -> TaskError:
    details, metadata = error.response["Error"], error.response["ResponseMetadata"]
    origin = f"Service: {integration.prefix}, Status Code: {metadata.get('HTTPStatusCode')}"
    cause = f"{details['Message']} ({origin}, Request ID: {metadata.get('RequestId', '')})"
    return TaskError(integration.error_name(details["Code"]), cause)
