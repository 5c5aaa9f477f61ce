"""Is a context in S3 read, checked and kept once, and one that cannot be had told in one sentence?"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from shoal.aws import contexts, session
from shoal.errors import RetryableError
from shoal.image.archive import read_zip
from shoal.image.content import ContextFile, ResolvedContext
from shoal.image.context_faults import Limits
from shoal.image.user_context import ContextError, digest
from shoal.settings import Settings
from tests.support.archives import DOCKERFILE, archive

REGIONS_BUCKET = "shoal-control"
URI = "s3://data/image.zip"
FILES = (ContextFile("Dockerfile", 0o644, DOCKERFILE["Dockerfile"]),)
SETTINGS = Settings(
    region="us-east-1",
    account_id="111111111111",
    partition="aws",
    url_suffix="example.com",
    name_prefix="shoal",
    iam_path="/shoal/",
    permissions_boundary="",
    bucket=REGIONS_BUCKET,
    ledger_table="",
    cluster_stack_role="",
    clean_up_role="",
    base_image_registry="public.ecr.aws",
)


@pytest.fixture(autouse=True)
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A user's bucket `data` and the Region's bucket, with versions."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    session.client.cache_clear()
    with mock_aws():
        client = boto3.client("s3")
        for bucket in ("data", REGIONS_BUCKET):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=REGIONS_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client
    session.client.cache_clear()


def told(uri: str = URI, **options: Any) -> str:
    """The one sentence about a context that cannot be had."""
    with pytest.raises(ContextError) as error:
        contexts.resolve(SETTINGS, uri, **options)
    assert len(error.value.faults) == 1
    return str(error.value)


def versions(s3: Any) -> int:
    return len(s3.list_object_versions(Bucket=REGIONS_BUCKET, Prefix="contexts/").get("Versions", []))


def kept(s3: Any, found: ResolvedContext) -> tuple[ContextFile, ...]:
    """The files of the very version that was answered."""
    at = {"Bucket": found.bucket, "Key": found.key, "VersionId": found.version_id}
    return read_zip(found.key, s3.get_object(**at)["Body"].read())


def test_an_archive_is_kept_in_the_regions_bucket_under_its_digest(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=archive())
    found = contexts.resolve(SETTINGS, URI)
    assert (found.bucket, found.key) == (REGIONS_BUCKET, f"contexts/{digest(FILES)}.zip")
    assert found.digest == digest(FILES)
    assert kept(s3, found) == FILES


def test_a_prefix_is_the_same_context_as_an_archive_of_it(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=archive({**DOCKERFILE, "src/run.sh": b""}))
    for key, content in {"image/": b"", "image/Dockerfile": DOCKERFILE["Dockerfile"], "image/src/run.sh": b""}.items():
        s3.put_object(Bucket="data", Key=key, Body=content)
    assert contexts.resolve(SETTINGS, "s3://data/image/") == contexts.resolve(SETTINGS, URI)
    assert versions(s3) == 1


def test_a_prefix_is_listed_page_by_page(s3: Any) -> None:
    names = ["Dockerfile", *(f"file{number:03}" for number in range(7))]
    for name in names:
        s3.put_object(Bucket="data", Key=f"image/{name}", Body=b"")
    session.client("s3").meta.events.register("provide-client-params.s3.ListObjectsV2", _three_a_page)
    found = contexts.resolve(SETTINGS, "s3://data/image/")
    assert [file.path for file in kept(s3, found)] == names


def _three_a_page(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return params | {"MaxKeys": 3}


def test_the_same_content_is_stored_once(s3: Any) -> None:
    for name in ("image.zip", "again.zip"):
        s3.put_object(Bucket="data", Key=name, Body=archive())
    assert contexts.resolve(SETTINGS, URI) == contexts.resolve(SETTINGS, "s3://data/again.zip")
    assert versions(s3) == 1


def test_an_impostor_in_the_place_of_a_snapshot_is_not_believed(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=archive())
    s3.put_object(Bucket=REGIONS_BUCKET, Key=f"contexts/{digest(FILES)}.zip", Body=archive({"Dockerfile": b"FROM x"}))
    assert kept(s3, contexts.resolve(SETTINGS, URI)) == FILES


def test_what_the_command_line_uploaded_is_taken_as_it_is(s3: Any) -> None:
    key = f"contexts/{digest(FILES)}.zip"
    uploaded = s3.put_object(Bucket=REGIONS_BUCKET, Key=key, Body=archive())["VersionId"]
    found = contexts.resolve(SETTINGS, f"s3://{REGIONS_BUCKET}/{key}")
    assert found == ResolvedContext(REGIONS_BUCKET, key, uploaded, digest(FILES))
    assert versions(s3) == 1


def test_an_upload_under_another_contexts_name_is_refused(s3: Any) -> None:
    uri = f"s3://{REGIONS_BUCKET}/contexts/{'0' * 64}.zip"
    s3.put_object(Bucket=REGIONS_BUCKET, Key=f"contexts/{'0' * 64}.zip", Body=archive())
    assert told(uri) == f"{uri} holds other files than its name says; delete it, then upload it again"


@pytest.mark.parametrize("place", ["configurations/genomics.yaml", "sites/", "contexts/", "contexts/mine.zip"])
def test_nothing_else_of_the_regions_bucket_is_a_context(place: str) -> None:
    uri = f"s3://{REGIONS_BUCKET}/{place}"
    assert told(uri) == (
        f"{uri} lies in Shoal's own bucket; use a bucket of your own, "
        f"or s3://{REGIONS_BUCKET}/contexts/<digest>.zip as `shoal` uploads it"
    )


def test_the_dockerfile_may_have_another_name(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=archive({"docker/gpu": b"FROM scratch\n"}))
    assert contexts.resolve(SETTINGS, URI, "docker/gpu").digest


@pytest.mark.parametrize("uri", ["s3://data/absent.zip", "s3://no-such-bucket/image.zip", "s3://no-such-bucket/image/"])
def test_what_is_not_there_is_told(uri: str) -> None:
    assert told(uri) == f"{uri} is not there; upload it, or name another place in S3"


def test_an_empty_prefix_is_told() -> None:
    uri = "s3://data/image/"
    assert told(uri) == f"{uri} holds no files; put Dockerfile and what it copies there"


@pytest.mark.parametrize("uri", ["s3://data", "s3://data/", "https://data/image.zip", "image"])
def test_what_is_no_place_in_s3_is_told(uri: str) -> None:
    assert told(uri) == (
        f"{uri} is no place in S3; write s3://bucket/key.zip or s3://bucket/prefix/; "
        "of a directory, give `shoal` the configuration as a file beside it"
    )


def test_what_is_no_archive_is_told(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=b"FROM scratch\n")
    assert told() == f"{URI} is no zip archive; make one with `zip -r context.zip .` in the folder of the Dockerfile"


TOO_LARGE = "leave out what the Dockerfile does not copy, or fetch it while building"


def test_an_archive_that_is_too_large_is_told_before_it_is_read(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=b"\0" * 401)
    message = f"{URI} has 401 bytes, more than the 400 bytes that an archive may have; {TOO_LARGE}"
    assert told(limits=Limits(archive=400)) == message


def test_a_prefix_that_is_too_large_is_told_before_it_is_read(s3: Any) -> None:
    for name in ("Dockerfile", "data"):
        s3.put_object(Bucket="data", Key=f"image/{name}", Body=b"\0" * 400)
    read: list[Any] = []
    session.client("s3").meta.events.register("before-call.s3.GetObject", lambda **call: read.append(call))
    uri = "s3://data/image/"
    message = f"{uri} holds 800 bytes, more than the 500 bytes that a context may have; {TOO_LARGE}"
    assert told(uri, limits=Limits(content=500)) == message
    assert read == []


def test_a_prefix_of_too_many_objects_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "MOST_OBJECTS", 2)
    for name in ("Dockerfile", "a", "b"):
        s3.put_object(Bucket="data", Key=f"image/{name}", Body=b"")
    rest = "has more than 1,000 objects; put them into one zip archive, which may hold ten times as many"
    assert told("s3://data/image/") == f"s3://data/image/ {rest}"


ROLE = "the role shoal-plan-cluster"
REFUSED = {
    ("AccessDenied", "Access Denied"): (
        "Shoal may not read; use a bucket of this account, "
        f"and let its policy allow {ROLE} s3:GetObject and s3:ListBucket"
    ),
    ("AccessDenied", "User: x is not authorized to perform: kms:Decrypt on the resource associated with this text"): (
        "is encrypted with a key that Shoal may not use; "
        f"allow {ROLE} kms:Decrypt in the key's policy, or store the context with SSE-S3"
    ),
    ("InvalidObjectState", "The operation is not valid for the object's storage class"): (
        "is archived; restore it, or store it in another storage class"
    ),
}


@pytest.mark.parametrize(("code", "message"), REFUSED)
def test_what_s3_refuses_is_told_with_the_right_that_is_missing(code: str, message: str) -> None:
    with Stubber(session.client("s3")) as stub:
        stub.add_client_error("get_object", code, message, 403)
        assert told() == f"{URI} {REFUSED[code, message]}"


def test_a_prefix_that_changes_while_it_is_read_is_told(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image/Dockerfile", Body=b"FROM scratch\n")
    session.client("s3").meta.events.register("provide-client-params.s3.GetObject", _changed_before)
    uri = "s3://data/image/"
    assert told(uri) == f"{uri} was changed while it was read; start again when nothing writes there"


def _changed_before(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    boto3.client("s3").put_object(Bucket=params["Bucket"], Key=params["Key"], Body=b"FROM x\n")
    return params


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_what_is_no_fault_of_the_context_is_tried_again(code: str) -> None:
    with Stubber(session.client("s3")) as stub:
        stub.add_client_error("get_object", code, http_status_code=400)
        with pytest.raises(RetryableError):
            contexts.resolve(SETTINGS, URI)


def test_links_of_an_archive_are_copies_in_the_snapshot(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="image.zip", Body=archive(links={"link": "Dockerfile"}))
    found = contexts.resolve(SETTINGS, URI)
    content = s3.get_object(Bucket=found.bucket, Key=found.key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as snapshot:
        assert snapshot.read("link") == snapshot.read("Dockerfile") == DOCKERFILE["Dockerfile"]
