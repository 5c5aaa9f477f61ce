"""Do old images go, and nothing that a job definition or an unfinished job names?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from functions.retire_images import app
from shoal.aws import ecr as ecr_calls
from shoal.aws import session, sts
from shoal.cluster.configuration import load
from shoal.cluster.image import build_orders
from shoal.image.retention import NEWEST, YOUNG
from tests.functions.conftest import ACCOUNT_ID
from tests.support.clusters import configuration, site
from tests.support.ecr import INDEX, MANIFEST, Client, Repository

(ORDER,) = build_orders(load(configuration()), site())
REPOSITORY = ORDER.repository_name
URI = f"{ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}"
EVENT = {"operationId": "op-1", "clusterName": "genomics", "images": [ORDER.to_state()]}
NOW = datetime.now(UTC)
QUEUES: list[dict[str, Any]] = [
    {
        "jobQueueArn": f"arn:{name}",
        "jobQueueName": name,
        "state": "ENABLED",
        "priority": 1,
        "computeEnvironmentOrder": [],
    }
    for name in ("shoal-genomics_main", "shoal-genomics-2_main", "other")
]
UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
OLD = NEWEST + 250
"""More than two calls of BatchDeleteImage delete."""


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def definition(image: str) -> dict[str, Any]:
    return {
        "jobDefinitionName": "d",
        "jobDefinitionArn": "arn:d:1",
        "revision": 1,
        "type": "container",
        "containerProperties": {"image": image},
    }


def job(image: str) -> dict[str, Any]:
    nodes = {
        "numNodes": 2,
        "mainNode": 0,
        "nodeRangeProperties": [{"targetNodes": "0:1", "container": {"image": image}}],
    }
    return {
        "jobName": "j",
        "jobId": "job-1",
        "jobQueue": "arn:q",
        "status": "RUNNING",
        "startedAt": 1,
        "jobDefinition": "arn:d:1",
        "nodeProperties": nodes,
    }


class Ecr(Client):
    """A repository whose images were pushed one a day, the last one 100 days ago."""

    def describe_images(self, **_: Any) -> dict[str, Any]:
        details = [
            {
                "imageDigest": name,
                "imageManifestMediaType": kind,
                "imageTags": [f"tag-{int(name[7:], 16)}"],
                "imagePushedAt": NOW - timedelta(days=100 + int(name[7:], 16)),
            }
            for name, (kind, _) in self.repository.stored.items()
        ]
        return {"imageDetails": details}

    def get_paginator(self, _: str) -> Any:
        class Pages:
            paginate = staticmethod(lambda **_: [self.describe_images()])

        return Pages()


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Old images, the oldest a list of the one before, reached by a role for this repository alone."""
    stored = Repository()
    for number in range(OLD):
        stored.push(
            digest(number), INDEX if number == OLD - 1 else MANIFEST, [digest(OLD - 2)] if number == OLD - 1 else []
        )
    asked: list[dict[str, Any]] = []

    def narrowed(_role: str, policy: dict[str, Any], service: str, *_: Any) -> list[Any]:
        asked.append(policy)
        assert (service, [statement["Resource"] for statement in policy["Statement"]]) == (
            "ecr",
            [f"arn:aws:ecr:us-east-1:{ACCOUNT_ID}:repository/{REPOSITORY}"],
        )
        return [Ecr(REPOSITORY, "arn:stack", stored)]

    monkeypatch.setattr(sts, "narrowed", narrowed)
    return stored


@pytest.fixture
def batch() -> Stubber:
    """Batch, as the test scripts it."""
    return Stubber(session.client("batch"))


