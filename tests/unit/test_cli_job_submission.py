"""Which jobs are refused before anything is sent, and what is SubmitJob asked for?"""

from __future__ import annotations

import dataclasses
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shoal_cli.jobs.cluster import JobQueue
from shoal_cli.jobs.dependencies import Dependency
from shoal_cli.jobs.environment import LONGEST
from shoal_cli.jobs.program import FETCH, Program
from shoal_cli.jobs.submission import LARGEST_OVERRIDES, Asked, problems, problems_in_queue, request, travels_by_s3
from shoal_cli.jobs.waiting import EnvironmentState, QueueState

BATCH = "arn:aws:batch:us-east-1:111111111111"
MAIN = JobQueue(
    "main",
    f"{BATCH}:job-queue/shoal-genomics_main",
    f"{BATCH}:job-definition/shoal-genomics_single_main:3",
    f"{BATCH}:job-definition/shoal-genomics_multinode_main:3",
)
PLAIN = Asked("hello", Program(("echo", "hello")))
URL = "s3://bucket/jobs/job-hello-1/"


def asked(**changed: Any) -> Asked:
    return dataclasses.replace(PLAIN, **changed)


def environment(most: int = 8, *, is_spot: bool = False) -> EnvironmentState:
    return EnvironmentState("ondemand", "ENABLED", "VALID", "", is_spot, most, 0)


def queue(*environments: EnvironmentState, state: str = "ENABLED") -> QueueState:
    return QueueState("main", state, "VALID", "", environments or (environment(),))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"name": "A" * 128},
        {"name": "1_a-b"},
        {"array_size": 2},
        {"array_size": 10_000},
        {"nodes": 1, "array_size": 2},
        {"nodes": 2},
        {"memory": 4},
        {"timeout": 60},
        {"attempts": 1},
        {"attempts": 10},
        {"gpus": 1},
        {"program": Program(("x" * (LONGEST - 1),))},
    ],
)
def test_what_batch_takes_is_taken(changed: dict[str, Any]) -> None:
    assert list(problems(asked(**changed))) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": "A" * 129}, "is no name of a job"),
        ({"name": ""}, "is no name of a job"),
        ({"name": "-a"}, "--job-name -a is no name of a job; write a letter or digit, and at most 127 letters"),
        ({"name": "a b"}, "--job-name a b is no name of a job"),
        ({"name": "a\n"}, "is no name of a job"),
        ({"array_size": 1}, "--array-size 1 is out of range; write 2 to 10000"),
        ({"array_size": 10_001}, "--array-size 10001 is out of range; write 2 to 10000"),
        ({"nodes": 0}, "--nodes 0 is out of range; write at least 1"),
        ({"vcpus": 0}, "--vcpus 0 is out of range; write at least 1"),
        ({"memory": 3}, "--memory 3 is out of range; write at least 4"),
        ({"gpus": 0}, "--gpus 0 is out of range; write at least 1"),
        ({"attempts": 0}, "--retry-attempts 0 is out of range; write 1 to 10"),
        ({"attempts": 11}, "--retry-attempts 11 is out of range; write 1 to 10"),
        ({"timeout": 59}, "--timeout 59 is out of range; write at least 60"),
        ({"nodes": 2, "array_size": 2}, "--nodes and --array-size exclude each other"),
        ({"program": Program(("ls",), working_dir="a", parent_working_dir="b")}, "exclude each other; write one of"),
        ({"program": Program(("x" * LONGEST,))}, "an argument has more than 131071 bytes"),
        ({"depends_on": (Dependency(None, "SEQUENTIAL"),)}, "--depends-on type=SEQUENTIAL is for array jobs"),
    ],
)
def test_what_batch_would_refuse_is_told_before(changed: dict[str, Any], problem: str) -> None:
    (found,) = problems(asked(**changed))
    assert problem in found


def test_all_problems_are_told_at_once() -> None:
    assert len(list(problems(asked(name="?", array_size=1, nodes=0, vcpus=0, memory=0, timeout=1)))) == 6


