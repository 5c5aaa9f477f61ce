"""What the head node is told of its fleet, and what an update changes: the document and the groups, nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoal_node.fleet import Fleet
from tests.support.clusters import HEAD_SUBNET
from tests.support.slurm_clusters import rendered, slurm_queue, slurm_resource


def document(*queues: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = rendered(*queues, **more)["HeadNode"]["Metadata"]["Shoal"]["Fleet"]
    return found


def fleet(*queues: dict[str, Any], **more: Any) -> Fleet:
    """The fleet as the head node reads it: references have become texts."""
    resolved = {"queue_url": "https://queue", "table": "nodes"}
    return Fleet.from_dict(json.loads(json.dumps(document(*queues, **more) | resolved)))


def scheduling(*queues: dict[str, Any], **settings: Any) -> dict[str, Any]:
    chosen = list(queues) or [slurm_queue("main")]
    return {"Scheduling": {"Scheduler": "slurm", "SlurmQueues": chosen, "SlurmSettings": settings}}


def head(**keys: Any) -> dict[str, Any]:
    return {"HeadNode": {"InstanceType": "t3.micro", "Networking": {"SubnetId": HEAD_SUBNET}, **keys}}


def test_queue_and_table_are_references_that_cloudformation_fills_in() -> None:
    assert document()["queue_url"] == {"Ref": "FleetQueue"}
    assert document()["table"] == {"Ref": "NodeTable"}


def test_queues_and_their_compute_resources_stand_in_the_configurations_order() -> None:
    found = fleet(slurm_queue("z", slurm_resource("y"), slurm_resource("x")), slurm_queue("a"))
    assert [(queue.name, queue.is_default) for queue in found.queues] == [("z", True), ("a", False)]
    assert [(resource.queue, resource.name) for resource in found.resources] == [
        ("z", "y"),
        ("z", "x"),
        ("a", "work"),
    ]
    assert found.resources[0].group == "shoal-genomics_z-y"


@pytest.mark.parametrize(
    ("keys", "facts", "cpus", "threads"),
    [
        ({}, {"vcpus": 8, "cores": 4}, 8, 2),
        ({"DisableSimultaneousMultithreading": True}, {"vcpus": 8, "cores": 4}, 4, 1),
        ({}, {"vcpus": 8, "cores": 8}, 8, 1),
    ],
)
def test_a_node_has_the_cpus_that_its_cores_threads_are(
    keys: dict[str, Any], facts: dict[str, Any], cpus: int, threads: int
) -> None:
    (resource,) = fleet(slurm_queue("main", slurm_resource("work", **keys)), facts=facts).resources
    assert (resource.cpus, resource.threads_per_core) == (cpus, threads)


@pytest.mark.parametrize(("keys", "memory"), [({}, 95_000), ({"SchedulableMemory": 70_000}, 70_000)])
def test_jobs_get_95_percent_of_a_nodes_memory_unless_the_configuration_says_how_much(
    keys: dict[str, Any], memory: int
) -> None:
    (resource,) = fleet(slurm_queue("main", slurm_resource("work", **keys)), facts={"memory_mib": 100_000}).resources
    assert resource.memory == memory


def test_a_nodes_gpus_are_those_of_its_instance_type() -> None:
    assert fleet(facts={"gpus": 8}).resources[0].gpus == 8


def test_settings_of_the_users_reach_cluster_queue_and_nodes() -> None:
    resource = slurm_resource("work", CustomSlurmSettings={"Weight": 10})
    queue = slurm_queue("main", resource, CustomSlurmSettings={"MaxTime": "1:00:00", "PriorityTier": 2})
    found = fleet(**scheduling(queue, CustomSlurmSettings=[{"PriorityType": "priority/basic"}, {"MaxArraySize": 9}]))
    assert found.custom_settings == ("PriorityType=priority/basic", "MaxArraySize=9")
    assert found.queues[0].custom_settings == ("MaxTime=1:00:00", "PriorityTier=2")
    assert found.resources[0].custom_settings == ("Weight=10",)


def test_times_are_told_in_seconds() -> None:
    timeouts = {"Timeouts": {"ComputeNodeBootstrapTimeout": 900}}
    found = fleet(**scheduling(ScaledownIdletime=3), DevSettings=timeouts)
    assert (found.idle_seconds, found.join_seconds) == (180, 900)


def test_the_scripts_that_run_after_an_update_are_told_where_an_update_reaches_them() -> None:
    action = {"Script": "s3://mine/updated.sh", "Args": ["a"]}
    (found,) = fleet(**head(CustomActions={"OnNodeUpdated": action})).on_node_updated
    assert (found.url, found.arguments) == ("s3://mine/updated.sh", ("a",))


LIVE: list[dict[str, Any]] = [
    scheduling(slurm_queue("main", slurm_resource("work", MaxCount=20))),
    scheduling(slurm_queue("main", slurm_resource("work", MinCount=1))),
    scheduling(slurm_queue("main", slurm_resource("work"), slurm_resource("more"))),
    scheduling(slurm_queue("main"), slurm_queue("second")),
    scheduling(slurm_queue("main", JobExclusiveAllocation=True)),
    scheduling(slurm_queue("main", CustomSlurmSettings={"MaxTime": "1:00:00"})),
    scheduling(ScaledownIdletime=20),
    scheduling(CustomSlurmSettings=[{"MaxArraySize": 9}]),
    head(CustomActions={"OnNodeUpdated": {"Script": "s3://mine/updated.sh"}}),
    {"DevSettings": {"Timeouts": {"ComputeNodeBootstrapTimeout": 900}}},
]
OF_THE_FLEET = ("Group", "LaunchTemplate", "ComputeRole", "ComputeProfile", "Dashboard")


@pytest.mark.parametrize("change", LIVE, ids=lambda change: json.dumps(change)[:60])
def test_a_live_change_is_a_new_version(change: dict[str, Any]) -> None:
    assert document(**change)["version"] != document()["version"]


@pytest.mark.parametrize("change", LIVE, ids=lambda change: json.dumps(change)[:60])
def test_a_live_change_changes_the_document_and_the_fleet_and_nothing_else(change: dict[str, Any]) -> None:
    before, after = rendered(), rendered(**change)
    assert before["HeadNode"]["Properties"] == after["HeadNode"]["Properties"]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert "HeadNode" in changed
    assert [name for name in changed if name != "HeadNode" and not name.startswith(OF_THE_FLEET)] == []


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Monitoring": {"DetailedMonitoring": True}},
        head(Iam={"S3Access": [{"BucketName": "data"}]}),
        scheduling(slurm_queue("main", Iam={"S3Access": [{"BucketName": "data"}]})),
        scheduling(slurm_queue("main", Image={"CustomAmi": "ami-0aaaaaaaaaaaaaaaa"})),
    ],
    ids=json.dumps,
)
def test_what_the_head_node_need_not_know_makes_no_new_version(change: dict[str, Any]) -> None:
    assert document(**change)["version"] == document()["version"]