def in_use(batch: Stubber, *, definitions: list[str], jobs: list[str] | None = None) -> None:
    """Script what Batch is asked, in order: definitions in two pages, queues, jobs of each status, their details."""
    first, second = definitions[:1], definitions[1:]
    batch.add_response(
        "describe_job_definitions",
        {"jobDefinitions": [definition(image) for image in first], "nextToken": "more"},
        {"status": "ACTIVE"},
    )
    batch.add_response(
        "describe_job_definitions",
        {"jobDefinitions": [definition(image) for image in second]},
        {"status": "ACTIVE", "nextToken": "more"},
    )
    batch.add_response("describe_job_queues", {"jobQueues": QUEUES}, {})
    for status in UNFINISHED:
        found = (
            [{"jobId": "job-1", "jobName": "j", "jobDefinition": "arn:d:1"}]
            if status == "RUNNING" and jobs is not None
            else []
        )
        asked = {"jobQueue": "arn:shoal-genomics_main", "jobStatus": status}
        batch.add_response("list_jobs", {"jobSummaryList": found}, asked)
    if jobs:
        batch.add_response("describe_jobs", {"jobs": [job(image) for image in jobs]}, {"jobs": ["job-1"]})


def left(repository: Repository) -> set[int]:
    return {int(name[7:], 16) for name in repository.stored}


def test_old_images_go_in_calls_of_a_hundred_and_lists_before_their_members(
    repository: Repository, batch: Stubber, context: LambdaContext
) -> None:
    in_use(batch, definitions=[])
    with batch:
        answer = app.handler(EVENT, context)
        batch.assert_no_pending_responses()
    assert answer == {"retired": {"deleted": OLD - NEWEST, "refused": 0}}
    assert left(repository) == set(range(NEWEST))
    assert repository.calls == [1, 100, 100, 49]


@pytest.mark.parametrize("name", [f"{URI}:tag-50", f"{URI}@{digest(50)}"])
def test_what_a_job_definition_or_an_unfinished_job_names_stays(
    repository: Repository, batch: Stubber, context: LambdaContext, name: str
) -> None:
    in_use(batch, definitions=["public.ecr.aws/debian/debian:12", name], jobs=[f"{URI}:tag-60"])
    with batch:
        app.handler(EVENT, context)
        batch.assert_no_pending_responses()
    assert left(repository) == {*range(NEWEST), 50, 60}


def test_what_the_operation_itself_needs_stays(repository: Repository, batch: Stubber, context: LambdaContext) -> None:
    in_use(batch, definitions=[])
    needed = ORDER.model_copy(update={"image_tag": "tag-70"}).to_state()
    with batch:
        app.handler(EVENT | {"images": [needed]}, context)
    assert left(repository) == {*range(NEWEST), 70}


def test_when_batch_does_not_tell_the_job_definitions_nothing_is_deleted(
    repository: Repository, batch: Stubber, context: LambdaContext
) -> None:
    batch.add_client_error("describe_job_definitions", "AccessDeniedException")
    with batch, pytest.raises(ClientError):
        app.handler(EVENT, context)
    assert len(repository.stored) == OLD


def test_when_batch_does_not_describe_the_jobs_nothing_is_deleted(
    repository: Repository, batch: Stubber, context: LambdaContext
) -> None:
    in_use(batch, definitions=[], jobs=[])
    batch.add_client_error("describe_jobs", "ServerException", http_status_code=500)
    with batch, pytest.raises(ClientError):
        app.handler(EVENT, context)
    assert len(repository.stored) == OLD


def test_a_refusal_is_counted_and_the_rest_goes(repository: Repository, batch: Stubber, context: LambdaContext) -> None:
    in_use(batch, definitions=[])
    repository.refuse = {digest(42): "ImageReferencedByManifestList"}
    with batch:
        answer = app.handler(EVENT, context)
    assert answer["retired"] == {"deleted": OLD - NEWEST - 1, "refused": 1}
    assert left(repository) == {*range(NEWEST), 42}


def test_the_real_repositorys_age_and_tags_are_read(context: LambdaContext) -> None:
    ecr = boto3.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {"digest": "sha256:1"}})
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag="young")
    (found,) = ecr_calls.images(ecr, REPOSITORY)
    assert found.tags == ("young",)
    assert datetime.now(UTC) - found.pushed < YOUNG
