"""The images that a build has made, kept in a folder of the build."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Image:
    """An image: what its manifest is made from."""

    config: str
    """The image's configuration, JSON."""
    layer: str
    """Stands for the image's content: a digest of context and Dockerfile."""

    @property
    def id(self) -> str:
        """The image's id, as docker shows it."""
        return digest(self.config)

    def manifest(self) -> str:
        """The manifest that a registry stores; https://distribution.github.io/distribution/spec/manifest-v2-2/."""
        media = "application/vnd.docker"
        config = {"mediaType": f"{media}.container.image.v1+json", "size": len(self.config), "digest": self.id}
        layer = {"mediaType": f"{media}.image.rootfs.diff.tar.gzip", "size": len(self.layer)}
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{media}.distribution.manifest.v2+json",
                "config": config,
                "layers": [layer | {"digest": digest(self.layer)}],
            }
        )


def digest(content: str) -> str:
    """The content's address, `sha256:...`."""
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def built(context: Path, steps: tuple[str, ...], architecture: str = "amd64") -> Image:
    """An image of a context; like docker's, no two builds give the same one."""
    content = hashlib.sha256()
    for file in sorted(path for path in context.rglob("*") if path.is_file()):
        content.update(f"{file.relative_to(context)} {file.stat().st_mode & 0o777:o} ".encode() + file.read_bytes())
    config = {"architecture": architecture, "os": "linux", "history": list(steps), "created": uuid.uuid4().hex}
    return Image(json.dumps(config), content.hexdigest())


class Store:
    """Names and images, and the registries that the build has logged in to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """The build's own."""
        self._file = folder / "docker.json"
        known = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.images = {name: Image(**image) for name, image in known.get("images", {}).items()}
        """Without an engine: what was built, by the names that the build gave it."""
        self.local: dict[str, str] = known.get("local", {})
        """With an engine: its own names of what was built, by the names that the build gave it."""
        self.logins: list[str] = known.get("logins", [])

    def save(self) -> None:
        """Keep what is known for the next call."""
        images = {name: asdict(image) for name, image in self.images.items()}
        known = {"images": images, "local": self.local, "logins": self.logins}
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(known))
        temporary.replace(self._file)
