"""Is a text that cannot be read told in one line, and a prefix's marker written once?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shoal.aws import s3, session
from shoal.errors import ErrorCode, OperationError

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1"
MARKER = "shoal/genomics/.shoal-stack"


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket `data`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    session.client.cache_clear()
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client
    session.client.cache_clear()


@pytest.mark.parametrize(("bucket", "reason"), [("data", "NoSuchKey"), ("no-such-bucket", "NoSuchBucket")])
def test_what_is_not_there_is_named_by_its_address(bucket: str, reason: str) -> None:
    with pytest.raises(OperationError) as error:
        s3.read_text(bucket, "genomics.yaml")
    assert error.value.code is ErrorCode.CONFIGURATION_UNREADABLE
    assert error.value.message == f"s3://{bucket}/genomics.yaml cannot be read: {reason}"


def test_what_is_not_text_is_refused_without_its_content() -> None:
    s3.put_object("data", "genomics.yaml", b"\xff\xfesecret")
    with pytest.raises(OperationError, match="not text in UTF-8") as error:
        s3.read_text("data", "genomics.yaml")
    assert "secret" not in str(error.value)


def test_a_text_comes_back_as_it_was_stored() -> None:
    stored = s3.put_text("data", "genomics.yaml", "Tags: ü")
    assert stored == {"bucket": "data", "key": "genomics.yaml", "versionId": "null"}
    assert s3.read_text("data", "genomics.yaml") == "Tags: ü"


def test_the_first_marker_of_two_stays(client: Any) -> None:
    assert s3.write_marker(client, "data", MARKER, STACK, replaces=False)
    assert not s3.write_marker(client, "data", MARKER, STACK + "2", replaces=False)
    assert s3.read_marker(client, "data", MARKER) == STACK


def test_the_marker_of_a_stack_that_is_gone_is_replaced(client: Any) -> None:
    s3.write_marker(client, "data", MARKER, STACK, replaces=False)
    assert s3.write_marker(client, "data", MARKER, STACK + "2", replaces=True)
    assert s3.read_marker(client, "data", MARKER) == STACK + "2"


@pytest.mark.parametrize("bucket", ["data", "no-such-bucket"])
def test_a_prefix_without_a_marker_has_no_owner(client: Any, bucket: str) -> None:
    assert s3.read_marker(client, bucket, MARKER) is None
