"""The gaps around building images, in the order in which they are put in place."""

from __future__ import annotations

from embedded_aws.builds import service, settings
from embedded_aws.registry import accounts, base_images, contents, image_ages, image_tags, listing, missing_images

GAPS = (
    listing,
    missing_images,
    image_tags,
    image_ages,
    contents,
    accounts,
    base_images,
    settings,
    service,
)
