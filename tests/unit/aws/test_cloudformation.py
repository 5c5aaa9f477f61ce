"""Are CloudFormation's answers read to the end, and its ways of saying "not there" told from errors?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from shoal.aws import cloudformation, session

STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/outer/1"


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "us-east-1")
    session.client.cache_clear()
    with Stubber(session.client("cloudformation")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
    session.client.cache_clear()


def event(name: str, minute: int, token: str = "t", **fields: Any) -> dict[str, Any]:
    return {
        "StackId": STACK,
        "EventId": f"{name}-{minute}",
        "StackName": "outer",
        "LogicalResourceId": name,
        "ResourceType": "AWS::SNS::Topic",
        "ResourceStatus": "CREATE_FAILED",
        "Timestamp": f"2026-11-24T10:{minute:02}:00Z",
        "ClientRequestToken": token,
    } | fields


def nested(name: str, minute: int, **fields: Any) -> dict[str, Any]:
    inner = STACK.replace("outer", name)
    return event(name, minute, ResourceType="AWS::CloudFormation::Stack", PhysicalResourceId=inner, **fields)


READS: list[tuple[str, Any, Any]] = [
    ("describe_stacks", lambda: cloudformation.describe_stack("x"), None),
    ("list_stack_resources", lambda: cloudformation.stack_resources("x"), []),
    ("describe_stack_events", lambda: cloudformation.operation_events("x", "t"), []),
    ("describe_change_set", lambda: cloudformation.describe_change_set("x", "c"), None),
]


@pytest.mark.parametrize(("operation", "read", "nothing"), READS)
def test_a_stack_that_is_not_there_is_no_error(operation: str, read: Any, nothing: Any, stubber: Stubber) -> None:
    stubber.add_client_error(operation, "ValidationError", "Stack with id x does not exist")
    assert read() == nothing


@pytest.mark.parametrize(("operation", "read", "nothing"), READS)
def test_any_other_refusal_is_an_error(operation: str, read: Any, nothing: Any, stubber: Stubber) -> None:
    stubber.add_client_error(operation, "AccessDenied", "not authorized")
    with pytest.raises(ClientError, match="not authorized"):
        read()


def test_events_are_read_back_to_the_operation_before_and_no_further(stubber: Stubber) -> None:
    first = {"StackEvents": [event("C", 5), event("B", 4)], "NextToken": "more"}
    second = {"StackEvents": [event("A", 3), event("Old", 2, "before")], "NextToken": "still more"}
    stubber.add_response("describe_stack_events", first)
    stubber.add_response("describe_stack_events", second)
    assert [item["LogicalResourceId"] for item in cloudformation.operation_events(STACK, "t")] == ["A", "B", "C"]


def test_events_of_a_later_operation_are_passed_over(stubber: Stubber) -> None:
    stubber.add_response("describe_stack_events", {"StackEvents": [event("New", 9, "after"), event("A", 3)]})
    assert [item["LogicalResourceId"] for item in cloudformation.operation_events(STACK, "t")] == ["A"]


def test_a_stack_without_events_has_no_last_token(stubber: Stubber) -> None:
    stubber.add_response("describe_stack_events", {"StackEvents": []})
    assert cloudformation.last_token(STACK) is None


def test_nested_failures_are_followed_three_levels_deep(stubber: Stubber) -> None:
    for name in ("middle", "inner", "innermost"):
        stubber.add_response("describe_stack_events", {"StackEvents": [nested(f"{name}-child", 5)]})
    found = cloudformation.with_nested([nested("middle", 5)])
    assert [item["LogicalResourceId"] for item in found] == ["innermost-child", "inner-child", "middle-child", "middle"]


def test_a_stacks_own_failure_is_not_followed_into_itself(stubber: Stubber) -> None:
    own = nested("outer", 5) | {"PhysicalResourceId": STACK}
    assert cloudformation.with_nested([own]) == [own]


def test_every_resource_of_a_large_stack_is_listed(stubber: Stubber) -> None:
    def summary(name: str) -> dict[str, Any]:
        at = "2026-11-24"
        return {"LogicalResourceId": name, "ResourceType": "T", "LastUpdatedTimestamp": at, "ResourceStatus": "S"}

    stubber.add_response("list_stack_resources", {"StackResourceSummaries": [summary("A")], "NextToken": "more"})
    stubber.add_response("list_stack_resources", {"StackResourceSummaries": [summary("B")]})
    assert [item["LogicalResourceId"] for item in cloudformation.stack_resources(STACK)] == ["A", "B"]
