"""Failures of whole operations: the root cause in one line, and nothing left of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shoal.cluster.head_node import HEAD_NODE
from shoal_node.contract import BOOTSTRAP_TAG, FAILURE
from tests.support.front_door import Ended, FrontDoor, foreign_queue
from tests.support.polling import until

Configure = Callable[..., dict[str, Any]]


@pytest.fixture
def signal(shoal: FrontDoor) -> Iterator[Callable[[str | None], None]]:
    """Switches what head nodes signal: SUCCESS, FAILURE or nothing."""

    def switch(status: str | None) -> None:
        shoal.server.call("POST", "/_shoal/head-node-signal", {"send": status})

    yield switch
    switch("SUCCESS")


def failed(ended: Ended, code: str, *words: str) -> None:
    """FAILED with its code and one line that has these words."""
    assert (ended.status, ended.error) == ("FAILED", code), ended.cause
    assert [word for word in words if word not in ended.cause] == [], ended.cause
    assert "\n" not in ended.cause


def test_a_failed_stack_names_the_resource_that_failed_first_and_leaves_nothing(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    with foreign_queue(shoal, f"shoal-{name}_main"):
        before = shoal.state()
        failed(
            shoal.operate("create", name, configure()), "StackFailed", "JobQueue", "already exists", "cloudformation"
        )
        assert shoal.left_since(before) == []
    assert (shoal.stack(name), shoal.item("CLUSTER", name)) == (None, None)


def test_without_rollback_a_failed_stack_stays_until_it_is_deleted(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    with foreign_queue(shoal, f"shoal-{name}_main"):
        before = shoal.state()
        ended = shoal.operate("create", name, configure(), rollbackOnFailure=False)
        failed(ended, "StackFailed", "already exists", "its stack is left in CREATE_FAILED", "Next: delete the cluster")
        described = shoal.succeed("describe", name)
        assert described["clusterStatus"] == "CREATE_FAILED"
        assert described["cloudFormationStackStatus"] == "CREATE_FAILED"
        assert "delete" in described["nextOperations"]
        assert "already exists" in described["failures"][0]["failureReason"]
        failed(shoal.operate("create", name, configure()), "ClusterExists", f"cluster {name} exists", "CREATE_FAILED")
        assert shoal.succeed("delete", name)["clusterStatus"] == "DELETE_COMPLETE"
        assert shoal.left_since(before) == []


def test_a_head_node_that_says_why_it_failed_is_quoted(
    shoal: FrontDoor, name: str, configure: Configure, signal: Callable[[str | None], None]
) -> None:
    before = shoal.state()
    signal(None)
    execution = shoal.begin("create", name, configure())
    instance = until(lambda: head_node(shoal, name), 60, "the head node")
    said = {"Key": BOOTSTRAP_TAG, "Value": f"{FAILURE} /shared: the disk did not come"}
    shoal.client("ec2").create_tags(Resources=[instance], Tags=[said])
    signalled = {"StackName": f"shoal-cluster-{name}", "LogicalResourceId": HEAD_NODE, "UniqueId": instance}
    shoal.client("cloudformation").signal_resource(**signalled, Status="FAILURE")
    failed(shoal.wait(execution), "StackFailed", HEAD_NODE, "/shared: the disk did not come")
    assert shoal.left_since(before) == []


def test_a_head_node_that_does_not_run_makes_the_cluster_unhealthy_though_the_stack_is_complete(
    shoal: FrontDoor, name: str, configure: Configure, signal: Callable[[str | None], None]
) -> None:
    before = shoal.state()
    signal(None)
    execution = shoal.begin("create", name, configure())
    instance = until(lambda: head_node(shoal, name), 60, "the head node")
    shoal.client("ec2").stop_instances(InstanceIds=[instance])
    signalled = {"StackName": f"shoal-cluster-{name}", "LogicalResourceId": HEAD_NODE, "UniqueId": instance}
    shoal.client("cloudformation").signal_resource(**signalled, Status="SUCCESS")
    failed(shoal.wait(execution), "ClusterUnhealthy", f"the head node {instance} is stop")
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


def head_node(shoal: FrontDoor, cluster: str) -> str:
    """The cluster's instance, or nothing."""
    instances = shoal.client("ec2").describe_instances(Filters=[{"Name": "tag:shoal:cluster", "Values": [cluster]}])
    found = [instance["InstanceId"] for group in instances["Reservations"] for instance in group["Instances"]]
    return found[0] if found else ""


