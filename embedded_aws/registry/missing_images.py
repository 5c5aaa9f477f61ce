"""DescribeImages fails for an image that is not there.

AWS: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html - ImageNotFoundException when an
image id that was asked for does not exist. MiniStack leaves it out of the answer, so a build that asks whether its
image was pushed would always hear yes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ecr", "_describe_images"),
    ("services.ecr", "_find_image"),
    ("services.ecr", "_repositories"),
    ("core.responses", "error_response_json"),
)


def install() -> None:
    """Check the ids before MiniStack answers."""
    from ministack.services import ecr

    ecr._describe_images = _checked(ecr._describe_images)


def _checked(describe: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def describe_images(request: dict[str, Any]) -> Any:
        from ministack.core.responses import error_response_json, get_account_id
        from ministack.services import ecr

        repository = request.get("repositoryName", "")
        known = repository in ecr._repositories
        for wanted in request.get("imageIds") or [] if known else []:
            if ecr._find_image(repository, wanted) is None:
                digest, tag = (wanted.get(key, "null") for key in ("imageDigest", "imageTag"))
                image = f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"
                where = f"repository with name '{repository}' in the registry with id '{get_account_id()}'"
                message = f"The image with imageId {image} does not exist within the {where}"
                return error_response_json("ImageNotFoundException", message, 400)
        return describe(request)

    return describe_images
