"""Is CloudFormation answered on every path, and does a Delete start the clean-up of what is the stack's own?"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.serve_custom_resource.app import handler
from shoal.aws import dynamodb, states
from tests.functions.conftest import ACCOUNT_ID
from tests.support.polling import until
from tests.support.response_address import ResponseAddress, response_address

DELETE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "events/custom_resource_delete.json").read_text())
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT_ID}:stateMachine:shoal-clean-up"
STACK = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
PREFIX = {"BucketName": "data", "Prefix": "shoal/genomics/"}


@pytest.fixture
def address() -> Iterator[ResponseAddress]:
    with response_address() as served:
        yield served


@pytest.fixture(autouse=True)
def time_left(context: LambdaContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "get_remaining_time_in_millis", lambda: 60_000)


@pytest.fixture
def machine(deployed: None) -> Any:
    """The state machine `clean_up`; moto keeps its executions, and runs nothing."""
    stepfunctions = boto3.client("stepfunctions")
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/shoal/shoal-clean-up"
    definition = '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'
    stepfunctions.create_state_machine(name="shoal-clean-up", definition=definition, roleArn=role)
    return stepfunctions


def event(address: ResponseAddress, **changed: Any) -> dict[str, Any]:
    return DELETE | {"ResponseURL": address.url} | changed


def executions(machine: Any) -> list[dict[str, Any]]:
    found = machine.list_executions(stateMachineArn=MACHINE)["executions"]
    return [machine.describe_execution(executionArn=item["executionArn"]) for item in found]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_create_and_update_are_answered_at_once(
    request_type: str, address: ResponseAddress, context: LambdaContext
) -> None:
    made = event(address, RequestType=request_type)
    del made["PhysicalResourceId"]
    handler(made, context)
    (body,) = address.bodies
    assert (body["Status"], body["PhysicalResourceId"]) == ("SUCCESS", "empty-bucket/shoal-genomics-1a2b3c4d")
    assert address.content_types == [""], "the address was signed without a content type"


def test_a_delete_starts_clean_up_and_is_not_answered_yet(
    address: ResponseAddress, context: LambdaContext, machine: Any
) -> None:
    handler(event(address), context)
    (execution,) = executions(machine)
    given = json.loads(execution["input"])
    assert {key: given[key] for key in ("kind", "name", "prefix", "stackId")} == {
        "kind": "bucket",
        "name": "shoal-genomics-1a2b3c4d",
        "prefix": "",
        "stackId": DELETE["StackId"],
    }
    assert given["answer"] == execution["name"]
    assert address.bodies == []


def test_the_response_address_is_in_the_ledger_and_in_no_input(
    address: ResponseAddress, context: LambdaContext, machine: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    handler(event(address), context)
    (execution,) = executions(machine)
    kept = dynamodb.read_answer(execution["name"])
    assert kept is not None
    assert kept["ResponseURL"] == address.url
    assert "Signature" not in execution["input"]
    assert "Signature" not in "".join(capsys.readouterr())


def test_a_second_delivery_attaches_to_the_first(
    address: ResponseAddress, context: LambdaContext, machine: Any
) -> None:
    handler(event(address), context)
    handler(event(address), context)
    assert len(executions(machine)) == 1


def test_the_delete_of_what_was_never_made_is_answered_at_once(
    address: ResponseAddress, context: LambdaContext, machine: Any
) -> None:
    handler(event(address, PhysicalResourceId="not-made/EmptyBucket"), context)
    assert [body["Status"] for body in address.bodies] == ["SUCCESS"]
    assert executions(machine) == []


def test_a_wrong_property_is_answered_failed_with_its_name(address: ResponseAddress, context: LambdaContext) -> None:
    handler(event(address, RequestType="Create", ResourceProperties={}), context)
    (body,) = address.bodies
    assert body["Status"] == "FAILED"
    assert "BucketName" in body["Reason"]


def test_a_failure_of_aws_is_answered_failed(address: ResponseAddress, context: LambdaContext) -> None:
    handler(event(address), context)  # there is no state machine
    (body,) = address.bodies
    assert body["Status"] == "FAILED"
    assert "StateMachine" in body["Reason"]
    assert body["PhysicalResourceId"] == DELETE["PhysicalResourceId"]


def test_a_layer_that_cannot_be_imported_is_answered_failed(
    address: ResponseAddress, context: LambdaContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def broken(name: str, *rest: Any) -> Any:
        if name.startswith("shoal"):
            raise ImportError("libpydantic is for another architecture")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", broken)
    handler(event(address), context)
    (body,) = address.bodies
    assert body["Status"] == "FAILED"
    assert "another architecture" in body["Reason"]


def test_a_timer_answers_before_the_function_is_ended(
    address: ResponseAddress, context: LambdaContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "get_remaining_time_in_millis", lambda: 5_000)

    def slow(*_: Any) -> bool:
        return bool(until(lambda: address.bodies, 10, "the timer's answer"))

    monkeypatch.setattr(states, "start", slow)
    handler(event(address), context)
    assert address.bodies[0]["Status"] == "FAILED"
    assert "did not finish in time" in address.bodies[0]["Reason"]


def test_an_address_that_fails_once_is_tried_again(address: ResponseAddress, context: LambdaContext) -> None:
    address.statuses = [500]
    handler(event(address, RequestType="Create"), context)
    assert [body["Status"] for body in address.bodies] == ["SUCCESS"]


def test_an_address_that_is_not_secure_gets_nothing(context: LambdaContext, capsys: pytest.CaptureFixture[str]) -> None:
    handler(DELETE | {"RequestType": "Create", "ResponseURL": "http://example.com/answer"}, context)
    assert "not an https address" in capsys.readouterr().out


def test_a_prefix_in_the_users_bucket_is_marked_as_the_stacks(address: ResponseAddress, context: LambdaContext) -> None:
    boto3.client("s3").create_bucket(Bucket="data")
    handler(event(address, RequestType="Create", ResourceProperties=PREFIX), context)
    marker = boto3.client("s3").get_object(Bucket="data", Key="shoal/genomics/.shoal-stack")["Body"].read().decode()
    assert marker == DELETE["StackId"]
    assert address.bodies[0]["PhysicalResourceId"] == "empty-bucket/data/shoal/genomics/"


def test_a_prefix_is_marked_once(address: ResponseAddress, context: LambdaContext) -> None:
    boto3.client("s3").create_bucket(Bucket="data")
    for request_type in ("Create", "Update"):
        handler(event(address, RequestType=request_type, ResourceProperties=PREFIX), context)
    assert [body["Status"] for body in address.bodies] == ["SUCCESS", "SUCCESS"]


def test_a_prefix_of_another_living_stack_is_refused(address: ResponseAddress, context: LambdaContext) -> None:
    owner = boto3.client("cloudformation").create_stack(StackName="shoal-cluster-other", TemplateBody=STACK)["StackId"]
    boto3.client("s3").create_bucket(Bucket="data")
    boto3.client("s3").put_object(Bucket="data", Key="shoal/genomics/.shoal-stack", Body=owner.encode())
    handler(event(address, RequestType="Create", ResourceProperties=PREFIX), context)
    assert address.bodies[0]["Status"] == "FAILED"
    assert f"belongs to the stack {owner}" in address.bodies[0]["Reason"]


def test_a_prefix_of_a_stack_that_is_gone_is_taken_over(address: ResponseAddress, context: LambdaContext) -> None:
    gone = DELETE["StackId"].replace("genomics", "other")
    boto3.client("s3").create_bucket(Bucket="data")
    boto3.client("s3").put_object(Bucket="data", Key="shoal/genomics/.shoal-stack", Body=gone.encode())
    handler(event(address, RequestType="Create", ResourceProperties=PREFIX), context)
    assert address.bodies[0]["Status"] == "SUCCESS"


def test_a_prefix_with_somebodys_objects_is_refused(address: ResponseAddress, context: LambdaContext) -> None:
    boto3.client("s3").create_bucket(Bucket="data")
    boto3.client("s3").put_object(Bucket="data", Key="shoal/genomics/thesis.tex", Body=b"x")
    handler(event(address, RequestType="Create", ResourceProperties=PREFIX), context)
    assert address.bodies[0]["Status"] == "FAILED"
    assert "already holds objects" in address.bodies[0]["Reason"]
