"""What a cluster's images are made of: the base images and build contexts that its configuration names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shoal.cluster.container_image import ContainerImage
from shoal.cluster.image import container_image
from shoal.cluster.kinds import AWSBATCH
from shoal.image.arguments import BASE_IMAGE_ARG
from shoal.image.content import ResolvedContext
from shoal.image.job_image import PUBLIC_REGISTRY, base_image
from shoal.image.user_context import ContextError

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster


@dataclass(frozen=True)
class NamedMaterials:
    """What a configuration names, each with the key that names it first."""

    base_images: Mapping[str, str]
    contexts: Mapping[tuple[str, str], str]
    """By URI and path of the Dockerfile."""


@dataclass(frozen=True)
class Materials:
    """What was found of it."""

    base_image: str = ""
    """The base image where the configuration names none."""
    base_images: Mapping[str, str] = field(default_factory=dict)
    """By name, each pinned by its digest."""
    unpinned: Mapping[str, str] = field(default_factory=dict)
    """Base images of which no digest is known, with the reason, which follows the registry's name."""
    contexts: Mapping[str, ResolvedContext] = field(default_factory=dict)
    """By URI."""
    refused: Mapping[tuple[str, str], ContextError] = field(default_factory=dict)
    """Contexts that cannot be read or built, by URI and path of the Dockerfile."""


def default_base_image(cluster: Cluster, registry: str = PUBLIC_REGISTRY) -> str:
    """The base image where the configuration names none; empty for a Slurm cluster, for which no image is built."""
    return base_image(cluster.image.os, registry) if cluster.kind == AWSBATCH else ""


def built_sections(cluster: Cluster) -> Iterator[tuple[str, ContainerImage]]:
    """What the configuration says of each image that is built, queue by queue, with the key that says it."""
    for index, queue in enumerate(cluster.scheduling.aws_batch_queues):
        section = container_image(cluster, queue)
        if not section.uri:
            place = f"Scheduling.AwsBatchQueues[{index}]." if queue.container_image else ""
            yield f"{place}ContainerImage", section


def named_materials(cluster: Cluster, base_image: str) -> NamedMaterials:
    """What the images of a configuration are made of.

    Args:
        cluster: the configuration.
        base_image: the base image where it names none.
    """
    base_images: dict[str, str] = {}
    contexts: dict[tuple[str, str], str] = {}
    for path, section in built_sections(cluster):
        own = section.build_args.get(BASE_IMAGE_ARG)
        base_images.setdefault(own or base_image, f"{path}.BuildArgs.{BASE_IMAGE_ARG}" if own else "Image.Os")
        if section.context:
            contexts.setdefault((section.context, section.dockerfile), f"{path}.Context")
    return NamedMaterials(base_images, contexts)
