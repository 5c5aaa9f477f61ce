"""Is what a head node publishes told in a form that can travel, the newest first?"""

from __future__ import annotations

import json
from typing import Any

from shoal.operation.fleet_description import MOST_DECISIONS, MOST_FAILURES, MOST_JOBS, MOST_NODES, fleet_description
from shoal.operation.fleet_status import fleet_status

LARGEST = 262_144
"""Bytes that Step Functions takes, https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


def node(number: int) -> dict[str, Any]:
    return {
        "instanceId": f"i-{number:017}",
        "name": f"main-small-10-0-0-{number}",
        "queue": "main",
        "computeResource": "small",
        "state": "READY",
        "slurm": "IDLE",
        "launchedAt": 1_795_000_000,
    }


def decision(at: int, why: str = "jobs 1") -> dict[str, Any]:
    return {"at": at, "about": "shoal-genomics_main-small", "what": "desired capacity 0 -> 1", "why": why}


def failed(at: int, line: str = "no route") -> dict[str, Any]:
    names = {"instanceId": f"i-{at}", "queue": "main", "computeResource": "small"}
    return names | {"why": "x" * 500, "log": [line] * 40, "at": at}


ROW = {"computeResource": "small", "ready": 2, "busy": 1, "instances": 2, "desired": 2, "minCount": 0, "maxCount": 10}
STATUS: dict[str, Any] = {
    "slurm": "up",
    "version": "0a1b",
    "changedAt": 1_795_000_000,
    "queues": {"main": [ROW | {"spare": 1, "refused": False}]},
    "nodes": {"nodes": [node(1)], "leftOut": 0},
    "jobs": {"running": 1, "pending": 1, "waiting": [{"jobId": "7", "new": 2, "why": "Resources: no node is free"}]},
    "jobDecisions": [decision(10), decision(30)],
    "nodeDecisions": [decision(20)],
    "failures": [failed(5)],
}


def test_queues_nodes_jobs_decisions_failures_and_version_are_told() -> None:
    told = fleet_description(STATUS)
    assert told["scheduler"] == {"type": "slurm", "state": "up", "toldAt": "2026-11-18T11:06:40Z"}
    assert told["configurationVersion"] == "0a1b"
    assert told["queues"] == [{"queue": "main", **ROW}]
    assert told["nodes"][0]["slurmState"] == "IDLE"
    assert (told["jobs"], told["waitingJobs"][0]["newNodes"]) == ({"running": 1, "pending": 1}, 2)
    assert told["nodeFailures"][0]["instanceId"] == "i-5"


def test_decisions_of_both_daemons_stand_by_time_the_newest_first() -> None:
    assert [one["at"][-3:] for one in fleet_description(STATUS)["scalingDecisions"]] == ["30Z", "20Z", "10Z"]


def test_a_head_node_that_has_published_nothing_says_so() -> None:
    assert "nothing yet" in fleet_description({})["scheduler"]["state"]


def test_nodes_that_are_not_shown_are_counted() -> None:
    told = fleet_description(STATUS | {"nodes": {"nodes": [node(n) for n in range(500)], "leftOut": 100}})
    assert (len(told["nodes"]), told["nodesLeftOut"]) == (MOST_NODES, 600 - MOST_NODES)


def test_the_largest_answer_can_travel() -> None:
    waiting = [{"jobId": str(number), "new": 1, "why": "x" * 500} for number in range(200)]
    large = {
        "nodes": {"nodes": [node(n) for n in range(500)], "leftOut": 0},
        "jobs": {"running": 1, "pending": 200, "waiting": waiting},
        "jobDecisions": [decision(n, "x" * 500) for n in range(40)],
        "queues": {f"queue-{n}": [ROW] for n in range(50)},
        "failures": [failed(n, "x" * 300) for n in range(1, 20)],
    }
    told = fleet_description(STATUS | large)
    shown = (len(told["waitingJobs"]), len(told["scalingDecisions"]), len(told["nodeFailures"]))
    assert shown == (MOST_JOBS, MOST_DECISIONS, MOST_FAILURES)
    assert len(json.dumps(told)) < LARGEST / 2


def test_a_fleet_is_as_it_was_wanted_last() -> None:
    assert [fleet_status(cluster, None) for cluster in ({}, {"fleetStatus": "STOPPED"})] == ["RUNNING", "STOPPED"]


def test_a_fleet_under_work_says_so() -> None:
    assert fleet_status({"fleetStatus": "STOPPED"}, {"operation": "stop"}) == "STOPPING"
    assert fleet_status({"fleetStatus": "RUNNING"}, {"operation": "update"}) == "RUNNING"
