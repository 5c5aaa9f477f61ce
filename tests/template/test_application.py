"""The control plane's template: names, boundaries, logs and rights, on what SAM makes of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shoal.settings import Settings
from tests.support import application
from tests.support.application import ROOT

TEMPLATE = application.translated()
ROLES = sorted(application.of_type(TEMPLATE, "AWS::IAM::Role"))
FUNCTIONS = sorted(application.of_type(TEMPLATE, "AWS::Lambda::Function"))
MACHINES = sorted(application.of_type(TEMPLATE, "AWS::StepFunctions::StateMachine"))
STATEFUL = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
)


def properties(logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = TEMPLATE["Resources"][logical_id]["Properties"]
    return found


def resolved(value: Any) -> str:
    """A name with the default prefix filled in."""
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    return str(text).replace("${NamePrefix}", "shoal")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_name_a_path_and_a_boundary_that_is_never_none(role: str) -> None:
    assert resolved(properties(role)["RoleName"]).startswith("shoal-")
    assert properties(role)["Path"] == {"Ref": "IamPath"}
    condition, own, given = properties(role)["PermissionsBoundary"]["Fn::If"]
    assert (condition, given) == ("OwnBoundary", {"Ref": "PermissionsBoundary"})
    assert own in ({"Ref": "ControlPlaneBoundary"}, {"Ref": "ClusterBoundary"})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_named_after_its_folder_and_its_log_group_after_it(function: str) -> None:
    stem = function.removesuffix("Function")
    kebab = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", stem).lower()
    assert resolved(properties(function)["FunctionName"]) == f"shoal-{kebab}"
    assert resolved(properties(f"{stem}LogGroup")["LogGroupName"]) == f"/aws/lambda/shoal-{kebab}"
    assert properties(f"{stem}LogGroup")["RetentionInDays"] == {"Ref": "LogRetentionInDays"}
    assert properties(function)["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}


def test_every_function_folder_is_deployed() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    source = application.of_type(application.source(), "AWS::Serverless::Function").values()
    assert {Path(item["Properties"]["CodeUri"]).name for item in source} == folders


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_python_3_13_and_ends_within_lambdas_limit(function: str) -> None:
    assert properties(function)["Runtime"] == "python3.13"
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert 1 <= properties(function)["Timeout"] <= 900
    assert properties(function)["Architectures"] == [{"Ref": "Architecture"}]
    assert properties(function)["TracingConfig"] == {"Mode": "Active"}


def test_the_settings_read_what_every_function_is_given() -> None:
    given = set(properties(FUNCTIONS[0])["Environment"]["Variables"]) - {"POWERTOOLS_LOG_LEVEL"}
    source = Path(str(Settings.__module__).replace(".", "/")).name
    text = (ROOT / "layers/shoal/shoal" / f"{source}.py").read_text()
    assert set(re.findall(r'_required\("(\w+)"\)', text)) - {"AWS_REGION"} == given


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_standard_traced_logged_and_named_after_its_file(machine: str) -> None:
    stem = machine.removesuffix("StateMachine")
    kebab = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", stem).lower()
    assert resolved(properties(machine)["StateMachineName"]) == f"shoal-{kebab}"
    assert (ROOT / "statemachines" / f"{kebab.replace('-', '_')}.asl.json").exists()
    assert properties(machine)["TracingConfiguration"] == {"Enabled": True}
    assert properties(machine)["LoggingConfiguration"]["Level"] == "ALL"
    assert properties(machine)["LoggingConfiguration"]["IncludeExecutionData"] == {"Ref": "IncludeExecutionData"}
    assert properties(machine)["RoleArn"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    assert properties(machine).get("StateMachineType", "STANDARD") == "STANDARD"


@pytest.mark.parametrize("logical_id", sorted(application.of_type(TEMPLATE, *STATEFUL)))
def test_what_holds_data_says_what_becomes_of_it(logical_id: str) -> None:
    resource = TEMPLATE["Resources"][logical_id]
    assert {"DeletionPolicy", "UpdateReplacePolicy"} <= set(resource)


def test_no_partition_and_no_dns_suffix_is_taken_for_granted() -> None:
    lines = application.TEMPLATE.read_text().splitlines()
    assert [line for line in lines if re.search(r"arn:aws:|amazonaws\.com", line.split(" #")[0])] == []


def test_a_resource_of_everything_has_its_reason_beside_it() -> None:
    lines = application.TEMPLATE.read_text().splitlines()
    stars = [line for line in lines if re.search(r'^\s+Resource: "\*"', line) and "#" not in line]
    policies = [line for line in stars if line.strip() == 'Resource: "*"']
    assert len(policies) == BOUNDARY_STATEMENTS, policies


BOUNDARY_STATEMENTS = 4
"""Statements of the two boundaries, which grant nothing and so may speak of everything."""


def test_cfn_lint_finds_nothing_in_the_translated_template(tmp_path: Path) -> None:
    rendered = tmp_path / "application.json"
    rendered.write_text(json.dumps(TEMPLATE))
    command = [str(ROOT / ".venv/bin/cfn-lint"), "-c", "I", "-r", application.REGION, "--", str(rendered)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
