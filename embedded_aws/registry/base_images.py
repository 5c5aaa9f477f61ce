"""The registry of base images, read-only, in place of public.ecr.aws: `/v2/docker/library/debian/...`.

It serves what set-up made from Debian's packages, by the protocol of every registry, so that finding out a digest and
pulling go the same way as on AWS: https://distribution.github.io/distribution/spec/api/. With the stand-in, which pulls
nothing, every base image that Shoal knows has a digest here, of an image without layers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_aws.containers import base_images, oci_layout
from embedded_aws.containers.engine import STAND_IN, engine
from embedded_aws.hooks import Hook
from embedded_aws.responses import Answer, Application, send_answer

HOOKS: tuple[Hook, ...] = ()

PLACEHOLDERS = (
    "amazonlinux/amazonlinux:2023",
    f"{base_images.DEBIAN}:{base_images.TAG}",
    "docker/library/ubuntu:24.04",
)
"""What has a digest with the stand-in."""
_REPOSITORIES = {image.partition(":")[0] for image in PLACEHOLDERS}
_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def install() -> None:
    """Nothing of MiniStack's is changed; `in_front_of` answers before it."""


def in_front_of(application: Application) -> Application:
    """The application with the base images in front of it."""

    async def with_base_images(scope: Any, receive: Any, send: Any) -> None:
        found = _PATH.fullmatch(scope.get("path", ""))
        if found is None or found["repository"] not in _REPOSITORIES:
            await application(scope, receive, send)
            return
        # Finding the engine may take a second, reading a layer a tenth: neither may hold up other requests.
        answer = await asyncio.to_thread(respond, scope["method"], found.groupdict())
        await send_answer(send, answer, body=scope["method"] != "HEAD")

    return with_base_images


def served() -> list[str]:
    """The images that can be asked for, `docker/library/debian:12-slim`."""
    made = (base_images.FOLDER / base_images.DEBIAN / "index.json").exists()
    if engine().name == STAND_IN:
        return list(PLACEHOLDERS)
    return [f"{base_images.DEBIAN}:{base_images.TAG}"] if made else []


def respond(method: str, request: Mapping[str, str]) -> Answer:
    """Answer one request of the registry's protocol.

    Args:
        method: `GET` or `HEAD`; nothing can be pushed.
        request: `repository`, `kind` (`manifests` or `blobs`) and `reference`, a tag or digest.
    """
    if method not in ("GET", "HEAD"):
        return _error(405, "UNSUPPORTED", "base images are read-only")
    content = _content(request["repository"], request["kind"], request["reference"])
    if content is None:
        known = "MANIFEST_UNKNOWN" if request["kind"] == "manifests" else "BLOB_UNKNOWN"
        return _error(404, known, f"{request['reference']} is not here; there is {', '.join(served()) or 'nothing'}")
    headers = {"Content-Type": content.media_type, "Docker-Content-Digest": content.digest}
    return Answer(200, headers, content.data)


@dataclass(frozen=True)
class _Content:
    digest: str
    media_type: str
    data: bytes


def _content(repository: str, kind: str, reference: str) -> _Content | None:
    layout = base_images.FOLDER / repository
    if (layout / "index.json").exists():
        digest = reference if _DIGEST.fullmatch(reference) else oci_layout.digest(layout, reference)
        file = oci_layout.blob(layout, digest) if digest else None
        return _read(file, digest, kind) if file and digest and file.exists() else None
    return _placeholder(repository, reference) if kind == "manifests" and engine().name == STAND_IN else None


def _read(file: Path, digest: str, kind: str) -> _Content:
    data = file.read_bytes()
    media_type = str(json.loads(data)["mediaType"]) if kind == "manifests" else "application/octet-stream"
    return _Content(digest, media_type, data)


def _placeholder(repository: str, reference: str) -> _Content | None:
    for image in (name for name in PLACEHOLDERS if name.startswith(f"{repository}:")):
        index = {"schemaVersion": 2, "mediaType": oci_layout.INDEX, "manifests": [], "annotations": {"image": image}}
        data = json.dumps(index).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if reference in (digest, image.partition(":")[2]):
            return _Content(digest, oci_layout.INDEX, data)
    return None


def _error(status: int, code: str, message: str) -> Answer:
    data = json.dumps({"errors": [{"code": code, "message": message, "detail": {}}]}).encode()
    return Answer(status, {"Content-Type": "application/json"}, data)
