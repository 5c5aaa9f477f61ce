"""What `describe` and `list` answer, in the words of ParallelCluster's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoal import __version__
from shoal.cluster.statuses import ABSENT, meaning
from shoal.operation.fleet_status import RUNNING, fleet_status


def cluster_status(cluster: Mapping[str, Any], lock: Mapping[str, Any] | None) -> str:
    """`clusterStatus`: what works on the cluster now, or else how the last operation on it ended."""
    running = (lock or {}).get("operation")
    if running in {"create", "update", "delete"}:
        return f"{running.upper()}_IN_PROGRESS"
    return str(cluster.get("status"))


def summary_of(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """A cluster on a page of `list`."""
    return {
        "clusterName": cluster["clusterName"],
        "clusterStatus": cluster.get("status"),
        "cloudformationStackArn": cluster.get("stackId"),
        "scheduler": {"type": cluster.get("kind")},
        "fleetStatus": cluster.get("fleetStatus", RUNNING),
        "updatedAt": cluster.get("updatedAt"),
    }


def page(clusters: Sequence[Mapping[str, Any]], statuses: Sequence[str], next_token: str | None) -> dict[str, Any]:
    """One page of `list`, filtered by `clusterStatus`."""
    shown = [summary_of(cluster) for cluster in clusters if not statuses or cluster.get("status") in statuses]
    count = f"{len(shown)} cluster{'' if len(shown) == 1 else 's'}"
    return {
        "summary": f"{count} on this page; ask again with nextToken for more" if next_token else count,
        "clusters": shown,
        **({"nextToken": next_token} if next_token else {}),
    }


def physical_ids(resources: Sequence[Mapping[str, Any]], resource_type: str) -> list[str]:
    """The physical ids of a stack's resources of one type, those that were made."""
    return [
        item["PhysicalResourceId"]
        for item in resources
        if item["ResourceType"] == resource_type and item.get("PhysicalResourceId")
    ]


def head_node(instance: Mapping[str, Any]) -> dict[str, Any]:
    """The head node as ParallelCluster's API describes an instance."""
    return {
        "instanceId": instance["InstanceId"],
        "instanceType": instance["InstanceType"],
        "state": instance["State"]["Name"],
        "privateIpAddress": instance.get("PrivateIpAddress"),
        **({"publicIpAddress": instance["PublicIpAddress"]} if instance.get("PublicIpAddress") else {}),
        "launchTime": str(instance.get("LaunchTime", "")),
    }


def queue(detail: Mapping[str, Any]) -> dict[str, Any]:
    """A Batch queue and whether it takes jobs."""
    return {
        "name": detail["jobQueueName"],
        "state": detail["state"],
        "status": detail["status"],
        "statusReason": detail.get("statusReason", ""),
    }


def images(cluster: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The images that Shoal built for a cluster, with the queues whose jobs run in each.

    Before clusters had several images, three attributes told of the one.
    """
    if "images" not in cluster and "imageUri" in cluster:
        only = {"tag": cluster.get("imageTag"), "uri": cluster["imageUri"], "digest": cluster.get("imageDigest")}
        return [{name: value for name, value in only.items() if value}]
    return [dict(image) for image in cluster.get("images", [])]


def description(
    cluster: Mapping[str, Any],
    lock: Mapping[str, Any] | None,
    operation: Mapping[str, Any] | None,
    stack: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The answer of `describe`, before the parts that only a living stack has.

    Args:
        cluster: the cluster's item in the ledger.
        lock: its lock.
        operation: its last operation's item.
        stack: one stack of DescribeStacks' answer, or none when there is no stack.
    """
    stack_status = stack["StackStatus"] if stack else ABSENT
    status = cluster_status(cluster, lock)
    last = operation or {}
    answer: dict[str, Any] = {
        "summary": f"cluster {cluster['clusterName']} is {status}",
        "clusterName": cluster["clusterName"],
        "clusterStatus": status,
        "cloudFormationStackStatus": stack_status,
        "cloudformationStackArn": stack["StackId"] if stack else cluster.get("stackId"),
        "creationTime": cluster.get("createdAt"),
        "lastUpdatedTime": cluster.get("updatedAt"),
        "version": __version__,
        "templateVersion": cluster.get("templateVersion"),
        "scheduler": {"type": cluster.get("kind")},
        "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in (stack or {}).get("Tags", [])],
        "lastOperation": {
            key: last[key] for key in ("operation", "operationId", "status", "startedAt", "endedAt") if key in last
        },
        "nextOperations": [] if "holder" in (lock or {}) else _next_operations(cluster, stack_status),
        "fleetStatus": fleet_status(cluster, lock),
    }
    for field, name in (("configuration", "clusterConfiguration"), ("site", "site")):
        if field in cluster:
            answer[name] = {"url": _url(cluster[field])}
    answer["images"] = images(cluster)
    if "failure" in last:
        answer["failures"] = [_failure(last["failure"])]
    return answer


def _next_operations(cluster: Mapping[str, Any], stack_status: str) -> list[str]:
    """What can be asked for now: no images are built for a Slurm cluster, and nothing is started that runs."""
    no_more = {"start"} if cluster.get("fleetStatus", RUNNING) == RUNNING else {"stop"}
    no_more |= {"build-image"} if cluster.get("kind") == "slurm" else set()
    return [operation for operation in meaning(stack_status).operations if operation not in no_more]


def _url(stored: Mapping[str, str]) -> str:
    return f"s3://{stored['bucket']}/{stored['key']}?versionId={stored['versionId']}"


def _failure(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded failure in ParallelCluster's words, and in Shoal's own the log's last lines and where to read on."""
    more = {key: recorded[key] for key in ("log", "link") if recorded.get(key)}
    return {"failureCode": recorded["code"], "failureReason": recorded["cause"], **more}
