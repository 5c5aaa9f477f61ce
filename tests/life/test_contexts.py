"""Images of the user's own: from a place in S3, from a directory that the command line uploads, and what is none."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import DOCKERFILE, archive
from tests.support.command_line import Shoal, command
from tests.support.front_door import BUCKET, Ended, FrontDoor

Configure = Callable[..., dict[str, Any]]
KEY = "ContainerImage.Context"
BUILT = {"image/Dockerfile": b"ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY .shoal/ /opt/shoal/\nCOPY run.sh /opt/\n"}
"""A context that needs Shoal's own files, in spite of what it ignores."""


@pytest.fixture
def bucket(shoal: FrontDoor, name: str) -> Iterator[str]:
    """A bucket of the user's."""
    s3, bucket = shoal.client("s3"), f"{name}-files"
    s3.create_bucket(Bucket=bucket)
    yield bucket
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    s3.delete_bucket(Bucket=bucket)


@pytest.fixture
def here(
    shoal: FrontDoor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Shoal:
    """The command line in a folder of its own, with the credentials of the account."""
    monkeypatch.chdir(tmp_path)
    for variable, value in shoal.server.environment().items():
        monkeypatch.setenv(variable, value)
    return command(monkeypatch, capsys)


def large() -> bytes:
    """An archive of more than a context may have when it is unpacked, and of little before."""
    made = io.BytesIO(archive())
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as target, target.open("zeros", "w") as zeros:
        for _ in range(300):
            zeros.write(b"\0" * 1024 * 1024)
    return made.getvalue()


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "no archive": (
        lambda: b"FROM scratch\n",
        "is no zip archive; make one with `zip -r context.zip .` in the folder of the Dockerfile",
    ),
    "no Dockerfile": (
        lambda: archive({"app.py": b""}),
        "holds no Dockerfile; add it, or name another by the key Dockerfile; there are app.py",
    ),
    "too large": (
        large,
        "holds 301 MiB, more than the 256 MiB that a context may have; "
        "leave out what the Dockerfile does not copy, or fetch it while building",
    ),
    "a link that leads out": (
        lambda: archive(links={"lib": "../../lib"}),
        "has a link that leads out of it, lib; put a copy of what it means there, or remove it",
    ),
    "a name that leads out": (
        lambda: archive({**DOCKERFILE, "../../etc/profile": b""}),
        "holds names that do not lie in it, ../../etc/profile; "
        "name files relative to the folder of the context, with / between folders",
    ),
}


def refused(ended: Ended, sentence: str) -> None:
    """FAILED with one sentence about the key."""
    assert (ended.status, ended.error) == ("FAILED", "InvalidConfiguration"), ended.cause
    assert sentence in ended.cause
    assert "\n" not in ended.cause


@pytest.mark.parametrize("case", WRONG)
def test_a_context_that_cannot_be_built_is_refused_and_changes_nothing(
    shoal: FrontDoor, name: str, configure: Configure, bucket: str, case: str
) -> None:
    content, rest = WRONG[case]
    shoal.client("s3").put_object(Bucket=bucket, Key="image.zip", Body=content())
    uri, before = f"s3://{bucket}/image.zip", shoal.state()
    ended = shoal.operate("create", name, configure(ContainerImage={"Context": uri}))
    refused(ended, f"{KEY} names {uri}, which {rest}")
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


@pytest.mark.refused("s3:GetObject")
@pytest.mark.parametrize("place", ["absent.zip", "absent/"])
def test_a_context_that_is_not_there_is_refused(
    shoal: FrontDoor, name: str, configure: Configure, bucket: str, place: str
) -> None:
    uri = f"s3://{bucket}/{place}"
    ended = shoal.operate("plan", name, configure(ContainerImage={"Context": uri}))
    told = {
        "absent.zip": "is not there; upload it",
        "absent/": "holds no files; put Dockerfile and what it copies there",
    }
    refused(ended, f"{KEY} names {uri}, which {told[place]}")


@pytest.mark.refused("s3:GetObject")
def test_a_context_that_may_not_be_read_is_refused_with_the_right_that_is_missing(
    shoal: FrontDoor, name: str, configure: Configure, bucket: str
) -> None:
    s3, uri = shoal.client("s3"), f"s3://{bucket}/image.zip"
    s3.put_object(Bucket=bucket, Key="image.zip", Body=archive())
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    ended = shoal.operate("plan", name, configure(ContainerImage={"Context": uri}))
    s3.delete_bucket_policy(Bucket=bucket)
    rest = "use a bucket of this account, and let its policy allow the role shoal-plan-cluster s3:GetObject"
    refused(ended, f"{KEY} names {uri}, which Shoal may not read; {rest}")


def test_a_stored_configuration_cannot_name_a_directory(
    shoal: FrontDoor, name: str, configure: Configure, bucket: str
) -> None:
    content = json.dumps(configure(ContainerImage={"Context": "image"}))
    shoal.client("s3").put_object(Bucket=bucket, Key="cluster.json", Body=content.encode())
    ended = shoal.operate("create", name, clusterConfigurationUri=f"s3://{bucket}/cluster.json")
    refused(
        ended,
        f"{KEY} is a directory, which only the command line can upload; start with `shoal`, or write s3://bucket/key.zip",
    )


def test_an_image_is_built_of_a_prefix_in_s3_as_it_was_when_the_cluster_was_created(
    shoal: FrontDoor, name: str, configure: Configure, bucket: str
) -> None:
    s3 = shoal.client("s3")
    for key, content in {**BUILT, "image/.dockerignore": b"*\n!run.sh\n", "image/run.sh": b"#!/bin/sh\n"}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    configuration, before = configure(ContainerImage={"Context": f"s3://{bucket}/image/"}), shoal.state()
    shoal.succeed("create", name, configuration)
    image = built(shoal, name)
    s3.put_object(Bucket=bucket, Key="image/run.sh", Body=b"#!/bin/sh\nexit 1\n")
    assert "Nothing changes" in shoal.succeed("update", name, configuration)["summary"]
    shoal.succeed("build-image", name)
    assert built(shoal, name) != image
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def test_an_image_is_built_of_a_directory_that_the_command_line_uploads(
    shoal: FrontDoor, name: str, configure: Configure, here: Shoal
) -> None:
    before = shoal.state()
    Path("image").mkdir()
    for path, content in {**BUILT, "image/run.sh": b"#!/bin/sh\n"}.items():
        Path(path).write_bytes(content)
    Path("cluster.json").write_text(json.dumps(configure(ContainerImage={"Context": "image"})))
    ended = here("create", name, "cluster.json", "--wait", "--output", "json")
    assert ended.code == 0, ended.err
    (context,) = configured(shoal, name)
    assert context.startswith(f"s3://{BUCKET}/contexts/")
    Path("image/run.sh").write_bytes(b"#!/bin/sh\nexit 1\n")
    assert here("update", name, "cluster.json", "--wait").code == 0
    assert configured(shoal, name) != [context]
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def built(shoal: FrontDoor, cluster: str) -> str:
    """The tag of a cluster's only image."""
    (image,) = shoal.item("CLUSTER", cluster)["images"]  # type: ignore[index]  # it was created
    return str(image["tag"])


def configured(shoal: FrontDoor, cluster: str) -> list[str]:
    """The contexts of a cluster's site."""
    at = shoal.item("CLUSTER", cluster)["site"]  # type: ignore[index]  # it was created
    stored = shoal.client("s3").get_object(Bucket=at["bucket"], Key=at["key"], VersionId=at["versionId"])
    return [*json.loads(stored["Body"].read())["contexts"]]
