"""Deleting Slurm clusters: busy nodes, unread messages and foreign hands hold nothing up, and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.front_door import FrontDoor
from tests.support.polling import until
from tests.support.slurm_life import SlurmCluster, configuration, queue, resource


@pytest.fixture
def cluster(shoal: FrontDoor, name: str) -> Iterator[SlurmCluster]:
    """A cluster with a shared volume and a dashboard that a test deletes; nothing is left of it."""
    before = shoal.state()
    volume = {
        "Name": "data", "MountDir": "/data", "StorageType": "Ebs",
        "EbsSettings": {"Size": 40, "DeletionPolicy": "Delete"},
    }  # fmt: skip
    monitoring = {"Logs": {"CloudWatch": {"DeletionPolicy": "Delete"}}}
    placed = queue(shoal.subnet, "main", resource(Networking={"PlacementGroup": {"Enabled": True}}))
    wanted = configuration(shoal.subnet, placed, SharedStorage=[volume], Monitoring=monitoring)
    shoal.succeed("create", name, wanted)
    yield SlurmCluster(shoal, name)
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


def with_busy_nodes(cluster: SlurmCluster, count: int) -> str:
    """Start nodes, and protect them as they are while jobs run; their group."""
    (group,) = cluster.groups()
    cluster.start_nodes(group, count)
    cluster.until_ready("main", count)
    cluster.protect(group)
    return group


def test_busy_nodes_and_unread_messages_hold_up_no_deletion(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    with_busy_nodes(cluster, 3)
    sqs, address = shoal.client("sqs"), cluster.physical("FleetQueue")
    for number in range(12):
        sqs.send_message(QueueUrl=address, MessageBody=json.dumps({"nobody": f"reads {number}"}))
    answer = shoal.succeed("delete", cluster.name)
    assert (answer["clusterStatus"], answer["kept"]) == ("DELETE_COMPLETE", [])
    assert "nothing left over" in answer["summary"]


def test_a_stopped_cluster_is_deleted(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    shoal.succeed("stop", cluster.name)
    assert shoal.succeed("delete", cluster.name)["clusterStatus"] == "DELETE_COMPLETE"


def test_a_stack_deleted_in_the_console_leaves_nothing(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    (group,) = cluster.groups()
    cluster.start_nodes(group, 1)
    cluster.until_ready("main", 1)
    assert delete_in_the_console(shoal, cluster) == "DELETE_COMPLETE"
    assert shoal.succeed("delete", cluster.name)["clusterStatus"] == "DELETE_COMPLETE"


def test_a_deletion_in_the_console_that_busy_nodes_hold_up_is_ended_by_shoal(
    shoal: FrontDoor, cluster: SlurmCluster
) -> None:
    with_busy_nodes(cluster, 1)
    assert delete_in_the_console(shoal, cluster) == "DELETE_FAILED"
    assert shoal.succeed("delete", cluster.name)["clusterStatus"] == "DELETE_COMPLETE"


def test_a_node_that_outlives_its_group_is_found(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    """It was detached from its group, say, and still has the cluster's tags: the deletion waits until it is gone."""
    ec2 = shoal.client("ec2")
    tags = [{"Key": "shoal:cluster", "Value": cluster.name}]
    launched = ec2.run_instances(
        ImageId=image_of(shoal, cluster), InstanceType="c6i.large", MinCount=1, MaxCount=1, SubnetId=shoal.subnet,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    execution = shoal.begin("delete", cluster.name)
    until(lambda: shoal.stack(cluster.name) is None, 60, "the deletion of the stack")
    running = shoal.client("stepfunctions").describe_execution(executionArn=execution)["status"]
    ec2.terminate_instances(InstanceIds=[launched])
    assert running == "RUNNING"
    assert shoal.wait(execution).status == "SUCCEEDED"


def image_of(shoal: FrontDoor, cluster: SlurmCluster) -> str:
    found = shoal.client("ec2").describe_instances(InstanceIds=[cluster.physical("HeadNode")])
    return str(found["Reservations"][0]["Instances"][0]["ImageId"])


def delete_in_the_console(shoal: FrontDoor, cluster: SlurmCluster) -> str:
    """Lift the protection and delete the stack, without Shoal; its status at the end."""
    cloudformation, stack = shoal.client("cloudformation"), shoal.stack(cluster.name)
    assert stack is not None
    cloudformation.update_termination_protection(StackName=stack["StackId"], EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=stack["StackId"])

    def settled() -> str:
        status = cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"]
        return "" if status.endswith("IN_PROGRESS") else str(status)

    return until(settled, 90, f"the deletion of {cluster.name}")
