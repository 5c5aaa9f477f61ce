"""Is a Slurm cluster looked at as its head node, its groups and Slurm have it?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.check_cluster.app import handler
from shoal.errors import ErrorCode, OperationError
from shoal.failure import explain
from tests.functions.conftest import ENVIRONMENT
from tests.support.slurm_stack import AT_ONCE, NAME, STACK, VERSION, SlurmStack
from tests.support.stubs import stubs

EVENT: dict[str, Any] = {
    "clusterName": NAME,
    "stackId": STACK,
    "images": [],
    "fleet": AT_ONCE,
    "since": "2026-11-24T10:00:00.000Z",
}


@pytest.fixture
def stack(deployed: None) -> Iterator[SlurmStack]:
    with stubs() as aws:
        yield SlurmStack(aws, ENVIRONMENT["LEDGER_TABLE_NAME"])


def works(stack: SlurmStack, ready: int = 2, **parts: Any) -> None:
    """The head node has applied the configuration, and tells of the nodes."""
    stack.put(f"configuration#{VERSION}", state="APPLIED", changedAt=1)
    queues = {"main": [{"computeResource": "small", "ready": ready}]}
    stack.publish(changed_at=int(time.time()), **({"slurm": "up", "queues": queues} | parts))


def checked(stack: SlurmStack, context: LambdaContext) -> dict[str, Any]:
    stack.resources()
    return handler(EVENT, context)


def test_a_cluster_whose_nodes_have_all_joined_is_ready(stack: SlurmStack, context: LambdaContext) -> None:
    works(stack)
    assert checked(stack, context)["ready"]


def test_a_cluster_that_lacks_a_node_is_not_ready(stack: SlurmStack, context: LambdaContext) -> None:
    works(stack, ready=1)
    assert checked(stack, context)["problems"] == ["the queue main has 1 of 2 nodes of small"]


def test_the_nodes_of_a_stopped_fleet_are_not_waited_for(stack: SlurmStack, context: LambdaContext) -> None:
    stack.register(fleetStatus="STOPPED")
    works(stack, ready=0)
    assert checked(stack, context)["ready"]


def test_a_head_node_that_has_published_nothing_is_waited_for(stack: SlurmStack, context: LambdaContext) -> None:
    assert "the head node has not applied the configuration yet" in checked(stack, context)["problems"]


def test_another_version_than_the_plans_does_not_count(stack: SlurmStack, context: LambdaContext) -> None:
    works(stack)
    stack.resources()
    told = handler(EVENT | {"fleet": AT_ONCE | {"version": "ffff"}}, context)
    assert told["problems"] == ["the head node has not applied the configuration yet"]


def test_the_head_nodes_error_fails_the_operation_with_its_last_lines(
    stack: SlurmStack, context: LambdaContext
) -> None:
    works(stack)
    stack.put(f"configuration#{VERSION}", state="FAILED", error="slurmctld: bad key Foo", log=["fatal: Foo", "bye"])
    with pytest.raises(OperationError, match="could not apply the configuration: slurmctld: bad key Foo") as error:
        checked(stack, context)
    assert (error.value.code, error.value.log) == (ErrorCode.CLUSTER_UNHEALTHY, ("fatal: Foo", "bye"))


def test_a_failure_keeps_its_last_lines_on_the_way_through_the_machine(
    stack: SlurmStack, context: LambdaContext
) -> None:
    stack.put(f"configuration#{VERSION}", state="FAILED", error="no such key", log=["first", "last"])
    with pytest.raises(OperationError) as error:
        checked(stack, context)
    cause = f'{{"errorMessage": "{str(error.value).replace(chr(10), "\\n")}", "errorType": "OperationError"}}'
    told = explain({"state": "Check Cluster", "error": "OperationError", "cause": cause})
    assert (told.cause, told.log) == ("the head node could not apply the configuration: no such key", ("first", "last"))
