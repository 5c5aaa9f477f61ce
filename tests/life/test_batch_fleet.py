"""Stopping and starting the fleet of a Batch cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.front_door import FrontDoor, queue

Configure = Callable[..., dict[str, Any]]


def environments(shoal: FrontDoor, *queues: str) -> set[tuple[str, str]]:
    """State and status of the environments of some queues."""
    batch = shoal.client("batch")
    found = batch.describe_job_queues(jobQueues=list(queues))["jobQueues"]
    used = [one["computeEnvironment"] for queue in found for one in queue["computeEnvironmentOrder"]]
    described = batch.describe_compute_environments(computeEnvironments=used)["computeEnvironments"]
    assert len(described) == len(queues)
    return {(environment["state"], environment["status"]) for environment in described}


def test_a_stopped_cluster_stays_stopped_through_an_update_until_it_is_started(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    assert shoal.succeed("stop", name)["fleetStatus"] == "STOPPED"
    assert environments(shoal, f"shoal-{name}_main") == {("DISABLED", "VALID")}
    queues = [queue(shoal.subnet), queue(shoal.subnet, "more")]
    shoal.succeed("update", name, configure(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": queues}))
    both = (f"shoal-{name}_main", f"shoal-{name}_more")
    assert environments(shoal, *both) == {("DISABLED", "VALID")}
    assert shoal.succeed("describe", name)["fleetStatus"] == "STOPPED"
    assert shoal.succeed("start", name)["fleetStatus"] == "RUNNING"
    assert environments(shoal, *both) == {("ENABLED", "VALID")}
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []
