"""What is asked of Batch, EC2 and ECS to show jobs that wait, nodes and hosts?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shoal_cli.application import Account
from shoal_cli.jobs import ending, hosts
from shoal_cli.jobs.cluster import Cluster, JobQueue
from shoal_cli.jobs.details import details
from shoal_cli.jobs.gathering import require_jobs

ARN = "arn:aws:batch:us-east-1:111111111111"
MAIN = JobQueue("main", f"{ARN}:job-queue/shoal-genomics_main", "", "")
STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/1"
CLUSTER = Cluster("genomics", STACK, "CREATE_COMPLETE", "us-east-1", "bucket", "jobs", "/jobs", (MAIN,), {})
ENVIRONMENT = f"{ARN}:compute-environment/ondemand"
JOB_ID, OTHER = "01234567-89ab-cdef-0123-456789abcdef", "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Scripted(Account):
    """An account whose services give the answers that a test wrote, in this order."""

    stubs: dict[str, Stubber] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.stub(service).client

    def stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            client = boto3.client(  # type: ignore[call-overload]  # the service's name is not a literal
                service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
            )
            self.stubs[service] = Stubber(client)
            self.stubs[service].activate()
        return self.stubs[service]


@pytest.fixture
def account() -> Iterator[Scripted]:
    scripted = Scripted(boto3.Session(region_name="us-east-1"), None)
    yield scripted
    for stub in scripted.stubs.values():
        stub.assert_no_pending_responses()


def job(status: str, **more: Any) -> dict[str, Any]:
    shown = {"jobId": JOB_ID, "jobName": "hello", "jobQueue": MAIN.arn, "status": status, "startedAt": 0}
    return {**shown, "jobDefinition": f"{ARN}:job-definition/single:1", "createdAt": 0, **more}


def expect_queue(account: Scripted, **environment: Any) -> None:
    """Batch is asked for the queue and its one environment."""
    order = [{"order": 1, "computeEnvironment": ENVIRONMENT}]
    queue = {"jobQueueName": "q", "jobQueueArn": MAIN.arn, "state": "ENABLED", "priority": 1, "status": "VALID"}
    record = {
        "computeEnvironmentName": "ondemand",
        "computeEnvironmentArn": ENVIRONMENT,
        "state": "ENABLED",
        "status": "VALID",
        **environment,
    }
    batch = account.stub("batch")
    queues = {"jobQueues": [{**queue, "computeEnvironmentOrder": order}]}
    batch.add_response("describe_job_queues", queues, {"jobQueues": [MAIN.arn]})
    environments = {"computeEnvironments": [record]}
    batch.add_response("describe_compute_environments", environments, {"computeEnvironments": [ENVIRONMENT]})


RESOURCES = {
    "type": "EC2",
    "maxvCpus": 8,
    "desiredvCpus": 0,
    "instanceTypes": ["c6i.large", "g4dn", "optimal"],
    "subnets": [],
}
TYPES = {
    "InstanceTypes": [
        {"InstanceType": "c6i.large", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 4096}},
        {
            "InstanceType": "g4dn.xlarge",
            "VCpuInfo": {"DefaultVCpus": 4},
            "MemoryInfo": {"SizeInMiB": 16384},
            "GpuInfo": {"Gpus": [{"Count": 1}]},
        },
    ]
}
WANTED = ["c6i.large", "g4dn.*", "m6i.*", "c6i.*", "r6i.*", "c7i.*"]
"""What EC2 is asked for: types as they are, families with all sizes, and what Batch chooses from by itself."""


def test_a_job_that_waits_is_explained_by_what_batch_and_ec2_say_now(account: Scripted) -> None:
    waits_for = [{"jobId": OTHER}, {"type": "SEQUENTIAL"}]
    account.stub("batch").add_response(
        "describe_jobs", {"jobs": [{**job("RUNNING"), "jobId": OTHER}]}, {"jobs": [OTHER]}
    )
    expect_queue(account, computeResources=RESOURCES)
    filters = [{"Name": "instance-type", "Values": WANTED}]
    account.stub("ec2").add_response("describe_instance_types", TYPES, {"Filters": filters})
    container = {"vcpus": 1, "memory": 64, "resourceRequirements": [{"type": "GPU", "value": "4"}]}
    waiting = job("PENDING", dependsOn=waits_for, container=container)
    shown = details(account, account.client("batch"), CLUSTER, waiting)
    assert shown["why"] == [
        f"it waits for the job {OTHER}, which is RUNNING",
        "it asks for 4 GPUs, and no instance type of the queue has more than 1 GPUs",
    ]
    assert shown["dependsOn"] == [OTHER, "SEQUENTIAL"]


def test_a_user_who_may_not_ask_ec2_is_told_the_rest(account: Scripted) -> None:
    expect_queue(account, computeResources=RESOURCES, state="DISABLED")
    account.stub("ec2").add_client_error("describe_instance_types", "UnauthorizedOperation", "no")
    shown = details(account, account.client("batch"), CLUSTER, job("RUNNABLE", container={"vcpus": 1}))
    assert shown["why"] == ["the compute environment ondemand is DISABLED"]


def test_the_nodes_of_a_multi_node_job_are_shown_and_the_main_one_is_marked(account: Scripted) -> None:
    nodes = [
        {**job("SUCCEEDED"), "jobId": f"{JOB_ID}#{index}", "nodeDetails": {"nodeIndex": index, "isMainNode": not index}}
        for index in range(2)
    ]
    asked = {"jobs": [f"{JOB_ID}#0", f"{JOB_ID}#1"]}
    account.stub("batch").add_response("describe_jobs", {"jobs": nodes}, asked)
    properties = {"numNodes": 2, "mainNode": 0, "nodeRangeProperties": []}
    shown = details(account, account.client("batch"), CLUSTER, job("SUCCEEDED", nodeProperties=properties))
    assert [(child["jobId"][-2:], child["main"]) for child in shown["children"]] == [("#0", "main"), ("#1", None)]


def test_attempts_are_shown_with_exit_codes_and_reasons_and_an_exit_code_0_is_one(account: Scripted) -> None:
    attempts = [
        {"container": {"exitCode": 1, "reason": "OutOfMemoryError", "logStreamName": "a"}, "statusReason": "exited"},
        {"container": {"exitCode": 0, "logStreamName": "b"}},
    ]
    ended = job("SUCCEEDED", attempts=attempts, container={"exitCode": 0, "logStreamName": "b"})
    shown = details(account, account.client("batch"), CLUSTER, ended)
    assert shown["exitCode"] == 0
    assert [(one["exitCode"], one["reason"], one["log"]) for one in shown["attempts"]] == [
        (1, "exited; OutOfMemoryError", "a"),
        (0, "", "b"),
    ]
    assert shown["logLink"].endswith("#logsV2:log-groups/log-group/$252Fjobs/log-events/b")


def test_more_than_a_hundred_jobs_are_asked_for_in_parts_and_those_of_other_queues_are_named(account: Scripted) -> None:
    ids = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(102)]
    jobs = [{**job("RUNNING"), "jobId": job_id} for job_id in ids]
    jobs[1]["jobQueue"] = f"{ARN}:job-queue/theirs"
    account.stub("batch").add_response("describe_jobs", {"jobs": jobs[:100]}, {"jobs": ids[:100]})
    account.stub("batch").add_response("describe_jobs", {"jobs": jobs[100:101]}, {"jobs": ids[100:]})
    account.stub("batch").add_response("describe_jobs", {"jobs": []}, {"jobs": ids[101:]})
    found, problems = require_jobs(account.client("batch"), CLUSTER, ids)
    assert len(found) == 100
    assert problems == [
        f"the job {ids[1]} is not of the cluster genomics but in the queue theirs",
        f"there is no job {ids[101]}; Batch forgets jobs a week after their end",
    ]


@pytest.mark.parametrize(
    ("status", "done"), [("RUNNABLE", "is cancelled"), ("STARTING", "is being ended"), ("RUNNING", "is being ended")]
)
def test_a_job_that_has_not_ended_is_ended_with_the_reason(account: Scripted, status: str, done: str) -> None:
    account.stub("batch").add_response("terminate_job", {}, {"jobId": JOB_ID, "reason": "because"})
    (told,) = ending.kill(account.client("batch"), [job(status)], "because")
    assert told == {"jobId": JOB_ID, "jobName": "hello", "was": status, "done": done, "ok": True}


def test_a_job_that_batch_refuses_to_end_is_told_and_the_next_is_ended(account: Scripted) -> None:
    account.stub("batch").add_client_error("terminate_job", "AccessDeniedException", "not\nauthorized")
    account.stub("batch").add_response("terminate_job", {}, {"jobId": OTHER, "reason": "because"})
    jobs = [job("RUNNING"), {**job("RUNNING"), "jobId": OTHER}]
    first, second = ending.kill(account.client("batch"), jobs, "because")
    assert (first["ok"], second["ok"]) == (False, True)
    assert first["done"].startswith("is not ended: ")
    assert "\n" not in first["done"]


def test_a_host_is_shown_with_what_is_left_on_it(account: Scripted) -> None:
    expect_queue(account, computeResources=RESOURCES, ecsClusterArn="arn:ecs")
    host = {
        "containerInstanceArn": "arn:host",
        "ec2InstanceId": "i-1",
        "status": "ACTIVE",
        "runningTasksCount": 2,
        "pendingTasksCount": 1,
        "attributes": [{"name": "ecs.instance-type", "value": "c6i.large"}],
        "registeredResources": [{"name": "CPU", "integerValue": 2048}, {"name": "MEMORY", "integerValue": 3788}],
        "remainingResources": [{"name": "CPU", "integerValue": 512}, {"name": "MEMORY", "integerValue": 1000}],
    }
    ecs, ec2 = account.stub("ecs"), account.stub("ec2")
    ecs.add_response("list_container_instances", {"containerInstanceArns": ["arn:host"]}, {"cluster": "arn:ecs"})
    asked = {"cluster": "arn:ecs", "containerInstances": ["arn:host"]}
    ecs.add_response("describe_container_instances", {"containerInstances": [host]}, asked)
    instance = {"InstanceId": "i-1", "PrivateIpAddress": "10.0.0.9"}
    filters = {"Filters": [{"Name": "instance-id", "Values": ["i-1"]}]}
    ec2.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}]}, filters)
    assert list(hosts.hosts(account, CLUSTER, [MAIN])) == [
        {
            "queue": "main",
            "instanceId": "i-1",
            "instanceType": "c6i.large",
            "status": "ACTIVE",
            "privateIp": "10.0.0.9",
            "publicIp": None,
            "jobs": 2,
            "starting": 1,
            "vcpusFree": 0.5,
            "vcpus": 2.0,
            "memoryFree": 1000,
            "memory": 3788,
        }
    ]


def test_a_child_of_another_clusters_array_is_not_this_clusters(account: Scripted) -> None:
    theirs = {**job("RUNNING"), "jobQueue": f"{ARN}:job-queue/theirs", "arrayProperties": {"size": 3}}
    account.stub("batch").add_response("describe_jobs", {"jobs": []}, {"jobs": [f"{JOB_ID}:7"]})
    account.stub("batch").add_response("describe_jobs", {"jobs": [theirs]}, {"jobs": [JOB_ID]})
    found, problems = require_jobs(account.client("batch"), CLUSTER, [f"{JOB_ID}:7"])
    assert found == {}
    assert problems == [f"the job {JOB_ID}:7 is not of the cluster genomics but in the queue theirs"]
