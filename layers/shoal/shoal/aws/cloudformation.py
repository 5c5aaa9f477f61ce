"""CloudFormation: stacks, their events and resources, change sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from shoal.aws.session import client

MAX_NESTING = 3
"""How deep a failure is followed into nested stacks; Shoal's own clusters have none."""


def describe_stack(name_or_id: str) -> dict[str, Any] | None:
    """A stack as CloudFormation's API describes it, or none.

    A deleted stack is found by its id only, for 90 days
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html).
    """
    try:
        answer = client("cloudformation").describe_stacks(StackName=name_or_id)
    except ClientError as error:
        if _absent(error):
            return None
        raise
    return dict(answer["Stacks"][0]) if answer["Stacks"] else None


def _absent(error: ClientError) -> bool:
    """CloudFormation has no code of its own for a stack that does not exist."""
    details = error.response["Error"]
    return details["Code"] == "ValidationError" and "does not exist" in details["Message"]


def operation_events(stack_id: str, token: str) -> list[dict[str, Any]]:
    """The events of one stack operation, oldest first.

    Args:
        stack_id: the stack; a deleted one needs its id.
        token: the operation's ClientRequestToken, which every event of it carries.
    """
    found: list[dict[str, Any]] = []
    for event in _events(stack_id):
        if event.get("ClientRequestToken") == token:
            found.append(event)
        elif found:  # newest come first, so here begins the operation before
            break
    return found[::-1]


def last_token(stack_id: str) -> str | None:
    """The ClientRequestToken of the operation that the stack carried out last or carries out now."""
    return next((event.get("ClientRequestToken") for event in _events(stack_id)), None)


def creation_token(stack_id: str) -> str | None:
    """The ClientRequestToken of the operation that created the stack."""
    return next((event.get("ClientRequestToken") for event in reversed(list(_events(stack_id)))), None)


def with_nested(events: list[dict[str, Any]], depth: int = MAX_NESTING) -> list[dict[str, Any]]:
    """The events of an operation after those of the nested stacks that failed in it, each stack's oldest first."""
    if depth == 0 or not events:
        return events
    since = events[0]["Timestamp"]
    nested = [
        [inner for inner in _events(event["PhysicalResourceId"]) if inner["Timestamp"] >= since][::-1]
        for event in events
        if _is_failed_nested_stack(event)
    ]
    return [*(event for inner in nested for event in with_nested(inner, depth - 1)), *events]


def _is_failed_nested_stack(event: dict[str, Any]) -> bool:
    nested = event["ResourceType"] == "AWS::CloudFormation::Stack" and event.get("PhysicalResourceId")
    failed = event["ResourceStatus"].endswith("_FAILED")
    return bool(nested and failed and event["PhysicalResourceId"] != event["StackId"])


def _events(stack_id: str) -> Iterator[dict[str, Any]]:
    try:
        for page in client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id):
            yield from page["StackEvents"]
    except ClientError as error:
        if not _absent(error):
            raise


def deletion_began(stack_id: str, resource_type: str) -> datetime | None:
    """When CloudFormation first began to delete a stack's resources of a type; none if it never did."""
    times = [
        event["Timestamp"]
        for event in _events(stack_id)
        if event["ResourceType"] == resource_type and event["ResourceStatus"] == "DELETE_IN_PROGRESS"
    ]
    return min(times, default=None)


def stack_resources(stack_id: str) -> list[dict[str, Any]]:
    """The resources of a stack: logical and physical ids, types, statuses; any number, none if it is not there."""
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_id)
    try:
        return [resource for page in pages for resource in page["StackResourceSummaries"]]
    except ClientError as error:
        if _absent(error):
            return []
        raise


def resource_metadata(stack_id: str, logical_id: str) -> dict[str, Any]:
    """The `Metadata` of a stack's resource as its template has it, references resolved; none of one without it."""
    answer = client("cloudformation").describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
    return dict(json.loads(answer["StackResourceDetail"].get("Metadata") or "{}"))


def describe_change_set(stack_name: str, name: str) -> dict[str, Any] | None:
    """A change set with every page of its changes and the values of their properties, or none."""
    arguments: dict[str, Any] = {"StackName": stack_name, "ChangeSetName": name, "IncludePropertyValues": True}
    changes: list[dict[str, Any]] = []
    while True:
        try:
            page = client("cloudformation").describe_change_set(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ChangeSetNotFound" or _absent(error):
                return None
            raise
        changes += page.get("Changes", [])
        if not page.get("NextToken"):
            return {**page, "Changes": changes}
        arguments["NextToken"] = page["NextToken"]
