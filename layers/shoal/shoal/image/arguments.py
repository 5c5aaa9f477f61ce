"""The arguments of a Dockerfile: which names they may have.

An argument reaches `docker build` as a variable of the build's environment, so no argument may have a name that the
build, its shell or the AWS CLI reads.
"""

from __future__ import annotations

import functools
import re

from shoal.image.content import DOCKERFILE, read_context

BASE_IMAGE_ARG = "BASE_IMAGE"
"""The Dockerfile's argument that names the base image."""
NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
"""What an argument of a Dockerfile can be called."""
MOST_ARGUMENTS = 20
LONGEST_ARGUMENTS = 2048
"""Characters of names and values together. CodeBuild takes 4,096 in a variable, and the arguments of ten images travel
in a machine's state."""

VARIABLES = frozenset(
    {
        "BUILD_ARGS",
        "CACHE_IMAGE",
        "DOCKERFILE",
        "IMAGE_DIGEST",
        "IMAGE_TAG",
        "IMAGE_URI",
        "PLATFORM",
        "REPOSITORY_NAME",
        "REPOSITORY_URI",
        "TARGET",
    }
)
"""The variables of the buildspec."""
_OF_THE_SHELL = re.compile(r"(AWS|BASH|BUILDKIT|CODEBUILD|DOCKER|LD)_.*|ENV|HOME|IFS|PATH|PS4|PWD|SHELL|TMPDIR|USER")


def is_reserved(name: str) -> bool:
    """Whether the build uses a name itself."""
    return name in VARIABLES or bool(_OF_THE_SHELL.fullmatch(name))


@functools.cache
def own_arguments() -> frozenset[str]:
    """The arguments that the Dockerfile takes which ships with Shoal."""
    dockerfile = next(file.data.decode() for file in read_context() if file.path == DOCKERFILE)
    return frozenset(re.findall(r"^ARG\s+(\w+)", dockerfile, re.MULTILINE))
