"""Every Task's service, action, parameters and rights, checked against botocore's models and the machines' roles.

No linter knows the parameters of an SDK integration
(https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, OperationModel, Shape, StructureShape

from tests.support import application, definitions

MODEL_OF = {"sfn": "stepfunctions", "states": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
IAM_PREFIX = {"stepfunctions": "states", "resourcegroupstaggingapi": "tag", "efs": "elasticfilesystem"}
IAM_ACTION = {"lambda:Invoke": "lambda:InvokeFunction"}
SYNC_RIGHTS = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
    "states": {
        "states:DescribeExecution",
        "states:StopExecution",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-codebuild.html
    "codebuild": {
        "codebuild:BatchGetBuilds",
        "codebuild:StopBuild",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
}
MANAGED_RULES = {
    "states": "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "codebuild": "rule/StepFunctionsGetEventForCodeBuildStartBuildRule",
}
RESOURCE = re.compile(
    r"arn:aws:states:::(?P<sdk>aws-sdk:)?(?P<service>[a-z0-9]+):(?P<action>\w+)(?P<wait>\.sync(:2)?)?"
)
TASKS = [
    (machine, name) for machine in definitions.NAMES for name in definitions.tasks(definitions.definition(machine))
]


def parts(machine: str, name: str) -> re.Match[str]:
    resource = definitions.tasks(definitions.definition(machine))[name]["Resource"]
    match = RESOURCE.fullmatch(resource)
    assert match, f"{resource} is no integration of Step Functions"
    return match


def operation(match: re.Match[str]) -> OperationModel:
    service = MODEL_OF.get(match["service"], match["service"])
    model = botocore.session.get_session().get_service_model(service)
    known = {each[0].lower() + each[1:]: each for each in model.operation_names}
    assert match["action"] in known, f"{service} has no action {match['action']}"
    return model.operation_model(known[match["action"]])


def problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """What Step Functions would refuse in a Task's arguments; an expression may be anything."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        known = {member[0].upper() + member[1:]: inner for member, inner in shape.members.items()}
        required = {member[0].upper() + member[1:] for member in shape.required_members}
        yield from (f"{path}.{key} is unknown" for key in set(value) - set(known))
        yield from (f"{path}.{key} is missing" for key in required - set(value))
        for key in set(value) & set(known):
            yield from problems(value[key], known[key], f"{path}.{key}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(item, shape.member, f"{path}[{index}]")


def granted(machine: str) -> set[str]:
    """The patterns of the actions that a machine's role allows."""
    template = application.translated()
    logical = "".join(word.capitalize() for word in machine.split("_"))
    return {
        action
        for statement in application.statements(template, f"{logical}Role")
        if statement["Effect"] == "Allow"
        for action in application.listed(statement["Action"])
    }


def needed(match: re.Match[str]) -> set[str]:
    """The rights that a Task needs, its waiting included."""
    model = operation(match)
    service = MODEL_OF.get(match["service"], match["service"])
    action = f"{IAM_PREFIX.get(service, service)}:{model.name}"
    waiting = SYNC_RIGHTS[match["service"]] if match["wait"] else set()
    return {IAM_ACTION.get(action, action)} | waiting


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_a_task_calls_an_action_that_exists_with_parameters_that_it_has(machine: str, name: str) -> None:
    match, task = parts(machine, name), definitions.tasks(definitions.definition(machine))[name]
    arguments = task.get("Arguments", {})
    shape = operation(match).input_shape
    assert shape is not None
    if isinstance(arguments, str):
        assert arguments.startswith("{%")
        return
    assert list(problems(arguments, shape, name)) == []


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_a_machines_role_allows_what_its_task_calls(machine: str, name: str) -> None:
    allowed = granted(machine)
    missing = {
        right for right in needed(parts(machine, name)) if not any(fnmatch.fnmatchcase(right, p) for p in allowed)
    }
    assert missing == set()


@pytest.mark.parametrize(("machine", "name"), [(m, n) for m, n in TASKS if parts(m, n)["wait"]])
def test_a_machine_that_waits_may_make_the_rule_that_tells_it_of_the_end(machine: str, name: str) -> None:
    role = "".join(word.capitalize() for word in machine.split("_")) + "Role"
    resources = [
        str(statement["Resource"])
        for statement in application.statements(application.translated(), role)
        if "events:PutRule" in application.listed(statement["Action"])
    ]
    assert any(MANAGED_RULES[parts(machine, name)["service"]] in resource for resource in resources)


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_a_machines_role_allows_nothing_that_no_task_calls(machine: str) -> None:
    tasks = definitions.tasks(definitions.definition(machine))
    used = set().union(*(needed(parts(machine, name)) for name in tasks)) | ALSO_USED.get(machine, set())
    basics = {"logs", "xray"}
    spare = {
        pattern
        for pattern in granted(machine)
        if pattern.split(":")[0] not in basics and not any(fnmatch.fnmatchcase(right, pattern) for right in used)
    }
    assert spare == set()


ALSO_USED: dict[str, set[str]] = {
    # CreateStack and CreateChangeSet check these on the caller
    "deploy_stack": {"iam:PassRole", "s3:GetObject", "s3:GetObjectVersion"},
    "update_cluster": {"iam:PassRole", "s3:GetObject", "s3:GetObjectVersion"},
}


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_the_template_fills_in_every_substitution_and_no_other(machine: str) -> None:
    logical = "".join(word.capitalize() for word in machine.split("_")) + "StateMachine"
    given = application.source()["Resources"][logical]["Properties"]["DefinitionSubstitutions"]
    assert set(given) == definitions.substitutions(machine)
