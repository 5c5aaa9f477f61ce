"""Is a cluster created or updated only where its stack allows it, and is a plan's answer small enough to travel?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from shoal.cluster.findings import Finding
from shoal.cluster.statuses import STATUSES
from shoal.errors import ErrorCode, OperationError
from shoal.planning import (
    LARGEST_ANSWER,
    admit_create,
    admit_update,
    changed_since,
    creation,
    foundations,
    image_changes,
    images_changed,
    is_small,
    services,
    stack_arguments,
)
from tests.support.clusters import configuration, queue, site, site_for
from tests.support.slurm_clusters import slurm_configuration

KNOWN = {"site": {"key": "s"}, "configuration": {"key": "c"}}
PLANNED = blueprint(load(configuration()), site())


def stack(status: str) -> dict[str, Any]:
    return {"StackStatus": status, "StackId": "arn"}


@pytest.mark.parametrize("there", [None, stack("DELETE_COMPLETE")])
def test_a_cluster_is_created_where_there_is_no_stack(there: dict[str, Any] | None) -> None:
    admit_create("genomics", there)


@pytest.mark.parametrize("status", sorted(STATUSES.keys() - {"DELETE_COMPLETE"}))
def test_a_cluster_is_not_created_over_another_stack(status: str) -> None:
    with pytest.raises(OperationError, match=f"clusterName: .*{status}") as raised:
        admit_create("genomics", stack(status))
    assert raised.value.code is ErrorCode.CLUSTER_EXISTS


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED"])
def test_what_an_earlier_create_left_is_named_with_the_way_out(status: str) -> None:
    with pytest.raises(OperationError, match="delete the cluster, then create it again"):
        admit_create("genomics", stack(status))


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"]
)
def test_a_cluster_that_works_or_is_being_worked_on_can_be_updated(status: str) -> None:
    assert admit_update("genomics", KNOWN, stack(status)) == KNOWN


@pytest.mark.parametrize(
    ("known", "there", "code"),
    [
        (None, stack("CREATE_COMPLETE"), ErrorCode.CLUSTER_NOT_FOUND),
        (KNOWN, None, ErrorCode.CLUSTER_NOT_FOUND),
        (KNOWN, stack("DELETE_COMPLETE"), ErrorCode.CLUSTER_NOT_FOUND),
        (KNOWN, stack("CREATE_FAILED"), ErrorCode.STACK_FAILED),
        (KNOWN, stack("UPDATE_ROLLBACK_FAILED"), ErrorCode.STACK_FAILED),
        ({"status": "CREATE_FAILED"}, stack("CREATE_COMPLETE"), ErrorCode.CLUSTER_UNHEALTHY),
    ],
)
def test_a_cluster_that_cannot_be_updated_is_refused(
    known: dict[str, Any] | None, there: dict[str, Any] | None, code: ErrorCode
) -> None:
    with pytest.raises(OperationError, match="genomics") as raised:
        admit_update("genomics", known, there)
    assert raised.value.code is code


def test_an_update_is_not_blamed_for_what_was_wrong_before() -> None:
    old = Finding("SubnetsValidator", "A[0]", "is gone", "name another")
    moved = Finding("SubnetsValidator", "A[1]", "is gone", "name another")
    new = Finding("SubnetsValidator", "A[0]", "is in another network", "name another")
    assert changed_since((moved, new), (old,)) == (new,)


def test_a_plan_of_a_creation_lists_every_resource() -> None:
    answer = creation(PLANNED, (), site(), done=False)
    assert len(answer["resources"]) == sum(answer["resourceCounts"].values()) == len(PLANNED.template["Resources"])
    assert "nothing has been made" in answer["summary"]


def test_a_creation_that_is_done_answers_numbers_only() -> None:
    answer = creation(PLANNED, (), site(), done=True)
    assert "resources" not in answer
    assert answer["summary"].startswith("Created cluster genomics: ")


@pytest.mark.parametrize("document", [configuration(), slurm_configuration()])
def test_plans_of_one_creation_have_one_hash_whenever_they_are_made(document: dict[str, Any]) -> None:
    cluster = load(document)
    sites = [site_for(cluster, generation=time) for time in ("20261123T101530", "20261124T080000")]
    hashes = {creation(blueprint(cluster, at), (), at, done=False)["planHash"] for at in sites}
    assert len(hashes) == 1


def test_parameters_and_tags_are_given_as_cloudformation_takes_them() -> None:
    given = stack_arguments(PLANNED)
    assert {"ParameterKey": "Scheduler", "ParameterValue": "awsbatch"} in given["parameters"]
    assert {"Key": "shoal:cluster", "Value": "genomics"} in given["tags"]


@pytest.mark.parametrize(
    ("capacity", "expected"), [("ONDEMAND", ("batch.aws.test",)), ("SPOT", ("batch.aws.test", "spot.aws.test"))]
)
def test_a_cluster_with_spot_queues_needs_another_service_linked_role(capacity: str, expected: tuple[str, ...]) -> None:
    queues = {"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", CapacityType=capacity)]}
    assert services(load(configuration(Scheduling=queues)), "aws.test") == expected


def test_a_build_waits_for_what_it_needs_and_no_build_for_nothing() -> None:
    assert foundations([]) == []
    assert set(foundations([{"imageTag": "1"}])) <= set(PLANNED.template["Resources"])


def test_a_plan_tells_which_images_are_kept_built_and_no_longer_used() -> None:
    (image,) = PLANNED.images
    old = {"tag": "0a1b", "uri": "registry/shoal/genomics:0a1b", "queues": ["main"]}
    changes = {item["tag"]: item["effect"] for item in image_changes([old], PLANNED)}
    assert changes == {image.tag: "built unless it is there", "0a1b": "no longer used"}
    (kept,) = image_changes([{"tag": image.tag}], PLANNED)
    assert (kept["effect"], kept["queues"]) == ("kept", ["main"])


def test_an_image_is_built_only_where_none_of_its_content_was_built_for_the_cluster() -> None:
    (image,) = PLANNED.images
    assert images_changed([], PLANNED)
    assert images_changed([{"tag": "0a1b"}], PLANNED)
    assert not images_changed([{"tag": "0a1b"}, {"tag": image.tag}], PLANNED)


@pytest.mark.parametrize(("bytes_", "small"), [(LARGEST_ANSWER - 7, True), (LARGEST_ANSWER, False)])
def test_an_answer_travels_up_to_eight_kilobytes(bytes_: int, small: bool) -> None:
    assert is_small({"": "x" * (bytes_ - len('{"": ""}') + 7)}) is small
