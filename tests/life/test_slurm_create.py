"""Creating Slurm clusters: done when the nodes are there, or with the last lines of what failed, and nothing left."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import slurm_life
from tests.support.front_door import Ended, FrontDoor
from tests.support.slurm_life import SlurmCluster


@pytest.fixture
def cluster(shoal: FrontDoor, name: str) -> SlurmCluster:
    """A cluster that is not there yet."""
    return SlurmCluster(shoal, name)


def static(shoal: FrontDoor, count: int) -> dict[str, Any]:
    """A configuration with so many nodes that are always there."""
    return slurm_life.configuration(
        shoal.subnet, slurm_life.queue(shoal.subnet, "main", slurm_life.resource(MinCount=count))
    )


def failed(ended: Ended, code: str, *words: str) -> None:
    """FAILED with its code and one line that has these words."""
    assert (ended.status, ended.error) == ("FAILED", code), ended.cause
    assert [word for word in words if word not in ended.cause] == [], ended.cause
    assert "\n" not in ended.cause


@pytest.mark.parametrize("count", [0, 2])
def test_a_cluster_is_created_once_its_nodes_are_there_and_deleted_without_a_trace(
    shoal: FrontDoor, cluster: SlurmCluster, count: int
) -> None:
    before = shoal.state()
    answer = shoal.succeed("create", cluster.name, static(shoal, count))
    assert answer["clusterStatus"] == "CREATE_COMPLETE"
    (row,) = cluster.status("queues")["main"]
    assert (row["ready"], len(cluster.nodes())) == (count, count)
    assert cluster.status("slurm") == "up"
    assert shoal.succeed("delete", cluster.name)["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []


def test_a_plan_says_what_would_be_made_and_makes_nothing(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    before = shoal.state()
    planned = shoal.succeed("plan", cluster.name, static(shoal, 2))
    assert planned["resourceCounts"]["AWS::AutoScaling::AutoScalingGroup"] == 1
    assert planned["images"] == []
    dry = shoal.succeed("create", cluster.name, static(shoal, 2), dryrun=True)
    assert (dry["resourceCounts"], len(dry["planHash"])) == (planned["resourceCounts"], 64)
    assert shoal.left_since(before) == []


def test_a_head_node_that_fails_is_quoted_and_nothing_is_left(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    before = shoal.state()
    with cluster.failing(head=["fetching packages", "E: Unable to locate package slurm-wlm"]):
        ended = shoal.operate("create", cluster.name, static(shoal, 2))
    failed(ended, "StackFailed", "HeadNode", "E: Unable to locate package slurm-wlm")
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", cluster.name) is None


def test_compute_nodes_that_fail_are_quoted_and_nothing_is_left(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    before = shoal.state()
    with cluster.failing(compute=["mounting /home", "mount.nfs4: access denied by server"]):
        ended = shoal.operate("create", cluster.name, static(shoal, 1))
    failed(ended, "ClusterUnhealthy", "compute resource work", "queue main", "mount.nfs4: access denied by server")
    assert shoal.left_since(before) == []


def test_a_configuration_that_the_head_node_refuses_fails_the_creation(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    before = shoal.state()
    with cluster.failing(configuration="slurmctld: fatal: CustomSlurmSettings are wrong"):
        ended = shoal.operate("create", cluster.name, static(shoal, 0))
    failed(ended, "ClusterUnhealthy", "CustomSlurmSettings are wrong")
    assert shoal.left_since(before) == []


def test_without_rollback_a_cluster_with_failed_nodes_stays_and_tells_of_them(
    shoal: FrontDoor, cluster: SlurmCluster
) -> None:
    before = shoal.state()
    with cluster.failing(compute=["cloud-init: no space left on device"]):
        ended = shoal.operate("create", cluster.name, static(shoal, 1), rollbackOnFailure=False)
    failed(ended, "ClusterUnhealthy", "no space left on device")
    described = shoal.succeed("describe", cluster.name)
    assert described["nodeFailures"][0]["log"] == ["cloud-init: no space left on device"]
    shoal.succeed("delete", cluster.name)
    assert shoal.left_since(before) == []
