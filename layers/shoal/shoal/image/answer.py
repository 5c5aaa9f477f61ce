"""What is said of a cluster's images when all of them are in its repository."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any


def answer(images: Sequence[Mapping[str, Any]], built: Collection[str]) -> dict[str, Any]:
    """The answer of `build-image`; under `cluster` what is registered of the cluster.

    Args:
        images: `tag`, `uri`, `digest` and `queues` of each.
        built: tags of those that this operation built.
    """
    facts = [dict(image) for image in images]
    return {
        "summary": _summary(images, built),
        "images": facts,
        "built": list(built),
        "cluster": {"images": facts},
    }


def _summary(images: Sequence[Mapping[str, Any]], built: Collection[str]) -> str:
    if not images:
        return "Nothing to build: every queue names a ready image."
    new = [image["uri"] for image in images if image["tag"] in built]
    if len(images) == 1:
        how = "was built and pushed" if new else "was there already, so nothing was built"
        return f"The image {images[0]['uri']} {how}."
    if not new:
        return f"All {len(images)} images were there already, so nothing was built."
    return (
        f"Of {len(images)} images {len(new)} {'was' if len(new) == 1 else 'were'} built and pushed: {', '.join(new)}."
    )
