"""What the head node may do: set itself up, be logged in to, report, and submit jobs for its users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.file_systems import statements as file_system_statements
from shoal.cluster.head_node import HEAD_NODE_PROFILE, node_package
from shoal.cluster.iam import instance_profile, role, s3_access
from shoal.cluster.jobs import client_statements
from shoal.cluster.monitoring import streams_arn
from shoal.cluster.site import Site
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
        *client_statements(cluster, site),
        *s3_access(site, iam.s3_access),
    ]
    policies = [policy.policy for policy in iam.additional_iam_policies]
    yield HEAD_NODE_ROLE, role(cluster, site, "head-node", "ec2", statements, policies)
    yield HEAD_NODE_PROFILE, instance_profile(site, "head-node", HEAD_NODE_ROLE)


def _set_up(site: Site) -> Iterator[Statement]:
    package = node_package(site)
    yield allow(
        "FetchTheNodePackage",
        "s3:GetObjectVersion",
        on=arn(site, "s3", f"{package.bucket}/{package.key}", region=False, account=False),
    )
    yield allow("SignalTheStack", "cloudformation:SignalResource", on=ref("AWS::StackId"))
    yield allow(
        "SayHowTheBootstrapEnded",
        "ec2:CreateTags",
        on=arn(site, "ec2", "instance/*"),
        StringEquals={f"aws:ResourceTag/{CLUSTER_TAG}": site.cluster_name},
        **{"ForAllValues:StringEquals": {"aws:TagKeys": [BOOTSTRAP_TAG]}},
    )
    # Session Manager ties these to no resource of the node:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    yield allow(
        "SessionManager",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        on="*",
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