def test_an_environment_that_turned_invalid_fails_an_update_and_can_still_be_deleted(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    batch = shoal.client("batch")
    queues = batch.describe_job_queues(jobQueues=[f"shoal-{name}_main"])["jobQueues"]
    environment = queues[0]["computeEnvironmentOrder"][0]["computeEnvironment"]
    batch.update_compute_environment(computeEnvironment=environment, serviceRole="arn:aws:iam::111111111111:role/gone")
    logs = {"Logs": {"CloudWatch": {"DeletionPolicy": "Delete", "RetentionInDays": 7}}}
    monitoring = logs | {"Dashboards": {"CloudWatch": {"Enabled": False}}}
    ended = shoal.operate("update", name, configure(Monitoring=monitoring))
    failed(ended, "ClusterUnhealthy", "compute environment", "is INVALID", "cannot be assumed")
    described = shoal.succeed("describe", name)
    assert described["lastOperation"]["status"] == "FAILED"
    assert described["failures"][0]["failureCode"] == "ClusterUnhealthy"
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


@pytest.mark.refused("ecr:PutImage")
def test_a_failed_build_is_told_by_phase_exit_code_and_log_and_leaves_nothing(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    """The policy that the test puts on the build's role stays, so that deletion meets a role with a foreign policy."""
    before = shoal.state()
    execution = shoal.begin("create", name, configure(ContainerImage=None))
    shoal.until_made(name, "BuildRole")
    role = shoal.resources(name)["BuildRole"]["PhysicalResourceId"]
    deny = {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"}
    shoal.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="nobody-pushes",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )
    ended = shoal.wait(execution)
    failed(ended, "BuildFailed", "phase", "exit", "denied", "https://")
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


def test_a_create_that_cannot_start_its_stack_leaves_nothing(shoal: FrontDoor, name: str, configure: Configure) -> None:
    before = shoal.state()
    shoal.fail_once("cloudformation", "createStack", "LimitExceededException", match=name)
    failed(shoal.operate("create", name, configure()), "StackFailed", "Create Stack", "planted by a test")
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


def test_a_deletion_that_meets_an_error_keeps_the_cluster_and_can_be_repeated(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    shoal.fail_once("cloudformation", "deleteStack", "CloudFormation.InvalidOperationException", match=name, times=2)
    failed(shoal.operate("delete", name), "StackFailed", "Delete Stack", "planted by a test")
    assert shoal.succeed("describe", name)["clusterStatus"] == "DELETE_FAILED"
    shoal.server.call("DELETE", "/_shoal/faults")
    assert shoal.succeed("delete", name)["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []


def test_leftovers_that_cannot_be_looked_for_fail_the_deletion_which_can_be_repeated(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    shoal.fail_once("lambda", "invoke", "States.TaskFailed", match="find-leftovers")
    failed(shoal.operate("delete", name), "InternalError", "Find Leftovers", "planted by a test")
    assert shoal.stack(name) is None
    assert shoal.succeed("delete", name)["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []


def test_emptying_that_fails_is_told_by_its_own_machine_and_can_be_repeated(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    shoal.succeed("create", name, configure())
    stack = shoal.stack(name)
    assert stack is not None
    bucket = next(item["ParameterValue"] for item in stack["Parameters"] if item["ParameterKey"] == "ResourcesS3Bucket")
    order = {"kind": "bucket", "name": bucket, "stackId": stack["StackId"]}
    shoal.fail_once("lambda", "invoke", "States.TaskFailed", match="empty-bucket")
    first, second = shoal.run(order, "clean-up"), shoal.run(order, "clean-up")
    assert (first.status, second.status) == ("FAILED", "SUCCEEDED")
    shoal.succeed("delete", name)
