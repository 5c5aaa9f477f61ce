"""The images that the jobs of a cluster run in, known before they are built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from shoal.image.content import DOCKERFILE, ResolvedContext, companion_files, content_tag, read_context

PUBLIC_REGISTRY = "public.ecr.aws"
"""Amazon ECR Public: it asks for no login, and has none of Docker Hub's limits."""
BASE_IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "alinux2023": "amazonlinux/amazonlinux:2023",
        "debian12": "docker/library/debian:12-slim",
        "ubuntu2404": "docker/library/ubuntu:24.04",
    }
)
"""`Image.Os` to the base image when nothing else is said, by its name in the registry."""

PLATFORMS: Mapping[str, str] = MappingProxyType({"x86_64": "linux/amd64", "arm64": "linux/arm64"})
"""EC2's name of an architecture to docker's."""

ComputeType = Literal[
    "BUILD_GENERAL1_SMALL",
    "BUILD_GENERAL1_MEDIUM",
    "BUILD_GENERAL1_LARGE",
    "BUILD_GENERAL1_XLARGE",
    "BUILD_GENERAL1_2XLARGE",
]
"""CodeBuild's machines for both architectures, smallest first (2 vCPUs),
https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html
"""
COMPUTE_TYPES: tuple[ComputeType, ...] = get_args(ComputeType)
SMALLEST = COMPUTE_TYPES[0]
DEFAULT_MINUTES = 60
"""Minutes that a build gets unless the configuration says otherwise."""


def base_image(system: str, registry: str = PUBLIC_REGISTRY) -> str:
    """The base image for a system (`debian12`) when the configuration names none.

    Args:
        system: `Image.Os`.
        registry: the one that the control plane is told to use; a mirror has the same names, perhaps below a path.
    """
    return f"{registry}/{BASE_IMAGES[system]}"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an image is built; recipes of equal content make the same image, whatever time and machine they get."""

    base_image: str
    """With its digest, if the image shall change when its base does."""
    architecture: str
    """`x86_64` or `arm64`; builds run on it, nothing is cross-built."""
    context: ResolvedContext | None = None
    """The user's context; none for the one that ships with Shoal."""
    dockerfile: str = DOCKERFILE
    build_args: Mapping[str, str] = field(default_factory=dict)
    """The Dockerfile's arguments, the base image apart."""
    target: str = ""
    """The Dockerfile's stage to build; empty for the last one."""
    salt: str = ""
    """What tells a build on demand from an earlier one of the same content."""

    @property
    def platform(self) -> str:
        """As docker names it, `linux/amd64`."""
        return PLATFORMS[self.architecture]

    @property
    def tag(self) -> str:
        """Hash of the content; the tag in the cluster's repository."""
        return content_tag(
            companion_files() if self.context else read_context(),
            context_digest=self.context.digest if self.context else "",
            base_image=self.base_image,
            build_args=self.build_args,
            platform=self.platform,
            dockerfile=self.dockerfile,
            target=self.target,
            salt=self.salt,
        )


@dataclass(frozen=True, kw_only=True)
class JobImage:
    """One image that is built for a cluster."""

    tag: str
    recipe: Recipe
    queues: tuple[str, ...]
    """Names of the queues whose jobs run in it."""
    minutes: int = DEFAULT_MINUTES
    """Minutes that its build may run."""
    compute_type: ComputeType = SMALLEST

    def uri(self, repository_uri: str) -> str:
        """What a job definition names: `<repository uri>:<tag>`."""
        return f"{repository_uri}:{self.tag}"
