"""A container engine of this machine, between the build and the server's own registry.

The engine knows nothing of AWS: it builds and tags under the names the buildspec uses, and pushes to the embedded
AWS's registry on 127.0.0.1, which engines trust without TLS. What ECR would decide is decided afterwards, with the
build's role, when the manifest gets the tag it is meant for.
"""

from __future__ import annotations

import os
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections.abc import Sequence

import boto3

from embedded_aws.process import SECRET_ACCESS_KEY
from embedded_aws.stand_in import registry

_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)


class EngineError(Exception):
    """The engine ended with an error, which it has printed itself."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the engine ended with status {status}")
        self.status = status


def run(client: Sequence[str], *arguments: str) -> None:
    """Let the engine do something; what it prints is the build's output.

    Raises:
        EngineError: it failed.
    """
    status = subprocess.run([*client, *arguments], check=False).returncode
    if status:
        raise EngineError(status)


def push(client: Sequence[str], image: str, repository: str, tag: str) -> None:
    """Bring an image of the engine into a repository.

    Raises:
        EngineError: the engine has no such image, or cannot push it.
        RegistryError: ECR refuses the tag, or the role may not.
    """
    endpoint = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
    passing = f"passing-{uuid.uuid4().hex}"
    local = f"{endpoint.netloc}/{repository}:{passing}"
    run(client, "tag", image, local)
    try:
        run(client, *_push_command(client), local)
        manifest, media_type = _manifest(f"{endpoint.geturl()}/v2/{repository}/manifests/{passing}")
        registry.put_manifest(manifest, media_type, repository, tag)
    finally:
        run(client, "rmi", local)
        _forget(image.partition(".")[0], repository, passing)


def _push_command(client: Sequence[str]) -> Sequence[str]:
    # Docker trusts registries on 127.0.0.0/8 without TLS, Podman has to be told.
    return ("push", "--tls-verify=false") if client[0].endswith(("podman", "buildah")) else ("push",)


def _manifest(url: str) -> tuple[str, str]:
    request = urllib.request.Request(url, headers={"Accept": ", ".join(_MANIFESTS)})  # noqa: S310 - 127.0.0.1, http
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return answer.read().decode(), answer.headers["Content-Type"]


def _forget(account: str, repository: str, tag: str) -> None:
    """Take the passing tag away, as the account's root: the build's role has no right to delete."""
    ecr = boto3.client("ecr", aws_access_key_id=account, aws_secret_access_key=SECRET_ACCESS_KEY)
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
