"""What DescribeJobs and ListJobs say of a job.

https://docs.aws.amazon.com/batch/latest/APIReference/API_JobDetail.html and
https://docs.aws.amazon.com/batch/latest/APIReference/API_JobSummary.html.
"""

from __future__ import annotations

import collections
from typing import Any

from embedded_aws.batch.job import STATUSES, Job

Shown = dict[str, Any]


def detail(job: Job) -> Shown:
    """A job as DescribeJobs shows it, and as the detail of its events has it."""
    asked = job.asked
    shown: Shown = {
        **_identity(job),
        "jobQueue": asked.queue,
        "attempts": job.attempts,
        "retryStrategy": dict(asked.retry),
        "dependsOn": [_dependency(item.job, item.kind) for item in asked.depends_on],
        "parameters": dict(asked.parameters),
        "tags": dict(asked.tags),
        "propagateTags": asked.propagate_tags,
        "platformCapabilities": ["EC2"],
    }
    if asked.timeout is not None:
        shown["timeout"] = {"attemptDurationSeconds": asked.timeout}
    if job.container is not None:
        shown["container"] = {**job.container, "networkInterfaces": [], **job.task}
    if job.nodes is not None:
        shown["nodeProperties"] = job.nodes
    if job.is_node:
        shown["nodeDetails"] = {"nodeIndex": job.index, "isMainNode": job.is_main_node}
    return shown | _array(job, with_summary=True)


def summary(job: Job) -> Shown:
    """A job as ListJobs shows it."""
    shown = _identity(job)
    container = {key: job.task[key] for key in ("exitCode", "reason") if key in job.task}
    if container:
        shown["container"] = container
    if job.nodes is not None:
        shown["nodeProperties"] = {"numNodes": job.nodes["numNodes"]}
    if job.is_node and job.parent is not None:
        count = len(job.parent.children)
        shown["nodeProperties"] = {"isMainNode": job.is_main_node, "numNodes": count, "nodeIndex": job.index}
    return shown | _array(job, with_summary=False)


def _identity(job: Job) -> Shown:
    shown: Shown = {
        "jobArn": job.arn,
        "jobId": job.id,
        "jobName": job.asked.name,
        "jobDefinition": job.asked.definition,
        "status": job.status,
        "createdAt": job.created_at,
        "isCancelled": job.cancelled,
        "isTerminated": job.terminated,
    }
    if job.reason:
        shown["statusReason"] = job.reason
    if job.started_at is not None:
        shown["startedAt"] = job.started_at
    if job.stopped_at is not None:
        shown["stoppedAt"] = job.stopped_at
    return shown


def _array(job: Job, *, with_summary: bool) -> Shown:
    if job.is_array:
        counted = collections.Counter(child.status for child in job.children)
        statuses = {status: counted.get(status, 0) for status in STATUSES}
        return {"arrayProperties": {"size": len(job.children)} | ({"statusSummary": statuses} if with_summary else {})}
    if job.index is not None and not job.is_node:
        return {"arrayProperties": {"index": job.index}}
    return {}


def _dependency(identifier: str, kind: str) -> Shown:
    return ({"jobId": identifier} if identifier else {}) | ({"type": kind} if kind else {})
