"""Images: the operating system of the nodes and the container image of the jobs."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Literal

from shoal.cluster.grammar import Change, Matching, NotOffered, Refused, Section

AmiId = Annotated[str, Matching(r"ami-([0-9a-z]{8}|[0-9a-z]{17})", "an AMI id like `ami-0123456789abcdef0`")]
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"""

_UNTESTED = Refused("Shoal is not tested on it", "write alinux2023, ubuntu2404 or debian12")
OTHER_SYSTEMS = MappingProxyType(
    {
        "alinux2": Refused("Amazon Linux 2 is out of support", "write alinux2023"),
        "ubuntu2204": Refused("Shoal is not tested on it", "write ubuntu2404"),
        **dict.fromkeys(("rhel8", "rhel9", "rocky8", "rocky9"), _UNTESTED),
    }
)


class Image(Section):
    """Operating system of the nodes."""

    os: Annotated[Literal["alinux2023", "ubuntu2404", "debian12"], Change.REPLACES, NotOffered(OTHER_SYSTEMS)]
    """Operating system of the head node."""
    custom_ami: Annotated[AmiId | None, Change.REPLACES] = None
    """AMI of the head node instead of the newest official one of `Os`; `HeadNode.Image.CustomAmi` goes before it."""


class HeadNodeImage(Section):
    """Image of the head node alone."""

    custom_ami: Annotated[AmiId | None, Change.REPLACES] = None
    """AMI of the head node."""


class ContainerImage(Section):
    """A ready container image for the jobs; without it Shoal builds one."""

    uri: Annotated[
        str,
        Change.LIVE,
        Matching(
            r"[a-z0-9][a-z0-9._:/-]*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
            "an image like `public.ecr.aws/debian/debian:12-slim@sha256:...`",
        ),
    ]
    """Name of the image with tag or, better, digest; it holds `bash` and the AWS CLI. The next job uses it."""


# ---- resources
