"""Sending a configuration that names directories: they go to the Region's bucket, and their URIs into its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from shoal_cli.application import Application
from shoal_cli.context_folders import Folder
from shoal_cli.exits import CommandError, Exit


def upload(application: Application, folders: Mapping[str, Folder]) -> dict[str, str]:
    """Put directories into the Region's bucket, those that are not there already; the URI of each by its name.

    Raises:
        CommandError: S3 does not take one (exit code 3).
    """
    s3, bucket = application.client("s3"), application.bucket
    for name, folder in folders.items():
        try:
            if not _is_there(s3, bucket, folder.key):
                s3.put_object(Bucket=bucket, Key=folder.key, Body=folder.archive, ChecksumAlgorithm="SHA256")
        except (BotoCoreError, ClientError) as error:
            rights = f"it takes s3:GetObject and s3:PutObject on {bucket}/contexts/*"
            reason = " ".join(str(error).split())
            raise CommandError(f"{name} cannot be uploaded: {reason}; {rights}", Exit.NOT_REACHABLE) from error
    return {name: folder.uri(bucket) for name, folder in folders.items()}


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    """Whether an object is there; who may not list a bucket gets 403 for one that is not."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "403"}:
            return False
        raise
    return True


def with_uris(text: str, uris: Mapping[str, str]) -> str:
    """A configuration's text with URIs in the place of directories; all else stays as it was written.

    Args:
        text: the configuration, YAML or JSON, which can be loaded.
        uris: the URI by the directory's name.
    """
    root = yaml.compose(text.replace("\t", " "), yaml.SafeLoader)  # tabs indent JSON, and are no YAML
    places = {(node.start_mark.index, node.end_mark.index, node.value) for node in _contexts(root)}
    for start, end, name in sorted(places, reverse=True):
        if name in uris:
            text = f'{text[:start]}"{uris[name]}"{text[end:]}'
    return text


def _contexts(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The values of every key `Context`; among an image's arguments it is a name like any other."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _contexts(item)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "Context" and isinstance(value, yaml.ScalarNode):
                yield value
            elif key.value != "BuildArgs":
                yield from _contexts(value)
