"""A user's build context in S3: read once, checked, and kept as a snapshot named by its content.

What is built is the snapshot. So the user may go on changing the original, and an update builds what was judged.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from botocore.exceptions import ClientError

from shoal.aws.session import client
from shoal.image.archive import read_zip, too_large
from shoal.image.content import DOCKERFILE, ContextFile, ResolvedContext, context_zip
from shoal.image.context_faults import LIMITS, Entry, Fault, Limits
from shoal.image.user_context import ContextError, digest, read_files
from shoal.operation.request import S3_URI
from shoal.settings import Settings

FOLDER = "contexts/"
"""Where snapshots lie in the Region's bucket, `contexts/<digest>.zip`; the command line uploads to the same place."""
MOST_OBJECTS = 1_000
"""Objects below a prefix: each is a call of its own, 20 to 40 ms, and a plan has two minutes."""
_TOO_MANY_OBJECTS = Fault(
    f"has more than {MOST_OBJECTS:,} objects", "put them into one zip archive, which may hold ten times as many"
)
_NO_PLACE = Fault(
    "is no place in S3",
    "write s3://bucket/key.zip or s3://bucket/prefix/; "
    "of a directory, give `shoal` the configuration as a file beside it",
)
_OTHERS: Mapping[str, Fault] = MappingProxyType(
    {
        "PreconditionFailed": Fault("was changed while it was read", "start again when nothing writes there"),
        "InvalidObjectState": Fault("is archived", "restore it, or store it in another storage class"),
    }
)
_SNAPSHOT = re.compile(r"contexts/(?P<digest>[0-9a-f]{64})\.zip")
_ABSENT = frozenset({"NoSuchBucket", "NoSuchKey", "404", "InvalidBucketName"})
_FORBIDDEN = frozenset({"AccessDenied", "403", "AllAccessDisabled"})


def resolve(settings: Settings, uri: str, dockerfile: str = DOCKERFILE, limits: Limits = LIMITS) -> ResolvedContext:
    """The snapshot of a context that lies in S3 now; it is stored if no such content was before.

    A bucket in another Region is found by boto3, which follows S3's redirects.

    Args:
        settings: the control plane's.
        uri: `s3://bucket/key.zip`, or `s3://bucket/prefix/` for all objects below it.
        dockerfile: path of the Dockerfile in the context.
        limits: how large it may be.

    Raises:
        ContextError: it cannot be read, or cannot be built; every reason is told.
    """
    match = S3_URI.fullmatch(uri)
    if match is None:
        raise ContextError(uri, [_NO_PLACE])
    bucket, key = match["bucket"], match["key"]
    if bucket == settings.bucket:
        return _uploaded(settings, uri, key, dockerfile, limits)
    with _told(settings, uri):
        if key.endswith("/"):
            files = _read_prefix(uri, bucket, key, dockerfile, limits)
        else:
            files = read_zip(uri, _read_archive(uri, bucket, key, limits)[0], dockerfile, limits)
    return _stored(settings, files)


def _uploaded(settings: Settings, uri: str, key: str, dockerfile: str, limits: Limits) -> ResolvedContext:
    """What the command line uploaded as a snapshot; it has to be what its name says, whoever put it there."""
    named = _SNAPSHOT.fullmatch(key)
    if named is None:
        suggestion = f"use a bucket of your own, or s3://{settings.bucket}/{FOLDER}<digest>.zip as `shoal` uploads it"
        raise ContextError(uri, [Fault("lies in Shoal's own bucket", suggestion)])
    with _told(settings, uri):
        archive, version = _read_archive(uri, settings.bucket, key, limits)
    if digest(read_zip(uri, archive, dockerfile, limits)) != named["digest"]:
        raise ContextError(uri, [Fault("holds other files than its name says", "delete it, then upload it again")])
    return ResolvedContext(settings.bucket, key, version, named["digest"])


def _read_archive(uri: str, bucket: str, key: str, limits: Limits) -> tuple[bytes, str]:
    answer = client("s3").get_object(Bucket=bucket, Key=key)
    if answer["ContentLength"] > limits.archive:
        raise ContextError(uri, [too_large(answer["ContentLength"], limits)])
    return answer["Body"].read(), answer.get("VersionId", "null")


def _read_prefix(uri: str, bucket: str, prefix: str, dockerfile: str, limits: Limits) -> tuple[ContextFile, ...]:
    """Every object below a prefix as the listing saw it; the listing's sizes are judged before anything is read."""
    entries: list[Entry] = []
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/"):  # consoles make such an object for a folder
                name = item["Key"].removeprefix(prefix)
                entries.append(Entry(name, 0, item["Size"], _reader(bucket, item["Key"], item["ETag"])))
        if len(entries) > MOST_OBJECTS:
            raise ContextError(uri, [_TOO_MANY_OBJECTS])
    return read_files(uri, entries, dockerfile, limits)


def _reader(bucket: str, key: str, etag: str) -> Callable[[], bytes]:
    """Reads an object unless it has changed since it was listed."""

    def read() -> bytes:
        content: bytes = client("s3").get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"].read()
        return content

    return read


def _stored(settings: Settings, files: tuple[ContextFile, ...]) -> ResolvedContext:
    """The snapshot of some files; one that is there is used only when S3 says that it holds these very bytes."""
    s3, archive, known = client("s3"), context_zip(files), digest(files)
    key = f"{FOLDER}{known}.zip"
    checksum = base64.b64encode(hashlib.sha256(archive).digest()).decode()
    try:
        found = s3.head_object(Bucket=settings.bucket, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT:
            raise
        found = {}
    if found.get("ChecksumSHA256") != checksum:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
        found = s3.put_object(Bucket=settings.bucket, Key=key, Body=archive, ChecksumAlgorithm="SHA256")
    return ResolvedContext(settings.bucket, key, found.get("VersionId", "null"), known)


@contextmanager
def _told(settings: Settings, uri: str) -> Iterator[None]:
    """Says why S3 does not give a context; an error that is not the context's fault goes on as it is."""
    try:
        yield
    except ClientError as error:
        answer = error.response["Error"]
        fault = _fault(settings, answer["Code"], answer.get("Message", ""))
        if fault is None:
            raise
        raise ContextError(uri, [fault]) from error


def _fault(settings: Settings, code: str, message: str) -> Fault | None:
    role = f"the role {settings.name_prefix}-plan-cluster"
    if code in _ABSENT:
        return Fault("is not there", "upload it, or name another place in S3")
    if code in _FORBIDDEN and "kms:" in message.lower():
        suggestion = f"allow {role} kms:Decrypt in the key's policy, or store the context with SSE-S3"
        return Fault("is encrypted with a key that Shoal may not use", suggestion)
    if code in _FORBIDDEN:
        suggestion = f"use a bucket of this account, and let its policy allow {role} s3:GetObject and s3:ListBucket"
        return Fault("Shoal may not read", suggestion)
    return _OTHERS.get(code)
