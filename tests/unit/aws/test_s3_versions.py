"""Does a deleting call read what S3 answers, and is what S3 refuses told apart from what S3 is too busy for?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shoal.aws import s3_versions
from shoal.cleanup.versions import Upload, Version

VERSIONS = [Version("a", "1"), Version("b", "2")]
SENT = {
    "Bucket": "data",
    "Delete": {"Objects": [{"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "2"}], "Quiet": True},
}


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def answered(*codes: str) -> dict[str, Any]:
    errors = [{"Key": key, "Code": code, "Message": "why"} for key, code in zip("ab", codes, strict=False)]
    return {"Errors": errors} if errors else {}


@pytest.mark.parametrize(
    ("codes", "deleted", "refused", "put_off"),
    [
        ((), 2, [], 0),
        (("AccessDenied",), 1, ["AccessDenied"], 0),
        (("NoSuchVersion",), 2, [], 0),
        (("SlowDown", "AccessDenied"), 0, ["AccessDenied"], 1),
        (("SlowDown", "InternalError"), 0, [], 2),
    ],
)
def test_errors_that_come_with_success_are_read(
    codes: tuple[str, ...], deleted: int, refused: list[str], put_off: int, stubbed: tuple[Any, Stubber]
) -> None:
    client, stubber = stubbed
    stubber.add_response("delete_objects", answered(*codes), SENT)
    answer = s3_versions.delete_versions(client, "data", VERSIONS)
    assert (answer.deleted, [refusal.code for refusal in answer.refused], answer.put_off) == (deleted, refused, put_off)


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable"])
def test_a_busy_service_is_asked_again_later(code: str, stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error("delete_objects", code, http_status_code=503)
    assert s3_versions.delete_versions(client, "data", VERSIONS).throttled


def test_a_policy_that_denies_is_named_for_every_version(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error("delete_objects", "AccessDenied", "explicit deny")
    answer = s3_versions.delete_versions(client, "data", VERSIONS)
    assert [(refusal.name, refusal.code) for refusal in answer.refused] == [
        ("a", "AccessDenied"),
        ("b", "AccessDenied"),
    ]


def test_a_bucket_that_went_meanwhile_is_empty(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error("delete_objects", "NoSuchBucket")
    assert s3_versions.delete_versions(client, "data", VERSIONS).deleted == 2


def test_a_key_that_xml_cannot_hold_is_deleted_by_itself(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response("delete_object", {}, {"Bucket": "data", "Key": "a\x01", "VersionId": "1"})
    assert s3_versions.delete_versions(client, "data", [Version("a\x01", "1")]).deleted == 1


@pytest.mark.parametrize(("code", "deleted", "throttled"), [("NoSuchUpload", 1, False), ("SlowDown", 0, True)])
def test_an_upload_that_ended_meanwhile_counts_as_aborted(
    code: str, deleted: int, throttled: bool, stubbed: tuple[Any, Stubber]
) -> None:
    client, stubber = stubbed
    stubber.add_client_error("abort_multipart_upload", code)
    answer = s3_versions.abort_upload(client, "data", [Upload("a", "u")])
    assert (answer.deleted, answer.throttled) == (deleted, throttled)
