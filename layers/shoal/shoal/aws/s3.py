"""S3: texts and objects of the control plane, and the marker object of a cluster's prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from shoal.aws.session import client
from shoal.errors import ErrorCode, OperationError

_UNREADABLE = {
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchVersion",
    "AccessDenied",
    "InvalidBucketName",
    "PermanentRedirect",
    "403",
    "404",
}


def read_object(bucket: str, key: str, version_id: str | None = None) -> bytes:
    """An object's content."""
    version = {"VersionId": version_id} if version_id else {}
    content: bytes = client("s3").get_object(Bucket=bucket, Key=key, **version)["Body"].read()
    return content


def read_text(bucket: str, key: str, version_id: str | None = None) -> str:
    """An object's content as text.

    Raises:
        OperationError: there is nothing that can be read, or it is not text in UTF-8.
    """
    try:
        return read_object(bucket, key, version_id).decode("utf-8")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNREADABLE:
            raise
        raise _unreadable(bucket, key, code) from error
    except UnicodeDecodeError as error:
        raise _unreadable(bucket, key, "it is not text in UTF-8") from error


def read_stored(at: Mapping[str, str]) -> str:
    """The text that `put_text` has stored, by what that answered: `{"bucket", "key", "versionId"}`.

    Raises:
        OperationError: as `read_text`.
    """
    return read_text(at["bucket"], at["key"], at["versionId"])


def _unreadable(bucket: str, key: str, reason: str) -> OperationError:
    return OperationError(ErrorCode.CONFIGURATION_UNREADABLE, f"s3://{bucket}/{key} cannot be read: {reason}")


def put_object(bucket: str, key: str, content: bytes) -> dict[str, str]:
    """Store an object; `{"bucket", "key", "versionId"}`, where a bucket without versions has the version `null`."""
    answer = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return {"bucket": bucket, "key": key, "versionId": answer.get("VersionId", "null")}


def put_text(bucket: str, key: str, text: str) -> dict[str, str]:
    """Store a text in UTF-8; `{"bucket", "key", "versionId"}`."""
    return put_object(bucket, key, text.encode())


def stack_of_bucket(s3: Any, bucket: str) -> str | None:
    """Id of the stack that made a bucket, by CloudFormation's tag; empty if none did, none if it is absent."""
    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            return None
        if code == "NoSuchTagSet":
            return ""
        raise
    return next((tag["Value"] for tag in tags if tag["Key"] == "aws:cloudformation:stack-id"), "")


def read_marker(s3: Any, bucket: str, key: str) -> str | None:
    """The stack that a prefix's marker object names; none if marker or bucket is absent.

    It is listed first: a session that may list only this prefix gets 403 for reading an absent object, not 404.
    """
    try:
        if not holds_objects(s3, bucket, key):
            return None
        text: str = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket"}:
            return None
        raise
    return text.strip()


def write_marker(s3: Any, bucket: str, key: str, stack_id: str, *, replaces: bool) -> bool:
    """Mark a prefix as a stack's own; false when another marker was written first.

    Args:
        s3: a client.
        bucket: the user's bucket.
        key: the marker's key.
        stack_id: the stack.
        replaces: whether there is a marker (of a stack that is gone) to be replaced.
    """
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    condition = {} if replaces else {"IfNoneMatch": "*"}
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=stack_id.encode(), **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}:
            return False
        raise
    return True


def holds_objects(s3: Any, bucket: str, prefix: str) -> bool:
    """Whether there is any current object below a prefix."""
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount", 0))


def bucket_region(bucket: str) -> str | None:
    """The Region of a bucket that this account may use, or none."""
    try:
        answer = client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in _UNREADABLE:
            return None
        raise
    return str(answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", ""))


def versioning(bucket: str) -> str:
    """`Enabled`, `Suspended`, or empty for a bucket that never had versions."""
    return str(client("s3").get_bucket_versioning(Bucket=bucket).get("Status", ""))


def newest_version(bucket: str, key: str) -> str | None:
    """The version id of an object, or none if it is not there.

    Without s3:ListBucket S3 answers 403 for an absent object
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
    """
    try:
        return str(client("s3").head_object(Bucket=bucket, Key=key).get("VersionId", "null"))
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
            return None
        raise
