"""The grammar of `ContainerImage`: a ready image, a context of the user's, or Shoal's own image built otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from shoal.cluster.grammar import Change, Code, Integer, Matching, Section, Violation, key_of
from shoal.image.arguments import BASE_IMAGE_ARG, LONGEST_ARGUMENTS, MOST_ARGUMENTS, NAME, is_reserved, own_arguments
from shoal.image.content import DOCKERFILE
from shoal.image.job_image import DEFAULT_MINUTES, SMALLEST, ComputeType
from shoal.image.order import BUILD_MINUTES

IMAGE_NAME = r"([a-z0-9.-]+(:\d+)?/)?[a-z0-9._-]+(/[a-z0-9._-]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
"""https://pkg.go.dev/github.com/distribution/reference"""
_IMAGE = "an image like `public.ecr.aws/debian/debian:12-slim@sha256:...`"


class ContainerImage(Section):
    """The image of the jobs: a ready one, one that Shoal builds from a context of yours, or Shoal's own."""

    uri: Annotated[str | None, Change.LIVE, Matching(IMAGE_NAME, _IMAGE)] = None
    """Name of a ready image with tag or, better, digest; it holds `bash` and the AWS CLI. Nothing is built."""
    context: Annotated[
        str | None,
        Change.LIVE,
        Field(max_length=1024),
        Matching(
            r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(.+\.zip|.+/)|(?!.*://).+",
            "`s3://bucket/key.zip`, `s3://bucket/prefix/`, or a directory beside the configuration file",
        ),
    ] = None
    """Files to build from: a zip archive or a prefix in S3, or a directory that the command line uploads."""
    dockerfile: Annotated[
        str,
        Change.LIVE,
        Field(max_length=256),
        Matching(r"(?!(.*/)?\.\.?(/|$))[\w.]([\w./-]*[\w.-])?", "a path in the context like `docker/Dockerfile`"),
    ] = DOCKERFILE
    """Path of the Dockerfile in `Context`."""
    build_args: Annotated[dict[str, str], Change.LIVE, Field(max_length=MOST_ARGUMENTS)] = {}  # noqa: RUF012 pydantic copies it
    """Values of the Dockerfile's arguments by name. `BASE_IMAGE` names the base image, which Shoal pins by digest."""
    target: Annotated[
        str | None, Change.LIVE, Field(max_length=128), Matching(r"[A-Za-z0-9][\w.-]*", "the name of a stage")
    ] = None
    """Stage of the Dockerfile to build, instead of the last."""
    platform: Annotated[Literal["linux/amd64", "linux/arm64"] | None, Change.LIVE] = None
    """Platform of the image; it must be that of the queue's instances, and is it by default."""
    build_timeout: Annotated[Integer, Change.LIVE, Field(ge=BUILD_MINUTES[0], le=BUILD_MINUTES[1])] = DEFAULT_MINUTES
    """Minutes that a build may run."""
    compute_type: Annotated[ComputeType, Change.LIVE] = SMALLEST
    """CodeBuild's machine for the build; the next build uses it."""

    def rules(self) -> Iterator[Violation]:
        """A ready image is not built, a Dockerfile comes with its context, and arguments are ones that can be given."""
        if self.uri is not None:
            for name in sorted(self.model_fields_set - {"uri"}):
                message = "stands beside Uri, which names a ready image that is not built"
                yield Violation(key_of(name), message, "remove one of them")
            return
        if self.context is None:
            for name in sorted(self.model_fields_set & {"dockerfile", "target"}):
                yield Violation(key_of(name), "says how to build a context, and there is none", "add Context")
        yield from self._arguments()

    def _arguments(self) -> Iterator[Violation]:
        for name, value in self.build_args.items():
            yield from self._argument(name, value)
        if sum(map(len, (*self.build_args, *self.build_args.values()))) > LONGEST_ARGUMENTS:
            suggestion = f"write at most {LONGEST_ARGUMENTS} characters of names and values, and files in Context"
            yield Violation("BuildArgs", "is too long", suggestion, Code.OUT_OF_RANGE)

    def _argument(self, name: str, value: str) -> Iterator[Violation]:
        at = ("BuildArgs", name)
        if not re.fullmatch(NAME, name):
            suggestion = "write letters, digits and underscores, not beginning with a digit, at most 64"
            yield Violation(at, "has a name of the wrong form", suggestion, Code.INVALID_VALUE)
        elif is_reserved(name):
            yield Violation(at, "is a name that the build uses itself", "give the argument another name")
        elif name == BASE_IMAGE_ARG and not re.fullmatch(IMAGE_NAME, value):
            yield Violation(at, "has a value of the wrong form", f"write {_IMAGE}", Code.INVALID_VALUE)
        elif self.context is None and name not in own_arguments():
            known = ", ".join(sorted(own_arguments()))
            yield Violation(at, "is no argument of Shoal's own image", f"write {known}, or add Context")
