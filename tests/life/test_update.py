"""Updates: what changes, what changes nothing, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.front_door import FrontDoor, foreign_queue, queue

Configure = Callable[..., dict[str, Any]]
VOLUME = {"Name": "data", "MountDir": "/data", "StorageType": "Ebs"}


@pytest.fixture
def cluster(shoal: FrontDoor, name: str, configure: Configure) -> Iterator[str]:
    """A cluster that is there, with a volume; deleted at the end, and nothing is left of it."""
    before = shoal.state()
    shoal.succeed("create", name, with_volume(configure, 40))
    yield name
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def with_volume(configure: Configure, size: int, **changed: Any) -> dict[str, Any]:
    settings = {"Size": size, "DeletionPolicy": "Delete"}
    return configure(SharedStorage=[VOLUME | {"EbsSettings": settings}], **changed)


def test_updates_change_refuse_or_leave_a_cluster_and_say_so(
    shoal: FrontDoor, cluster: str, configure: Configure
) -> None:
    same = shoal.succeed("update", cluster, with_volume(configure, 40))
    assert same["summary"] == f"Nothing changes in the stack of cluster {cluster}."

    two = {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue(shoal.subnet), queue(shoal.subnet, "b")]}}
    planned = shoal.succeed("plan", cluster, with_volume(configure, 40, **two))
    assert {(change["type"], change["action"]) for change in planned["resources"]} >= {("AWS::Batch::JobQueue", "Add")}
    dry = shoal.succeed("update", cluster, with_volume(configure, 40, **two), dryrun=True)
    assert dry["changeSet"] == planned["changeSet"]
    names = [f"q{number}" for number in range(9)]
    environments = [{"Name": f"r{number}", "InstanceTypes": ["c6i.large"], "MaxvCpus": 4} for number in range(3)]
    queues = [queue(shoal.subnet), *(queue(shoal.subnet, name, ComputeResources=environments) for name in names)]
    ten = {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": queues}}
    large = shoal.succeed("plan", cluster, with_volume(configure, 40, **ten))
    assert large["planUri"].startswith("s3://shoal-control-")
    assert "resources" not in large
    change_sets = shoal.client("cloudformation").list_change_sets(StackName=f"shoal-cluster-{cluster}")["Summaries"]
    assert [item for item in change_sets if item["ExecutionStatus"] == "AVAILABLE"] == []
    assert shoal.succeed("describe", cluster)["queues"] == shoal.succeed("describe", cluster)["queues"][:1]

    tagged = shoal.operate("update", cluster, with_volume(configure, 40, Tags=[{"Key": "team", "Value": "a"}]))
    assert (tagged.status, tagged.error) == ("FAILED", "UpdateRefused")
    assert tagged.cause.startswith("Tags[team] cannot change")
    refused = shoal.operate("update", cluster, configure(**two))
    assert (refused.status, refused.error) == ("FAILED", "UpdateRefused")
    assert "SharedStorage" in refused.cause

    changed = shoal.succeed("update", cluster, with_volume(configure, 40, **two))
    assert changed["clusterStatus"] == "UPDATE_COMPLETE"
    assert [item["name"] for item in shoal.succeed("describe", cluster)["queues"]] == [
        f"shoal-{cluster}_main",
        f"shoal-{cluster}_b",
    ]


def test_an_update_that_cloudformation_cannot_carry_out_rolls_back_and_tells_why(
    shoal: FrontDoor, cluster: str, configure: Configure
) -> None:
    two = {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue(shoal.subnet), queue(shoal.subnet, "b")]}}
    with foreign_queue(shoal, f"shoal-{cluster}_b"):
        ended = shoal.operate("update", cluster, with_volume(configure, 40, **two))
    assert (ended.status, ended.error) == ("FAILED", "StackFailed")
    assert "(AWS::Batch::JobQueue) is CREATE_FAILED: Object already exists" in ended.cause
    described = shoal.succeed("describe", cluster)
    assert (described["clusterStatus"], described["cloudFormationStackStatus"]) == (
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
    )
    assert [item["name"] for item in described["queues"]] == [f"shoal-{cluster}_main"]
