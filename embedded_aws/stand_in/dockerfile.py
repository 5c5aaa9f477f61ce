"""What can be said of a Dockerfile without running it.

https://docs.docker.com/reference/dockerfile/ - the instructions; ARG before FROM, FROM taking arguments, named stages.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_COMMANDS = "CMD ENTRYPOINT HEALTHCHECK ONBUILD RUN SHELL STOPSIGNAL"
_INSTRUCTIONS = set(f"ADD ARG COPY ENV EXPOSE FROM LABEL MAINTAINER USER VOLUME WORKDIR {_COMMANDS}".split())
_REFERENCE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_HERE_DOCUMENT = re.compile(r"(<<-?[\"']?(\w+)[\"']?[^\n]*\n).*?^\s*\2\s*$", re.DOTALL | re.MULTILINE)
_PREDEFINED = re.compile(r"(?:http|https|ftp|no|all)_proxy|SOURCE_DATE_EPOCH|BUILDKIT_\w+", re.IGNORECASE)
"""Arguments that no Dockerfile has to declare."""


class DockerfileError(Exception):
    """The build fails with this message, as docker words it."""


@dataclass(frozen=True)
class Dockerfile:
    """What a build of it says."""

    steps: tuple[str, ...]
    """The instructions, one line each."""
    base_images: tuple[str, ...]
    """Images of a registry that stages begin with."""


@dataclass
class _Reading:
    """What is known while a Dockerfile is read."""

    context: Path
    build_args: Mapping[str, str]
    declared: dict[str, str] = field(default_factory=dict)
    base_images: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    """The stages' names, empty for one without."""


def check(text: str, context: Path, build_args: Mapping[str, str], target: str | None = None) -> Dockerfile:
    """Read a Dockerfile as a build with these arguments would.

    Args:
        text: the Dockerfile.
        context: the build context.
        build_args: arguments of the command line.
        target: the stage to build, the last one unless given.

    Raises:
        DockerfileError: an instruction is unknown, there is no base image, a copied file or the target is missing, or
            an argument is not declared (docker only warns of the last; here it would hide a defect of the caller).
    """
    steps = _steps(text)
    reading = _Reading(context, build_args)
    for instruction, rest in steps:
        _read(instruction, rest, reading)
    if not reading.stages:
        raise DockerfileError("the Dockerfile has no stages to build: file with no instructions")
    if target and target.lower() not in {*reading.stages, *map(str, range(len(reading.stages)))}:
        raise DockerfileError(f'target stage "{target}" could not be found')
    unknown = sorted(name for name in set(build_args) - set(reading.declared) if not _PREDEFINED.fullmatch(name))
    if unknown:
        raise DockerfileError(f"One or more build-args {unknown} were not consumed")
    return Dockerfile(tuple(f"{instruction} {rest}" for instruction, rest in steps), tuple(reading.base_images))


def _steps(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\s*\n", " ", _HERE_DOCUMENT.sub(r"\1", "\n".join(lines)))
    steps = [re.sub(r"\s+", " ", line).strip().partition(" ") for line in joined.splitlines() if line.strip()]
    for instruction, _, _ in steps:
        if instruction.upper() not in _INSTRUCTIONS:
            raise DockerfileError(f"dockerfile parse error: unknown instruction: {instruction}")
    return [(instruction.upper(), rest) for instruction, _, rest in steps]


def _read(instruction: str, rest: str, reading: _Reading) -> None:
    if instruction == "ARG":
        for name, _, default in (word.partition("=") for word in shlex.split(rest)):
            reading.declared[name] = reading.build_args.get(name, default)
    elif instruction == "FROM":
        _read_stage(rest, reading)
    elif not reading.stages:
        raise DockerfileError("no build stage in current context")
    elif instruction in ("COPY", "ADD"):
        _check_copy(rest, reading.context)


def _read_stage(rest: str, reading: _Reading) -> None:
    words = [word for word in rest.split() if not word.startswith("--")]
    arguments = reading.declared
    image = _REFERENCE.sub(
        lambda found: arguments.get(found["braced"] or found["plain"], "") or found["default"] or "", words[0]
    )
    if not image:
        raise DockerfileError(f"base name ({words[0]}) should not be blank")
    if image.lower() not in reading.stages:
        reading.base_images.append(image)
    named = len(words) == 3 and words[1].upper() == "AS"
    reading.stages.append(words[2].lower() if named else "")


def _check_copy(rest: str, context: Path) -> None:
    words = shlex.split(rest)
    if any(word.startswith(("--from=", "<<")) for word in words):
        return
    for source in [word for word in words if not word.startswith("--")][:-1]:
        if "://" not in source and "$" not in source and not list(context.glob(source.lstrip("/") or ".")):
            message = f"COPY failed: file not found in build context or excluded by .dockerignore: stat {source}"
            raise DockerfileError(f"{message}: file does not exist")
