"""Are submissions that AWS does not take refused, each with a sentence that names what is wrong?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.batch import definitions, refusals, submission
from tests.support.jobs import CONTAINER, DEFINITION, multinode

GOOD = {"jobName": "one", "jobQueue": "main", "jobDefinition": "job"}
MANY = [{"jobId": f"{number}"} for number in range(21)]


def refused(definition: dict[str, Any] = DEFINITION, **request: Any) -> str | None:
    return refusals.refusal(GOOD | request, definition, lambda identifier: identifier == "known")


def test_a_good_submission_is_taken() -> None:
    assert refused(dependsOn=[{"jobId": "known"}], timeout={"attemptDurationSeconds": 60}) is None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"jobName": "a b"}, "Job name should match valid pattern"),
        ({"jobName": "-a"}, "Job name should match valid pattern"),
        ({"jobName": "a" * 129}, "Job name should match valid pattern"),
        ({"arrayProperties": {"size": 1}}, "Array size must be between 2 and 10000, got 1"),
        ({"arrayProperties": {"size": 10_001}}, "Array size must be between 2 and 10000, got 10001"),
        ({"dependsOn": MANY}, "at most 20 jobs, got 21"),
        ({"dependsOn": [{"jobId": "nobody"}]}, "Dependency job nobody does not exist"),
        ({"dependsOn": [{"jobId": "known", "type": "N_TO_N"}]}, "only supported for array jobs"),
        ({"dependsOn": [{}]}, "must have a jobId"),
        ({"dependsOn": [{"jobId": "known", "type": "OTHER"}]}, "Dependency type OTHER is not supported"),
        ({"shareIdentifier": "team"}, "shareIdentifier cannot be specified"),
        ({"ecsPropertiesOverride": {"taskProperties": []}}, "ecsPropertiesOverride is not offered"),
        ({"nodeOverrides": {"numNodes": 2}}, "NodeOverride targets should match job definition"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "at least 60 seconds"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}] * 6}}, "at most 5 conditions"),
        ({"parameters": {"a": "b" * 40_000}}, "Job size must be less than 30 KiB, got 39 KiB"),
    ],
)
def test_a_submission_that_aws_does_not_take_is_refused(request_: dict[str, Any], said: str) -> None:
    message = refused(**request_)
    assert message is not None
    assert message.startswith("Error executing request, Exception : ")
    assert message.count("Exception :") == 1
    assert said in message


def test_an_array_of_a_multi_node_job_is_refused() -> None:
    assert "not supported for multi-node" in (refused(multinode(), arrayProperties={"size": 2}) or "")


@pytest.mark.parametrize(("target", "taken"), [("0:", True), ("0:2", True), ("0:3", False), ("7", False), ("x", False)])
def test_overrides_of_nodes_must_name_nodes_of_the_job(target: str, taken: bool) -> None:
    overrides = {"numNodes": 3, "nodePropertyOverrides": [{"targetNodes": target, "containerOverrides": {}}]}
    message = refused(multinode(2), nodeOverrides=overrides)
    assert (message is None) is taken, message


def test_a_job_has_a_thousand_nodes_at_most() -> None:
    assert "numNodes must be between 1 and 1000" in (refused(multinode(), nodeOverrides={"numNodes": 1001}) or "")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("secrets", [{"name": "KEY", "valueFrom": "key"}]),
        ("volumes", [{"name": "a", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]),
    ],
)
def test_what_a_container_would_not_get_here_is_refused_by_name(part: str, value: list[dict[str, Any]]) -> None:
    message = refused(DEFINITION | {"containerProperties": CONTAINER | {part: value}})
    assert "not offered by the embedded AWS" in (message or "")


def test_overrides_that_ecs_does_not_take_doom_a_job_that_batch_takes() -> None:
    long = {"containerOverrides": {"command": ["x" * 9000]}}
    assert refused(**long) is None
    assert submission.doom(GOOD | long) == "Container Overrides length must be at most 8192"
    assert submission.doom(GOOD) == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"jobDefinitionName": "a b"}, "is not supported pattern"),
        ({"type": "other"}, "type other is not supported"),
        ({"containerProperties": None}, "containerProperties must be specified"),
        ({"containerProperties": {"vcpus": 1}}, "must have an image"),
        ({"timeout": {"attemptDurationSeconds": 1}}, "at least 60 seconds"),
    ],
)
def test_a_definition_that_aws_does_not_take_is_refused(changed: dict[str, Any], said: str) -> None:
    assert definitions.refusal(DEFINITION) is None
    assert said in (definitions.refusal(DEFINITION | changed) or "")
