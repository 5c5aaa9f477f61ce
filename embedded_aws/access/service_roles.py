"""A service takes a role only if it can work with it: the role's trust, and for Step Functions rules and log delivery.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html and
https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html - a state machine with a
`.sync` task is refused unless its role may put the managed EventBridge rule through which Step Functions learns of
the end; https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html - and one that logs, unless the role may
deliver logs. https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html,
https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html - a function's and a project's
role trust their service. MiniStack looks at none of this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from embedded_aws.clients import role_session
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.stepfunctions", "_create_state_machine"),
    ("services.stepfunctions", "_update_state_machine"),
    ("services.lambda_svc", "_create_function"),
    ("services.codebuild", "_create_project"),
    ("services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("services.cloudformation.provisioners", "_sfn_definition"),
    ("services.iam", "_roles"),
    ("core.iam_evaluator", "enforce"),
    ("core.responses", "error_response_json"),
)

_RULES = {
    ":states:startExecution.sync": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    ":codebuild:startBuild.sync": "StepFunctionsGetEventForCodeBuildStartBuildRule",
    ":batch:submitJob.sync": "StepFunctionsGetEventsForBatchJobsRule",
}
"""The managed rule behind each `.sync` integration."""

_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
_DELIVERY_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)


def install() -> None:
    """Check roles where a function, a project or a machine is made, by API and by CloudFormation."""
    from ministack.services import codebuild, lambda_svc, stepfunctions

    _check_api(stepfunctions, "_create_state_machine", "AccessDeniedException", machine_refusal)
    _check_api(stepfunctions, "_update_state_machine", "AccessDeniedException", machine_refusal)
    _check_api(lambda_svc, "_create_function", "InvalidParameterValueException", function_refusal)
    _check_api(codebuild, "_create_project", "InvalidInputException", project_refusal)
    _check_resource("AWS::Lambda::Function", function_refusal)
    _check_resource("AWS::CodeBuild::Project", lambda found: project_refusal({"serviceRole": found.get("ServiceRole")}))
    _check_resource("AWS::StepFunctions::StateMachine", _template_machine_refusal)


def _template_machine_refusal(found: dict[str, Any]) -> str | None:
    from ministack.services.cloudformation import provisioners

    logging = found.get("LoggingConfiguration") or {}
    asked = {"roleArn": found.get("RoleArn"), "definition": provisioners._sfn_definition(found)}
    return machine_refusal(asked | {"loggingConfiguration": {"level": logging.get("Level", "OFF")}})


def machine_refusal(asked: dict[str, Any]) -> str | None:
    """Why Step Functions does not take a machine's role."""
    role = asked.get("roleArn")
    if not role:
        return None
    if not _trusts(role, "states.amazonaws.com"):
        principals = "Neither the global service principal states.amazonaws.com, nor the regional one"
        return f"{principals} is authorized to assume the provided role."
    text = str(asked.get("definition", ""))
    rules = [rule for integration, rule in _RULES.items() if integration in text]
    if not all(_may(role, _RULE_ACTIONS, f"arn:aws:events:{_where(role)}:rule/{rule}") for rule in rules):
        return f"'{role}' is not authorized to create managed-rule."
    level = (asked.get("loggingConfiguration") or {}).get("level", "OFF")
    if level != "OFF" and not _may(role, _DELIVERY_ACTIONS, "*"):
        return "The state machine IAM Role is not authorized to access the Log Destination"
    return None


def function_refusal(asked: dict[str, Any]) -> str | None:
    """Why Lambda does not take a function's role."""
    role = asked.get("Role")
    trusted = not role or _trusts(role, "lambda.amazonaws.com")
    return None if trusted else "The role defined for the function cannot be assumed by Lambda."


def project_refusal(asked: dict[str, Any]) -> str | None:
    """Why CodeBuild does not take a project's role."""
    role = asked.get("serviceRole")
    trusted = not role or _trusts(role, "codebuild.amazonaws.com")
    return None if trusted else f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}"


def trusts(document: str | dict[str, Any], service: str) -> bool:
    """Whether a trust policy lets a service assume the role; conditions are taken as met."""
    found = json.loads(document) if isinstance(document, str) else document
    statements = found.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        named = principal if isinstance(principal, str) else principal.get("Service", [])
        services = [named] if isinstance(named, str) else named
        if statement.get("Effect") == "Allow" and (service in services or "*" in services):
            return True
    return False


def _trusts(role: str, service: str) -> bool:
    from ministack.services import iam

    record = iam._roles.get(role.rsplit("/", 1)[-1])
    return record is None or trusts(record["AssumeRolePolicyDocument"], service)  # an absent one has its own error


def _where(role: str) -> str:
    """Region and account of the request, as they stand in an ARN."""
    from ministack.core.responses import get_region

    return f"{get_region()}:{role.split(':')[4]}"


def _may(role: str, actions: tuple[str, ...], resource: str) -> bool:
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_region

    key, _, _ = role_session(role, "StepFunctions")
    decisions = [iam_evaluator.enforce(key, one, one.split(":")[0], get_region(), resource) for one in actions]
    return not any(decisions)


def _check_api(module: Any, name: str, code: str, refusal: Callable[[dict[str, Any]], str | None]) -> None:
    from ministack.core.responses import error_response_json

    make = getattr(module, name)

    def checked(asked: dict[str, Any]) -> Any:
        refused = refusal(asked)
        return error_response_json(code, refused, 400) if refused else make(asked)

    setattr(module, name, checked)


def _check_resource(kind: str, refusal: Callable[[dict[str, Any]], str | None]) -> None:
    """Check a resource type's properties before CloudFormation makes or updates it."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS[kind]
    for step, position in (("create", 1), ("update", 2)):
        make = handlers.get(step)
        if make is not None:
            handlers[step] = _checked(make, position, refusal)


def _checked(make: Any, position: int, refusal: Callable[[dict[str, Any]], str | None]) -> Any:
    def checked(*arguments: Any, **named: Any) -> Any:
        if refused := refusal(arguments[position]):
            raise ValueError(refused)
        return make(*arguments, **named)

    return checked
