"""What the head node may do: set itself up, be logged in to, report, and submit jobs for its users or run the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from shoal.cluster.compute_role import group_arn
from shoal.cluster.file_systems import statements as file_system_statements
from shoal.cluster.fleet_queue import queue_arn
from shoal.cluster.head_node import HEAD_NODE_PROFILE
from shoal.cluster.iam import instance_profile, role, s3_access
from shoal.cluster.jobs import client_statements
from shoal.cluster.kinds import AWSBATCH
from shoal.cluster.monitoring import streams_arn
from shoal.cluster.node_rights import fetch_the_node_package, session_manager
from shoal.cluster.node_table import table_arn
from shoal.cluster.site import Site, names
from shoal.cluster.template import CLUSTER_TAG, Resource, Statement, allow, arn, ref
from shoal_node.contract import BOOTSTRAP_TAG, METRICS_NAMESPACE

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

HEAD_NODE_ROLE = "HeadNodeRole"


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The role and the profile that gives it to the instance, as far as the configuration brings none."""
    iam = cluster.head_node.iam
    if iam.instance_profile:
        return
    if iam.instance_role:
        given = instance_profile(site, "head-node", HEAD_NODE_ROLE)
        given["Properties"]["Roles"] = [iam.instance_role.rsplit("/", 1)[-1]]
        yield HEAD_NODE_PROFILE, given
        return
    statements = [
        *_set_up(site),
        *_report(cluster, site),
        *file_system_statements(cluster, site),
        *_of_kind(cluster, site),
        *s3_access(site, iam.s3_access),
    ]
    policies = [policy.policy for policy in iam.additional_iam_policies]
    yield HEAD_NODE_ROLE, role(cluster, site, "head-node", "ec2", statements, policies)
    yield HEAD_NODE_PROFILE, instance_profile(site, "head-node", HEAD_NODE_ROLE)


def _set_up(site: Site) -> Iterator[Statement]:
    yield fetch_the_node_package(site)
    yield allow("SignalTheStack", "cloudformation:SignalResource", on=ref("AWS::StackId"))
    yield allow(
        "SayHowTheBootstrapEnded",
        "ec2:CreateTags",
        on=arn(site, "ec2", "instance/*"),
        StringEquals={f"aws:ResourceTag/{CLUSTER_TAG}": site.cluster_name},
        **{"ForAllValues:StringEquals": {"aws:TagKeys": [BOOTSTRAP_TAG]}},
    )
    yield session_manager()


def _of_kind(cluster: Cluster, site: Site) -> Iterable[Statement]:
    return client_statements(cluster, site) if cluster.kind == AWSBATCH else _run_the_fleet(site)


def _run_the_fleet(site: Site) -> Iterator[Statement]:
    """What the head node of a Slurm cluster does with its own groups, queue and table."""
    yield allow("ReadTheFleet", "cloudformation:DescribeStackResource", on=ref("AWS::StackId"))
    yield allow(
        "ScaleItsGroups",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        on=group_arn(site, f"{names(site).groups}*"),
    )
    # Tied to no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
    yield allow(
        "SeeGroups",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "ec2:DescribeInstances",
        on="*",
    )
    yield allow(
        "ReadNotices", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", on=queue_arn(site)
    )
    yield allow(
        "KeepTheNodeTable",
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
        on=table_arn(site),
    )


def _report(cluster: Cluster, site: Site) -> Iterator[Statement]:
    if not cluster.monitoring.logs.cloud_watch.enabled:
        return
    yield allow("WriteItsLogs", "logs:CreateLogStream", "logs:PutLogEvents", on=streams_arn(site, "head-node"))
    # Metrics have no ARN; the namespace bounds them.
    yield allow(
        "WriteItsMetrics",
        "cloudwatch:PutMetricData",
        on="*",
        StringEquals={"cloudwatch:namespace": METRICS_NAMESPACE},
    )
