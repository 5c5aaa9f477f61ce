"""The image that the jobs of a cluster run in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shoal.image.content import content_tag, read_context

BASE_IMAGE_ARG = "BASE_IMAGE"
"""The Dockerfile's argument that names the base image."""

BASE_IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "alinux2023": "public.ecr.aws/amazonlinux/amazonlinux:2023",
        "debian12": "public.ecr.aws/docker/library/debian:12-slim",
        "ubuntu2404": "public.ecr.aws/docker/library/ubuntu:24.04",
    }
)
"""`Image.Os` to the base image when nothing else is said; Amazon ECR Public, so no login and no rate of Docker Hub."""

PLATFORMS: Mapping[str, str] = MappingProxyType({"x86_64": "linux/amd64", "arm64": "linux/arm64"})
"""EC2's name of an architecture to docker's."""


@dataclass(frozen=True)
class JobImage:
    """What is built for a cluster, known before it is built."""

    tag: str
    """Hash of the content; the tag in the cluster's repository."""
    base_image: str
    architecture: str
    """`x86_64` or `arm64`; builds run on it, nothing is cross-built."""
    build_args: Mapping[str, str] = field(default_factory=dict)
    """The Dockerfile's arguments, the base image apart."""

    def uri(self, repository_uri: str) -> str:
        """What a job definition names: `<repository uri>:<tag>`."""
        return f"{repository_uri}:{self.tag}"


def job_image(base_image: str, architecture: str) -> JobImage:
    """The image that ships with Shoal, on a base image, for an architecture (`x86_64` or `arm64`)."""
    tag = content_tag(read_context(), base_image=base_image, build_args={}, platform=PLATFORMS[architecture])
    return JobImage(tag=tag, base_image=base_image, architecture=architecture)
