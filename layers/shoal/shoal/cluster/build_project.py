"""The CodeBuild project that builds the cluster's images, and its role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shoal.cluster.bucket import EMPTY_BUCKET, bucket_name, context_key, objects_arn, prefix
from shoal.cluster.iam import role
from shoal.cluster.image import BUILD_MACHINES, build_orders
from shoal.cluster.monitoring import BUILD_LOGS, streams_arn
from shoal.cluster.repository import (
    EMPTY_CACHE,
    EMPTY_REPOSITORY,
    cache_arn,
    repository_arn,
    repository_uri,
)
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Statement, allow, arn, get_att, ref, tag_list
from shoal.image.job_image import DEFAULT_MINUTES, SMALLEST
from shoal.image.order import BuildOrder
from shoal.image.reference import reference

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

BUILD_PROJECT = "BuildProject"
BUILD_ROLE = "BuildRole"
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
QUEUED_TIMEOUT = 60
"""Minutes a build may wait for a machine."""
CONCURRENT_BUILDS = 2


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The project that builds the images, and its role."""
    statements = [
        allow("PushTheImage", *PUSH, "ecr:DescribeImages", on=repository_arn()),
        allow("KeepTheLayers", *PUSH, *PULL, on=cache_arn()),
        *_pull_base_images(cluster, site),
        # Not tied to a repository: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        allow("LogInToTheRegistry", "ecr:GetAuthorizationToken", on="*"),
        allow("WriteTheLog", "logs:CreateLogStream", "logs:PutLogEvents", on=streams_arn(site, "builds")),
        allow(
            "ReadTheContext",
            "s3:GetObject",
            "s3:GetObjectVersion",
            on=objects_arn(site, f"{prefix(cluster, site)}build/*"),
        ),
    ]
    yield BUILD_ROLE, role(cluster, site, "build", "codebuild", statements)
    yield BUILD_PROJECT, _project(cluster, site, build_orders(cluster, site))


def _pull_base_images(cluster: Cluster, site: Site) -> Iterator[Statement]:
    """The build is logged in to the account's own registry, so base images may lie there."""
    images = {reference(order.base_image) for order in build_orders(cluster, site)}
    registry = f"{site.account_id}.dkr.ecr.{site.region}.{site.url_suffix}"
    own = sorted(image.repository for image in images if image.registry == registry)
    if own:
        yield allow("PullBaseImages", *PULL, on=[arn(site, "ecr", f"repository/{name}") for name in own])


def _project(cluster: Cluster, site: Site, orders: Sequence[BuildOrder]) -> Resource:
    """Every build brings what differs between images: context, machine, time and the arguments."""
    machine, machine_image = BUILD_MACHINES["x86_64"]
    where = f"{bucket_name(cluster, site)}/{context_key(cluster, site, 'none')}"
    first = orders[0] if orders else None
    return {
        "Type": "AWS::CodeBuild::Project",
        "DependsOn": [EMPTY_BUCKET, EMPTY_REPOSITORY, EMPTY_CACHE],
        "Properties": {
            "Name": names(site).build_project,
            "Description": f"Builds the job images of the Shoal cluster {site.cluster_name}",
            "ServiceRole": get_att(BUILD_ROLE, "Arn"),
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Source": {"Type": "S3", "Location": f"{first.bucket_name}/{first.context_key}" if first else where},
            "Environment": {
                "Type": first.environment_type if first else machine,
                "ComputeType": first.compute_type if first else SMALLEST,
                "Image": first.environment_image if first else machine_image,
                # Building images needs it, and nothing else in the cluster has it.
                "PrivilegedMode": True,
                "EnvironmentVariables": [{"Name": "REPOSITORY_URI", "Type": "PLAINTEXT", "Value": repository_uri()}],
            },
            "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": ref(BUILD_LOGS)}},
            "TimeoutInMinutes": max((order.timeout_minutes for order in orders), default=DEFAULT_MINUTES),
            "QueuedTimeoutInMinutes": QUEUED_TIMEOUT,
            "ConcurrentBuildLimit": CONCURRENT_BUILDS,
            "Tags": tag_list(cluster, site),
        },
    }
