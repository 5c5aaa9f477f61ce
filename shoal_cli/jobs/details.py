"""`shoal job show`: everything about a job, and for one that waits, why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from shoal import links
from shoal_cli.application import Account
from shoal_cli.jobs import records
from shoal_cli.jobs.cluster import Cluster
from shoal_cli.jobs.gathering import describe_jobs, queue_state
from shoal_cli.jobs.listing import children_of
from shoal_cli.jobs.program import PARALLELCLUSTER_URL_VARIABLE
from shoal_cli.jobs.waiting import Wanted, reasons

MOST_CHILDREN = 100
"""Children of an array that `show` prints; `list --expand-children` prints all."""


def details(account: Account, batch: Any, cluster: Cluster, job: records.Record) -> dict[str, Any]:
    """What there is to tell about a job; what has no value is left out."""
    queue = cluster.queue_of(job["jobQueue"])
    stream = records.container(job).get("logStreamName") if not records.parts(job) else None
    age = records.duration(records.seconds_in_state(job, datetime.now(UTC)))
    told = {
        "summary": f"{job['jobName']} is {job['status']}, for {age}",
        "jobId": job["jobId"],
        "jobName": job["jobName"],
        "status": job["status"],
        "reason": records.reason(job),
        "why": _why(account, batch, cluster, job),
        "queue": queue.name if queue else None,
        "jobDefinition": job["jobDefinition"].rpartition("/")[2],
        "parts": records.parts(job),
        **{moment: records.time(job, moment) for moment in ("createdAt", "startedAt", "stoppedAt")},
        "exitCode": records.exit_code(job),
        **records.resources(job),
        "timeout": job.get("timeout", {}).get("attemptDurationSeconds"),
        "command": list(records.container(job).get("command", [])),
        "dependsOn": [_dependency(item) for item in job.get("dependsOn", [])],
        "files": records.variable(job, PARALLELCLUSTER_URL_VARIABLE),
        "log": stream,
        "logLink": links.log_stream(cluster.stack_id, log_group(job, cluster), stream) if stream else None,
        "attempts": [_attempt(number, attempt) for number, attempt in enumerate(job.get("attempts", []), start=1)],
        "children": list(_children(batch, job)),
        "childrenByStatus": job.get("arrayProperties", {}).get("statusSummary"),
    }
    return {key: value for key, value in told.items() if value not in (None, "", 0, [], {})} | _zero(told)


def _zero(told: dict[str, Any]) -> dict[str, Any]:
    """The exit code 0 is no missing value."""
    return {} if told["exitCode"] is None else {"exitCode": told["exitCode"]}


def log_group(job: records.Record, cluster: Cluster) -> str:
    """The log group that a job writes to: its definition's own, or the cluster's."""
    options = records.container(job).get("logConfiguration", {}).get("options", {})
    return str(options.get("awslogs-group") or cluster.log_group)


def _dependency(item: dict[str, str]) -> str:
    return " ".join(part for part in (item.get("jobId", ""), item.get("type", "")) if part)


def _attempt(number: int, attempt: dict[str, Any]) -> dict[str, Any]:
    return {
        "attempt": number,
        "startedAt": records.time(attempt, "startedAt"),
        "stoppedAt": records.time(attempt, "stoppedAt"),
        "exitCode": records.exit_code(attempt),
        "reason": records.reason(attempt),
        "log": attempt.get("container", {}).get("logStreamName"),
    }


def _children(batch: Any, job: records.Record) -> Iterator[dict[str, Any]]:
    if not records.parts(job):
        return
    for child in islice(children_of(batch, dict(job)), MOST_CHILDREN):
        yield {
            "jobId": child["jobId"],
            "status": child["status"],
            "exitCode": records.exit_code(child),
            "reason": records.reason(child),
            "main": "main" if records.is_main_node(child) else None,
        }


def _why(account: Account, batch: Any, cluster: Cluster, job: records.Record) -> list[str]:
    """Why the job does not start; empty when it has."""
    queue = cluster.queue_of(job["jobQueue"])
    if job["status"] not in records.WAITING or queue is None:
        return []
    ids = [item["jobId"] for item in job.get("dependsOn", []) if "jobId" in item]
    found = describe_jobs(batch, ids) if ids else {}
    needs = records.resources(job)
    wanted = Wanted(
        status=job["status"],
        reason=job.get("statusReason", ""),
        vcpus=needs["vcpus"],
        memory=needs["memory"],
        gpus=needs["gpus"],
        nodes=records.node_count(job) or 1,
        dependencies=tuple((job_id, found.get(job_id, {}).get("status", "")) for job_id in ids),
    )
    return reasons(wanted, queue_state(account, batch, queue, with_types=True))
