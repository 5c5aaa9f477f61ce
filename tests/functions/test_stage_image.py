"""Does staging find out what to build, and build only what is not there?"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.stage_image.app import handler
from shoal.aws import dynamodb
from shoal.cluster.configuration import load
from shoal.cluster.image import build_order
from shoal.errors import ErrorCode, OperationError
from shoal.image.content import context_zip, read_context
from shoal.image.order import BuildOrder
from shoal.ledger import cluster_key
from tests.functions.conftest import ACCOUNT_ID, MANIFEST
from tests.support.clusters import configuration, queue, site

DEADLINE = "2999-01-01T00:00:00+00:00"
URI = f"{ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com/shoal/genomics"


def _order() -> BuildOrder:
    order = build_order(load(configuration()), site())
    assert order is not None
    return order


def _event(**fields: Any) -> dict[str, Any]:
    event = {"operationId": "op-1", "operation": "create", "clusterName": "genomics", "deadline": DEADLINE}
    return event | {"image": _order().to_state()} | fields


def _foundations() -> None:
    boto3.client("s3").create_bucket(Bucket=_order().bucket_name)
    boto3.client("ecr").create_repository(repositoryName=_order().repository_name)


def _push(tag: str) -> str:
    answer = boto3.client("ecr").put_image(
        repositoryName=_order().repository_name,
        imageManifest=json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {"digest": "sha256:1"}}
        ),
        imageTag=tag,
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def _register(sections: dict[str, Any]) -> None:
    """The ledger as it is after a cluster was created."""
    facts = {
        name: dict(zip(("bucket", "key", "versionId"), ("shoal-control", name, _store(name, text)), strict=True))
        for name, text in (("configuration", json.dumps(sections)), ("site", site().model_dump_json()))
    }
    item = dynamodb._encode({**cluster_key("genomics"), **facts})
    boto3.client("dynamodb").put_item(TableName="shoal-ledger", Item=item)


def _store(key: str, text: str) -> str:
    return boto3.client("s3").put_object(Bucket="shoal-control", Key=key, Body=text.encode())["VersionId"]


def test_the_context_of_an_image_that_is_not_there_is_put_where_the_build_looks(context: LambdaContext) -> None:
    _foundations()

    answer = handler(_event(), context)

    bucket, _, key = answer["build"]["sourceLocation"].partition("/")
    assert answer["present"] is False
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == context_zip(read_context())


def test_the_staged_archive_is_a_zip_with_a_buildspec(context: LambdaContext) -> None:
    _foundations()

    handler(_event(), context)

    body = boto3.client("s3").get_object(Bucket=_order().bucket_name, Key=_order().context_key)["Body"].read()
    assert "buildspec.yml" in zipfile.ZipFile(io.BytesIO(body)).namelist()


def test_the_build_is_told_tag_and_arguments(context: LambdaContext) -> None:
    _foundations()

    variables = handler(_event(), context)["build"]["environmentVariables"]

    assert {variable["Name"]: variable["Value"] for variable in variables} == {
        "IMAGE_TAG": _order().image_tag,
        "BUILD_ARGS": "BASE_IMAGE",
        "BASE_IMAGE": site().base_image,
    }


def test_an_image_that_is_there_is_not_built_again(context: LambdaContext) -> None:
    _foundations()
    digest = _push(_order().image_tag)

    answer = handler(_event(), context)

    assert answer["present"] is True
    assert answer["answer"]["cluster"] == {
        "imageTag": _order().image_tag,
        "imageUri": f"{URI}:{_order().image_tag}",
        "imageDigest": digest,
    }


def test_another_image_in_the_repository_does_not_count(context: LambdaContext) -> None:
    _foundations()
    _push("another")

    assert handler(_event(), context)["present"] is False


def test_without_an_image_to_build_there_is_nothing_to_do(context: LambdaContext) -> None:
    assert handler(_event(image=None), context)["present"] is True


def test_build_image_finds_the_image_of_the_cluster_itself(context: LambdaContext) -> None:
    _foundations()
    _register(configuration())

    answer = handler(_event(operation="build-image", image=None), context)

    assert answer["image"] == _order().to_state()


def test_build_image_of_a_cluster_with_ready_images_only_builds_nothing(context: LambdaContext) -> None:
    ready = queue("main", ContainerImage={"Uri": "public.ecr.aws/debian/debian:12-slim"})
    _register(configuration(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [ready]}))

    assert handler(_event(operation="build-image"), context)["answer"]["cluster"] == {}


def test_build_image_of_a_cluster_whose_creation_failed_says_so(context: LambdaContext) -> None:
    with pytest.raises(OperationError) as raised:
        handler(_event(operation="build-image"), context)

    assert raised.value.code == ErrorCode.CLUSTER_UNHEALTHY
