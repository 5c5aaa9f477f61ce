"""Does handing a role to a service need the right to pass it, to that service?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account

MACHINE = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
ALL_BUT_PASSING = {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}


def _pass(role: str, service: str) -> dict[str, Any]:
    condition = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    return {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": condition}


def _requests(account: Account, role: str) -> dict[str, tuple[str, dict[str, Any]]]:
    project = {
        "name": "image", "serviceRole": role, "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
    }  # fmt: skip
    image = account.client("ec2").describe_images()["Images"][0]["ImageId"]
    launch = {"MinCount": 1, "MaxCount": 1, "ImageId": image, "IamInstanceProfile": {"Name": "p"}}
    job = {"image": "i", "jobRoleArn": role, "resourceRequirements": [{"type": "VCPU", "value": "1"}]}
    return {
        "stepfunctions": ("create_state_machine", {"name": "m", "roleArn": role, "definition": MACHINE}),
        "codebuild": ("create_project", project),
        "cloudformation": ("create_stack", {"StackName": "s", "TemplateBody": '{"Resources": {}}', "RoleARN": role}),
        "batch": (
            "register_job_definition",
            {"jobDefinitionName": "j", "type": "container", "containerProperties": job},
        ),
        "ec2": ("run_instances", launch),
    }


RECEIVERS = {
    "stepfunctions": "states",
    "codebuild": "codebuild",
    "cloudformation": "cloudformation",
    "batch": "ecs-tasks",
    "ec2": "ec2",
}


def _refusal(account: Account, caller: str, service: str, passed: str) -> str:
    operation, arguments = _requests(account, passed)[service]
    try:
        getattr(account.assume(caller, service), operation)(**arguments)
    except ClientError as error:
        return str(error)
    return ""


def _passed_role(account: Account) -> str:
    role = account.role("passed")
    iam = account.client("iam")
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="passed")
    return role


@pytest.mark.parametrize("service", RECEIVERS)
def test_without_the_right_to_pass_the_call_is_refused_naming_it(account: Account, service: str) -> None:
    passed = _passed_role(account)

    refusal = _refusal(account, account.role("caller", ALL_BUT_PASSING), service, passed)

    assert f"is not authorized to perform: iam:PassRole on resource: {passed}" in refusal


@pytest.mark.parametrize("service", RECEIVERS)
def test_with_the_right_to_pass_to_that_service_it_succeeds(account: Account, service: str) -> None:
    passed = _passed_role(account)
    caller = account.role("caller", ALL_BUT_PASSING, _pass(passed, RECEIVERS[service]))

    assert _refusal(account, caller, service, passed) == ""


def test_the_right_to_pass_to_another_service_is_not_enough(account: Account) -> None:
    passed = _passed_role(account)
    caller = account.role("caller", ALL_BUT_PASSING, _pass(passed, "lambda"))

    assert "iam:PassRole" in _refusal(account, caller, "stepfunctions", passed)


def test_a_call_that_is_itself_denied_names_itself(account: Account) -> None:
    passed = _passed_role(account)

    refusal = _refusal(account, account.role("caller", _pass(passed, "states")), "stepfunctions", passed)

    assert "states:CreateStateMachine" in refusal
