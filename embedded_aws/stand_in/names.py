"""Names of images: what a buildspec and a Dockerfile say, and what an engine on this machine can reach.

The registry of an account and the public one are the server's own, on 127.0.0.1. What a build makes has a name that no
other build has: two builds of one tag, of any account or server, do not see each other's image in a shared engine.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.registry import accounts

_PUBLIC = re.compile(r"(?<![\w./-])public\.ecr\.aws/")
_OF_AN_ACCOUNT = re.compile(r"(?<![\w./-])(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z.]+/")
_INSTRUCTION = re.compile(r"^\s*(?:ARG|FROM)\s.*$|(?<=--from=)\S+", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Reference:
    """An image of a registry."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @staticmethod
    def parse(name: str) -> Reference:
        """Read `host/repository:tag@digest`; the tag is `latest` where there is neither."""
        host, _, rest = name.partition("/")
        rest, _, digest = rest.partition("@")
        repository, _, tag = rest.partition(":")
        return Reference(host, repository, tag or "latest", digest)

    @property
    def id(self) -> dict[str, str]:
        """The image's id in a call of ECR's."""
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag}


def address() -> str:
    """`127.0.0.1:PORT` of the server."""
    return urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc


def reachable(text: str) -> str:
    """A text with the names of AWS's registries replaced by the server's own."""
    text = _PUBLIC.sub(f"{address()}/", text)
    return _OF_AN_ACCOUNT.sub(rf"{address()}/\1.\2/", text)


def reachable_dockerfile(text: str) -> str:
    """A Dockerfile that takes its base images, and what it copies from images, from the server's registries."""
    return _INSTRUCTION.sub(lambda found: reachable(found[0]), text)


def is_of_an_account(name: str) -> bool:
    """Whether a name is one in ECR, which a role has to be allowed to read."""
    return _OF_AN_ACCOUNT.match(name) is not None


def of_this_build(name: str, state: Path) -> str:
    """The engine's name for what a build calls by a name.

    Args:
        name: the name.
        state: the build's own folder.
    """
    build, image = (hashlib.sha256(text.encode()).hexdigest()[:32] for text in (str(state.resolve()), name))
    return f"shoal-build/{build}:{image}"


def in_registry(name: str, tag: str) -> str:
    """The name under which the engine pushes an image of ECR, with another tag.

    Raises:
        ValueError: it is no name of a registry of ECR.
    """
    known = Reference.parse(name)
    local = accounts.local_name(address(), f"{known.host}/{known.repository}")
    if local is None:
        raise ValueError(f"{known.host} is no registry of ECR")
    return f"{local}:{tag}"
