"""Which images of a repository have had their time: by count and by age, and never one that somebody names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from shoal.cleanup.images import Image

NEWEST = 10
"""Tagged images that are kept whatever their age."""
YOUNG = timedelta(days=30)
"""What is younger is kept whatever its number."""

_NAME = re.compile(r"[^/@]+/(?P<path>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")


def named_images(described: Any) -> Iterator[str]:
    """Every image that a job definition or a job names, however deep: of one container, of several, of nodes.

    Args:
        described: what DescribeJobDefinitions or DescribeJobs says,
            https://docs.aws.amazon.com/batch/latest/APIReference/API_JobDetail.html.
    """
    if isinstance(described, Mapping):
        for key, value in described.items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from named_images(value)
    elif isinstance(described, list):
        for item in described:
            yield from named_images(item)


def references(names: Iterable[str], repository: str) -> frozenset[str]:
    """The tags and digests of a repository that some image names mean.

    A registry has several host names (dual-stack, FIPS), so the host is not compared: what another account's
    repository of the same name is meant by keeps an image too many, and none too few.

    Args:
        names: `<host>/<repository>:<tag>`, with a digest after the tag or instead of it.
        repository: its name in ECR.
    """
    found: set[str] = set()
    for name in names:
        match = _NAME.fullmatch(name)
        if match and match["path"] == repository:
            tag = match["tag"] or ("" if match["digest"] else "latest")
            found |= {part for part in (tag, match["digest"]) if part}
    return frozenset(found)


def retired(images: Iterable[Image], in_use: Collection[str], now: datetime) -> list[Image]:
    """The images that can go.

    Members of manifest lists are images without a tag as well: ECR refuses to delete one whose list stays
    (`ImageReferencedByManifestList`), so they may be asked for.

    Args:
        images: all of a repository.
        in_use: tags and digests that must stay.
        now: the time.
    """
    newest_first = sorted(images, key=lambda image: image.pushed, reverse=True)
    kept = [image.digest for image in newest_first if image.tags and image.subject is None][:NEWEST]
    old = [
        image
        for image in newest_first
        if now - image.pushed >= YOUNG
        and image.digest not in kept
        and not {image.digest, *image.tags}.intersection(in_use)
    ]
    stays = {image.digest for image in newest_first} - {image.digest for image in old}
    return [image for image in old if image.subject not in stays]  # a signature stays with what it signs
