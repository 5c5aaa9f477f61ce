"""Is the root cause of an operation found in its stack's events, and recorded once?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.explain_failure.app import handler
from shoal.aws import dynamodb, session
from tests.support.slurm_stack import summaries

STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/0a1b"
NESTED = "arn:aws:cloudformation:us-east-1:111111111111:stack/inner/2c3d"
TOKEN = "op-1-create"


def failed(message: str = "StackFailed: the stack is CREATE_FAILED") -> dict[str, Any]:
    cause = json.dumps({"errorMessage": message, "errorType": "OperationError"})
    return {
        "operationId": "op-1",
        "clusterName": "genomics",
        "failure": {"state": "Observe Stack", "error": "OperationError", "cause": cause},
    }


def stack_event(name: str, status: str, minute: int, **fields: Any) -> dict[str, Any]:
    return {
        "StackId": STACK,
        "EventId": f"{name}-{status}",
        "StackName": "shoal-cluster-genomics",
        "LogicalResourceId": name,
        "ResourceType": "AWS::Batch::JobQueue",
        "ResourceStatus": status,
        "Timestamp": f"2026-11-24T10:{minute:02}:00Z",
        "ClientRequestToken": TOKEN,
    } | fields


@pytest.fixture
def cloudformation() -> Iterator[Stubber]:
    with Stubber(session.client("cloudformation")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_the_first_failure_of_this_operation_is_recorded(cloudformation: Stubber, context: LambdaContext) -> None:
    older = {"ClientRequestToken": "op-0-create", "ResourceStatusReason": "an older operation's"}
    events = [  # newest first, as CloudFormation lists them
        stack_event("HeadNode", "CREATE_FAILED", 5, ResourceStatusReason="Resource creation cancelled"),
        stack_event("Queue", "CREATE_FAILED", 4, ResourceStatusReason="no such environment"),
        stack_event("Bucket", "CREATE_COMPLETE", 3),
        stack_event("Queue", "CREATE_FAILED", 1, **older),
    ]
    cloudformation.add_response("describe_stack_events", {"StackEvents": events}, {"StackName": STACK})
    answer = handler(failed() | {"stack": STACK, "token": TOKEN}, context)
    assert answer["cause"] == "Queue (AWS::Batch::JobQueue) is CREATE_FAILED: no such environment"
    assert answer["link"].startswith("https://us-east-1.console.aws.amazon.com/cloudformation/")
    recorded = dynamodb.read_operation("genomics", "op-1")
    assert recorded is not None
    assert recorded["failure"] == answer


def test_a_failure_in_a_nested_stack_is_followed_to_its_resource(
    cloudformation: Stubber, context: LambdaContext
) -> None:
    kind = "AWS::CloudFormation::Stack"
    nested = stack_event("Inner", "CREATE_FAILED", 5, ResourceType=kind, PhysicalResourceId=NESTED)
    begin = stack_event("shoal-cluster-genomics", "CREATE_IN_PROGRESS", 1, ResourceType=kind, PhysicalResourceId=STACK)
    inner = stack_event("Topic", "CREATE_FAILED", 4, ResourceStatusReason="topic limit", ResourceType="AWS::SNS::Topic")
    before = stack_event("Topic", "CREATE_FAILED", 0, ResourceStatusReason="long ago", ResourceType="AWS::SNS::Topic")
    cloudformation.add_response("describe_stack_events", {"StackEvents": [nested, begin]}, {"StackName": STACK})
    cloudformation.add_response("describe_stack_events", {"StackEvents": [inner, before]}, {"StackName": NESTED})
    answer = handler(failed() | {"stack": STACK, "token": TOKEN}, context)
    assert answer["cause"] == "Topic (AWS::SNS::Topic) is CREATE_FAILED: topic limit"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([{"Key": "shoal:bootstrap", "Value": "FAILURE volumes: /dev/sdf holds data"}], "volumes: /dev/sdf holds data"),
        ([], "Received 1 FAILURE signal(s) out of 1"),
    ],
)
def test_a_head_node_that_failed_is_told_in_its_own_words_if_it_had_any(
    cloudformation: Stubber, context: LambdaContext, tags: Any, reason: str
) -> None:
    event = stack_event(
        "HeadNode", "CREATE_FAILED", 5, ResourceType="AWS::EC2::Instance", PhysicalResourceId="i-0123456789abcdef0",
        ResourceStatusReason="Received 1 FAILURE signal(s) out of 1",
    )  # fmt: skip
    cloudformation.add_response("describe_stack_events", {"StackEvents": [event]}, {"StackName": STACK})
    cloudformation.add_response("list_stack_resources", {"StackResourceSummaries": []}, {"StackName": STACK})
    instance = {"InstanceId": "i-0123456789abcdef0", "Tags": tags}
    with Stubber(session.client("ec2")) as ec2:
        ec2.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}]})
        answer = handler(failed() | {"stack": STACK, "token": TOKEN}, context)
    assert answer["cause"] == f"HeadNode (AWS::EC2::Instance) is CREATE_FAILED: {reason}"
    assert "log" not in answer


def test_a_head_node_that_failed_shows_the_end_of_its_bootstrap(
    cloudformation: Stubber, context: LambdaContext
) -> None:
    event = stack_event(
        "HeadNode", "CREATE_FAILED", 5, ResourceType="AWS::EC2::Instance", PhysicalResourceId="i-0123456789abcdef0"
    )
    group = summaries([("AWS::Logs::LogGroup", "/shoal/genomics/head-node")])
    cloudformation.add_response("describe_stack_events", {"StackEvents": [event]}, {"StackName": STACK})
    named = [item | {"LogicalResourceId": "HeadNodeLogGroup"} for item in group]
    cloudformation.add_response("list_stack_resources", {"StackResourceSummaries": named}, {"StackName": STACK})
    write_log("/shoal/genomics/head-node", "i-0123456789abcdef0/bootstrap", 300)
    answer = handler(failed() | {"stack": STACK, "token": TOKEN}, context)
    assert answer["log"] == [f"line {number}" for number in range(280, 300)]


def write_log(group: str, stream: str, lines: int) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events: Any = [{"timestamp": now + number, "message": f"line {number}"} for number in range(lines)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_what_a_child_has_recorded_stays(context: LambdaContext) -> None:
    first = {"code": "BuildFailed", "cause": "BUILD exited with 1"}
    dynamodb.record_failure("genomics", "op-1", first)
    later = failed() | {"failure": {"state": "Create Stack And Image", "error": "States.TaskFailed", "cause": "{}"}}
    assert handler(later, context) == first


def test_a_failure_without_a_stack_is_told_by_its_error(context: LambdaContext) -> None:
    answer = handler(failed("InvalidConfiguration: Image.Os: is wrong"), context)
    assert (answer["code"], answer["cause"]) == ("InvalidConfiguration", "Image.Os: is wrong")


def test_a_stack_that_is_gone_leaves_the_error_as_it_is(cloudformation: Stubber, context: LambdaContext) -> None:
    cloudformation.add_client_error("describe_stack_events", "ValidationError", "Stack [x] does not exist")
    answer = handler(failed() | {"stack": STACK, "token": TOKEN}, context)
    assert answer["cause"] == "the stack is CREATE_FAILED"
