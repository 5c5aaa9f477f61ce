"""Is a repository of the stack's own emptied, and no other?"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.empty_repository.app import handler
from tests.support.ecr import MANIFEST

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1"
EVENT = {"name": "shoal/genomics", "prefix": "", "stackId": STACK, "deadline": "2126-11-24T12:15:30Z", "progress": {}}


@pytest.fixture
def ecr(deployed: None, context: LambdaContext, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cluster's repository with two images, one of them without a tag."""
    monkeypatch.setattr(context, "get_remaining_time_in_millis", lambda: 900_000)
    ecr = boto3.client("ecr")
    ecr.create_repository(
        repositoryName="shoal/genomics", tags=[{"Key": "aws:cloudformation:stack-id", "Value": STACK}]
    )
    for content in ("one", "two"):  # the tag moves on, and leaves the first image without one
        ecr.put_image(repositoryName="shoal/genomics", imageManifest=manifest(content), imageTag="latest")
    return ecr


def manifest(content: str) -> str:
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 1, "digest": f"sha256:{content * 10}"}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": layer, "layers": [layer]})


def run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    progress: dict[str, Any] = {}
    for _ in range(4):
        progress = handler(event | {"progress": progress}, context)
        if progress["done"]:
            return progress
    raise AssertionError(f"no end after 4 slices: {progress}")


def test_tagged_and_untagged_images_go_and_the_repository_stays(ecr: Any, context: LambdaContext) -> None:
    assert run(EVENT, context)["outcome"] == "emptied"
    assert ecr.describe_images(repositoryName="shoal/genomics")["imageDetails"] == []


def test_another_stacks_repository_is_not_touched(ecr: Any, context: LambdaContext) -> None:
    before = ecr.list_images(repositoryName="shoal/genomics")["imageIds"]
    assert run(EVENT | {"stackId": STACK.replace("/1", "/2")}, context)["outcome"] == "not-owned"
    assert ecr.list_images(repositoryName="shoal/genomics")["imageIds"] == before


def test_an_absent_repository_counts_as_cleaned(ecr: Any, context: LambdaContext) -> None:
    assert run(EVENT | {"name": "shoal/other"}, context)["outcome"] == "absent"
