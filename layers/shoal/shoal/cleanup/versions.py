"""Object versions in the chunks in which S3 deletes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import NamedTuple

KEYS = 1000
"""Keys in one DeleteObjects call, https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html."""
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document can hold, https://www.w3.org/TR/xml/#charsets."""


class Version(NamedTuple):
    """One version of an object, or one delete marker."""

    key: str
    version_id: str


class Upload(NamedTuple):
    """One unfinished multipart upload."""

    key: str
    upload_id: str


def writable_in_xml(versions: Iterable[Version]) -> bool:
    """Whether every key can stand in the XML of DeleteObjects."""
    return not any(_NOT_IN_XML.search(version.key) for version in versions)


def chunks(versions: Iterable[Version], *, prefix: str, spare: str) -> Iterator[Sequence[Version]]:
    """Versions in chunks of at most 1,000; a key that XML cannot hold stands alone.

    Args:
        versions: what a listing brought.
        prefix: nothing outside it is ever selected, whatever the listing brought.
        spare: a key that stays: the marker that says whose the prefix is goes last. Empty for none.
    """
    plain: list[Version] = []
    for version in versions:
        if not version.key.startswith(prefix) or version.key == spare:
            continue
        if writable_in_xml([version]):
            plain.append(version)
        else:
            yield [version]
    yield from batched(plain, KEYS, strict=False)
