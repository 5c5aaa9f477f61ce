"""S3: everything a bucket or prefix holds, and its deletion: versions, delete markers, unfinished uploads.

Versions are deleted by id. A deletion without one would only add a delete marker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from shoal.cleanup.drain import Answer, Refusal
from shoal.cleanup.versions import Upload, Version, chunks, writable_in_xml

LISTING = Config(retries={"mode": "standard", "max_attempts": 8}, max_pool_connections=32)
DELETING = Config(retries={"mode": "standard", "total_max_attempts": 1}, max_pool_connections=32)
"""No retries below the shared pace: two layers of them multiply, and are the slowest way under throttling."""

_BUSY = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "503", "500"}
_GONE = {"NoSuchVersion", "NoSuchKey", "NoSuchUpload", "NoSuchBucket", "404"}


def version_chunks(s3: Any, bucket: str, prefix: str, spare: str) -> Iterator[Sequence[Version]]:
    """Chunks of at most 1,000 versions and delete markers below a prefix; nothing if the bucket is absent.

    Args:
        s3: a client.
        bucket: the bucket.
        prefix: only keys that begin with it; empty for all.
        spare: a key that stays.
    """
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            found = [
                Version(entry["Key"], entry["VersionId"])
                for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            ]
            yield from chunks(found, prefix=prefix, spare=spare)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def delete_versions(s3: Any, bucket: str, versions: Sequence[Version]) -> Answer:
    """Delete at most 1,000 versions; reads `Errors`, which come with status 200."""
    if not writable_in_xml(versions):
        return _delete_alone(s3, bucket, versions[0])
    objects = [{"Key": version.key, "VersionId": version.version_id} for version in versions]
    try:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    except HTTPClientError:
        return Answer(throttled=True)
    except ClientError as error:
        return _whole(error, versions)
    errors = [error for error in answer.get("Errors", ()) if error["Code"] not in _GONE]
    refused = tuple(
        Refusal(error.get("Key", ""), error["Code"], error.get("Message", ""))
        for error in errors
        if error["Code"] not in _BUSY
    )
    return Answer(deleted=len(versions) - len(errors), refused=refused, put_off=len(errors) - len(refused))


def _whole(error: ClientError, versions: Sequence[Version]) -> Answer:
    """The answer when S3 refused a request as a whole; what is no trouble of S3's own is named, for every version."""
    code = error.response["Error"]["Code"]
    if code in _BUSY:
        return Answer(throttled=True)
    if code in _GONE:
        return Answer(deleted=len(versions))
    message = error.response["Error"].get("Message", "")
    return Answer(refused=tuple(Refusal(version.key, code, message) for version in versions))


def _delete_alone(s3: Any, bucket: str, version: Version) -> Answer:
    """Delete a version whose key XML cannot hold; in DeleteObject the key stands in the address."""
    try:
        s3.delete_object(Bucket=bucket, Key=version.key, VersionId=version.version_id)
    except HTTPClientError:
        return Answer(throttled=True)
    except ClientError as error:
        return _whole(error, [version])
    return Answer(deleted=1)


def uploads(s3: Any, bucket: str, prefix: str) -> Iterator[Sequence[Upload]]:
    """Unfinished uploads below a prefix, one by one; nothing if the bucket is absent."""
    try:
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for upload in page.get("Uploads", ()):
                yield [Upload(upload["Key"], upload["UploadId"])]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def abort_upload(s3: Any, bucket: str, upload: Sequence[Upload]) -> Answer:
    """Abort an unfinished upload; its parts go with it."""
    (one,) = upload
    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=one.key, UploadId=one.upload_id)
    except HTTPClientError:
        return Answer(throttled=True)
    except ClientError as error:
        return _whole(error, [Version(one.key, one.upload_id)])
    return Answer(deleted=1)
