"""Is a build believed only when its image is there, and a failed one tried again only when waiting helps?"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.judge_image.app import handler
from shoal.aws import session
from shoal.cluster.configuration import load
from shoal.cluster.image import build_orders
from shoal.errors import ErrorCode, OperationError
from tests.functions.conftest import MANIFEST
from tests.support.clusters import configuration, site

EVENTS = Path(__file__).parents[1] / "events"
BUILD = json.loads((EVENTS / "codebuild_build_failed.json").read_text())["builds"][0]
CAUGHT = {
    "state": "Build Image",
    "error": "States.TaskFailed",
    "cause": (EVENTS / "codebuild_sync_failed_cause.json").read_text(),
}
(ORDER,) = build_orders(load(configuration()), site())


def event(failure: dict[str, str] | None = None) -> dict[str, Any]:
    return {"operationId": "op-1", "image": ORDER.to_state(), "failure": failure}


def judged(context: LambdaContext, line: str) -> dict[str, Any]:
    """The judgement of a build whose log ends with a line."""
    names = {"logGroupName": BUILD["logs"]["groupName"], "logStreamName": BUILD["logs"]["streamName"]}
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=names["logGroupName"])
    logs.create_log_stream(**names)
    logs.put_log_events(**names, logEvents=[{"timestamp": int(time.time() * 1000), "message": line}])
    with Stubber(session.client("codebuild")) as stub:
        stub.add_response("batch_get_builds", {"builds": [BUILD]}, {"ids": [BUILD["id"]]})
        answer = handler(event(CAUGHT), context)
        stub.assert_no_pending_responses()
    return answer


def test_a_build_that_left_its_image_is_believed(context: LambdaContext) -> None:
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {"digest": "sha256:1"}})
    ecr = boto3.client("ecr")
    ecr.create_repository(repositoryName=ORDER.repository_name)
    ecr.put_image(repositoryName=ORDER.repository_name, imageManifest=manifest, imageTag=ORDER.image_tag)

    assert handler(event(), context)["verdict"] == "built"


def test_a_build_that_left_no_image_has_failed(context: LambdaContext) -> None:
    boto3.client("ecr").create_repository(repositoryName=ORDER.repository_name)

    with pytest.raises(OperationError) as raised:
        handler(event(), context)

    assert raised.value.code == ErrorCode.BUILD_FAILED
    assert ORDER.image_tag in raised.value.message


def test_a_registrys_limit_of_pulls_in_the_log_means_wait(context: LambdaContext) -> None:
    answer = judged(context, "toomanyrequests: You have reached your pull rate limit.")

    assert answer["verdict"] == "wait"
    assert "pull-through cache" in answer["awaited"]


def test_a_broken_dockerfile_means_that_the_build_has_failed(context: LambdaContext) -> None:
    assert judged(context, "E: Unable to locate package openmpi-bn") == {"verdict": "failed", "awaited": ""}


def test_a_build_that_could_not_be_started_is_judged_without_a_log(context: LambdaContext) -> None:
    caught = {"state": "Build Image", "error": "CodeBuild.AccountLimitExceededException", "cause": "0 builds in queue"}

    assert handler(event(caught), context)["verdict"] == "wait"
