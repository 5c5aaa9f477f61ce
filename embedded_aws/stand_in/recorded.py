"""The commands where there is no engine: everything is checked that can be, nothing is run, and ECR gets a manifest."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from embedded_aws.stand_in import registry
from embedded_aws.stand_in.access import begin_push, check_base_images, usable_caches
from embedded_aws.stand_in.dockerfile import DockerfileError, check
from embedded_aws.stand_in.images import Store, built
from embedded_aws.stand_in.telling import DockerError, say

_PLATFORM = re.compile(r"linux/(?P<architecture>amd64|arm64)")
INLINE_CACHE = "BUILDKIT_INLINE_CACHE"


def build(options: argparse.Namespace, store: Store) -> None:
    """Check context, Dockerfile and arguments, and remember an image under its names."""
    context = Path(options.context)
    dockerfile = dockerfile_of(options)
    platform = _PLATFORM.fullmatch(options.platform or "linux/amd64")
    if platform is None:
        raise DockerError(f'"{options.platform}": unknown operating system or architecture: invalid argument')
    build_args = arguments_of(options)
    if build_args.pop(INLINE_CACHE, "1") not in ("0", "1"):
        raise DockerError(f"ERROR: {INLINE_CACHE} is 0 or 1")
    caches = usable_caches(options.cache_from, store)
    try:
        found = check(dockerfile.read_text(), context, build_args, options.target)
    except DockerfileError as error:
        raise DockerError(f"ERROR: failed to solve: {error}") from error
    check_base_images(found.base_images, store)
    for number, step in enumerate(found.steps, 1):
        say(f"Step {number}/{len(found.steps)} : {step}")
    cached = f" with {len(caches)} cache" if caches else ""
    say(f" ---> from {', '.join(found.base_images)}{cached}; checked, not run: there is no container engine here")
    image = built(context, found.steps, platform["architecture"])
    for name in options.tag:
        store.images[name] = image
    say(f"Successfully built {image.id[7:19]}")


def dockerfile_of(options: argparse.Namespace) -> Path:
    """The Dockerfile of a build.

    Raises:
        DockerError: it or the context is not there.
    """
    if not Path(options.context).is_dir():
        raise DockerError(f"unable to prepare context: path {options.context!r} not found")
    dockerfile = Path(options.file) if options.file else Path(options.context) / "Dockerfile"
    if not dockerfile.is_file():
        why = f"unable to evaluate symlinks in Dockerfile path: lstat {dockerfile}: no such file or directory"
        raise DockerError(f"unable to prepare context: {why}")
    return dockerfile


def arguments_of(options: argparse.Namespace) -> dict[str, str]:
    """The build arguments; one without a value is taken from the environment, and left out where it is not set."""
    pairs = [argument.partition("=") for argument in options.build_arg]
    given = [(name, value if equals else os.environ.get(name)) for name, equals, value in pairs]
    return {name: value for name, value in given if value is not None}


def tag(options: argparse.Namespace, store: Store) -> None:
    """Give an image one more name."""
    if options.source not in store.images:
        raise DockerError(f"Error response from daemon: No such image: {options.source}")
    store.images[options.target] = store.images[options.source]


def push(options: argparse.Namespace, store: Store) -> None:
    """Hand an image over to ECR."""
    image = begin_push(options.image, store.images, store)
    pushed = registry.push(store.images[options.image], image.repository, image.tag)
    say(f"{image.tag}: digest: {pushed} size: {len(store.images[options.image].manifest())}")


COMMANDS = {"build": build, "tag": tag, "push": push}
