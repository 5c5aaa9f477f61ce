"""Looks up what a configuration's images are made of: digests of base images, snapshots of build contexts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from shoal.aws import contexts, ecr, registry
from shoal.aws.registry import RegistryError
from shoal.cluster.materials import Materials, NamedMaterials, default_base_image, named_materials
from shoal.image.content import ResolvedContext
from shoal.image.reference import Reference, is_pinned, pinned, reference
from shoal.image.user_context import ContextError
from shoal.settings import Settings

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

_ASKED_AT_ONCE = 8


def look_up_materials(settings: Settings, cluster: Cluster, before: Cluster | None = None) -> Materials:
    """What the images of a configuration are made of today.

    Args:
        settings: the control plane's.
        cluster: the configuration.
        before: the configuration of the cluster that is to be updated: what it names is settled.
    """
    wanted, settled = _named(settings, cluster), _named(settings, before) if before else None
    names = [name for name in wanted.base_images if not (is_pinned(name) or (settled and name in settled.base_images))]
    places = [place for place in wanted.contexts if not (settled and place in settled.contexts)]
    digests, unpinned = _digests(settings, names)
    snapshots, refused = _snapshots(settings, places)
    return Materials(
        base_image=_default(settings, cluster),
        base_images={name: pinned(name, digest) for name, digest in digests.items()},
        unpinned=unpinned,
        contexts=snapshots,
        refused=refused,
    )


def _named(settings: Settings, cluster: Cluster) -> NamedMaterials:
    return named_materials(cluster, _default(settings, cluster))


def _default(settings: Settings, cluster: Cluster) -> str:
    return default_base_image(cluster, settings.base_image_registry)


def _digests(settings: Settings, names: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The digests of images, and of the others why there is none; all registries are asked at once."""
    images = {name: reference(name) for name in names}
    own = [name for name, image in images.items() if name.startswith(settings.repository_uri(image.repository))]
    others = [name for name in names if name not in own]
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as workers:
        answers = dict(zip(others, workers.map(_of_a_registry, others), strict=True))
    answers |= {name: _of_this_account(images[name]) for name in own}
    found = {name: answer for name, answer in answers.items() if isinstance(answer, str)}
    return found, {name: str(answer) for name, answer in answers.items() if name not in found}


def _of_a_registry(name: str) -> str | RegistryError:
    try:
        return registry.digest(name)
    except RegistryError as error:
        return error


def _of_this_account(image: Reference) -> str | RegistryError:
    """ECR's own API tells what its registry would tell after a login."""
    found = ecr.describe_image(image.repository, image.tag)
    return str(found["imageDigest"]) if found else RegistryError("has no such image")


def _snapshots(
    settings: Settings, places: Sequence[tuple[str, str]]
) -> tuple[dict[str, ResolvedContext], dict[tuple[str, str], ContextError]]:
    found: dict[str, ResolvedContext] = {}
    refused: dict[tuple[str, str], ContextError] = {}
    for uri, dockerfile in places:
        try:
            found[uri] = contexts.resolve(settings, uri, dockerfile)
        except ContextError as error:
            refused[uri, dockerfile] = error
    return found, refused
