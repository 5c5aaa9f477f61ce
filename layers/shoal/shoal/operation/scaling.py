"""`start` and `stop`: whether a cluster's fleet is as it is wanted, and what the answer says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shoal.cluster.statuses import ABSENT, meaning
from shoal.errors import ErrorCode, OperationError
from shoal.operation.admission import not_found
from shoal.operation.fleet_status import RUNNING, STOPPED

OPERATIONS = {"start": RUNNING, "stop": STOPPED}
SHOWN = 5
"""Things waited for that are named one by one."""
_COSTS = {
    "AWS::EC2::Instance": "the head node",
    "AWS::EC2::Volume": "EBS volumes",
    "AWS::EFS::FileSystem": "EFS file systems",
    "AWS::EC2::EIP": "the Elastic IP",
    "AWS::S3::Bucket": "the bucket",
    "AWS::ECR::Repository": "repositories of images",
    "AWS::Logs::LogGroup": "logs",
    "AWS::CloudWatch::Alarm": "alarms",
    "AWS::CloudWatch::Dashboard": "the dashboard",
}
"""What of a stack costs money though nothing is computed."""


def wanted_status(operation: str, cluster: Mapping[str, Any]) -> str:
    """What an operation wants of the fleet; one that is neither `start` nor `stop` keeps it as it is."""
    return OPERATIONS.get(operation) or str(cluster.get("fleetStatus", RUNNING))


def admit_scaling(
    name: str, operation: str, known: Mapping[str, Any] | None, stack: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The ledger's facts of a cluster whose fleet can be started or stopped, now or when CloudFormation is done.

    Raises:
        OperationError: there is no such cluster, or it is in a state in which only deleting it is left.
    """
    status = stack["StackStatus"] if stack else ABSENT
    now = meaning(status)
    if known is None or now.cluster_status == "DELETE_COMPLETE":
        raise not_found(name)
    if now.settled and operation in OPERATIONS and operation not in now.operations:
        message = f"the stack of cluster {name} is {status}, so its fleet cannot {operation}; delete the cluster"
        raise OperationError(ErrorCode.STACK_FAILED, message)
    return known


def judge(name: str, wanted: str, waiting: Sequence[str], *, now: datetime, deadline: datetime) -> bool:
    """Whether the fleet is as it is wanted.

    Args:
        name: the cluster's.
        wanted: `RUNNING` or `STOPPED`.
        waiting: what is not so yet, each in some words.
        now: the time.
        deadline: when waiting ends.

    Raises:
        OperationError: `DeadlineExceeded`, naming what is waited for.
    """
    if waiting and now >= deadline:
        more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
        raise OperationError(
            ErrorCode.DEADLINE_EXCEEDED,
            f"the fleet of cluster {name} was not {wanted} at the deadline: {', '.join(waiting[:SHOWN])}{more}",
            next_action="Ask for the same operation again; it goes on where this one ended.",
        )
    return not waiting


def environments_waiting(environments: Iterable[Mapping[str, Any]], state: str) -> list[str]:
    """The compute environments that are not in a state yet, each in some words."""
    return [
        f"{found['computeEnvironmentName']} is {found['status']} and {found['state']}"
        for found in environments
        if found["state"] != state or found["status"] == "UPDATING"
    ]


def groups_waiting(groups: Iterable[Mapping[str, Any]], wanted: str) -> list[str]:
    """The groups whose instances have not ended yet, each in some words; nobody waits here for those that start."""
    if wanted == RUNNING:
        return []
    return [
        f"{len(group['Instances'])} instances of {group['AutoScalingGroupName']} have not ended"
        for group in groups
        if group["Instances"]
    ]


def answer(
    cluster: Mapping[str, Any], wanted: str, resources: Iterable[Mapping[str, Any]], minimum: int = 0
) -> dict[str, Any]:
    """What `start` and `stop` answer when they are done.

    Args:
        cluster: its item in the ledger.
        wanted: what the fleet is now.
        resources: its stack's.
        minimum: the vCPUs that AWS Batch keeps running in stopped environments.
    """
    name = cluster["clusterName"]
    if wanted == RUNNING:
        summary = f"The fleet of cluster {name} runs: instances are started for jobs."
        return {"summary": summary, "fleetStatus": RUNNING}
    jobs = (
        "what ran there is back in the queue, and waits with all other jobs until start"
        if cluster.get("kind") == "slurm"
        else "jobs that run go on, and others wait until start"
    )
    counts = Counter(resource["ResourceType"] for resource in resources)
    costs = [
        f"{words} ({counts[kind]})" if counts[kind] > 1 else words for kind, words in _COSTS.items() if counts[kind]
    ]
    if minimum:
        costs.insert(0, f"instances with {minimum} vCPUs, the MinvCpus of its compute environments")
    return {
        "summary": f"The fleet of cluster {name} is stopped: no instance is started; {jobs}. "
        f"This still costs money: {', '.join(costs)}.",
        "fleetStatus": STOPPED,
        "stillCosts": costs,
    }
