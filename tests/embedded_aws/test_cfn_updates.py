"""Are the events of an update those of what it does?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.embedded import Account
from tests.support.stacks import Stack, resource


def disk(size: int, zone: str = "us-east-1a") -> dict[str, Any]:
    return resource("AWS::EC2::Volume", {"AvailabilityZone": zone, "Size": size})


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account).create({"Same": disk(1), "Grown": disk(1), "Moved": disk(1), "Gone": disk(1)})


WANTED = {"Same": disk(1), "Grown": disk(2), "Moved": disk(1, "us-east-1b"), "New": disk(1)}


def told(stack: Stack, logical_id: str) -> list[str]:
    """What the update said of a resource."""
    statuses = stack.statuses(logical_id)
    return statuses[statuses.index("CREATE_COMPLETE") + 1 :] if logical_id != "New" else statuses


def test_each_resource_tells_what_was_done_to_it(stack: Stack) -> None:
    moved = stack.physical_id("Moved")
    stack.update(WANTED)
    assert told(stack, "Same") == []
    assert told(stack, "Grown") == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert told(stack, "New") == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert told(stack, "Gone") == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert told(stack, "Moved")[-3:] == ["UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert stack.events("Moved")[-1]["PhysicalResourceId"] == moved


def test_the_stack_cleans_up_before_it_is_complete(stack: Stack) -> None:
    stack.update(WANTED)
    expected = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert stack.statuses(stack.name)[-3:] == expected


def test_resources_are_listed_in_the_status_of_their_last_event(stack: Stack) -> None:
    stack.update(WANTED)
    listed = {name: found["ResourceStatus"] for name, found in stack.resources().items()}
    assert listed == {
        "Same": "CREATE_COMPLETE",
        "Grown": "UPDATE_COMPLETE",
        "Moved": "UPDATE_COMPLETE",
        "New": "CREATE_COMPLETE",
    }


def test_a_new_resource_that_fails_failed_to_be_created(stack: Stack) -> None:
    broken = resource("AWS::EC2::Volume", {"AvailabilityZone": "us-east-1a", "SnapshotId": "snap-0123456789abcdeff"})
    stack.update({**WANTED, "Grown": disk(1), "New": broken}, status="UPDATE_ROLLBACK_COMPLETE")
    assert told(stack, "New")[:2] == ["CREATE_IN_PROGRESS", "CREATE_FAILED"]
    assert told(stack, "Same") == []


def test_a_second_update_tells_of_itself_only(stack: Stack) -> None:
    stack.update(WANTED)
    stack.update({**WANTED, "New": disk(2)})
    assert stack.statuses("New")[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert stack.statuses("Grown").count("UPDATE_COMPLETE") == 1


def test_another_tag_of_the_stack_replaces_nothing(account: Account) -> None:
    compute = {"Type": "EC2", "MaxvCpus": 4, "Subnets": ["subnet-00000001"]}
    resources = {
        "Work": resource("AWS::Batch::ComputeEnvironment", {"Type": "MANAGED", "ComputeResources": compute}),
        "Close": resource("AWS::EC2::PlacementGroup", {"Strategy": "cluster"}),
    }
    stack = Stack(account).create(resources, Tags=[{"Key": "team", "Value": "a"}])
    before = {name: found["PhysicalResourceId"] for name, found in stack.resources().items()}
    stack.update(resources, Tags=[{"Key": "team", "Value": "b"}])
    assert {name: found["PhysicalResourceId"] for name, found in stack.resources().items()} == before
