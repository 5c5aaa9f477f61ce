"""ListImages names each tag once and untagged images too; DescribeImages gives the size of an image's layers.

AWS: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html and API_ImageDetail.html. MiniStack
lists one tag per image, also one that has moved to another image, and takes the manifest's length for the size.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ecr", "_describe_images"),
    ("services.ecr", "_images"),
    ("services.ecr", "_list_images"),
    ("services.ecr", "_repositories"),
    ("core.responses", "json_response"),
)


def install() -> None:
    """Answer from the images' tags and manifests."""
    from ministack.services import ecr

    ecr._list_images = _by_tag(ecr._list_images)
    ecr._describe_images = _measured(ecr._describe_images)


def _by_tag(plain: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def list_images(asked: dict[str, Any]) -> Any:
        from ministack.core.responses import json_response
        from ministack.services import ecr

        name, wanted = asked.get("repositoryName", ""), asked.get("filter", {}).get("tagStatus", "ANY")
        if name not in ecr._repositories:
            return plain(asked)
        ids = [one for image in ecr._images.get(name, []) for one in image_ids(image)]
        kept = {"ANY": (True, False), "TAGGED": (True,), "UNTAGGED": (False,)}[wanted]
        return json_response({"imageIds": [one for one in ids if ("imageTag" in one) in kept]})

    return list_images


def image_ids(image: dict[str, Any]) -> list[dict[str, str]]:
    """The ids of an image of MiniStack's: one for each tag, or its digest alone."""
    digest = {"imageDigest": str(image["imageDigest"])}
    return [digest | {"imageTag": tag} for tag in image["imageTags"]] or [digest]


def _measured(describe: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def describe_images(asked: dict[str, Any]) -> Any:
        from ministack.services import ecr

        status, headers, body = describe(asked)
        answer = json.loads(body)
        known = {image["imageDigest"]: image for image in ecr._images.get(asked.get("repositoryName", ""), [])}
        for detail in answer.get("imageDetails", []):
            detail["imageSizeInBytes"] = size(known[detail["imageDigest"]]["imageManifest"])
        return status, headers, json.dumps(answer).encode()

    return describe_images


def size(manifest: str) -> int:
    """The bytes of the layers that a manifest names; 0 of a list of manifests, which names none."""
    return sum(int(layer.get("size", 0)) for layer in json.loads(manifest).get("layers", []))
