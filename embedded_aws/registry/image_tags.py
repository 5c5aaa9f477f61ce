"""Deleting an image by one of its tags takes that tag away; only with the last tag the image goes.

AWS: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html - "You can remove a tag from an
image by specifying the image's tag in your request. When you remove the last tag from an image, the image is deleted
from your repository." MiniStack deletes the image at once.
"""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ecr", "_batch_delete_image"),
    ("services.ecr", "_find_image"),
)


def install() -> None:
    """Take tags away before MiniStack deletes what is left to delete."""
    from ministack.services import ecr

    delete = ecr._batch_delete_image

    def by_tag(asked: dict[str, Any]) -> Any:
        repository, others, untagged = asked.get("repositoryName", ""), [], []
        for wanted in asked.get("imageIds") or []:
            image = None if wanted.get("imageDigest") else ecr._find_image(repository, wanted)
            if image and len(image["imageTags"]) > 1:
                image["imageTags"].remove(wanted["imageTag"])
                untagged.append({"imageDigest": image["imageDigest"], "imageTag": wanted["imageTag"]})
            else:
                others.append(wanted)
        status, headers, body = delete(asked | {"imageIds": others})
        if not untagged:
            return status, headers, body
        answer = json.loads(body)
        answer["imageIds"] = [*answer.get("imageIds", []), *untagged]
        return status, headers, json.dumps(answer).encode()

    ecr._batch_delete_image = by_tag
