"""Does a Slurm cluster count as ready only when its configuration is applied, Slurm answers and its nodes are there?"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.slurm_health import Fleet, Observed, fleet_of, problems
from shoal.errors import ErrorCode, OperationError
from tests.support.clusters import configuration, site_for
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=10)
FLEET = Fleet("0a1b", (("main", "small", 2),))
ROW = {"computeResource": "small", "ready": 2}
STATUS = {"slurm": "up", "changedAt": int(NOW.timestamp()), "queues": {"main": [ROW]}, "failures": []}
WELL = Observed({"i-1": "running"}, {"state": "APPLIED"}, STATUS, stopped=False)


def found(status: dict[str, Any] | None = None, **facts: Any) -> tuple[str, ...]:
    observed = dataclasses.replace(WELL, status=STATUS | (status or {}), **facts)
    return problems(FLEET, observed, since=SINCE, now=NOW)


def failure(minutes_ago: int, **facts: Any) -> dict[str, Any]:
    at = int((NOW - timedelta(minutes=minutes_ago)).timestamp())
    named = {"instanceId": f"i-{minutes_ago}", "queue": "main", "computeResource": "small"}
    return named | {"why": f"failed {minutes_ago} minutes ago", "log": ["mount: no route"], "at": at} | facts


def test_a_cluster_whose_parts_all_work_is_ready() -> None:
    assert found() == ()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"queues": {"main": [ROW | {"ready": 1}]}}, "the queue main has 1 of 2 nodes of small"),
        (
            {"queues": {"main": [ROW | {"ready": 0, "refused": True}]}},
            "the queue main has 0 of 2 nodes of small; AWS starts none at the moment",
        ),
        ({"queues": {}}, "the queue main has 0 of 2 nodes of small"),
        ({"slurm": "away: timed out"}, "Slurm does not answer on the head node (away: timed out)"),
        ({"changedAt": int(NOW.timestamp()) - 600}, "the head node has told nothing for 10 minutes"),
    ],
)
def test_what_may_still_come_is_waited_for(status: dict[str, Any], told: str) -> None:
    assert found(status) == (told,)


def test_a_head_node_that_is_starting_is_waited_for() -> None:
    assert found(head_nodes={"i-1": "pending"}) == ("the head node i-1 is pending",)


def test_a_head_node_that_cannot_be_found_is_told() -> None:
    assert found(head_nodes={}) == ("the head node cannot be found",)


def test_a_head_node_that_is_gone_fails_at_once() -> None:
    with pytest.raises(OperationError, match="i-1 is terminated"):
        found(head_nodes={"i-1": "terminated"})


def test_nothing_published_yet_is_waited_for() -> None:
    observed = dataclasses.replace(WELL, status={}, configuration=None)
    assert len(problems(FLEET, observed, since=SINCE, now=NOW)) == 3


def test_a_configuration_that_the_head_node_refused_fails_at_once() -> None:
    with pytest.raises(OperationError, match="could not apply the configuration: bad key") as error:
        found(configuration={"state": "FAILED", "error": "bad key", "log": ["fatal: bad key"]})
    assert (error.value.code, error.value.log) == (ErrorCode.CLUSTER_UNHEALTHY, ("fatal: bad key",))


def test_two_failed_nodes_are_replaced_and_waited_for() -> None:
    status = {"queues": {"main": [ROW | {"ready": 0}]}, "failures": [failure(1), failure(2)]}
    assert found(status) == ("the queue main has 0 of 2 nodes of small",)


def test_nodes_that_fail_one_after_the_other_fail_the_operation_with_the_last_ones_lines() -> None:
    status = {"queues": {"main": [ROW | {"ready": 0}]}, "failures": [failure(1), failure(2), failure(3)]}
    with pytest.raises(OperationError, match=r"3 nodes .* \(i-1\) with: failed 1 minutes ago") as error:
        found(status)
    assert error.value.log == ("mount: no route",)


@pytest.mark.parametrize("other", [{"at": 0}, {"queue": "more"}, {"computeResource": "large"}])
def test_failures_of_before_and_of_other_compute_resources_do_not_count(other: dict[str, Any]) -> None:
    failures = [failure(1), failure(2), failure(3, **other)]
    assert found({"queues": {"main": [ROW | {"ready": 1}]}, "failures": failures})


def test_a_cluster_with_all_its_nodes_is_ready_though_some_failed_on_the_way() -> None:
    assert found({"failures": [failure(1), failure(2), failure(3)]}) == ()


def test_nodes_of_a_stopped_fleet_are_not_waited_for() -> None:
    assert found({"queues": {}}, stopped=True) == ()


def test_the_plan_names_the_compute_resources_that_always_have_nodes() -> None:
    cluster = load(slurm_configuration(slurm_queue("main", slurm_resource("few", MinCount=2), slurm_resource("none"))))
    told = fleet_of(blueprint(cluster, site_for(cluster)).template["Resources"][HEAD_NODE]["Metadata"])
    assert told is not None
    assert told["static"] == [{"queue": "main", "computeResource": "few", "minCount": 2}]
    assert told["version"]


def test_numbers_that_cloudformation_gives_as_text_are_read_all_the_same() -> None:
    resources = [
        {"queue": "main", "name": "few", "min_count": "2"},
        {"queue": "main", "name": "none", "min_count": "0"},
    ]
    told = fleet_of({"Shoal": {"Fleet": {"version": "1", "resources": resources}}})
    assert told is not None
    assert [row["minCount"] for row in told["static"]] == [2]


def test_a_batch_cluster_has_no_fleet_of_its_own() -> None:
    cluster = load(configuration())
    assert fleet_of(blueprint(cluster, site_for(cluster)).template["Resources"][HEAD_NODE].get("Metadata", {})) is None
