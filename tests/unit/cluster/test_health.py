"""Does a cluster count as ready only when all of it works, and is what waiting cannot heal told at once?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shoal.cluster.health import ENVIRONMENT, HEAD_NODE, QUEUE, Observed, problems
from shoal.errors import ErrorCode, OperationError

RESOURCES = [{"ResourceType": kind} for kind in (ENVIRONMENT, QUEUE, HEAD_NODE, "AWS::S3::Bucket")]


def environment(**facts: Any) -> dict[str, Any]:
    return {"computeEnvironmentName": "main", "status": "VALID", "state": "ENABLED", "statusReason": ""} | facts


def queue(**facts: Any) -> dict[str, Any]:
    return {"jobQueueName": "main", "status": "VALID", "state": "ENABLED"} | facts


WELL = Observed([environment()], [queue()], {"i-1": "running"})


def observed(**facts: Any) -> Observed:
    return dataclasses.replace(WELL, **facts)


def test_a_cluster_whose_parts_all_work_is_ready() -> None:
    assert problems(RESOURCES, WELL) == ()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"environments": [environment(status="CREATING")]}, "the compute environment main is CREATING and ENABLED"),
        ({"environments": [environment(state="DISABLED")]}, "the compute environment main is VALID and DISABLED"),
        ({"queues": [queue(status="UPDATING")]}, "the job queue main is UPDATING and ENABLED"),
        ({"head_nodes": {"i-1": "pending"}}, "the head node i-1 is pending"),
        ({"missing_images": ["0a1b"]}, "the image 0a1b is not in the repository"),
        ({"environments": []}, f"1 of the stack's {ENVIRONMENT} cannot be found"),
        ({"queues": []}, f"1 of the stack's {QUEUE} cannot be found"),
        ({"head_nodes": {}}, f"1 of the stack's {HEAD_NODE} cannot be found"),
    ],
)
def test_what_may_still_come_is_waited_for(facts: dict[str, Any], told: str) -> None:
    assert problems(RESOURCES, observed(**facts)) == (told,)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"environments": [environment(status="INVALID", statusReason="CLIENT_ERROR - no role")]}, "no role"),
        ({"queues": [queue(status="INVALID", statusReason="no environment")]}, "no environment"),
        ({"head_nodes": {"i-1": "terminated"}}, "the head node i-1 is terminated"),
    ],
)
def test_what_waiting_does_not_heal_fails_with_its_reason(facts: dict[str, Any], told: str) -> None:
    with pytest.raises(OperationError, match=told) as raised:
        problems(RESOURCES, observed(**facts))
    assert raised.value.code is ErrorCode.CLUSTER_UNHEALTHY
