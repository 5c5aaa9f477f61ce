"""Is every reason why a job waits recognised, and only that one told?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shoal_cli.jobs.waiting import EnvironmentState, InstanceType, QueueState, Wanted, reasons

LARGE = InstanceType("c6i.large", 2, 4096, 0)
XLARGE = InstanceType("c6i.xlarge", 4, 8192, 0)
WITH_GPU = InstanceType("g4dn.xlarge", 4, 16_384, 1)
ENVIRONMENT = EnvironmentState("ondemand", "ENABLED", "VALID", "Healthy", False, 16, 0, (LARGE, XLARGE))
QUEUE = QueueState("main", "ENABLED", "VALID", "Healthy", (ENVIRONMENT,))
JOB = Wanted("RUNNABLE", "", vcpus=1, memory=512)
OTHER = "01234567-89ab-cdef-0123-456789abcdef"


def job(**changed: Any) -> Wanted:
    return dataclasses.replace(JOB, **changed)


def queue(*environments: dict[str, Any], **changed: Any) -> QueueState:
    made = tuple(dataclasses.replace(ENVIRONMENT, **fields) for fields in environments) or QUEUE.environments
    return dataclasses.replace(QUEUE, environments=made, **changed)


WAITS_ITS_TURN = "nothing stands in its way"


@pytest.mark.parametrize(
    ("waiting", "state", "expected"),
    [
        (JOB, QUEUE, WAITS_ITS_TURN),
        (job(status="SUBMITTED"), QUEUE, "Batch is looking at it"),
        (job(vcpus=4, memory=7500), QUEUE, WAITS_ITS_TURN),
        (job(reason="UNDETERMINED - blocked"), QUEUE, "Batch says: UNDETERMINED - blocked"),
        (
            job(reason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too high"),
            QUEUE,
            "Batch says: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too high (ask for less, or give the queue larger",
        ),
        (
            job(reason="MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - cannot meet"),
            QUEUE,
            "cannot meet (raise MaxvCpus, or ask for less)",
        ),
        (
            job(reason="MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS - x"),
            QUEUE,
            "(Batch's service-linked role lacks rights; ask an administrator)",
        ),
        (
            job(reason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - x"),
            QUEUE,
            "(EC2 has no such instances now; other types or subnets may help)",
        ),
        (
            job(status="PENDING", dependencies=((OTHER, "RUNNING"),)),
            QUEUE,
            f"it waits for the job {OTHER}, which is RUNNING",
        ),
        (job(), queue(state="DISABLED"), "the queue main is DISABLED: its jobs are not started"),
        (job(), queue(status="INVALID", reason="why"), "the queue main is INVALID: why"),
        (job(), queue({"state": "DISABLED"}), "the compute environment ondemand is DISABLED"),
        (
            job(),
            queue({"status": "INVALID", "reason": "CLIENT_ERROR - no role"}),
            "the compute environment ondemand is INVALID: CLIENT_ERROR - no role",
        ),
        (job(vcpus=5), QUEUE, "it asks for 5 vCPUs, and no instance type of the queue has more than 4 vCPUs"),
        (
            job(memory=8161),
            QUEUE,
            "it asks for 8161 MiB of memory for jobs, and no instance type of the queue has more than 8160 MiB",
        ),
        (job(gpus=1), QUEUE, "it asks for 1 GPUs, and no instance type of the queue has more than 0 GPUs"),
        (
            job(vcpus=4, gpus=2),
            queue({"types": (XLARGE, WITH_GPU)}),
            "it asks for 2 GPUs, and no instance type of the queue has more than 1 GPUs",
        ),
        (
            job(vcpus=4, memory=12_000, gpus=1),
            queue({"types": (InstanceType("a", 2, 32_000, 1), InstanceType("b", 8, 8_000, 1))}),
            "no single instance type of the queue has 4 vCPUs, 12000 MiB and 1 GPUs at once",
        ),
        (job(memory=8000), QUEUE, "it asks for 8000 MiB, nearly all that its instance types have"),
        (job(nodes=2), queue({"is_spot": True}), "Batch runs no multi-node jobs on Spot instances"),
        (job(nodes=17), QUEUE, "it needs 17 vCPUs, and no compute environment of the queue may have more than 16"),
        (
            job(),
            queue({"desired_vcpus": 16}),
            "the vCPUs that the queue may have are in use (16 of 16 in ondemand): it waits for other jobs to end",
        ),
        (job(nodes=4, vcpus=2), queue({"desired_vcpus": 9}), "in use (9 of 16 in ondemand)"),
    ],
)
def test_a_waiting_job_is_explained_by_its_one_reason(waiting: Wanted, state: QueueState, expected: str) -> None:
    (found,) = reasons(waiting, state)
    assert expected in found


def test_a_job_may_wait_for_several_reasons_at_once() -> None:
    waiting = job(status="PENDING", reason="said", dependencies=((OTHER, "RUNNABLE"),), gpus=1)
    state = queue({}, {"name": "spot", "state": "DISABLED"}, state="DISABLED")
    assert [found.split(" ")[0:2] for found in reasons(waiting, state)] == [
        ["Batch", "says:"],
        ["it", "waits"],
        ["the", "queue"],
        ["the", "compute"],
        ["it", "asks"],
    ]


@pytest.mark.parametrize("status", ["SUCCEEDED", ""])
def test_a_dependency_that_has_been_met_or_forgotten_is_no_reason(status: str) -> None:
    assert WAITS_ITS_TURN in reasons(job(dependencies=((OTHER, status),)), QUEUE)[0]


def test_an_environment_that_does_not_work_counts_neither_for_size_nor_for_room() -> None:
    state = queue({"desired_vcpus": 16}, {"name": "large", "status": "INVALID", "types": (WITH_GPU,)})
    found = reasons(job(gpus=1), state)
    assert [reason.split(" ")[:2] for reason in found] == [["the", "compute"], ["it", "asks"]]


def test_nothing_is_said_of_sizes_when_the_instance_types_are_not_known() -> None:
    assert WAITS_ITS_TURN in reasons(job(gpus=8), queue({}, {"types": ()}))[0]


def test_room_in_one_environment_is_enough() -> None:
    state = queue({"desired_vcpus": 16}, {"name": "second"})
    assert WAITS_ITS_TURN in reasons(JOB, state)[0]
