"""The gaps around building images, in the order in which they are put in place."""

from __future__ import annotations

from embedded_aws import missing_images
from embedded_aws.builds import service, settings

GAPS = (
    missing_images,
    settings,
    service,
)
