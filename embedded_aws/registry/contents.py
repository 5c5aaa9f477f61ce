"""What an engine can pull is what ECR lists: deleted images are gone, pushed ones have their digest.

MiniStack serves a manifest by its digest after its image was deleted, never lets go of a layer, and cannot serve by
digest what PutImage stored. An engine pushes under a tag that begins with `passing-`: its manifest and layers are kept,
and become an image when PutImage, called with the build's role, names them; no other tag ever shows in the repository.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ecr", "_batch_delete_image"),
    ("services.ecr", "_content_digest"),
    ("services.ecr", "_delete_repository"),
    ("services.ecr", "_ensure_repo_exists"),
    ("services.ecr", "_images"),
    ("services.ecr", "_layer_blobs"),
    ("services.ecr", "_manifest_blobs"),
    ("services.ecr", "_put_image"),
    ("services.ecr", "_registry_ok"),
    ("services.ecr", "_resolve_manifest"),
    ("services.ecr", "_v2_put_manifest"),
)

PASSING = "passing-"
"""How the tag of a push begins that has not been asked of ECR yet."""


@dataclass(frozen=True)
class _Passing:
    repository: str
    digest: str
    manifest: bytes
    media_type: str


_passing: dict[str, _Passing] = {}
"""By tag, which no two pushes share."""


def install() -> None:
    """Keep manifests and layers as long as the images are there."""
    from ministack.services import ecr

    ecr._v2_put_manifest = _passing_apart(ecr._v2_put_manifest)
    ecr._resolve_manifest = _of_an_image(ecr._resolve_manifest)
    ecr._put_image = _pullable(ecr._put_image)
    ecr._batch_delete_image = _swept(ecr._batch_delete_image)
    ecr._delete_repository = _swept(ecr._delete_repository)


def _passing_apart(put: Callable[..., Any]) -> Callable[..., Any]:
    def put_manifest(name: str, reference: str, headers: dict[str, str], body: bytes) -> Any:
        from ministack.services import ecr

        if not reference.startswith(PASSING):
            return put(name, reference, headers, body)
        refusal = ecr._ensure_repo_exists(name)
        if refusal is not None:
            return refusal
        digest = ecr._content_digest(body)
        _passing[reference] = _Passing(name, digest, body, headers.get("content-type", ""))
        return ecr._registry_ok(201, {"Docker-Content-Digest": digest, "Content-Length": "0"}, b"")

    return put_manifest


def _of_an_image(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_manifest(name: str, reference: str) -> Any:
        from ministack.services import ecr

        if found := _passing.get(reference):
            return found.digest, found.manifest, found.media_type
        if ":" in reference and reference not in {image["imageDigest"] for image in ecr._images.get(name, [])}:
            return None, None, None
        return resolve(name, reference)

    return resolve_manifest


def _pullable(put: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def put_image(asked: dict[str, Any]) -> Any:
        from ministack.services import ecr

        status, headers, body = put(asked)
        if status < 300:
            manifest = str(asked["imageManifest"]).encode()
            digest = ecr._content_digest(manifest)
            ecr._manifest_blobs.setdefault(asked["repositoryName"], {})[digest] = manifest
            for tag in [tag for tag, passing in _passing.items() if passing.digest == digest]:
                del _passing[tag]
        return status, headers, body

    return put_image


def _swept(operation: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def sweep(asked: dict[str, Any]) -> Any:
        from ministack.services import ecr

        answer = operation(asked)
        name = asked.get("repositoryName", "")
        kept = {image["imageDigest"] for image in ecr._images.get(name, [])}
        manifests, layers = ecr._manifest_blobs.get(name, {}), ecr._layer_blobs.get(name, {})
        gone = [manifests.pop(digest) for digest in set(manifests) - kept]
        # A push that is under way may count on layers of the image that goes.
        used = [*manifests.values(), *(passing.manifest for passing in _passing.values() if passing.repository == name)]
        for digest in _blobs(gone) - _blobs(used):
            layers.pop(digest, None)
        return answer

    return sweep


def _blobs(manifests: Iterable[bytes]) -> set[str]:
    """The digests of configurations and layers that manifests name."""
    named: set[str] = set()
    for manifest in map(json.loads, manifests):
        named |= {str(entry["digest"]) for entry in [manifest.get("config", {}), *manifest.get("layers", [])] if entry}
    return named
