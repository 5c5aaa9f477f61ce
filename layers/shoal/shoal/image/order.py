"""What to build, and where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shoal.image.arguments import BASE_IMAGE_ARG
from shoal.image.content import BUILDSPEC, COMPANIONS

BUILD_MINUTES = (5, 480)
"""Shortest and longest time a build gets; 5 is CodeBuild's own minimum,
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
"""


class _Travelling(BaseModel):
    """A value that travels through the state machines as JSON, its keys in camelCase."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Read what `to_state` wrote."""
        return cls.model_validate(state)

    def to_state(self) -> dict[str, Any]:
        """The value as a state machine carries it."""
        return self.model_dump(mode="json", by_alias=True)


class ContextSource(_Travelling):
    """One version of an object: the snapshot of a user's context in the Region's bucket."""

    bucket: str
    key: str
    version_id: str


class BuildOrder(_Travelling):
    """One image for one cluster."""

    bucket_name: str
    context_key: str
    """Where CodeBuild finds the build context in the bucket."""
    context_source: ContextSource | None = None
    """The user's context, to be staged with Shoal's own files beside it; none for the context that ships with Shoal."""
    repository_name: str
    cache_image: str
    """Name and tag in the cluster's second repository, where tags move: the layers of the last build like this one."""
    project_name: str
    image_tag: str
    base_image: str
    environment_type: str
    """CodeBuild's, `LINUX_CONTAINER` or `ARM_CONTAINER`: an update may change it before it reaches the project."""
    environment_image: str
    """CodeBuild's build image of that type."""
    compute_type: str
    """CodeBuild's size of the machine, `BUILD_GENERAL1_SMALL` for example."""
    timeout_minutes: int
    """Minutes the build may run."""
    build_args: dict[str, str] = {}
    """The Dockerfile's arguments, the base image apart."""
    dockerfile: str
    """Path of the Dockerfile in the context."""
    target: str = ""
    """The Dockerfile's stage to build; empty for the last one."""
    platform: str
    """As docker names it, `linux/amd64`."""
    queues: tuple[str, ...]
    """Names of the queues whose jobs run in the image."""

    @property
    def buildspec(self) -> str:
        """Path of Shoal's buildspec in the staged context; a buildspec of the user's own is not read."""
        return f"{COMPANIONS}/{BUILDSPEC}" if self.context_source else BUILDSPEC


def build_input(order: BuildOrder, now: datetime, deadline: datetime) -> dict[str, Any]:
    """What StartBuild is given, beside the project's own settings.

    Args:
        order: what to build.
        now: the time.
        deadline: the operation's; a build gets no more minutes than are left, and five at least.
    """
    minutes_left = int((deadline - now).total_seconds() // 60)
    return {
        "projectName": order.project_name,
        "environmentType": order.environment_type,
        "environmentImage": order.environment_image,
        "computeType": order.compute_type,
        "sourceLocation": f"{order.bucket_name}/{order.context_key}",
        "buildspec": order.buildspec,
        "environmentVariables": [
            {"Name": name, "Value": value, "Type": "PLAINTEXT"} for name, value in build_variables(order).items()
        ],
        "timeoutInMinutes": max(BUILD_MINUTES[0], min(order.timeout_minutes, minutes_left)),
    }


def build_variables(order: BuildOrder) -> dict[str, str]:
    """What the buildspec reads of an order: an argument without a value is taken from the environment."""
    arguments = {BASE_IMAGE_ARG: order.base_image, **order.build_args}
    return {
        "IMAGE_TAG": order.image_tag,
        "CACHE_IMAGE": order.cache_image,
        "DOCKERFILE": order.dockerfile,
        **({"TARGET": order.target} if order.target else {}),
        "PLATFORM": order.platform,
        "BUILD_ARGS": " ".join(arguments),
        **arguments,
    }


def image_facts(order: BuildOrder, repository_uri: str) -> dict[str, Any]:
    """What is registered of one of a cluster's images; whoever finds it in the repository adds its `digest`."""
    return {
        "tag": order.image_tag,
        "uri": f"{repository_uri}:{order.image_tag}",
        "queues": list(order.queues),
    }