@pytest.mark.parametrize(
    ("changed", "state", "problem"),
    [
        ({}, queue(state="DISABLED"), "--queue main is DISABLED: it takes no jobs"),
        ({"vcpus": 9}, queue(), "--vcpus 9 is more than --queue main can have; write at most 8"),
        ({"nodes": 9}, queue(), "--nodes 9 is more than --queue main can have; write at most 8 of 1 vCPUs"),
        ({"nodes": 3, "vcpus": 3}, queue(), "--nodes 3 is more than --queue main can have; write at most 2 of 3 vCPUs"),
        ({"nodes": 2}, queue(environment(is_spot=True)), "Batch runs no multi-node jobs on Spot instances"),
    ],
)
def test_what_a_queue_can_never_run_is_refused(changed: dict[str, Any], state: QueueState, problem: str) -> None:
    (found,) = problems_in_queue(asked(**changed), state)
    assert problem in found


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"nodes": 8}, queue()),
        ({"nodes": 2, "vcpus": 8}, queue(environment(8), environment(16))),
        ({"nodes": 2}, queue(environment(is_spot=True), environment())),
        ({"nodes": 1}, queue(environment(is_spot=True))),
        ({"array_size": 100}, queue(environment(1))),
    ],
)
def test_what_a_queue_may_run_some_time_is_taken(changed: dict[str, Any], state: QueueState) -> None:
    assert list(problems_in_queue(asked(**changed), state)) == []


def taken_by_botocore(arguments: dict[str, Any]) -> bool:
    """Whether the request has the form that SubmitJob has."""
    client = boto3.client("batch", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        stubber.add_response("submit_job", {"jobId": "1", "jobName": "hello"}, arguments)
        client.submit_job(**arguments)
        stubber.assert_no_pending_responses()
    return True


def test_what_is_not_asked_for_is_left_to_the_job_definition() -> None:
    made = request(PLAIN, MAIN, None)
    assert made == {
        "jobName": "hello",
        "jobQueue": MAIN.arn,
        "jobDefinition": MAIN.definition,
        "containerOverrides": {"command": ["echo", "hello"]},
    }
    assert taken_by_botocore(made)


def test_everything_that_is_asked_for_is_in_the_request() -> None:
    waits = (Dependency("01234567-89ab-cdef-0123-456789abcdef", "N_TO_N"),)
    made = request(asked(vcpus=2, memory=64, gpus=1, attempts=3, timeout=90, array_size=5, depends_on=waits), MAIN, URL)
    assert made == {
        "jobName": "hello",
        "jobQueue": MAIN.arn,
        "jobDefinition": MAIN.definition,
        "containerOverrides": {
            "command": ["/bin/bash", "-c", FETCH],
            "environment": [
                {"name": "SHOAL_JOB_S3_URL", "value": URL},
                {"name": "PCLUSTER_JOB_S3_URL", "value": URL},
            ],
            "vcpus": 2,
            "memory": 64,
            "resourceRequirements": [{"type": "GPU", "value": "1"}],
        },
        "arrayProperties": {"size": 5},
        "dependsOn": [{"jobId": waits[0].job_id, "type": "N_TO_N"}],
        "retryStrategy": {"attempts": 3},
        "timeout": {"attemptDurationSeconds": 90},
    }
    assert taken_by_botocore(made)


def test_several_nodes_take_the_other_definition_and_overrides_for_each_node() -> None:
    made = request(asked(nodes=3, vcpus=2), MAIN, None)
    assert made["jobDefinition"] == MAIN.multinode_definition
    assert made["nodeOverrides"] == {
        "numNodes": 3,
        "nodePropertyOverrides": [
            {"targetNodes": "0:", "containerOverrides": {"command": ["echo", "hello"], "vcpus": 2}}
        ],
    }
    assert "containerOverrides" not in made
    assert taken_by_botocore(made)


def test_one_node_is_a_job_of_one_container() -> None:
    assert request(asked(nodes=1), MAIN, None) == request(PLAIN, MAIN, None)


def test_a_command_that_ecs_would_refuse_for_its_length_is_sent_as_a_file() -> None:
    assert not travels_by_s3(PLAIN)
    assert not travels_by_s3(asked(program=Program(("x" * (LARGEST_OVERRIDES - 50),))))
    assert travels_by_s3(asked(program=Program(("x" * LARGEST_OVERRIDES,))))
    assert travels_by_s3(asked(program=Program(("echo", ""))))


def test_how_long_nodes_wait_for_each_other_reaches_the_entry_point_itself() -> None:
    program = Program(("mpirun", "ring"), environment={"SHOAL_NODES_TIMEOUT": "30", "LEVEL": "3"})
    nodes = request(asked(program=program, nodes=2), MAIN, URL)["nodeOverrides"]["nodePropertyOverrides"]
    names = [item["name"] for item in nodes[0]["containerOverrides"]["environment"]]
    assert names == ["SHOAL_JOB_S3_URL", "PCLUSTER_JOB_S3_URL", "SHOAL_NODES_TIMEOUT"]
