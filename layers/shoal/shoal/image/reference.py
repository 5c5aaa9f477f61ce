"""Names of images, read as docker reads them (https://pkg.go.dev/github.com/distribution/reference)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

DOCKER_HUB = "docker.io"
"""The registry of a name without one."""
_DIGEST = "@sha256:"


@dataclass(frozen=True)
class Reference:
    """A name of an image, taken apart."""

    registry: str
    """Host, with a port if it has one."""
    repository: str
    tag: str
    """`latest` where the name has none."""
    digest: str | None
    """`sha256:...` of a name that has one; then the tag says nothing."""

    @property
    def is_local(self) -> bool:
        """Whether the registry is on this machine; docker speaks plain HTTP to those, and HTTPS to all others."""
        host = self.registry.partition(":")[0]
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def reference(name: str) -> Reference:
    """Take a name apart; one without a registry is Docker Hub's, and there one without a slash an official image."""
    rest, at, digest = name.partition("@")
    first, slash, others = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, path = first, others
    else:
        registry, path = DOCKER_HUB, rest if slash else f"library/{rest}"
    repository, _, tag = path.partition(":")
    return Reference(registry, repository, tag or "latest", digest if at else None)


def is_pinned(name: str) -> bool:
    """Whether a name has a digest, and so always means the same image."""
    return _DIGEST in name


def pinned(name: str, digest: str) -> str:
    """A name with a digest in the place of its tag, which would say nothing any more."""
    registry, slash, path = name.rpartition("/")
    return f"{registry}{slash}{path.partition(':')[0]}@{digest}"
