"""Is a build believed only when its image is in the repository?"""

from __future__ import annotations

import json

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.judge_image.app import handler
from shoal.cluster.configuration import load
from shoal.cluster.image import build_order
from shoal.errors import ErrorCode, OperationError
from shoal.image.order import BuildOrder
from tests.functions.conftest import MANIFEST
from tests.support.clusters import configuration, site


@pytest.fixture
def order() -> BuildOrder:
    """The image of a cluster whose repository exists."""
    order = build_order(load(configuration()), site())
    assert order is not None
    boto3.client("ecr").create_repository(repositoryName=order.repository_name)
    return order


def test_the_digest_of_the_built_image_is_registered(order: BuildOrder, context: LambdaContext) -> None:
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {"digest": "sha256:1"}})
    pushed = boto3.client("ecr").put_image(
        repositoryName=order.repository_name, imageManifest=manifest, imageTag=order.image_tag
    )["image"]["imageId"]

    answer = handler({"image": order.to_state()}, context)

    assert answer["cluster"]["imageDigest"] == pushed["imageDigest"]
    assert answer["cluster"]["imageUri"] in answer["summary"]


def test_a_build_that_left_no_image_has_failed(order: BuildOrder, context: LambdaContext) -> None:
    with pytest.raises(OperationError) as raised:
        handler({"image": order.to_state()}, context)

    assert raised.value.code == ErrorCode.BUILD_FAILED
    assert order.image_tag in raised.value.message
