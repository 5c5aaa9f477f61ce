"""Does emptying hold on an AWS that enforces its limits, its order of manifests, and the session policy?"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shoal.aws import ecr as repositories
from shoal.aws import s3_versions
from shoal.cleanup import images, policies
from shoal.cleanup.custom_resource import Target
from shoal.cleanup.drain import Phase, Slice, empty
from shoal.cleanup.pace import Pace
from tests.support.ecr import INDEX, MANIFEST
from tests.support.embedded import ALLOW_ALL, Account

CONFIG = "application/vnd.oci.image.config.v1+json"


def emptied(phases: Callable[[], list[Phase]]) -> Slice:
    return empty(phases, lambda: 60.0, workers=8, pace=Pace())


def versions_of(s3: Any, target: Target) -> Callable[[], list[Phase]]:
    delete = partial(s3_versions.delete_versions, s3, target.name)
    return lambda: [Phase(s3_versions.version_chunks(s3, target.name, target.prefix, ""), delete)]


@pytest.fixture
def target(account: Account) -> Target:
    """A prefix in a versioned bucket of the user's."""
    name = f"shared-{account.id}"
    account.client("s3").create_bucket(Bucket=name)
    account.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Target("bucket", name, "shoal/genomics/")


def put(account: Account, target: Target, *keys: str) -> None:
    s3 = account.client("s3")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=target.name, Key=key, Body=b"x"), keys))


def held(account: Account, target: Target) -> list[str]:
    return [item["Key"] for item in account.client("s3").list_object_versions(Bucket=target.name)["Versions"]]


def test_a_prefix_of_more_than_one_page_is_emptied_and_its_neighbour_is_not(account: Account, target: Target) -> None:
    put(account, target, *(f"shoal/genomics/jobs/{number}" for number in range(1_050)))
    put(account, target, "shoal/genomics-two/kept", "thesis.tex")
    found = emptied(versions_of(account.client("s3"), target))
    assert found.empty
    assert found.deleted == 1_050
    assert held(account, target) == ["shoal/genomics-two/kept", "thesis.tex"]


def test_the_session_policy_suffices_for_the_prefix_and_for_nothing_else(account: Account, target: Target) -> None:
    put(account, target, "shoal/genomics/jobs/1", "thesis.tex")
    role = account.role("emptying", ALLOW_ALL)
    policy = policies.emptying(target, partition="aws", region="us-east-1", account_id=account.id)
    narrowed = account.assume(role, "s3", Policy=json.dumps(policy))
    assert emptied(versions_of(narrowed, target)).empty
    with pytest.raises(ClientError, match="AccessDenied"):
        narrowed.list_object_versions(Bucket=target.name, Prefix="")
    with pytest.raises(ClientError, match="AccessDenied"):
        narrowed.delete_object(Bucket=target.name, Key="thesis.tex")
    assert held(account, target) == ["thesis.tex"]


def manifest(number: int) -> str:
    config = {"mediaType": CONFIG, "size": number, "digest": f"sha256:{number:064x}"}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})


def test_a_repository_of_multi_architecture_images_is_emptied(account: Account) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="shoal/genomics")

    def push(text: str, media_type: str, **tag: str) -> str:
        answer = ecr.put_image(
            repositoryName="shoal/genomics", imageManifest=text, imageManifestMediaType=media_type, **tag
        )
        return str(answer["image"]["imageId"]["imageDigest"])

    for number in range(60):
        members = [push(manifest(2 * number + platform), MANIFEST) for platform in (0, 1)]
        listed = [{"mediaType": MANIFEST, "size": 1, "digest": member} for member in members]
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
        push(index, INDEX, imageTag=f"build-{number}")
    delete = partial(repositories.delete_images, ecr, "shoal/genomics")

    def begin() -> list[Phase]:
        return [Phase(chunk, delete) for chunk in images.phases(repositories.images(ecr, "shoal/genomics"))]

    found = emptied(begin)
    assert found.empty
    assert found.deleted == 180
    assert ecr.list_images(repositoryName="shoal/genomics")["imageIds"] == []
