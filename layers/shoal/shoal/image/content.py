"""What an image is made of, and the tag that follows from it.

The tag is known before anything is built: job definitions name `repository:<tag>`, and a template or a plan needs no
build. Equal tags mean equal content, so a repository that has the tag needs no build either.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

TAG_LENGTH = 32
DOCKERFILE = "Dockerfile"
BUILDSPEC = "buildspec.yml"
COMPANIONS = ".shoal"
"""The folder of Shoal's own files in a user's context: its Dockerfile may `COPY .shoal/shoal-job /usr/local/bin/`."""
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


@dataclass(frozen=True)
class ResolvedContext:
    """A user's build context as it was found: a snapshot in the Region's bucket, named by its content."""

    bucket: str
    key: str
    version_id: str
    digest: str
    """Hash of the files' paths, modes and contents."""


@functools.cache
def read_context() -> tuple[ContextFile, ...]:
    """The build context that ships with Shoal, sorted by path.

    A script (its first two bytes are `#!`) is executable: packaging a Lambda layer does not keep permission bits.
    """
    return tuple(sorted(_files(resources.files("shoal.image") / "context", "")))


def _files(folder: Traversable, path: str) -> Iterator[ContextFile]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, f"{path}{entry.name}/")
        elif entry.is_file():
            data = entry.read_bytes()
            yield ContextFile(f"{path}{entry.name}", 0o755 if data[:2] == b"#!" else 0o644, data)


def companion_files() -> tuple[ContextFile, ...]:
    """What stands beside a user's context when it is built: all that ships with Shoal but its Dockerfile."""
    return tuple(
        ContextFile(f"{COMPANIONS}/{file.path}", file.mode, file.data)
        for file in read_context()
        if file.path != DOCKERFILE
    )


def content_tag(
    files: Iterable[ContextFile],
    *,
    base_image: str,
    build_args: Mapping[str, str],
    platform: str,
    context_digest: str = "",
    dockerfile: str = DOCKERFILE,
    target: str = "",
    salt: str = "",
) -> str:
    """The tag of the image that these files build: 32 hexadecimal characters of a SHA-256.

    Args:
        files: the build context, in any order; of a user's context the files that Shoal puts beside it.
        base_image: with its digest, if the image shall change when its base does.
        build_args: the Dockerfile's arguments, the base image apart.
        platform: as docker names it, `linux/amd64`.
        context_digest: stands for the files of a user's context.
        dockerfile: path of the Dockerfile in the context.
        target: the stage that is built.
        salt: anything that makes another tag of the same content.
    """
    content = {
        "files": [[file.path, file.mode, hashlib.sha256(file.data).hexdigest()] for file in sorted(files)],
        "context": context_digest,
        "baseImage": base_image,
        "buildArgs": sorted(build_args.items()),
        "platform": platform,
        "dockerfile": dockerfile,
        "target": target,
        "salt": salt,
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
