"""Whether a cluster whose stack is complete really works: Batch judges environments after CloudFormation is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.errors import ErrorCode, OperationError

ENVIRONMENT = "AWS::Batch::ComputeEnvironment"
QUEUE = "AWS::Batch::JobQueue"
HEAD_NODE = "AWS::EC2::Instance"
_LOST = {"shutting-down", "stopping", "stopped", "terminated"}
"""States of an instance that does not come up by waiting, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html"""


@dataclass(frozen=True)
class Observed:
    """What there is of a cluster. Environments and queues as Batch's API describes them."""

    environments: Sequence[Mapping[str, Any]]
    queues: Sequence[Mapping[str, Any]]
    head_nodes: Mapping[str, str]
    """Instance id to its state."""
    missing_images: Sequence[str] = ()
    """Tags of images that should be in the repository and are not."""
    stopped: bool = False
    """Whether the fleet is stopped: then the environments are disabled, and that is right."""


def problems(resources: Sequence[Mapping[str, Any]], observed: Observed) -> tuple[str, ...]:
    """What a cluster still lacks, each in one sentence; none when it is ready.

    Args:
        resources: the stack's resources, as CloudFormation lists them.
        observed: what became of them.

    Raises:
        OperationError: `ClusterUnhealthy` for what waiting does not heal.
    """
    found = [*_environments(observed), *_queues(observed), *head_node_problems(observed.head_nodes)]
    for kind, there in (
        (ENVIRONMENT, observed.environments),
        (QUEUE, observed.queues),
        (HEAD_NODE, observed.head_nodes),
    ):
        missing = sum(item["ResourceType"] == kind for item in resources) - len(there)
        if missing > 0:
            found.append(f"{missing} of the stack's {kind} cannot be found")
    found += [f"the image {tag} is not in the repository" for tag in observed.missing_images]
    return tuple(found)


def _environments(observed: Observed) -> Iterator[str]:
    for environment in observed.environments:
        name, status = environment["computeEnvironmentName"], environment["status"]
        if status == "INVALID":
            raise unhealthy(name, f"the compute environment {name} is INVALID: {environment.get('statusReason', '')}")
        if (status, environment["state"]) != ("VALID", "DISABLED" if observed.stopped else "ENABLED"):
            yield f"the compute environment {name} is {status} and {environment['state']}"


def _queues(observed: Observed) -> Iterator[str]:
    for queue in observed.queues:
        name, status = queue["jobQueueName"], queue["status"]
        if status == "INVALID":
            raise unhealthy(name, f"the job queue {name} is INVALID: {queue.get('statusReason', '')}")
        if (status, queue["state"]) != ("VALID", "ENABLED"):
            yield f"the job queue {name} is {status} and {queue['state']}"


def head_node_problems(states: Mapping[str, str]) -> Iterator[str]:
    """What keeps head nodes from being ready, by their states.

    CloudFormation has had the head node's signal before it called the stack complete, so here it only has to run.

    Args:
        states: instance id to its state.

    Raises:
        OperationError: `ClusterUnhealthy` of one that will never run again.
    """
    for instance_id, state in states.items():
        if state in _LOST:
            raise unhealthy(instance_id, f"the head node {instance_id} is {state}")
        if state != "running":
            yield f"the head node {instance_id} is {state}"


def unhealthy(resource: str, message: str, log: Sequence[str] = ()) -> OperationError:
    """A cluster that waiting does not heal, with the last lines of the log of what failed."""
    return OperationError(ErrorCode.CLUSTER_UNHEALTHY, message, resource=resource, log=log)
