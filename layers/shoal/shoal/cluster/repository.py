"""The ECR repository that holds the cluster's images.

Its tags are immutable: a tag is the hash of an image's content, and what a job definition names never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cleanup import custom_resource
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, get_att, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

REPOSITORY = "Repository"
EMPTY_REPOSITORY = "EmptyRepository"
"""The custom resource; everything that pushes to the repository depends on it, and so is deleted before."""


def repository_arn() -> Value:
    """The repository's ARN."""
    return get_att(REPOSITORY, "Arn")


def repository_uri() -> Value:
    """What `docker push` and job definitions name, without a tag."""
    return get_att(REPOSITORY, "RepositoryUri")


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The repository and the custom resource that cleans it."""
    yield (
        REPOSITORY,
        {
            "Type": "AWS::ECR::Repository",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "RepositoryName": names(site).repository,
                "ImageTagMutability": "IMMUTABLE",
                "ImageScanningConfiguration": {"ScanOnPush": True},
                "EmptyOnDelete": True,
                "Tags": tag_list(cluster, site),
            },
        },
    )
    yield (
        EMPTY_REPOSITORY,
        {
            "Type": custom_resource.EMPTY_REPOSITORY,
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "ServiceToken": site.empty_repository_function,
                "ServiceTimeout": custom_resource.SERVICE_TIMEOUT,
                "RepositoryName": ref(REPOSITORY),
            },
        },
    )
