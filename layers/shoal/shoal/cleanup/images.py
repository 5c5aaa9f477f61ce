"""The order in which the images of a repository can be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import NamedTuple

IDS = 100
"""Images in one BatchDeleteImage call, https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html."""
_LISTS = {
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
}


class Image(NamedTuple):
    """An image as far as its deletion goes, and whether it has had its time."""

    digest: str
    media_type: str = ""
    subject: str | None = None
    """The digest of the image that this one (a signature, an attestation) refers to."""
    tags: tuple[str, ...] = ()
    pushed: datetime = datetime.min.replace(tzinfo=UTC)


def phases(images: Iterable[Image]) -> list[Iterator[Sequence[str]]]:
    """Digests in chunks of at most 100, in three phases: manifest lists, what refers to others, the rest.

    ECR refuses to delete a member while its list is there. A list inside a list is refused as well, and goes in
    the next pass.
    """
    groups: tuple[list[str], list[str], list[str]] = ([], [], [])
    for image in images:
        groups[0 if image.media_type in _LISTS else 1 if image.subject else 2].append(image.digest)
    return [batched(dict.fromkeys(group), IDS, strict=False) for group in groups]
