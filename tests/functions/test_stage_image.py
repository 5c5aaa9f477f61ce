"""Does staging find the first image that is missing, and put there what its build needs?"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.stage_image.app import handler
from shoal.aws import session
from shoal.cluster.configuration import load
from shoal.cluster.image import build_orders
from shoal.image.content import ContextFile, companion_files, context_zip, read_context
from shoal.image.order import BuildOrder, ContextSource
from tests.functions.conftest import ACCOUNT_ID, ENVIRONMENT, MANIFEST
from tests.support.clusters import configuration, site

DEADLINE = "2999-01-01T00:00:00+00:00"
URI = f"{ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com/shoal/genomics"
(ORDER,) = build_orders(load(configuration()), site())
OTHER = ORDER.model_copy(update={"image_tag": "f" * 32, "context_key": "build/other/context.zip", "queues": ("other",)})


def event(*orders: BuildOrder, built: tuple[str, ...] = ()) -> dict[str, Any]:
    images = [order.to_state() for order in orders or (ORDER,)]
    return {"clusterName": "genomics", "deadline": DEADLINE, "images": images, "built": list(built)}


def foundations() -> None:
    boto3.client("s3").create_bucket(Bucket=ORDER.bucket_name)
    boto3.client("ecr").create_repository(repositoryName=ORDER.repository_name)


def push(tag: str) -> str:
    layers = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {"digest": f"sha256:{tag}"}}
    answer = boto3.client("ecr").put_image(
        repositoryName=ORDER.repository_name, imageManifest=json.dumps(layers), imageTag=tag
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def staged(order: BuildOrder = ORDER) -> zipfile.ZipFile:
    body = boto3.client("s3").get_object(Bucket=order.bucket_name, Key=order.context_key)["Body"].read()
    return zipfile.ZipFile(io.BytesIO(body))


def test_the_context_of_an_image_that_is_not_there_is_put_where_the_build_looks(context: LambdaContext) -> None:
    foundations()

    answer = handler(event(), context)

    bucket, _, key = answer["build"]["sourceLocation"].partition("/")
    assert answer["present"] is False
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == context_zip(read_context())


def test_the_buildspec_is_where_the_build_is_told_to_look(context: LambdaContext) -> None:
    foundations()

    answer = handler(event(), context)

    assert answer["build"]["buildspec"] in staged().namelist()


def test_a_users_context_is_staged_with_shoals_own_files_beside_it(context: LambdaContext) -> None:
    foundations()
    theirs = (ContextFile("Dockerfile", 0o644, b"FROM x"), ContextFile("buildspec.yml", 0o644, b"version: 0.2"))
    stored = boto3.client("s3").put_object(
        Bucket=ENVIRONMENT["BUCKET_NAME"], Key="contexts/0f1e.zip", Body=context_zip(theirs)
    )
    source = ContextSource(bucket=ENVIRONMENT["BUCKET_NAME"], key="contexts/0f1e.zip", version_id=stored["VersionId"])
    order = ORDER.model_copy(update={"context_source": source})

    answer = handler(event(order), context)

    archive, ours = staged(), {file.path: file.data for file in companion_files()}
    assert set(archive.namelist()) == {"Dockerfile", "buildspec.yml", *ours}
    assert archive.read(answer["build"]["buildspec"]) == ours[".shoal/buildspec.yml"]


def test_a_snapshot_is_read_in_the_version_that_was_judged(context: LambdaContext) -> None:
    foundations()
    versions = [
        boto3.client("s3").put_object(
            Bucket=ENVIRONMENT["BUCKET_NAME"],
            Key="contexts/0f1e.zip",
            Body=context_zip([ContextFile("Dockerfile", 0o644, text)]),
        )["VersionId"]
        for text in (b"FROM judged", b"FROM later")
    ]
    source = ContextSource(bucket=ENVIRONMENT["BUCKET_NAME"], key="contexts/0f1e.zip", version_id=versions[0])

    handler(event(ORDER.model_copy(update={"context_source": source})), context)

    assert staged().read("Dockerfile") == b"FROM judged"


def test_the_build_is_told_tag_and_arguments(context: LambdaContext) -> None:
    foundations()

    variables = handler(event(), context)["build"]["environmentVariables"]

    told = {variable["Name"]: variable["Value"] for variable in variables}
    assert told["IMAGE_TAG"] == ORDER.image_tag
    assert told["BASE_IMAGE"] == ORDER.base_image
    assert "BASE_IMAGE" in told["BUILD_ARGS"].split()


def test_an_image_that_is_there_is_not_built_again(context: LambdaContext) -> None:
    foundations()
    digest = push(ORDER.image_tag)

    answer = handler(event(), context)

    assert answer["present"] is True
    assert answer["answer"]["built"] == []
    assert answer["answer"]["cluster"]["images"] == [
        {
            "tag": ORDER.image_tag,
            "uri": f"{URI}:{ORDER.image_tag}",
            "queues": list(ORDER.queues),
            "digest": digest,
        }
    ]


def test_of_several_images_the_first_that_is_missing_is_staged(context: LambdaContext) -> None:
    foundations()
    push(ORDER.image_tag)

    answer = handler(event(ORDER, OTHER), context)

    assert answer["image"] == OTHER.to_state()
    assert staged(OTHER).namelist()


def test_when_none_is_missing_all_are_told_with_those_that_were_built(context: LambdaContext) -> None:
    foundations()
    push(ORDER.image_tag)
    push(OTHER.image_tag)

    answer = handler(event(ORDER, OTHER, built=(OTHER.image_tag,)), context)["answer"]

    assert [image["tag"] for image in answer["images"]] == [ORDER.image_tag, OTHER.image_tag]
    assert answer["built"] == [OTHER.image_tag]


def test_whether_an_image_is_there_is_one_question_to_ecr(context: LambdaContext) -> None:
    ecr = session.client("ecr")
    with Stubber(ecr) as stub:
        asked = {"repositoryName": ORDER.repository_name, "imageIds": [{"imageTag": ORDER.image_tag}]}
        stub.add_response("describe_images", {"imageDetails": [{"imageDigest": "sha256:1"}]}, asked)
        assert handler(event(), context)["present"] is True
        stub.assert_no_pending_responses()


def test_another_image_in_the_repository_does_not_count(context: LambdaContext) -> None:
    foundations()
    push("another")

    assert handler(event(), context)["present"] is False


def test_without_an_image_to_build_there_is_nothing_to_do(context: LambdaContext) -> None:
    answer = handler({**event(), "images": []}, context)

    assert (answer["present"], answer["answer"]["cluster"]) == (True, {"images": []})
