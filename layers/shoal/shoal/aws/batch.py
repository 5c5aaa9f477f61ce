"""AWS Batch: queues taken out of use, their jobs ended, and what jobs and job definitions name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from typing import Any

from shoal.aws.session import client
from shoal.errors import RetryableError

UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
"""Every status of a job that has not ended, https://docs.aws.amazon.com/batch/latest/userguide/job_states.html."""
_QUEUES = 100
"""Queues or environments in one call, https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobQueues.html."""

_JOBS = 100
"""Jobs in one call, https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html."""


def describe_queues(arns: list[str]) -> Iterator[dict[str, Any]]:
    """Those of the queues that exist: `jobQueueArn`, `state`, `status`."""
    for chunk in batched(arns, _QUEUES, strict=False):
        yield from client("batch").describe_job_queues(jobQueues=list(chunk))["jobQueues"]


def disable_queue(arn: str) -> None:
    """Let a queue take no more jobs.

    Raises:
        RetryableError: the queue is being changed at this moment.
    """
    _change("update_job_queue", jobQueue=arn, state="DISABLED")


def set_environment_state(arn: str, state: str) -> None:
    """Let a compute environment start instances (`ENABLED`), or no more of them (`DISABLED`).

    Raises:
        RetryableError: the environment is being changed at this moment.
    """
    _change("update_compute_environment", computeEnvironment=arn, state=state)


def _change(operation: str, **arguments: str) -> None:
    try:
        getattr(client("batch"), operation)(**arguments)
    except client("batch").exceptions.ClientException as error:
        if "being modified" in error.response["Error"]["Message"]:
            raise RetryableError(f"{operation}: {', '.join(arguments.values())} is being changed") from error
        raise


def unfinished_jobs(queue: str) -> Iterator[str]:
    """Ids of a queue's jobs that have not ended; an array or multi-node job counts once."""
    paginator = client("batch").get_paginator("list_jobs")
    for status in UNFINISHED:
        for page in paginator.paginate(jobQueue=queue, jobStatus=status):
            yield from (job["jobId"] for job in page["jobSummaryList"])


def queues_named(prefix: str) -> Iterator[str]:
    """ARNs of the queues whose name begins so."""
    for page in client("batch").get_paginator("describe_job_queues").paginate():
        yield from (queue["jobQueueArn"] for queue in page["jobQueues"] if queue["jobQueueName"].startswith(prefix))


def active_definitions() -> Iterator[dict[str, Any]]:
    """Every revision of every job definition that jobs can be submitted with."""
    for page in client("batch").get_paginator("describe_job_definitions").paginate(status="ACTIVE"):
        yield from page["jobDefinitions"]


def unfinished_kinds(queue: str) -> Iterator[dict[str, Any]]:
    """One job, described, for each job definition that a queue's unfinished jobs were submitted with.

    A revision of a job definition never changes, and nobody submits a job with another image than it names.
    """
    paginator = client("batch").get_paginator("list_jobs")
    kinds: dict[str, str] = {}
    for status in UNFINISHED:
        for page in paginator.paginate(jobQueue=queue, jobStatus=status):
            kinds |= {job.get("jobDefinition", job["jobId"]): job["jobId"] for job in page["jobSummaryList"]}
    for chunk in batched(kinds.values(), _JOBS, strict=False):
        yield from client("batch").describe_jobs(jobs=list(chunk))["jobs"]


def terminate_job(job_id: str, reason: str) -> None:
    """End a job in whatever state it is; a second time changes nothing."""
    client("batch").terminate_job(jobId=job_id, reason=reason)


def describe_environments(arns: list[str]) -> Iterator[dict[str, Any]]:
    """Those of the compute environments that exist: `computeEnvironmentName`, `state`, `status`, `statusReason`."""
    for chunk in batched(arns, _QUEUES, strict=False):
        answer = client("batch").describe_compute_environments(computeEnvironments=list(chunk))
        yield from answer["computeEnvironments"]
