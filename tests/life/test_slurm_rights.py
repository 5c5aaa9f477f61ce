"""Two Slurm clusters at once: no node of one touches the other, and nobody but nodes sees the munge key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.front_door import PREFIX, SECONDS, FrontDoor
from tests.support.polling import until
from tests.support.role_session import client, session
from tests.support.slurm_life import SlurmCluster, configuration, queue, resource

NAMES = ("rights", "rights-other")
"""One begins as the other does, so that a pattern of names that is too wide shows."""
REFUSED = (
    "autoscaling:TerminateInstanceInAutoScalingGroup", "autoscaling:SetInstanceProtection",
    "autoscaling:SetDesiredCapacity", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:Query",
    "dynamodb:BatchGetItem", "sqs:SendMessage", "sqs:ReceiveMessage", "cloudformation:DescribeStackResource",
    "ec2:TerminateInstances", "ec2:CreateTags",
)  # fmt: skip
KEY = {"pk": {"S": "secret#munge"}}


@pytest.fixture(scope="module")
def clusters(shoal: FrontDoor) -> Iterator[tuple[SlurmCluster, SlurmCluster]]:
    """Two clusters, each with two compute resources that always have a node."""
    before = shoal.state()
    queues = [queue(shoal.subnet, name, resource(MinCount=1)) for name in ("main", "other")]
    executions = [shoal.begin("create", name, configuration(shoal.subnet, *queues)) for name in NAMES]
    for execution in executions:
        assert (ended := shoal.wait(execution)).status == "SUCCEEDED", ended.cause
    yield SlurmCluster(shoal, NAMES[0]), SlurmCluster(shoal, NAMES[1])
    for name in NAMES:
        shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def act_as(shoal: FrontDoor, role: str) -> Callable[[str], Any]:
    """Clients of whoever has a role."""
    environment = session(shoal, role)
    return lambda service: client(service, environment)


def role_of(cluster: SlurmCluster, kind: str) -> str:
    """The name of the head node's role, or of the nodes of the queue `main`."""
    found = [
        one["PhysicalResourceId"]
        for logical_id, one in cluster.shoal.resources(cluster.name).items()
        if one["ResourceType"] == "AWS::IAM::Role" and logical_id.startswith(kind)
    ]
    return str(found[0])


def group_of(cluster: SlurmCluster, queue_name: str) -> dict[str, Any]:
    return next(group for name, group in cluster.groups().items() if name.endswith(f"_{queue_name}-work"))


def instance_of(cluster: SlurmCluster, queue_name: str) -> str:
    return str(group_of(cluster, queue_name)["Instances"][0]["InstanceId"])


def refused(call: Callable[..., Any], **asked: Any) -> bool:
    try:
        call(**asked)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    return False


def ready(cluster: SlurmCluster) -> list[int]:
    """How many nodes of each of its compute resources are ready, as its head node publishes it."""
    return [row["ready"] for rows in cluster.status("queues").values() for row in rows]


def test_each_cluster_sees_its_own_nodes_alone(clusters: tuple[SlurmCluster, SlurmCluster]) -> None:
    for cluster in clusters:  # one that another test has ended is being replaced
        until(lambda shown=cluster: ready(shown) == [1, 1], SECONDS, "a ready node of each of its queues")  # type: ignore[misc]
        assert len(cluster.nodes()) == 2
    assert clusters[0].physical("FleetQueue") != clusters[1].physical("FleetQueue")


