"""May an operation begin, and is its machine told what it needs?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shoal.errors import ErrorCode, OperationError
from shoal.ledger import Start
from shoal.operation import admission
from shoal.operation.request import Request, read_request

NOW = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
CLUSTER: dict[str, Any] = {
    "clusterName": "genomics",
    "status": "CREATE_COMPLETE",
    "stackId": "arn:stack",
    "generation": "20260101T000000",
    "lastOperationId": "op-old",
}


def request(operation: str, **fields: Any) -> Request:
    configured = {"clusterConfigurationUri": "s3://bucket/key"} if operation in {"create", "update", "plan"} else {}
    return read_request({"operation": operation, "clusterName": "genomics"} | configured | fields)


def start(operation: str) -> Start:
    deadline = NOW + timedelta(hours=2)
    stored = {"bucket": "b", "key": "k", "versionId": "v"}
    return Start("op-1", operation, "genomics", "arn:execution", NOW, deadline, False, stored)


def refused(operation: str, cluster: dict[str, Any] | None) -> ErrorCode | None:
    try:
        admission.admit(request(operation), cluster, "op-1")
    except OperationError as error:
        return error.code
    return None


def test_a_cluster_is_created_once() -> None:
    assert refused("create", CLUSTER) is ErrorCode.CLUSTER_EXISTS


def test_a_second_try_of_the_same_creation_is_not_in_its_own_way() -> None:
    assert refused("create", CLUSTER | {"lastOperationId": "op-1"}) is None


@pytest.mark.parametrize("operation", ["update", "build-image", "start", "stop"])
def test_what_changes_a_cluster_needs_one(operation: str) -> None:
    assert refused(operation, None) is ErrorCode.CLUSTER_NOT_FOUND


def test_no_image_is_built_for_a_slurm_cluster() -> None:
    assert refused("build-image", CLUSTER | {"kind": "slurm"}) is ErrorCode.INVALID_REQUEST
    assert refused("build-image", CLUSTER | {"kind": "awsbatch"}) is None


@pytest.mark.parametrize("operation", ["start", "stop"])
def test_a_fleet_is_scaled_by_one_machine(operation: str) -> None:
    assert admission.machine_of(request(operation), CLUSTER) == "scale-cluster"


def test_deleting_an_absent_cluster_may_begin() -> None:
    assert refused("delete", None) is None


@pytest.mark.parametrize(("cluster", "machine"), [(None, "create-cluster"), (CLUSTER, "update-cluster")])
def test_a_plan_is_made_by_the_machine_that_would_do_it(cluster: Any, machine: str) -> None:
    assert admission.machine_of(request("plan"), cluster) == machine


def test_a_cluster_keeps_the_generation_it_was_created_with() -> None:
    told = admission.child_input(request("update"), start("update"), "shoal", CLUSTER)
    assert told["generation"] == "20260101T000000"


def test_a_new_clusters_generation_is_the_time_of_its_creation() -> None:
    assert admission.child_input(request("create"), start("create"), "shoal", None)["generation"] == "20261124T101530"


def test_the_child_is_told_where_the_configuration_lies_and_not_what_it_says() -> None:
    route = admission.run_route(request("create"), start("create"), "shoal", None)
    assert route["child"]["configuration"] == {"bucket": "b", "key": "k", "versionId": "v"}
    assert route["executionName"] == "op-1-create"


def test_a_deadline_is_a_moment_that_state_machines_can_read() -> None:
    assert (
        admission.child_input(request("delete"), start("delete"), "shoal", CLUSTER)["deadline"]
        == "2026-11-24T12:15:30Z"
    )


def test_a_wrong_configuration_is_told_with_every_problem() -> None:
    with pytest.raises(OperationError) as caught:
        admission.check_configuration("Region: us-east-1\nImag: {}\n", "us-east-1", "shoal")
    assert caught.value.code is ErrorCode.INVALID_CONFIGURATION
    assert "Imag" in caught.value.message
    assert "HeadNode" in caught.value.message
