"""Asking Batch and EC2 for what a decision about a job or a queue needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from shoal_cli.application import Account
from shoal_cli.jobs import records
from shoal_cli.jobs.cluster import Cluster, JobQueue
from shoal_cli.jobs.waiting import EnvironmentState, InstanceType, QueueState

JOBS_AT_ONCE = 100
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html"""
FAMILIES = {
    "optimal": ("m6i", "c6i", "r6i", "c7i"),
    "default_x86_64": ("m6i", "c6i", "r6i", "c7i"),
    "default_arm64": ("m6g", "c6g", "r6g", "c7g"),
}
"""Families that Batch chooses from by itself;
https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html"""


def describe_jobs(batch: Any, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Batch's description of each of these jobs that it knows, by id."""
    found = (batch.describe_jobs(jobs=list(some))["jobs"] for some in batched(ids, JOBS_AT_ONCE, strict=False))
    return {job["jobId"]: job for jobs in found for job in jobs}


def queue_records(batch: Any, queues: Sequence[JobQueue]) -> dict[str, dict[str, Any]]:
    """Batch's description of these queues, by ARN."""
    pages = batch.get_paginator("describe_job_queues").paginate(jobQueues=[queue.arn for queue in queues])
    return {record["jobQueueArn"]: record for page in pages for record in page["jobQueues"]}


def environment_records(batch: Any, queues: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Batch's description of the environments of these queue records, by ARN."""
    arns = dict.fromkeys(arn for queue in queues for arn in environments_of(queue))
    if not arns:
        return {}
    pages = batch.get_paginator("describe_compute_environments").paginate(computeEnvironments=list(arns))
    return {record["computeEnvironmentArn"]: record for page in pages for record in page["computeEnvironments"]}


def environments_of(queue: dict[str, Any]) -> list[str]:
    """The ARNs of a queue's environments in their order."""
    order = sorted(queue.get("computeEnvironmentOrder", []), key=lambda entry: int(entry["order"]))
    return [entry["computeEnvironment"] for entry in order]


def queue_state(account: Account, batch: Any, queue: JobQueue, *, with_types: bool) -> QueueState:
    """A queue as it is now.

    Args:
        account: whose it is.
        batch: a client.
        queue: which one.
        with_types: whether EC2 is asked what its instance types have, too.
    """
    record = queue_records(batch, [queue]).get(queue.arn, {})
    found = environment_records(batch, [record])
    ec2 = account.client("ec2") if with_types else None
    environments = [_environment(found[arn], ec2) for arn in environments_of(record) if arn in found]
    return QueueState(
        queue.name,
        record.get("state", "DELETED"),
        record.get("status", "DELETED"),
        record.get("statusReason", ""),
        tuple(environments),
    )


def _environment(record: dict[str, Any], ec2: Any) -> EnvironmentState:
    resources = record.get("computeResources", {})
    return EnvironmentState(
        name=record["computeEnvironmentName"],
        state=record["state"],
        status=record["status"],
        reason=record.get("statusReason", ""),
        is_spot=resources.get("type") == "SPOT",
        max_vcpus=resources.get("maxvCpus", 0),
        desired_vcpus=resources.get("desiredvCpus", 0),
        types=tuple(_instance_types(ec2, resources.get("instanceTypes", []))) if ec2 else (),
    )


def _instance_types(ec2: Any, names: Sequence[str]) -> Iterator[InstanceType]:
    """What EC2 says of types and families; nothing when the user may not ask, since it only helps to explain."""
    wanted = [name for given in names for name in FAMILIES.get(given, (given,))]
    patterns = [name if "." in name else f"{name}.*" for name in wanted]
    pages = ec2.get_paginator("describe_instance_types").paginate(
        Filters=[{"Name": "instance-type", "Values": patterns}]
    )
    try:
        found = [record for page in pages for record in page["InstanceTypes"]]
    except ClientError as error:
        if error.response["Error"]["Code"] != "UnauthorizedOperation":
            raise
        return
    for record in found:
        gpus = sum(gpu["Count"] for gpu in record.get("GpuInfo", {}).get("Gpus", []))
        memory = record["MemoryInfo"]["SizeInMiB"]
        yield InstanceType(record["InstanceType"], record["VCpuInfo"]["DefaultVCpus"], memory, gpus)


def require_jobs(batch: Any, cluster: Cluster, ids: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The cluster's jobs of these ids, and a line for each id that is none of the cluster's."""
    found = describe_jobs(batch, ids)
    parents = describe_jobs(batch, dict.fromkeys(_parent(job_id) for job_id in ids if job_id not in found))
    problems = []
    for job_id in ids:
        job = found.get(job_id) or parents.get(_parent(job_id))
        if job is None:
            problems.append(forgotten(_parent(job_id)))
        elif cluster.queue_of(job["jobQueue"]) is None:
            other = job["jobQueue"].rpartition("/")[2]
            problems.append(f"the job {job_id} is not of the cluster {cluster.name} but in the queue {other}")
            found.pop(job_id, None)
        elif job_id not in found:
            problems.append(records.outside(job_id, job))
    return found, problems


def forgotten(job_id: str) -> str:
    """What to tell about a job that Batch does not know."""
    return f"there is no job {job_id}; Batch forgets jobs a week after their end"


def _parent(job_id: str) -> str:
    """The id of the array or multi-node job that a child or node is of; a job's own id."""
    return job_id.partition(":")[0].partition("#")[0]
