"""Images that look as if they had been pushed long ago, so that a test sees what becomes of old ones.

No time passes: `POST /_shoal/image-age {"days": 40}` lets every image that is pushed from then on be 40 days old,
`{"days": 0}` ends it. AWS: `imagePushedAt`, https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.ecr", "_put_image"), ("services.ecr", "_images"))
_DAY = 86_400

_age = {"days": 0}
"""How old an image is when it is pushed."""


def _switch(body: Any) -> object:
    _age["days"] = int(body["days"])
    return _age


ROUTES = {("POST", "/_shoal/image-age"): _switch}


def install() -> None:
    """Put the time back when an image has been stored."""
    from ministack.services import ecr

    put = ecr._put_image

    def aged(asked: dict[str, Any]) -> Any:
        known = {image["imageDigest"] for image in ecr._images.get(asked.get("repositoryName", ""), [])}
        answer = put(asked)
        for image in ecr._images.get(asked.get("repositoryName", ""), []):
            if image["imageDigest"] not in known:
                image["imagePushedAt"] -= _age["days"] * _DAY
        return answer

    ecr._put_image = aged
