"""ECR: one image, and what emptying a repository needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from shoal.aws.session import client
from shoal.cleanup.drain import Answer, Refusal
from shoal.cleanup.images import Image

WORKERS = 16
"""Callers of `delete_images` at once. At 20 ms a call, eight times the rate of one; more do not help."""
DELETING = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=WORKERS + 2)
_PAGE = 1000
_THROTTLED = {
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "ServerException",
    "InternalFailure",
}


def describe_image(repository: str, tag: str) -> dict[str, Any] | None:
    """What ECR says of a tagged image, `imageDigest` for example; none if image or repository is absent."""
    try:
        answer = client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ImageNotFoundException", "RepositoryNotFoundException"}:
            return None
        raise
    return dict(answer["imageDetails"][0])


def stack_of_repository(ecr: Any, repository: str) -> str | None:
    """Id of the stack that made a repository, by CloudFormation's tag; empty if none did, none if it is absent."""
    try:
        found = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "RepositoryNotFoundException":
            return None
        raise
    tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    return next((tag["Value"] for tag in tags if tag["Key"] == "aws:cloudformation:stack-id"), "")


def images(ecr: Any, repository: str) -> Iterator[Image]:
    """Every image of a repository, tagged or not, archived ones included; nothing if the repository is absent."""
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": _PAGE}
    )
    try:
        for page in pages:
            for image in page["imageDetails"]:
                yield Image(
                    image["imageDigest"],
                    image.get("imageManifestMediaType", ""),
                    image.get("subjectManifestDigest"),
                    tuple(image.get("imageTags", ())),
                    image["imagePushedAt"],
                )
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise


def delete_images(ecr: Any, repository: str, digests: Sequence[str]) -> Answer:
    """Delete at most 100 images by digest, with all their tags; reads `failures`, which come with status 200."""
    try:
        answer = ecr.batch_delete_image(
            repositoryName=repository, imageIds=[{"imageDigest": digest} for digest in digests]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _THROTTLED:
            return Answer(throttled=True)
        raise
    refusals = [_refusal(failure) for failure in answer["failures"] if failure["failureCode"] != "ImageNotFound"]
    return Answer(deleted=len(digests) - len(refusals), refused=tuple(refusals))


def _refusal(failure: dict[str, Any]) -> Refusal:
    image = failure.get("imageId", {})
    return Refusal(
        image.get("imageDigest", image.get("imageTag", "")), failure["failureCode"], failure.get("failureReason", "")
    )
