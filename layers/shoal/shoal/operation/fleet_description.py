"""What `describe` tells of a Slurm cluster's queues, nodes and jobs: what the head node has published, bounded.

An answer passes through Step Functions, which takes 262,144 bytes
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html); what is published may be larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from shoal.log_lines import told_lines

MOST_NODES = 200
MOST_JOBS = 50
MOST_DECISIONS = 20
MOST_FAILURES = 5
LONGEST_WHY = 300
"""Characters of a reason."""


def fleet_description(status: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of the answer that the head node knows.

    Args:
        status: what it has published, part by part; nothing of a head node that has not yet.
    """
    if not status:
        return {"scheduler": {"type": "slurm", "state": "the head node has published nothing yet"}}
    nodes, jobs = status.get("nodes") or {}, status.get("jobs") or {}
    shown = list(nodes.get("nodes", ()))[:MOST_NODES]
    decisions = [*(status.get("jobDecisions") or ()), *(status.get("nodeDecisions") or ())]
    return {
        "scheduler": {"type": "slurm", "state": status.get("slurm", "unknown"), "toldAt": _time(status, "changedAt")},
        "configurationVersion": status.get("version"),
        "queues": list(_queues(status.get("queues") or {})),
        "nodes": [_node(node) for node in shown],
        "nodesLeftOut": len(nodes.get("nodes", ())) - len(shown) + nodes.get("leftOut", 0),
        "jobs": {"running": jobs.get("running", 0), "pending": jobs.get("pending", 0)},
        "waitingJobs": [_job(job) for job in list(jobs.get("waiting", ()))[:MOST_JOBS]],
        "scalingDecisions": _newest(decisions),
        "nodeFailures": [_failure(node) for node in list(status.get("failures") or ())[:MOST_FAILURES]],
    }


def _queues(queues: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterable[dict[str, Any]]:
    """A row for each compute resource."""
    for name, rows in queues.items():
        for row in rows:
            facts = ("computeResource", "ready", "busy", "instances", "desired", "minCount", "maxCount")
            told = {fact: row.get(fact) for fact in facts}
            yield {"queue": name, **told, **({"refused": True} if row.get("refused") else {})}


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": node["name"],
        "instanceId": node["instanceId"],
        "queue": node["queue"],
        "computeResource": node["computeResource"],
        "state": node["state"],
        "slurmState": node.get("slurm", ""),
        "launchTime": _time(node, "launchedAt"),
    }


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    new = job.get("new")
    return {"jobId": job["jobId"], "newNodes": new, "why": str(job.get("why", ""))[:LONGEST_WHY]}


def _newest(decisions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The last decisions of both daemons, the newest first."""
    last = sorted(decisions, key=lambda decision: int(decision["at"]), reverse=True)[:MOST_DECISIONS]
    return [
        {"at": _time(one, "at"), "about": one["about"], "decision": one["what"], "why": str(one["why"])[:LONGEST_WHY]}
        for one in last
    ]


def _failure(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "instanceId": node["instanceId"],
        "queue": node["queue"],
        "computeResource": node["computeResource"],
        "at": _time(node, "at"),
        "why": str(node["why"])[:LONGEST_WHY],
        "log": list(told_lines(node.get("log", ()))),
    }


def _time(item: Mapping[str, Any], name: str) -> str | None:
    """Seconds since 1970 as ISO 8601."""
    seconds = item.get(name)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds else None
