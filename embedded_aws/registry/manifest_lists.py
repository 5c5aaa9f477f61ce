"""An image that a manifest list names cannot be deleted before the list.

AWS: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html - such an id comes back
under `failures` with `ImageReferencedByManifestList`, also when the list is in the same call. MiniStack deletes it,
so a clean-up in the wrong order passes.
"""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ecr", "_batch_delete_image"),
    ("services.ecr", "_images"),
    ("services.ecr", "_find_image"),
)


def install() -> None:
    """Take the members of lists out of a deletion, and report them."""
    from ministack.services import ecr

    delete = ecr._batch_delete_image

    def checked(asked: dict[str, Any]) -> Any:
        repository, wanted = asked.get("repositoryName", ""), asked.get("imageIds") or []
        named = {digest for image in ecr._images.get(repository, []) for digest in members(image["imageManifest"])}
        held = [one for one in wanted if (ecr._find_image(repository, one) or {}).get("imageDigest") in named]
        if not held:
            return delete(asked)
        status, headers, body = delete(asked | {"imageIds": [one for one in wanted if one not in held]})
        answer = json.loads(body)
        answer["failures"] = [*answer.get("failures", []), *map(_failure, held)]
        return status, headers, json.dumps(answer).encode()

    ecr._batch_delete_image = checked


def members(manifest: str) -> list[str]:
    """Digests of the images that a manifest list or OCI index names; none for anything else."""
    try:
        found = json.loads(manifest)
    except ValueError:
        return []
    return [str(entry["digest"]) for entry in found.get("manifests", [])] if isinstance(found, dict) else []


def _failure(image: dict[str, Any]) -> dict[str, Any]:
    reason = "Requested image referenced by manifest list"
    return {"imageId": image, "failureCode": "ImageReferencedByManifestList", "failureReason": reason}
