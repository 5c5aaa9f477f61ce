"""`shoal queues`: the queues of a cluster and the environments that serve them."""

from __future__ import annotations

from typing import Any

from shoal_cli.jobs.cluster import Cluster
from shoal_cli.jobs.gathering import environment_records, environments_of, queue_records


def queues(batch: Any, cluster: Cluster) -> list[dict[str, Any]]:
    """The cluster's queues as programs get them, the default one first."""
    found = queue_records(batch, cluster.queues)
    environments = environment_records(batch, found.values())
    answer = []
    for number, queue in enumerate(cluster.queues):
        record = found.get(queue.arn, {})
        served_by = [environments[arn] for arn in environments_of(record) if arn in environments]
        answer.append(
            {
                "queue": queue.name,
                "default": number == 0,
                "jobQueue": queue.arn.rpartition("/")[2],
                "state": record.get("state"),
                "status": record.get("status"),
                "statusReason": record.get("statusReason"),
                "environments": [_environment(one) for one in served_by],
            }
        )
    return answer


def _environment(record: dict[str, Any]) -> dict[str, Any]:
    resources = record.get("computeResources", {})
    return {
        "environment": record["computeEnvironmentName"],
        "type": resources.get("type"),
        "state": record["state"],
        "status": record["status"],
        "statusReason": record.get("statusReason"),
        "instanceTypes": list(resources.get("instanceTypes", [])),
        "vcpusNow": resources.get("desiredvCpus", 0),
        "vcpusAtMost": resources.get("maxvCpus"),
    }


def rows(answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as a table: a row for each environment of each queue."""
    flat = []
    for queue in answer:
        for environment in queue["environments"] or [{}]:
            reasons = [one.get("statusReason") for one in (queue, environment) if one.get("status") != "VALID"]
            flat.append(
                {
                    "queue": queue["queue"],
                    "default": "default" if queue["default"] else None,
                    "state": _both(queue["state"], environment.get("state")),
                    "status": _both(queue["status"], environment.get("status")),
                    "type": environment.get("type"),
                    "vcpus": f"{environment.get('vcpusNow', 0)} of {environment.get('vcpusAtMost', 0)}",
                    "instanceTypes": environment.get("instanceTypes"),
                    "reason": "; ".join(reason for reason in reasons if reason),
                }
            )
    return flat


def _both(queue: str | None, environment: str | None) -> str:
    """The queue's value, and its environment's where it is another."""
    return " / ".join(dict.fromkeys(str(value) for value in (queue, environment) if value))
