"""Does observing a stack tell what comes next, by id, token and status?"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.observe_stack.app import handler
from shoal.aws import session
from shoal.errors import ErrorCode, OperationError

STACK = "shoal-cluster-genomics"
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, "Queue": {"Type": "AWS::SQS::Queue"}}})
TOKEN = "op-1-create"


def event(action: str = "create", **fields: Any) -> dict[str, Any]:
    return {
        "action": action,
        "stackName": STACK,
        "stackId": "",
        "token": TOKEN,
        "started": False,
        "changeSetName": "op-1",
        "logicalIds": ["Topic"],
    } | fields


def create(token: str = TOKEN) -> str:
    made = boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=TEMPLATE, ClientRequestToken=token)
    return str(made["StackId"])


def in_status(status: str, stack_id: str, events: list[dict[str, Any]] | None = None) -> Stubber:
    """CloudFormation as it is in a state that moto never takes."""
    stubber = Stubber(session.client("cloudformation"))
    stack = {"StackName": STACK, "StackId": stack_id, "StackStatus": status, "CreationTime": "2026-11-24"}
    stubber.add_response("describe_stacks", {"Stacks": [stack | {"StackStatusReason": "because"}]})
    if events is not None:
        stubber.add_response("describe_stack_events", {"StackEvents": events})
    return stubber


def stack_event(token: str) -> dict[str, Any]:
    ids = {"StackId": "arn", "EventId": "1", "StackName": STACK, "Timestamp": "2026-11-24", "ResourceType": "x"}
    return ids | {"ClientRequestToken": token}


def test_an_absent_stack_is_to_be_created(context: LambdaContext) -> None:
    assert handler(event(), context) == {"next": "start", "stackId": "", "status": "ABSENT"}


def test_a_stack_that_this_operation_created_is_done(context: LambdaContext) -> None:
    with in_status("CREATE_COMPLETE", "arn", [stack_event(TOKEN)]):
        assert handler(event(started=True), context) == {"next": "done", "stackId": "arn", "status": "CREATE_COMPLETE"}


def test_a_stack_that_somebody_else_created_is_refused_by_name(context: LambdaContext) -> None:
    taken = pytest.raises(OperationError, match="clusterName: the stack shoal-cluster-genomics is there")
    with in_status("CREATE_COMPLETE", "arn", [stack_event("another")]), taken as raised:
        handler(event(), context)
    assert raised.value.code is ErrorCode.CLUSTER_EXISTS


def test_a_stack_in_progress_is_waited_for_without_reading_its_events(context: LambdaContext) -> None:
    with in_status("UPDATE_IN_PROGRESS", "arn") as stubber:
        assert handler(event("execute-change-set"), context)["next"] == "wait"
        stubber.assert_no_pending_responses()


def test_a_failed_stack_fails_with_its_reason(context: LambdaContext) -> None:
    failing = pytest.raises(OperationError, match="CREATE_FAILED: because")
    with in_status("CREATE_FAILED", "arn", [stack_event(TOKEN)]), failing as raised:
        handler(event(started=True), context)
    assert raised.value.code is ErrorCode.STACK_FAILED


def test_deleting_an_absent_stack_is_done(context: LambdaContext) -> None:
    assert handler(event("delete"), context)["next"] == "done"


def test_updating_an_absent_stack_names_the_cluster(context: LambdaContext) -> None:
    with pytest.raises(OperationError, match="clusterName") as raised:
        handler(event("execute-change-set"), context)
    assert raised.value.code is ErrorCode.CLUSTER_NOT_FOUND


def test_a_deleted_stack_is_found_by_its_id(context: LambdaContext) -> None:
    stack_id = create()
    boto3.client("cloudformation").delete_stack(StackName=stack_id)
    answer = handler(event("delete", stackId=stack_id, started=True), context)
    assert answer == {"next": "done", "stackId": stack_id, "status": "DELETE_COMPLETE"}


def test_resources_that_another_execution_makes_are_waited_for(context: LambdaContext) -> None:
    assert handler(event("await"), context)["next"] == "wait"
    create()
    assert handler(event("await", logicalIds=["Topic", "Queue"]), context)["next"] == "done"


def test_a_resource_that_is_not_made_yet_does_not_count(context: LambdaContext) -> None:
    resource = {
        "LogicalResourceId": "Topic",
        "ResourceType": "AWS::SNS::Topic",
        "LastUpdatedTimestamp": "2026-11-24",
        "ResourceStatus": "CREATE_IN_PROGRESS",
    }
    with in_status("CREATE_IN_PROGRESS", "arn") as stubber:
        stubber.add_response("list_stack_resources", {"StackResourceSummaries": [resource]})
        assert handler(event("await"), context)["next"] == "wait"


def test_a_change_set_is_made_then_waited_for(context: LambdaContext) -> None:
    stack_id = create()
    assert handler(event("create-change-set", stackId=stack_id), context)["next"] == "start"
    boto3.client("cloudformation").create_change_set(
        StackName=STACK,
        ChangeSetName="op-1",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
        ChangeSetType="UPDATE",
    )
    assert handler(event("create-change-set", stackId=stack_id), context)["next"] == "done"
