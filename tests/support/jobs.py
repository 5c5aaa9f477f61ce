"""Jobs as the job runner of the embedded AWS keeps them, made without a server."""

from __future__ import annotations

from typing import Any

from embedded_aws.batch import submission
from embedded_aws.batch.job import Job

SCOPE = ("111111111111", "us-east-1")
QUEUE = "arn:aws:batch:us-east-1:111111111111:job-queue/main"
CONTAINER = {"image": "debian", "vcpus": 1, "memory": 128, "command": ["true"]}
DEFINITION = {
    "jobDefinitionName": "job",
    "jobDefinitionArn": "arn:aws:batch:us-east-1:111111111111:job-definition/job:1",
    "type": "container",
    "containerProperties": CONTAINER,
}


def multinode(count: int = 2, *groups: dict[str, Any]) -> dict[str, Any]:
    """A definition of a multi-node job."""
    ranges = list(groups) or [{"targetNodes": "0:", "container": CONTAINER}]
    nodes = {"numNodes": count, "mainNode": 0, "nodeRangeProperties": ranges}
    return {**DEFINITION, "type": "multinode", "containerProperties": None, "nodeProperties": nodes}


def job(identifier: str = "a", definition: dict[str, Any] = DEFINITION, **request: Any) -> Job:
    """A job that was just submitted."""
    asked = {"jobName": identifier, "jobQueue": "main", "jobDefinition": "job"} | request
    return submission.job(asked, definition, QUEUE, SCOPE, identifier)


def array(identifier: str, size: int, **request: Any) -> Job:
    """An array that was just submitted."""
    return job(identifier, arrayProperties={"size": size}, **request)
