"""Where a build's files come from: S3, read with the project's role, or nowhere.

AWS: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html - an S3 location is
`bucket/path/to/object.zip` or `bucket/path/to/folder/`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.builds.buildspec import BuildspecError

DEFAULT_BUILDSPEC = "buildspec.yml"


class SourceError(Exception):
    """The source cannot be had; the build fails in DOWNLOAD_SOURCE with CLIENT_ERROR and this message."""


def download(source: Mapping[str, Any], folder: Path, s3: Any) -> None:
    """Put the source's files into the folder.

    Args:
        source: the build's source as the API has it, overrides applied.
        folder: where the files go.
        s3: a client with the project's role.

    Raises:
        SourceError: the source is of a kind that is not offered, is not there, or may not be read.
    """
    if source["type"] == "NO_SOURCE":
        return
    if source["type"] != "S3":
        raise SourceError(f"sources of type {source['type']} are not offered by the embedded AWS: use S3 or NO_SOURCE")
    bucket, _, key = str(source.get("location", "")).split(":::")[-1].partition("/")
    try:
        if key.endswith("/"):
            _download_folder(bucket, key, folder, s3)
        else:
            _extract(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), folder)
    except ClientError as error:
        detail = error.response["Error"]
        raise SourceError(f"{detail['Code']}: {detail['Message']} for primary source and source version ") from error
    except zipfile.BadZipFile as error:
        raise SourceError(f"{bucket}/{key} is not a zip archive") from error


def read_buildspec(source: Mapping[str, Any], folder: Path) -> str:
    """The buildspec's text: given with the source, or a file of it.

    Raises:
        BuildspecError: the file is not there.
    """
    given = str(source.get("buildspec") or DEFAULT_BUILDSPEC)
    if "\n" in given:
        return given
    file = folder / given
    if not file.is_file():
        raise BuildspecError(f"stat {given}: no such file or directory")
    return file.read_text()


def _download_folder(bucket: str, prefix: str, folder: Path, s3: Any) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            name = entry["Key"].removeprefix(prefix)
            if name and not name.endswith("/"):
                target = _inside(folder, name)
                target.write_bytes(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())


def _extract(archive: bytes, folder: Path) -> None:
    """Unpack with permission bits, which zipfile's own extraction forgets."""
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        for entry in content.infolist():
            if not entry.is_dir():
                target = _inside(folder, entry.filename)
                target.write_bytes(content.read(entry))
                mode = entry.external_attr >> 16 & 0o777
                target.chmod(mode or 0o644)


def _inside(folder: Path, name: str) -> Path:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise SourceError(f"{name} leads out of the source's folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
