"""Is everything of a bucket or prefix deleted, and nothing else?"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.empty_bucket.app import handler
from tests.functions.conftest import ACCOUNT_ID
from tests.support.moto_tags import made_by

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1"
OTHER = STACK.replace("/1", "/2")
OWN = {"name": "shoal-genomics", "prefix": "", "stackId": STACK, "deadline": "2126-11-24T12:15:30Z", "progress": {}}
SHARED = OWN | {"name": "data", "prefix": "shoal/genomics/"}


@pytest.fixture(autouse=True)
def time_left(context: LambdaContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "get_remaining_time_in_millis", lambda: 900_000)


@pytest.fixture
def s3(deployed: None) -> Any:
    """A cluster's own bucket, and a user's with a prefix of the cluster's; both versioned, both filled."""
    s3 = boto3.client("s3")
    for name in ("shoal-genomics", "data"):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    made_by(STACK, "shoal-genomics", ACCOUNT_ID)
    s3.put_object(Bucket="data", Key="shoal/genomics/.shoal-stack", Body=STACK.encode())
    fill(s3, "shoal-genomics", "")
    fill(s3, "data", "shoal/genomics/")
    fill(s3, "data", "shoal/genomics-two/")
    return s3


def fill(s3: Any, bucket: str, prefix: str) -> None:
    """Two versions of an object, a delete marker, odd keys and an unfinished upload."""
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key=f"{prefix}jobs/script.sh", Body=body)
    s3.delete_object(Bucket=bucket, Key=f"{prefix}jobs/script.sh")
    s3.put_object(Bucket=bucket, Key=f"{prefix}a+b&<c>%41 ü", Body=b"")
    s3.create_multipart_upload(Bucket=bucket, Key=f"{prefix}jobs/large")


def held(s3: Any, bucket: str, prefix: str = "") -> list[str]:
    """Every version, delete marker and unfinished upload below a prefix."""
    found = s3.list_object_versions(Bucket=bucket, Prefix=prefix)
    uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", [])
    return [item["Key"] for item in (*found.get("Versions", []), *found.get("DeleteMarkers", []), *uploads)]


def run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Slice after slice, as the machine does, to the end."""
    progress: dict[str, Any] = {}
    for _ in range(5):
        progress = handler(event | {"progress": progress}, context)
        if progress["done"]:
            return progress
    raise AssertionError(f"no end after 5 slices: {progress}")


def test_versions_delete_markers_and_unfinished_uploads_go(s3: Any, context: LambdaContext) -> None:
    progress = run(OWN, context)
    assert held(s3, "shoal-genomics") == []
    assert (progress["outcome"], progress["deleted"]) == ("emptied", 5)


def test_the_bucket_itself_stays(s3: Any, context: LambdaContext) -> None:
    run(OWN, context)
    s3.head_bucket(Bucket="shoal-genomics")


def test_only_the_clusters_prefix_of_a_users_bucket_goes(s3: Any, context: LambdaContext) -> None:
    before = held(s3, "data", "shoal/genomics-two/")
    run(SHARED, context)
    assert held(s3, "data") == before
    assert len(before) == 5


def test_the_marker_goes_last(s3: Any, context: LambdaContext) -> None:
    handler(SHARED, context)
    assert held(s3, "data", "shoal/genomics/") == ["shoal/genomics/.shoal-stack"]
    assert run(SHARED, context)["outcome"] == "emptied"
    assert held(s3, "data", "shoal/genomics/") == []


def test_a_second_run_finds_nothing_that_is_its_own(s3: Any, context: LambdaContext) -> None:
    run(SHARED, context)
    assert run(SHARED, context)["outcome"] == "absent"


def test_another_stacks_bucket_is_not_touched(s3: Any, context: LambdaContext) -> None:
    before = held(s3, "shoal-genomics")
    assert run(OWN | {"stackId": OTHER}, context)["outcome"] == "not-owned"
    assert held(s3, "shoal-genomics") == before


def test_another_stacks_prefix_is_not_touched(s3: Any, context: LambdaContext) -> None:
    before = held(s3, "data")
    assert run(SHARED | {"stackId": OTHER}, context)["outcome"] == "not-owned"
    assert held(s3, "data") == before


def test_a_users_bucket_is_never_emptied_as_a_whole(s3: Any, context: LambdaContext) -> None:
    before = held(s3, "data")
    assert run(SHARED | {"prefix": ""}, context)["outcome"] == "not-owned"
    assert held(s3, "data") == before


@pytest.mark.parametrize("prefix", ["", "shoal/genomics/"])
def test_an_absent_bucket_counts_as_cleaned(prefix: str, context: LambdaContext) -> None:
    assert run(OWN | {"prefix": prefix}, context)["outcome"] == "absent"


def test_what_comes_after_the_first_empty_look_is_found(s3: Any, context: LambdaContext) -> None:
    progress = handler(OWN, context)
    assert not progress["done"]
    s3.put_object(Bucket="shoal-genomics", Key="late", Body=b"")
    progress = handler(OWN | {"progress": progress}, context)
    assert not progress["done"]
    assert handler(OWN | {"progress": progress}, context)["done"]
    assert held(s3, "shoal-genomics") == []
