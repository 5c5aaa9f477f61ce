"""A repository with ECR's rules, which moto lacks: a list's member cannot go before the list; 100 ids at most."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from shoal.cleanup.drain import Answer, Refusal
from shoal.cleanup.images import Image

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PUSHED = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)


class Repository:
    """Images by digest, each with its media type and members."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.calls: list[int] = []
        """Ids in each deleting call."""
        self.refuse: dict[str, str] = {}
        """Failure codes by digest, as if something outside held the image."""
        self._lock = threading.Lock()

    def push(self, digest: str, media_type: str, members: Sequence[str] = ()) -> None:
        """Store an image."""
        self.stored[digest] = (media_type, tuple(members))

    def images(self) -> list[Image]:
        """What DescribeImages tells of them."""
        return [Image(digest, media_type) for digest, (media_type, _) in self.stored.items()]

    def failures(self, digests: Sequence[str]) -> dict[str, str]:
        """Delete images by ECR's rules, judged before the call deletes; failure codes by digest."""
        with self._lock:
            self.calls.append(len(digests))
            held = {member for _, members in self.stored.values() for member in members}
            failed = {digest: "ImageReferencedByManifestList" for digest in digests if digest in held}
            failed |= {digest: code for digest, code in self.refuse.items() if digest in digests}
            failed |= {digest: "ImageNotFound" for digest in digests if digest not in self.stored}
            for digest in set(digests) - set(failed):
                del self.stored[digest]
            return failed

    def delete(self, digests: Sequence[str]) -> Answer:
        """The same, as the engine of emptying wants it answered."""
        failed = self.failures(digests)
        refused = tuple(Refusal(digest, code) for digest, code in failed.items() if code != "ImageNotFound")
        return Answer(deleted=len(digests) - len(refused), refused=refused)


class Client:
    """The calls of boto3's ECR client that emptying makes, over one repository."""

    def __init__(self, name: str, stack_id: str, repository: Repository) -> None:
        self.name, self.stack_id, self.repository = name, stack_id, repository

    def describe_repositories(self, repositoryNames: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """The repository, or RepositoryNotFoundException."""
        if repositoryNames != [self.name]:
            raise ClientError({"Error": {"Code": "RepositoryNotFoundException", "Message": ""}}, "DescribeRepositories")
        return {"repositories": [{"repositoryArn": f"arn:aws:ecr:us-east-1:123456789012:repository/{self.name}"}]}

    def list_tags_for_resource(self, resourceArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """CloudFormation's own tag."""
        assert resourceArn.endswith(self.name)
        return {"tags": [{"Key": "aws:cloudformation:stack-id", "Value": self.stack_id}]}

    def get_paginator(self, operation: str) -> Client:
        """The paginator of describe_images."""
        assert operation == "describe_images"
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Every image on one page."""
        assert arguments["filter"] == {"imageStatus": "ANY"}, "archived images are hidden otherwise"
        yield {
            "imageDetails": [
                {"imageDigest": digest, "imageManifestMediaType": media_type, "imagePushedAt": PUSHED}
                for digest, (media_type, _) in self.repository.stored.items()
            ]
        }

    def batch_delete_image(
        self,
        repositoryName: str,  # noqa: N803 - boto3's name
        imageIds: list[dict[str, str]],  # noqa: N803 - boto3's name
    ) -> dict[str, Any]:
        """What went, and what did not and why."""
        assert len(imageIds) <= 100
        failed = self.repository.failures([image["imageDigest"] for image in imageIds])
        return {
            "failures": [{"imageId": {"imageDigest": digest}, "failureCode": code} for digest, code in failed.items()]
        }