@pytest.mark.refused(*REFUSED)
def test_a_compute_node_touches_its_own_group_and_queue_and_no_other(
    shoal: FrontDoor, clusters: tuple[SlurmCluster, SlurmCluster]
) -> None:
    own, other = clusters
    node = act_as(shoal, role_of(own, "ComputeRoleMain"))
    scaling, sqs, ec2 = node("autoscaling"), node("sqs"), node("ec2")
    for cluster, queue_name in ((own, "other"), (other, "main"), (other, "other")):
        foreign = instance_of(cluster, queue_name)
        end = {"InstanceId": foreign, "ShouldDecrementDesiredCapacity": False}
        assert refused(scaling.terminate_instance_in_auto_scaling_group, **end)
        group = group_of(cluster, queue_name)["AutoScalingGroupName"]
        keep = {"AutoScalingGroupName": group, "InstanceIds": [foreign], "ProtectedFromScaleIn": True}
        assert refused(scaling.set_instance_protection, **keep)
        assert refused(scaling.set_desired_capacity, AutoScalingGroupName=group, DesiredCapacity=2)
        assert refused(ec2.terminate_instances, InstanceIds=[foreign])
    assert refused(sqs.send_message, QueueUrl=other.physical("FleetQueue"), MessageBody="x")
    assert refused(sqs.receive_message, QueueUrl=own.physical("FleetQueue"))
    mine, group = instance_of(own, "main"), group_of(own, "main")["AutoScalingGroupName"]
    assert scaling.describe_auto_scaling_instances(InstanceIds=[mine])["AutoScalingInstances"]
    assert scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    for protected in (True, False):
        scaling.set_instance_protection(AutoScalingGroupName=group, InstanceIds=[mine], ProtectedFromScaleIn=protected)
    scaling.terminate_instance_in_auto_scaling_group(InstanceId=mine, ShouldDecrementDesiredCapacity=False)


@pytest.mark.refused(*REFUSED)
def test_a_compute_node_reads_the_munge_key_and_no_other_item(
    shoal: FrontDoor, clusters: tuple[SlurmCluster, SlurmCluster]
) -> None:
    own, other = clusters
    dynamodb = act_as(shoal, role_of(own, "ComputeRoleMain"))("dynamodb")
    table = own.physical("NodeTable")
    assert "Item" in dynamodb.get_item(TableName=table, Key=KEY)
    assert refused(dynamodb.get_item, TableName=table, Key={"pk": {"S": "status#head"}})
    assert refused(dynamodb.get_item, TableName=other.physical("NodeTable"), Key=KEY)
    assert refused(dynamodb.put_item, TableName=table, Item=KEY)
    assert refused(dynamodb.scan, TableName=table)
    assert refused(dynamodb.batch_get_item, RequestItems={table: {"Keys": [KEY, {"pk": {"S": "fleet"}}]}})


@pytest.mark.refused(*REFUSED)
def test_a_head_node_touches_its_own_cluster_alone(
    shoal: FrontDoor, clusters: tuple[SlurmCluster, SlurmCluster]
) -> None:
    own, other = clusters
    head = act_as(shoal, role_of(own, "HeadNodeRole"))
    group = group_of(other, "main")["AutoScalingGroupName"]
    assert refused(head("autoscaling").set_desired_capacity, AutoScalingGroupName=group, DesiredCapacity=2)
    end = {"InstanceId": instance_of(other, "main"), "ShouldDecrementDesiredCapacity": False}
    assert refused(head("autoscaling").terminate_instance_in_auto_scaling_group, **end)
    assert refused(head("dynamodb").get_item, TableName=other.physical("NodeTable"), Key=KEY)
    assert refused(head("sqs").receive_message, QueueUrl=other.physical("FleetQueue"))
    foreign = {"StackName": f"{PREFIX}-cluster-{other.name}", "LogicalResourceId": "HeadNode"}
    assert refused(head("cloudformation").describe_stack_resource, **foreign)
    tag = [{"Key": "shoal:bootstrap", "Value": "FAILURE"}]
    assert refused(head("ec2").create_tags, Resources=[other.physical("HeadNode")], Tags=tag)
    mine = group_of(own, "main")
    wanted = mine["DesiredCapacity"]
    head("autoscaling").set_desired_capacity(AutoScalingGroupName=mine["AutoScalingGroupName"], DesiredCapacity=wanted)


@pytest.mark.refused(*REFUSED)
@pytest.mark.parametrize("function", ["check-cluster", "answer-query", "scale-fleet", "quiesce-cluster"])
def test_the_control_plane_cannot_read_the_munge_key(
    shoal: FrontDoor, clusters: tuple[SlurmCluster, SlurmCluster], function: str
) -> None:
    dynamodb = act_as(shoal, f"{PREFIX}-{function}")("dynamodb")
    table = clusters[0].physical("NodeTable")
    assert refused(dynamodb.get_item, TableName=table, Key=KEY)
    assert refused(dynamodb.scan, TableName=table)
    asked = {"KeyConditionExpression": "pk = :key", "ExpressionAttributeValues": {":key": KEY["pk"]}}
    assert refused(dynamodb.query, TableName=table, **asked)
    assert refused(dynamodb.batch_get_item, RequestItems={table: {"Keys": [KEY]}})
