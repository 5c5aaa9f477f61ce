"""The commands with a container engine of this machine behind them, which knows nothing of AWS.

It takes base images and caches from the server's registries on 127.0.0.1 in place of AWS's, keeps what it makes under
names of this build's own, and pushes layers and manifest to the server's registry. What ECR would decide is decided
then, with the build's role, when the manifest gets the tag it is meant for.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from embedded_aws.registry.contents import PASSING
from embedded_aws.stand_in import names, registry
from embedded_aws.stand_in.access import begin_push, check_base_images, usable_caches
from embedded_aws.stand_in.dockerfile import DockerfileError, check
from embedded_aws.stand_in.images import Store
from embedded_aws.stand_in.recorded import arguments_of, dockerfile_of
from embedded_aws.stand_in.telling import DockerError, EngineError

_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
type Client = Sequence[str]


def commands(client: Client) -> dict[str, Callable[[argparse.Namespace, Store], None]]:
    """What does each command with an engine.

    Args:
        client: how a command for the engine begins.
    """
    return {"build": partial(build, client), "tag": partial(tag, client), "push": partial(push, client)}


def build(client: Client, options: argparse.Namespace, store: Store) -> None:
    """Build an image under names of this build's own."""
    dockerfile = dockerfile_of(options)
    check_base_images(_base_images(dockerfile, options), store)
    dockerfile = _reachable_copy(dockerfile, store.folder)
    local = [names.of_this_build(name, store.folder) for name in options.tag]
    caches = [names.reachable(name) for name in usable_caches(options.cache_from, store)]
    arguments = {name: names.reachable(value) for name, value in arguments_of(options).items()}
    command = ["--network", "host", *_repeated("--tag", local), *_how(client, caches)]
    command += _repeated("--build-arg", [f"{name}={value}" for name, value in arguments.items()])
    command += _repeated("--label", options.label)
    given = {"platform": options.platform, "progress": options.progress, "target": options.target}
    command += [word for name, value in given.items() if value for word in (f"--{name}", value)]
    command += [f"--{name.replace('_', '-')}" for name in ("no_cache", "pull") if getattr(options, name)]
    _run(client, "build", *command, "--file", str(dockerfile), options.context)
    store.local |= dict(zip(options.tag, local, strict=True))


def tag(client: Client, options: argparse.Namespace, store: Store) -> None:
    """Give an image one more name."""
    source, target = _known(options.source, store), names.of_this_build(options.target, store.folder)
    _run(client, "tag", source, target)
    store.local[options.target] = target


def push(client: Client, options: argparse.Namespace, store: Store) -> None:
    """Bring an image of the engine into a repository."""
    image = begin_push(options.image, store.local, store)
    passing = f"{PASSING}{uuid.uuid4().hex}"
    pushed = names.in_registry(options.image, passing)
    _run(client, "tag", store.local[options.image], pushed)
    try:
        _run(client, "push", *_plain_http(client), pushed)
    finally:
        _run(client, "rmi", pushed)
    manifest, media_type = _manifest(pushed.removesuffix(f":{passing}"), passing)
    registry.put_manifest(manifest, media_type, image.repository, image.tag)


def _base_images(dockerfile: Path, options: argparse.Namespace) -> tuple[str, ...]:
    """What the stages begin with; none of a Dockerfile that the engine is to find fault with."""
    try:
        return check(dockerfile.read_text(), Path(options.context), arguments_of(options)).base_images
    except DockerfileError:
        return ()


def _reachable_copy(dockerfile: Path, folder: Path) -> Path:
    """The Dockerfile, or a copy of it in a folder when registries in it have to be named otherwise."""
    text = dockerfile.read_text()
    reachable = names.reachable_dockerfile(text)
    if reachable == text:
        return dockerfile
    copy = folder / "Dockerfile"
    copy.write_text(reachable)
    ignored = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignored.exists():
        shutil.copy(ignored, folder / "Dockerfile.dockerignore")
    return copy


def _how(client: Client, caches: list[str]) -> list[str]:
    """How layers are reused: Podman and Buildah have a cache of their own, and cannot read one within an image."""
    return _repeated("--cache-from", caches) if _is_docker(client) else ["--layers", "--tls-verify=false"]


def _is_docker(client: Client) -> bool:
    return Path(client[0]).name == "docker"


def _plain_http(client: Client) -> tuple[str, ...]:
    # Docker trusts registries on 127.0.0.0/8 without TLS, the others have to be told.
    return () if _is_docker(client) else ("--tls-verify=false",)


def _repeated(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _known(name: str, store: Store) -> str:
    if name not in store.local:
        raise DockerError(f"Error response from daemon: No such image: {name}")
    return store.local[name]


def _run(client: Client, *arguments: str) -> None:
    """Let the engine do something; what it prints is the build's output.

    Raises:
        EngineError: it failed.
    """
    status = subprocess.run([*client, *arguments], check=False).returncode
    if status:
        raise EngineError(status)


def _manifest(repository: str, tag: str) -> tuple[str, str]:
    address, _, name = repository.partition("/")
    url = f"http://{address}/v2/{name}/manifests/{tag}"
    request = urllib.request.Request(url, headers={"Accept": ", ".join(_MANIFESTS)})
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        return answer.read().decode(), answer.headers["Content-Type"]
