"""Does describe speak ParallelCluster's words, and list bound its page?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.cluster.statuses import STATUSES
from shoal.operation import description
from shoal.operation.catalogue import CATALOGUE

CLUSTER: dict[str, Any] = {
    "clusterName": "genomics",
    "status": "CREATE_COMPLETE",
    "kind": "awsbatch",
    "stackId": "arn:stack",
    "createdAt": "2026-11-24T10:00:00+00:00",
    "updatedAt": "2026-11-24T10:05:00+00:00",
    "configuration": {"bucket": "b", "key": "configurations/genomics.yaml", "versionId": "v"},
    "images": [{"tag": "t", "uri": "uri:t", "digest": "sha256:1", "queues": ["main"]}],
}


def stack(status: str) -> dict[str, Any]:
    return {"StackId": "arn:stack", "StackStatus": status, "Tags": [{"Key": "project", "Value": "x"}]}


def test_a_clusters_images_are_told_with_their_queues() -> None:
    described = description.description(CLUSTER, None, None, stack("CREATE_COMPLETE"))
    assert described["images"] == CLUSTER["images"]


def test_the_image_of_a_cluster_that_an_earlier_version_registered_is_told() -> None:
    earlier = {name: value for name, value in CLUSTER.items() if name != "images"} | {
        "imageTag": "t",
        "imageUri": "uri:t",
        "imageDigest": "sha256:1",
    }
    described = description.description(earlier, None, None, stack("CREATE_COMPLETE"))
    assert described["images"] == [{"tag": "t", "uri": "uri:t", "digest": "sha256:1"}]
    newer = description.description(earlier | CLUSTER, None, None, stack("CREATE_COMPLETE"))
    assert newer["images"] == CLUSTER["images"]


def test_a_cluster_under_work_says_so() -> None:
    lock = {"holder": "op-2", "operation": "update"}
    described = description.description(CLUSTER, lock, None, stack("UPDATE_IN_PROGRESS"))
    assert described["clusterStatus"] == "UPDATE_IN_PROGRESS"
    assert described["nextOperations"] == []


def test_a_released_lock_leaves_the_last_operations_status() -> None:
    assert description.cluster_status(CLUSTER, {"fence": 3}) == "CREATE_COMPLETE"


@pytest.mark.parametrize("status", STATUSES)
def test_what_can_be_done_next_is_an_operation_that_there_is(status: str) -> None:
    described = description.description(CLUSTER, None, None, stack(status))
    assert set(described["nextOperations"]) <= set(CATALOGUE)


def test_a_failed_operation_is_described_with_its_cause() -> None:
    operation = {"operation": "create", "status": "FAILED", "failure": {"code": "StackFailed", "cause": "no such key"}}
    described = description.description(CLUSTER, None, operation, None)
    assert described["failures"] == [{"failureCode": "StackFailed", "failureReason": "no such key"}]


def test_a_failed_build_is_described_with_its_log_while_the_operation_still_runs() -> None:
    failure = {"code": "BuildFailed", "cause": "phase BUILD failed", "log": ["E: no package"], "link": "https://log"}
    operation = {"operation": "create", "status": "RUNNING", "failure": failure}
    (described,) = description.description(CLUSTER, {"operation": "create"}, operation, None)["failures"]
    assert (described["log"], described["link"]) == (["E: no package"], "https://log")


def test_the_configuration_is_named_by_where_it_lies() -> None:
    described = description.description(CLUSTER, None, None, stack("CREATE_COMPLETE"))
    assert described["clusterConfiguration"] == {"url": "s3://b/configurations/genomics.yaml?versionId=v"}


def test_the_site_is_named_by_where_it_lies() -> None:
    known = CLUSTER | {"site": {"bucket": "b", "key": "sites/genomics.json", "versionId": "v"}}
    described = description.description(known, None, None, stack("CREATE_COMPLETE"))
    assert described["site"] == {"url": "s3://b/sites/genomics.json?versionId=v"}


def test_a_page_is_filtered_by_status() -> None:
    page = description.page([CLUSTER, CLUSTER | {"status": "DELETE_FAILED"}], ("DELETE_FAILED",), None)
    assert [item["clusterStatus"] for item in page["clusters"]] == ["DELETE_FAILED"]


def test_a_page_says_that_there_is_more() -> None:
    page = description.page([CLUSTER], (), "genomics")
    assert page["nextToken"] == "genomics"
    assert "nextToken" in page["summary"]
