"""Updates of Slurm clusters: done when the head node has applied them, refused where they would lose something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import front_door
from tests.support.front_door import FrontDoor
from tests.support.slurm_life import SlurmCluster, configuration, queue, resource


@pytest.fixture
def cluster(shoal: FrontDoor, name: str) -> Iterator[SlurmCluster]:
    """A cluster that is there, with one queue; deleted at the end, and nothing is left of it."""
    before = shoal.state()
    shoal.succeed("create", name, with_queues(shoal))
    yield SlurmCluster(shoal, name)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def with_queues(shoal: FrontDoor, *queues: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return configuration(shoal.subnet, *(queues or (queue(shoal.subnet),)), **changed)


def acknowledged(cluster: SlurmCluster) -> dict[str, Any]:
    """What the head node says of the configuration that it has applied last."""
    return cluster.item(f"configuration#{cluster.status('version')}")


def test_an_update_ends_when_the_head_node_has_applied_it(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    first = cluster.status("version")
    larger = queue(shoal.subnet, "main", resource(MaxCount=6))
    other = queue(shoal.subnet, "other", resource("big", InstanceType="c6i.xlarge", MinCount=1))
    wanted = with_queues(shoal, larger, other, settings={"ScaledownIdletime": 3})
    planned = shoal.succeed("plan", cluster.name, wanted)
    assert {(change["type"], change["action"]) for change in planned["resources"]} >= {
        ("AWS::AutoScaling::AutoScalingGroup", "Modify"),
        ("AWS::AutoScaling::AutoScalingGroup", "Add"),
        ("AWS::EC2::Instance", "Modify"),
    }
    assert cluster.status("version") == first
    assert shoal.succeed("update", cluster.name, wanted)["clusterStatus"] == "UPDATE_COMPLETE"
    assert (acknowledged(cluster)["state"], cluster.status("version") == first) == ("APPLIED", False)
    assert sorted(group["MaxSize"] for group in cluster.groups().values()) == [4, 6]
    assert [row["ready"] for row in cluster.status("queues")["other"]] == [1]

    shoal.succeed("update", cluster.name, with_queues(shoal, larger))
    assert list(cluster.status("queues")) == ["main"]
    assert len(cluster.groups()) == 1
    same = shoal.succeed("update", cluster.name, with_queues(shoal, larger))
    assert same["summary"] == f"Nothing changes in the stack of cluster {cluster.name}."


def test_an_update_keeps_the_nodes_that_there_are(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    (group,) = cluster.groups()
    cluster.start_nodes(group, 2)
    cluster.until_ready("main", 2)
    before = cluster.nodes()
    shoal.succeed("update", cluster.name, with_queues(shoal, queue(shoal.subnet, "main", resource(MaxCount=8))))
    assert (cluster.nodes(), cluster.groups()[group]["DesiredCapacity"]) == (before, 2)


def test_an_update_that_the_head_node_refuses_fails_with_its_error(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    wanted = with_queues(shoal, settings={"ScaledownIdletime": 3})
    with cluster.failing(configuration="slurmctld refuses the partition main"):
        ended = shoal.operate("update", cluster.name, wanted)
    assert (ended.status, ended.error) == ("FAILED", "ClusterUnhealthy")
    assert "slurmctld refuses the partition main" in ended.cause
    assert shoal.succeed("describe", cluster.name)["lastOperation"]["status"] == "FAILED"


def test_an_update_that_would_replace_the_head_node_is_refused(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    head = {
        "InstanceType": "t3.small",
        "Networking": {"SubnetId": shoal.subnet},
        "LocalStorage": {"RootVolume": {"Encrypted": False}},
    }
    ended = shoal.operate("update", cluster.name, with_queues(shoal, HeadNode=head))
    assert (ended.status, ended.error) == ("FAILED", "UpdateRefused"), ended.cause
    ended = shoal.operate("update", cluster.name, front_door.configuration(shoal.subnet))
    assert (ended.status, ended.error) == ("FAILED", "UpdateRefused"), ended.cause
    assert "Scheduler" in ended.cause
