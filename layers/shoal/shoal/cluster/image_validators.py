"""Whether the images of a configuration can be built from what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.findings import Finding, Level
from shoal.cluster.materials import named_materials
from shoal.cluster.surroundings import Surroundings
from shoal.image.reference import reference

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

CONTEXT = "ContainerImageContextValidator"
BASE_IMAGE = "ContainerImageBaseValidator"


def contexts(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Every build context can be read, and has what a build needs."""
    for place, path in named_materials(cluster, "").contexts.items():
        error = around.materials.refused.get(place)
        for fault in error.faults if error else ():
            message = f"names {place[0]}, which {fault.message}"
            yield Finding(CONTEXT, path, message, fault.suggestion, always=True)


def base_images(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Every base image can be pinned by its digest; an image is built without that as well."""
    found = around.materials
    for name, path in named_materials(cluster, found.base_image).base_images.items():
        if name in found.unpinned:
            message = f"means {name}, and its digest is not known: {reference(name).registry} {found.unpinned[name]}"
            suggestion = "a build takes what has this name then; to pin it, name an image with its digest"
            yield Finding(BASE_IMAGE, path, message, suggestion, Level.WARNING)


def of_images(cluster: Cluster, around: Surroundings) -> tuple[Finding, ...]:
    """What the validators of images find."""
    return (*contexts(cluster, around), *base_images(cluster, around))
