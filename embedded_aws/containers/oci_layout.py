"""An image as files: https://github.com/opencontainers/image-spec/blob/main/image-layout.md."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EPOCH = 1686355200
"""The time of every file, seconds since 1970: the day on which Debian 12 was released."""
INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_TAG = "org.opencontainers.image.ref.name"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write(folder: Path, archive: Path, tag: str) -> None:
    """Write a layout with one image of one layer, behind an index as public images have one.

    Args:
        folder: the layout's folder, which does not exist yet.
        archive: the layer, a tar archive.
        tag: the image's tag.
    """
    (folder / "blobs" / "sha256").mkdir(parents=True)
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    with archive.open("rb") as content:
        uncompressed = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
    layer = _store(folder, _compressed(folder, archive), _LAYER)
    config = _store_json(folder, _configuration(uncompressed), _CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [layer]}
    image = _store_json(folder, manifest, _MANIFEST) | {"platform": _platform()}
    index = _store_json(folder, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]}, INDEX)
    entry = {"schemaVersion": 2, "manifests": [index | {"annotations": {_TAG: tag}}]}
    (folder / "index.json").write_text(json.dumps(entry))


def digest(folder: Path, tag: str) -> str | None:
    """The digest of the image with this tag in a layout."""
    entries = json.loads((folder / "index.json").read_text())["manifests"]
    return next((str(entry["digest"]) for entry in entries if entry["annotations"][_TAG] == tag), None)


def blob(folder: Path, wanted: str) -> Path:
    """The file of a digest, `sha256:...`; it need not exist."""
    algorithm, _, value = wanted.partition(":")
    return folder / "blobs" / algorithm / value


def _platform() -> dict[str, str]:
    return {"architecture": ARCHITECTURES.get(platform.machine(), platform.machine()), "os": "linux"}


def _configuration(uncompressed: str) -> dict[str, Any]:
    created = datetime.datetime.fromtimestamp(EPOCH, datetime.UTC).isoformat()
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return _platform() | {
        "created": created,
        "config": {"Env": [f"PATH={path}"], "Cmd": ["bash"]},
        "rootfs": {"type": "layers", "diff_ids": [uncompressed]},
        "history": [{"created": created, "comment": "made from Debian's packages by mmdebstrap"}],
    }


def _compressed(folder: Path, archive: Path) -> Path:
    compressed = folder / "layer.gz"
    with (
        archive.open("rb") as content,
        compressed.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as target,
    ):
        shutil.copyfileobj(content, target, 1 << 20)
    return compressed


def _store(folder: Path, file: Path, media_type: str) -> dict[str, Any]:
    with file.open("rb") as content:
        name = hashlib.file_digest(content, "sha256").hexdigest()
    stored = file.rename(folder / "blobs" / "sha256" / name)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": stored.stat().st_size}


def _store_json(folder: Path, content: Mapping[str, Any], media_type: str) -> dict[str, Any]:
    file = folder / "content.json"
    file.write_text(json.dumps(content, separators=(",", ":")))
    return _store(folder, file, media_type)
