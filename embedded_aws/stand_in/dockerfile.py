"""What can be said of a Dockerfile without running it.

https://docs.docker.com/reference/dockerfile/ - the instructions; ARG before FROM, and FROM taking arguments.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_COMMANDS = "CMD ENTRYPOINT HEALTHCHECK ONBUILD RUN SHELL STOPSIGNAL"
_INSTRUCTIONS = set(f"ADD ARG COPY ENV EXPOSE FROM LABEL MAINTAINER USER VOLUME WORKDIR {_COMMANDS}".split())
_REFERENCE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))")


class DockerfileError(Exception):
    """The build fails with this message, as docker words it."""


@dataclass(frozen=True)
class Dockerfile:
    """What a build of it says."""

    steps: tuple[str, ...]
    """The instructions, one line each."""
    base_images: tuple[str, ...]


def check(text: str, context: Path, build_args: Mapping[str, str]) -> Dockerfile:
    """Read a Dockerfile as a build with these arguments would.

    Args:
        text: the Dockerfile.
        context: the build context.
        build_args: arguments of the command line.

    Raises:
        DockerfileError: an instruction is unknown, there is no base image, a copied file is missing, or an argument
            is not declared (docker only warns of the last; here it would hide a defect of the caller).
    """
    steps = _steps(text)
    declared: dict[str, str] = {}
    base_images: list[str] = []
    for instruction, rest in steps:
        if instruction == "ARG":
            name, _, default = rest.partition("=")
            declared[name] = build_args.get(name, default)
        elif instruction == "FROM":
            base_images.append(_base_image(rest, declared))
        elif not base_images:
            raise DockerfileError("no build stage in current context")
        elif instruction in ("COPY", "ADD"):
            _check_copy(rest, context)
    if not base_images:
        raise DockerfileError("the Dockerfile has no stages to build: file with no instructions")
    unknown = sorted(set(build_args) - set(declared))
    if unknown:
        raise DockerfileError(f"One or more build-args {unknown} were not consumed")
    return Dockerfile(tuple(f"{instruction} {rest}" for instruction, rest in steps), tuple(base_images))


def _steps(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    steps = [re.sub(r"\s+", " ", line).strip().partition(" ") for line in joined.splitlines() if line.strip()]
    for instruction, _, _ in steps:
        if instruction.upper() not in _INSTRUCTIONS:
            raise DockerfileError(f"dockerfile parse error: unknown instruction: {instruction}")
    return [(instruction.upper(), rest) for instruction, _, rest in steps]


def _base_image(rest: str, arguments: Mapping[str, str]) -> str:
    words = [word for word in rest.split() if not word.startswith("--")]
    image = _REFERENCE.sub(
        lambda found: arguments.get(found["braced"] or found["plain"], "") or found["default"] or "", words[0]
    )
    if not image:
        raise DockerfileError(f"base name ({words[0]}) should not be blank")
    return image


def _check_copy(rest: str, context: Path) -> None:
    words = shlex.split(rest)
    if any(word.startswith("--from=") for word in words):
        return
    for source in [word for word in words if not word.startswith("--")][:-1]:
        if "://" not in source and not list(context.glob(source.lstrip("/") or ".")):
            message = f"COPY failed: file not found in build context or excluded by .dockerignore: stat {source}"
            raise DockerfileError(f"{message}: file does not exist")
