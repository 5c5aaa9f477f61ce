"""What an image is made of, and the tag that follows from it.

The tag is known before anything is built: job definitions name `repository:<tag>`, and a template or a plan needs no
build. Equal tags mean equal content, so a repository that has the tag needs no build either.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

TAG_LENGTH = 32
DOCKERFILE = "Dockerfile"
_EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The archive's bytes depend on its content only, never on when it was made."""


@dataclass(frozen=True, order=True)
class ContextFile:
    """One file of a build context."""

    path: str
    """Relative, with `/` between its parts."""
    mode: int
    """Permission bits."""
    data: bytes


def read_context() -> tuple[ContextFile, ...]:
    """The build context that ships with Shoal, sorted by path.

    A script (its first two bytes are `#!`) is executable: packaging a Lambda layer does not keep permission bits.
    """
    folder = resources.files("shoal.image") / "context"
    files = ((entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.is_file())
    return tuple(sorted(ContextFile(name, 0o755 if data[:2] == b"#!" else 0o644, data) for name, data in files))


def content_tag(
    files: Iterable[ContextFile],
    *,
    base_image: str,
    build_args: Mapping[str, str],
    platform: str,
    dockerfile: str = DOCKERFILE,
) -> str:
    """The tag of the image that these files build: 32 hexadecimal characters of a SHA-256.

    Args:
        files: the build context, in any order.
        base_image: with its digest, if the image shall change when its base does.
        build_args: the Dockerfile's arguments, the base image apart.
        platform: as docker names it, `linux/amd64`.
        dockerfile: path of the Dockerfile in the context.
    """
    content = {
        "files": [[file.path, file.mode, hashlib.sha256(file.data).hexdigest()] for file in sorted(files)],
        "baseImage": base_image,
        "buildArgs": sorted(build_args.items()),
        "platform": platform,
        "dockerfile": dockerfile,
    }
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:TAG_LENGTH]


def context_zip(files: Iterable[ContextFile]) -> bytes:
    """The build context as the archive CodeBuild downloads; the same files give the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file.path, date_time=_EARLIEST_ZIP_TIME)
            entry.create_system = 3  # Unix: only then are the permission bits read
            entry.external_attr = (0o100000 | file.mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, file.data)
    return archive.getvalue()
