"""The gaps around building images, in the order in which they are put in place."""

from __future__ import annotations

from embedded_aws import image_tags, missing_images
from embedded_aws.builds import service, settings

GAPS = (
    missing_images,
    image_tags,
    settings,
    service,
)
