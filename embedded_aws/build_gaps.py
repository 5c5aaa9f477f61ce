"""The gaps around building images, in the order in which they are put in place."""

from __future__ import annotations

from embedded_aws.builds import service, settings
from embedded_aws.registry import accounts, base_images, image_tags, missing_images

GAPS = (
    missing_images,
    image_tags,
    accounts,
    base_images,
    settings,
    service,
)
