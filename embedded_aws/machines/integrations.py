"""Service integrations of Step Functions: how a Task's Resource, Arguments, result and errors map to an AWS API.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html - a call of the AWS SDK for
Java: action in camelCase, parameters and results in PascalCase, errors as `<Service>.<Name>Exception`.
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html - the optimised ones, older and each a
little different. Everything is derived from botocore's models, so any service works, and a name that AWS does not
know is refused as AWS refuses it. Nothing here needs MiniStack.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

LARGEST_CAUSE = 32_768
"""Characters of a Cause; AWS cuts what is longer, so a Cause need not be whole JSON."""

_RESOURCE = re.compile(
    r"arn:[a-z-]+:states:::(?P<sdk>aws-sdk:)?(?P<service>[a-z0-9]+):(?P<action>[A-Za-z0-9]+)"
    r"(?P<pattern>\.sync:2|\.sync|\.waitForTaskToken)?"
)
_BOTOCORE_NAMES = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "servicequotas": "service-quotas",
    "elasticloadbalancingv2": "elbv2",
}
"""Step Functions' name of a service where it is not boto3's."""

_OPTIMISED = {
    "lambda": ("Lambda", "AWSLambdaException"),
    "states": ("StepFunctions", "AWSStepFunctionsException"),
    "codebuild": ("CodeBuild", "CodeBuildException"),
    "batch": ("Batch", "AWSBatchException"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
    "sqs": ("SQS", "AmazonSQSException"),
    "sns": ("SNS", "AmazonSNSException"),
    "events": ("EventBridge", "AmazonEventBridgeException"),
}
"""Optimised integrations: prefix of their errors, and the name for an error that the operation does not model."""


class TaskError(Exception):
    """What a Task fails with, as `ErrorEquals` and `$states.errorOutput` see it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause[:LARGEST_CAUSE]


@dataclass(frozen=True)
class Integration:
    """A Task's Resource, taken apart."""

    resource: str
    sdk: bool
    service: str
    """As in the Resource: `sfn`, `cloudwatchlogs`."""
    action: str
    pattern: str
    """`""`, `".sync"`, `".sync:2"` or `".waitForTaskToken"`."""
    operation: OperationModel

    @property
    def client_name(self) -> str:
        """boto3's name of the service."""
        return _BOTOCORE_NAMES.get(self.service, self.service)

    @property
    def prefix(self) -> str:
        """What stands before the dot in this integration's errors."""
        if not self.sdk:
            return _OPTIMISED[self.service][0]
        words = re.findall(
            r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z0-9]+", self.operation.service_model.metadata["serviceId"]
        )
        return "".join(word.capitalize() for word in words)

    def error_name(self, code: str) -> str:
        """The name that an AWS error code arrives under: modelled ones by name, all others as the service's own."""
        modelled = {shape.metadata.get("error", {}).get("code", shape.name) for shape in self.operation.error_shapes}
        modelled |= {shape.name for shape in self.operation.error_shapes}
        if code not in modelled:
            return (
                f"{self.prefix}.{self.prefix}Exception" if self.sdk else f"{self.prefix}.{_OPTIMISED[self.service][1]}"
            )
        return f"{self.prefix}.{code if code.endswith('Exception') else code + 'Exception'}"


def parse(resource: str) -> Integration:
    """Take a Resource apart.

    Raises:
        TaskError: `States.Runtime` when there is no such integration, service or action.
    """
    unknown = TaskError(
        "States.Runtime", f"The resource provided {resource} is not recognized. The value is not valid."
    )
    match = _RESOURCE.fullmatch(resource)
    if match is None or (match["sdk"] and match["pattern"] not in (None, ".waitForTaskToken")):
        raise unknown
    if not match["sdk"] and match["service"] not in _OPTIMISED:
        raise unknown
    try:
        model = _model(_BOTOCORE_NAMES.get(match["service"], match["service"]))
    except UnknownServiceError as error:
        raise unknown from error
    names = {name[0].lower() + name[1:]: name for name in model.operation_names}
    if match["action"] not in names:
        raise unknown
    operation = model.operation_model(names[match["action"]])
    return Integration(
        resource, bool(match["sdk"]), match["service"], match["action"], match["pattern"] or "", operation
    )


def request(value: Any, shape: Shape | None, path: str = "") -> Any:
    """Arguments as boto3 takes them.

    Args:
        value: the evaluated Arguments.
        shape: the operation's input shape, or a part of it.
        path: where `value` stands in the Arguments, for the message.

    Raises:
        TaskError: `States.Runtime` when a field is unknown.
    """
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = {sdk_name(name): name for name in shape.members} | {_upper(name): name for name in shape.members}
        unknown = [key for key in value if key not in members]
        if unknown:
            where = f"{path}.{unknown[0]}" if path else unknown[0]
            raise TaskError("States.Runtime", f"The field {where!r} is not supported by Step Functions")
        return {
            members[key]: request(item, shape.members[members[key]], f"{path}.{key}".lstrip("."))
            for key, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [request(item, shape.member, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: request(item, shape.value, f"{path}.{key}") for key, item in value.items()}
    text = shape is not None and shape.type_name in ("string", "blob")
    return json.dumps(value, separators=(",", ":")) if text and isinstance(value, dict | list) else value


def result(value: Any, shape: Shape | None = None) -> Any:
    """An answer of boto3 as a state machine sees it: PascalCase, ISO 8601 times, text for streams and bytes."""
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime.datetime):
        stamp = value.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z")
    if isinstance(value, Mapping):
        if isinstance(shape, MapShape):
            return {key: result(item, shape.value) for key, item in value.items()}
        members = shape.members if isinstance(shape, StructureShape) else {}
        kept = {key: item for key, item in value.items() if key != "ResponseMetadata"}
        return {sdk_name(key): result(item, members.get(key)) for key, item in kept.items()}
    if isinstance(value, list):
        return [result(item, shape.member if isinstance(shape, ListShape) else None) for item in value]
    return value


def sdk_name(member: str) -> str:
    """The PascalCase name of a member in the AWS SDK for Java: `ACL` -> `Acl`, `SSEKMSKeyId` -> `SsekmsKeyId`."""
    if member == "NULL":  # DynamoDB's AttributeValue
        return "Nul"
    name = _upper(member)
    acronym = re.match(r"[A-Z]*", name)
    run = acronym[0] if acronym else ""
    if len(run) < 2:
        return name
    if run == name:
        return name.capitalize()
    return run[0] + run[1:-1].lower() + run[-1] + name[len(run) :]


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]


@functools.cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)
