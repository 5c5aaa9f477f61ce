"""Operations that meet each other, and operations that somebody stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shoal.cluster.head_node import HEAD_NODE
from tests.support.front_door import FrontDoor
from tests.support.polling import until

Configure = Callable[..., dict[str, Any]]


@pytest.fixture
def silence(shoal: FrontDoor) -> Iterator[None]:
    """No head node signals, so a create waits until it is stopped."""
    shoal.server.call("POST", "/_shoal/head-node-signal", {"send": None})
    yield
    shoal.server.call("POST", "/_shoal/head-node-signal", {"send": "SUCCESS"})


def head_node_waits(shoal: FrontDoor, cluster: str) -> bool:
    filters = [{"Name": "tag:shoal:cluster", "Values": [cluster]}]
    return bool(shoal.client("ec2").describe_instances(Filters=filters)["Reservations"])


def executions(shoal: FrontDoor, operation_id: str, *machines: str) -> dict[str, str]:
    """Names and statuses of an operation's executions of some machines."""
    states, found = shoal.client("stepfunctions"), {}
    for machine in machines:
        arn = shoal.application.machine_arn.replace("shoal-run-operation", f"shoal-{machine}")
        for item in states.list_executions(stateMachineArn=arn)["executions"]:
            if item["name"].startswith(operation_id):
                found[item["name"].removeprefix(f"{operation_id}-")] = item["status"]
    return found


@pytest.mark.usefixtures("silence")
def test_stopping_an_operation_stops_its_children_and_the_next_one_takes_its_lock(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    execution = shoal.begin("create", name, configure())
    until(lambda: head_node_waits(shoal, name), 60, "the head node")
    lock = shoal.item("LOCK", name) or {}

    busy = shoal.operate("delete", name)
    assert (busy.status, busy.error) == ("FAILED", "ClusterBusy")
    assert f"create has been working on cluster {name} since" in busy.cause
    assert lock["holder"] in busy.cause
    assert shoal.succeed("describe", name)["clusterStatus"] == "CREATE_IN_PROGRESS"

    shoal.client("stepfunctions").stop_execution(executionArn=execution)
    machines = ("create-cluster", "deploy-stack", "build-image")
    aborted = {"create": "ABORTED", "deploy": "ABORTED"}
    until(lambda: aborted.items() <= executions(shoal, lock["holder"], *machines).items(), 30, "the children's end")
    assert (shoal.item("LOCK", name) or {})["holder"] == lock["holder"]

    # CloudFormation goes on: the next operation waits for it.
    deletion = shoal.begin("delete", name)
    until(lambda: (shoal.item("LOCK", name) or {}).get("holder") not in {None, lock["holder"]}, 30, "the lock")
    signal_success(shoal, name)
    ended = shoal.wait(deletion)
    assert (ended.status, ended.error) == ("SUCCEEDED", ""), ended.cause
    assert (shoal.item("LOCK", name) or {})["fence"] == lock["fence"] + 1
    assert "holder" not in (shoal.item("LOCK", name) or {})
    stopped = shoal.item(f"OPERATION#{name}", lock["holder"]) or {}
    assert (stopped["status"], stopped["failure"]["code"]) == ("FAILED", "OperationStopped")
    assert shoal.left_since(before) == []


def signal_success(shoal: FrontDoor, cluster: str) -> None:
    """What the head node would have done by now."""
    filters = [{"Name": "tag:shoal:cluster", "Values": [cluster]}]
    found = shoal.client("ec2").describe_instances(Filters=filters)["Reservations"][0]["Instances"][0]
    shoal.client("cloudformation").signal_resource(
        StackName=f"shoal-cluster-{cluster}",
        LogicalResourceId=HEAD_NODE,
        UniqueId=found["InstanceId"],
        Status="SUCCESS",
    )


@pytest.mark.usefixtures("silence")
def test_stopping_an_update_and_a_deletion_stops_their_children(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    """Both wait for a stack that is still being created, as deploy_stack does for any stack that is not settled."""
    before, states = shoal.state(), shoal.client("stepfunctions")
    execution = shoal.begin("create", name, configure())
    until(lambda: head_node_waits(shoal, name), 60, "the head node")
    states.stop_execution(executionArn=execution)
    until(lambda: shoal.wait(execution).status == "ABORTED", 30, "the create's end")

    execution = shoal.begin("delete", name)
    holder = until(lambda: new_holder(shoal, name, "delete"), 30, "the deletion's lock")
    machines = ("delete-cluster", "deploy-stack", "clean-up")
    until(lambda: "RUNNING" in child_statuses(shoal, holder, *machines), 60, "a child of the deletion")
    states.stop_execution(executionArn=execution)
    until(lambda: "RUNNING" not in executions(shoal, holder, *machines).values(), 30, "the children's end")
    assert executions(shoal, holder, "delete-cluster")["delete"] == "ABORTED"

    signal_success(shoal, name)
    assert shoal.succeed("delete", name)["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []


def child_statuses(shoal: FrontDoor, operation_id: str, *machines: str) -> set[str]:
    """Statuses of the grandchildren: those that the operation's own machine started."""
    found = executions(shoal, operation_id, *machines)
    return {status for name, status in found.items() if name not in {"create", "update", "delete"}}


def new_holder(shoal: FrontDoor, cluster: str, operation: str) -> str:
    """Who holds the lock for an operation."""
    lock = shoal.item("LOCK", cluster) or {}
    return str(lock.get("holder", "")) if lock.get("operation") == operation else ""
