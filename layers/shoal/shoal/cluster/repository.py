"""The two ECR repositories of a cluster: its images, and the layers of the builds that made them.

A tag in the first is the hash of an image's content, and immutable: what a job definition names never changes. A tag
in the second moves with every build, so that the next one finds its layers; what it leaves behind is soon deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoal.cleanup import custom_resource
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, get_att, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

REPOSITORY = "Repository"
EMPTY_REPOSITORY = "EmptyRepository"
"""The custom resource; everything that pushes to the repository depends on it, and so is deleted before."""
CACHE = "ImageCache"
EMPTY_CACHE = "EmptyImageCache"
DAYS_OF_OLD_LAYERS = 1
"""How long a build may still use what another has replaced."""


def repository_arn() -> Value:
    """The repository's ARN."""
    return get_att(REPOSITORY, "Arn")


def repository_uri() -> Value:
    """What `docker push` and job definitions name, without a tag."""
    return get_att(REPOSITORY, "RepositoryUri")


def cache_arn() -> Value:
    """The ARN of the repository of the builds' layers."""
    return get_att(CACHE, "Arn")


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The repositories, and for each the custom resource that cleans it."""
    named = names(site)
    scanned = {"ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": {"ScanOnPush": True}}
    yield REPOSITORY, _repository(cluster, site, named.repository, **scanned)
    yield EMPTY_REPOSITORY, _emptying(site, REPOSITORY)
    moving = {"ImageTagMutability": "MUTABLE", "LifecyclePolicy": {"LifecyclePolicyText": json.dumps(_expiry())}}
    yield CACHE, _repository(cluster, site, named.cache_repository, **moving)
    yield EMPTY_CACHE, _emptying(site, CACHE)


def _repository(cluster: Cluster, site: Site, name: str, **properties: Any) -> Resource:
    return {
        "Type": "AWS::ECR::Repository",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"RepositoryName": name, **properties, "EmptyOnDelete": True, "Tags": tag_list(cluster, site)},
    }


def _emptying(site: Site, repository: str) -> Resource:
    return {
        "Type": custom_resource.EMPTY_REPOSITORY,
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "ServiceToken": site.empty_repository_function,
            "ServiceTimeout": custom_resource.SERVICE_TIMEOUT,
            "RepositoryName": ref(repository),
        },
    }


def _expiry() -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"""
    rule = {
        "rulePriority": 1,
        "description": "layers that a newer build has replaced",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": DAYS_OF_OLD_LAYERS,
        },
        "action": {"type": "expire"},
    }
    return {"rules": [rule]}
