"""Images of a cluster: built once for their content, anew when that is asked for, and kept while somebody uses them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shoal.image.retention import NEWEST, YOUNG
from tests.support.ecr import MANIFEST
from tests.support.front_door import FrontDoor
from tests.support.polling import until

Configure = Callable[..., dict[str, Any]]
DOCKERFILE = (
    "ARG BASE_IMAGE=public.ecr.aws/docker/library/debian:12-slim\nFROM ${BASE_IMAGE}\nCOPY .shoal/shoal-job /\n"
)


@pytest.fixture
def contexts(shoal: FrontDoor, name: str) -> Iterator[str]:
    """A bucket of the user's with two build contexts, `a.zip` and `b.zip`."""
    bucket, s3 = f"contexts-of-{name}", shoal.client("s3")
    s3.create_bucket(Bucket=bucket)
    for key in ("a", "b"):
        put_context(shoal, bucket, f"{key}.zip", key)
    yield bucket
    for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    s3.delete_bucket(Bucket=bucket)


def put_context(shoal: FrontDoor, bucket: str, key: str, note: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("Dockerfile", DOCKERFILE)
        content.writestr("note", note)
    shoal.client("s3").put_object(Bucket=bucket, Key=key, Body=archive.getvalue())


@contextmanager
def switched(shoal: FrontDoor, route: str, on: Any, off: Any) -> Iterator[None]:
    """A switch of the embedded AWS, put back at the end."""
    shoal.server.call("POST", route, on)
    try:
        yield
    finally:
        shoal.server.call("POST", route, off)


def image_of_jobs(shoal: FrontDoor, cluster: str) -> str:
    """What the newest revision of the job definition of the queue `main` names."""
    found = shoal.client("batch").describe_job_definitions(
        jobDefinitionName=f"shoal-{cluster}_single_main", status="ACTIVE"
    )["jobDefinitions"]
    newest = max(found, key=lambda definition: int(definition["revision"]))
    return str(newest["containerProperties"]["image"])


def tags(shoal: FrontDoor, cluster: str) -> set[str]:
    details = shoal.client("ecr").describe_images(repositoryName=f"shoal/{cluster}")["imageDetails"]
    return {tag for detail in details for tag in detail.get("imageTags", ())}


def test_images_are_built_for_new_content_and_job_definitions_follow_while_running_jobs_keep_theirs(
    shoal: FrontDoor, name: str, configure: Configure, contexts: str
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(ContainerImage={"Context": f"s3://{contexts}/a.zip"}))
    first = image_of_jobs(shoal, name)
    with switched(shoal, "/_shoal/batch-jobs", {"status": "RUNNING"}, {"status": "SUCCEEDED"}):
        job = shoal.client("batch").submit_job(
            jobName="long", jobQueue=f"shoal-{name}_main", jobDefinition=f"shoal-{name}_single_main"
        )["jobId"]

    unchanged = shoal.succeed("build-image", name)
    assert (unchanged["built"], unchanged["summary"]) == (
        [],
        f"The image {first} was there already, so nothing was built.",
    )
    assert image_of_jobs(shoal, name) == first

    updated = shoal.succeed("update", name, configure(ContainerImage={"Context": f"s3://{contexts}/b.zip"}))
    second = image_of_jobs(shoal, name)
    assert second != first
    assert updated["built"] == [second.rpartition(":")[2]]
    assert updated["retired"] == {"deleted": 0, "refused": 0}

    put_context(shoal, contexts, "b.zip", "changed under the same name")
    rebuilt = shoal.succeed("build-image", name)
    third = image_of_jobs(shoal, name)
    assert rebuilt["built"] == [third.rpartition(":")[2]]

    forced = shoal.succeed("build-image", name, force=True)
    fourth = image_of_jobs(shoal, name)
    assert forced["built"] == [fourth.rpartition(":")[2]]

    names = [first, second, third, fourth]
    assert len(set(names)) == 4
    assert tags(shoal, name) == {image.rpartition(":")[2] for image in names}
    assert [image["uri"] for image in (shoal.item("CLUSTER", name) or {})["images"]] == [fourth]
    (running,) = shoal.client("batch").describe_jobs(jobs=[job])["jobs"]
    assert (running["status"], running["container"]["image"]) == ("RUNNING", first)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def test_old_images_go_but_none_that_a_job_definition_or_a_job_names(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before, batch = shoal.state(), shoal.client("batch")
    age = {"days": YOUNG.days + 1}
    with switched(shoal, "/_shoal/image-age", age, {"days": 0}):
        shoal.succeed("create", name, configure(ContainerImage=None))
        first = image_of_jobs(shoal, name)
        for number in range(NEWEST + 2):
            push(shoal, name, number)
    uri = first.rpartition(":")[0]
    size = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
    own = {"image": f"{uri}:old-0", "resourceRequirements": size}
    definition = batch.register_job_definition(
        jobDefinitionName=f"own-{name}", type="container", containerProperties=own
    )
    with switched(shoal, "/_shoal/batch-jobs", {"status": "RUNNING"}, {"status": "SUCCEEDED"}):
        job = batch.submit_job(
            jobName="long", jobQueue=f"shoal-{name}_main", jobDefinition=f"shoal-{name}_single_main"
        )["jobId"]

    forced = shoal.succeed("build-image", name, force=True)
    second = image_of_jobs(shoal, name)

    left = tags(shoal, name)
    assert {second.rpartition(":")[2], first.rpartition(":")[2], "old-0"} <= left
    assert NEWEST <= len(left) <= NEWEST + 2  # of the two that are in use some may be among the newest
    assert forced["retired"] == {"deleted": NEWEST + 4 - len(left), "refused": 0}
    batch.terminate_job(jobId=job, reason="the test is over")
    batch.deregister_job_definition(jobDefinition=definition["jobDefinitionArn"])
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def push(shoal: FrontDoor, cluster: str, number: int) -> None:
    """An image of somebody else's making."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": f"sha256:{number:064x}"}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    shoal.client("ecr").put_image(
        repositoryName=f"shoal/{cluster}",
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=MANIFEST,
        imageTag=f"old-{number}",
    )


def test_an_account_without_room_for_a_build_is_waited_for(shoal: FrontDoor, name: str, configure: Configure) -> None:
    before = shoal.state()
    shoal.fail_once("codebuild", "startBuild", "AccountLimitExceededException", match=f"shoal-{name}-build", times=2)
    shoal.succeed("create", name, configure(ContainerImage=None))
    assert image_of_jobs(shoal, name).rpartition(":")[2] in tags(shoal, name)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


@pytest.mark.refused("ecr:PutImage")
def test_a_failed_build_is_described_with_its_log_while_what_was_made_is_rolled_back(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    execution = shoal.begin("create", name, configure(ContainerImage=None))
    shoal.until_made(name, "BuildRole")
    role = shoal.resources(name)["BuildRole"]["PhysicalResourceId"]
    deny = {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    shoal.client("iam").put_role_policy(RoleName=role, PolicyName="nobody-pushes", PolicyDocument=policy)
    described = until(lambda: with_failure(shoal, name), 60, "the failure")
    (failure,) = described["failures"]
    assert described["lastOperation"]["status"] == "RUNNING"
    assert failure["failureCode"] == "BuildFailed"
    assert "phase POST_BUILD failed with exit code" in failure["failureReason"]
    assert any("denied" in line for line in failure["log"])
    assert failure["link"].startswith("https://")
    assert shoal.wait(execution).status == "FAILED"
    assert shoal.left_since(before) == []


def with_failure(shoal: FrontDoor, cluster: str) -> dict[str, Any]:
    described = shoal.succeed("describe", cluster)
    return described if described.get("failures") else {}
