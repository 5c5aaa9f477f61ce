"""What the nodes of a compute resource may do: join the cluster, and end themselves.

Each compute resource has a role of its own, since a node may touch its own group and no other. The boundary bounds it
like every role.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.file_systems import statements as file_system_statements
from shoal.cluster.fleet_queue import queue_arn
from shoal.cluster.iam import instance_profile, role, s3_access
from shoal.cluster.monitoring import node_log_group, streams_arn
from shoal.cluster.node_rights import fetch_the_node_package, session_manager
from shoal.cluster.node_table import MUNGE_KEY, table_arn
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Statement, Value, allow, arn, logical_id, ref

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmComputeResource, SlurmQueue


def profile_id(queue: SlurmQueue, resource: SlurmComputeResource) -> str:
    """The instance profile of a compute resource's nodes."""
    return logical_id("ComputeProfile", queue.name, resource.name)


def role_id(queue: SlurmQueue, resource: SlurmComputeResource) -> str:
    """The role of a compute resource's nodes."""
    return logical_id("ComputeRole", queue.name, resource.name)


def profile(queue: SlurmQueue, resource: SlurmComputeResource) -> Value:
    """The name of the instance profile of a compute resource's nodes: the configuration's, or the cluster's own."""
    given = queue.iam.instance_profile
    return given.rsplit("/", 1)[-1] if given else ref(profile_id(queue, resource))


def group_arn(site: Site, name: str) -> Value:
    """The ARN of Auto Scaling groups by their name, which may hold `*`; an id in it nobody knows beforehand."""
    return arn(site, "autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """For each compute resource a role and its profile, as far as the configuration brings none."""
    for queue in cluster.scheduling.slurm_queues:
        if queue.iam.instance_profile:
            continue
        for resource in queue.compute_resources:
            purpose = _purpose(queue, resource)
            made = instance_profile(site, purpose, role_id(queue, resource))
            if queue.iam.instance_role:
                made["Properties"]["Roles"] = [queue.iam.instance_role.rsplit("/", 1)[-1]]
            else:
                statements = list(_statements(cluster, site, queue, resource))
                policies = [policy.policy for policy in queue.iam.additional_iam_policies]
                yield role_id(queue, resource), role(cluster, site, purpose, "ec2", statements, policies)
            yield profile_id(queue, resource), made


def _purpose(queue: SlurmQueue, resource: SlurmComputeResource) -> str:
    """The end of the role's name: of 64 characters there are ten left behind the longest cluster's name."""
    return f"n-{hashlib.sha256(f'{queue.name}/{resource.name}'.encode()).hexdigest()[:8]}"


def _statements(cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> Iterator[Statement]:
    yield fetch_the_node_package(site)
    yield allow(
        "ReadTheMungeKey",
        "dynamodb:GetItem",
        on=table_arn(site),
        **{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [MUNGE_KEY]}},
    )
    yield allow("TellOfItself", "sqs:SendMessage", on=queue_arn(site))
    yield allow(
        "EndItself",
        "autoscaling:SetInstanceProtection",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        on=group_arn(site, names(site).group(queue.name, resource.name)),
    )
    # Tied to no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
    yield allow(
        "SeeGroups", "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", on="*"
    )
    if node_log_group(cluster, site, "compute"):
        yield allow("WriteItsLogs", "logs:CreateLogStream", "logs:PutLogEvents", on=streams_arn(site, "compute"))
    yield session_manager()
    yield from file_system_statements(cluster, site)
    yield from s3_access(site, queue.iam.s3_access)
