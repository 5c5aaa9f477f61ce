"""`shoal hosts`: the instances that run the jobs of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

from shoal_cli.application import Account
from shoal_cli.jobs.cluster import Cluster, JobQueue
from shoal_cli.jobs.gathering import environment_records, environments_of, queue_records

HOSTS_AT_ONCE = 100
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html"""
CPU_UNITS = 1024
"""ECS' units in a vCPU."""


def hosts(account: Account, cluster: Cluster, queues: Sequence[JobQueue]) -> Iterator[dict[str, Any]]:
    """Every host of these queues, with what is left on it for jobs."""
    batch, ecs, ec2 = account.client("batch"), account.client("ecs"), account.client("ec2")
    found = queue_records(batch, queues)
    environments = environment_records(batch, found.values())
    for queue in queues:
        for arn in environments_of(found.get(queue.arn, {})):
            record = environments.get(arn, {})
            if ecs_cluster := record.get("ecsClusterArn"):
                for host in _hosts(ecs, ec2, ecs_cluster):
                    yield {"queue": queue.name, **host}


def _hosts(ecs: Any, ec2: Any, ecs_cluster: str) -> Iterator[dict[str, Any]]:
    pages = ecs.get_paginator("list_container_instances").paginate(cluster=ecs_cluster)
    arns = [arn for page in pages for arn in page["containerInstanceArns"]]
    for some in batched(arns, HOSTS_AT_ONCE, strict=False):
        answer = ecs.describe_container_instances(cluster=ecs_cluster, containerInstances=list(some))
        registered = answer["containerInstances"]
        instances = _instances(ec2, [host["ec2InstanceId"] for host in registered])
        yield from (_host(host, instances.get(host["ec2InstanceId"], {})) for host in registered)


def _instances(ec2: Any, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """EC2's description by id; a filter, since an id that has gone meanwhile is no error then."""
    filters = [{"Name": "instance-id", "Values": list(ids)}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    found = (instance for page in pages for group in page["Reservations"] for instance in group["Instances"])
    return {instance["InstanceId"]: instance for instance in found}


def _host(host: dict[str, Any], instance: dict[str, Any]) -> dict[str, Any]:
    attributes = {item["name"]: item.get("value") for item in host.get("attributes", [])}
    all_of, free = (_resources(host.get(key, [])) for key in ("registeredResources", "remainingResources"))
    return {
        "instanceId": host["ec2InstanceId"],
        "instanceType": attributes.get("ecs.instance-type"),
        "status": host["status"],
        "privateIp": instance.get("PrivateIpAddress"),
        "publicIp": instance.get("PublicIpAddress"),
        "jobs": host.get("runningTasksCount", 0),
        "starting": host.get("pendingTasksCount", 0),
        "vcpusFree": free["CPU"] / CPU_UNITS,
        "vcpus": all_of["CPU"] / CPU_UNITS,
        "memoryFree": free["MEMORY"],
        "memory": all_of["MEMORY"],
    }


def _resources(items: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {"CPU": 0, "MEMORY": 0} | {item["name"]: item.get("integerValue", 0) for item in items}
