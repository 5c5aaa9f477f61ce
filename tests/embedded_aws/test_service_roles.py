"""Is a role that its service cannot use refused where it is handed over?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.access.service_roles import trusts
from tests.support.embedded import ALLOW_ALL, Account, zipped
from tests.support.polling import until

CHILD = {
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": "arn"},
            "End": True,
        }
    },
}


def _create(account: Account, role: str, **options: Any) -> None:
    text = json.dumps({"QueryLanguage": "JSONata"} | CHILD)
    account.client("stepfunctions").create_state_machine(name="m", roleArn=role, definition=text, **options)


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Service": "states.amazonaws.com"}, True),
        ({"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}, True),
        ({"Service": "lambda.amazonaws.com"}, False),
        ({"AWS": "*"}, False),
        ("*", True),
    ],
)
def test_a_trust_policy_names_the_service(principal: Any, expected: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}

    assert trusts({"Statement": [statement]}, "states.amazonaws.com") is expected


def test_a_machine_with_a_role_that_does_not_trust_step_functions_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match="authorized to assume the provided role"):
        _create(account, account.role("role", ALLOW_ALL, service="lambda"))


def test_a_machine_that_waits_for_a_child_needs_the_managed_rule(account: Account) -> None:
    denied = {"Effect": "Deny", "Action": "events:PutRule", "Resource": "*"}

    with pytest.raises(ClientError, match="is not authorized to create managed-rule"):
        _create(account, account.role("role", ALLOW_ALL, denied))


def test_the_rights_to_that_one_rule_are_enough(account: Account) -> None:
    rule = f"arn:aws:events:us-east-1:{account.id}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    actions = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]

    _create(account, account.role("role", {"Effect": "Allow", "Action": actions, "Resource": rule}))

    assert account.client("stepfunctions").list_state_machines()["stateMachines"][0]["name"] == "m"


def test_a_machine_that_logs_needs_the_rights_to_deliver_logs(account: Account) -> None:
    account.client("logs").create_log_group(logGroupName="/machines")
    group = f"arn:aws:logs:us-east-1:{account.id}:log-group:/machines:*"
    logging = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
    role = account.role("role", {"Effect": "Allow", "NotAction": "logs:PutResourcePolicy", "Resource": "*"})

    with pytest.raises(ClientError, match="not authorized to access the Log Destination"):
        _create(account, role, loggingConfiguration=logging)


def test_a_function_with_a_role_that_does_not_trust_lambda_is_refused(account: Account) -> None:
    role = account.role("role", service="states")
    code = {"ZipFile": zipped({"app.py": ""})}

    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        account.client("lambda").create_function(
            FunctionName="f", Role=role, Runtime="python3.13", Handler="app.handler", Code=code
        )


def test_cloudformation_refuses_such_a_machine_too(account: Account) -> None:
    properties = {"RoleArn": account.role("role", ALLOW_ALL, service="lambda"), "DefinitionString": json.dumps(CHILD)}
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template), OnFailure="DO_NOTHING")

    until(lambda: cloudformation.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_FAILED")

    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName="s")["StackEvents"]
    ]
    assert any("authorized to assume the provided role" in reason for reason in reasons)
