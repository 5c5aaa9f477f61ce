"""What nodes of every kind may do: fetch the node package, and be logged in to."""

from __future__ import annotations

from shoal.cluster.site import Site
from shoal.cluster.template import Statement, allow, arn
from shoal_node.contract import NodePackage


def node_package(site: Site) -> NodePackage:
    """Where the node package lies."""
    key, _, version = site.node_package.partition("?versionId=")
    return NodePackage(bucket=site.bucket, key=key, version_id=version or None)


def fetch_the_node_package(site: Site) -> Statement:
    """The one object in the Region's bucket that a node reads."""
    package = node_package(site)
    return allow(
        "FetchTheNodePackage",
        "s3:GetObjectVersion",
        on=arn(site, "s3", f"{package.bucket}/{package.key}", region=False, account=False),
    )


def session_manager() -> Statement:
    """Session Manager ties these to no resource of the node:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    return allow(
        "SessionManager",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        on="*",
    )
