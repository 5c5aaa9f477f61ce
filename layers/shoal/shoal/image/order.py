"""What to build, where, and what is said when it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shoal.image.job_image import BASE_IMAGE_ARG

BUILD_MINUTES = (5, 60)
"""Shortest and longest time a build gets; 5 is CodeBuild's own minimum,
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
"""


@dataclass(frozen=True)
class BuildOrder:
    """One image for one cluster; travels through the state machines as JSON."""

    bucket_name: str
    context_key: str
    """Where CodeBuild finds the build context in the bucket."""
    repository_name: str
    project_name: str
    image_tag: str
    base_image: str
    environment_type: str
    """CodeBuild's, `LINUX_CONTAINER` or `ARM_CONTAINER`: an update may change it before it reaches the project."""
    environment_image: str
    """CodeBuild's build image of that type."""
    build_args: Mapping[str, str] = field(default_factory=dict)
    """The Dockerfile's arguments, the base image apart."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> BuildOrder:
        """Read what `to_state` wrote."""
        return cls(
            bucket_name=state["bucketName"],
            context_key=state["contextKey"],
            repository_name=state["repositoryName"],
            project_name=state["projectName"],
            image_tag=state["imageTag"],
            base_image=state["baseImage"],
            environment_type=state["environmentType"],
            environment_image=state["environmentImage"],
            build_args=state["buildArgs"],
        )

    def to_state(self) -> dict[str, Any]:
        """The order as a state machine carries it, under the key `image`."""
        return {
            "bucketName": self.bucket_name,
            "contextKey": self.context_key,
            "repositoryName": self.repository_name,
            "projectName": self.project_name,
            "imageTag": self.image_tag,
            "baseImage": self.base_image,
            "environmentType": self.environment_type,
            "environmentImage": self.environment_image,
            "buildArgs": dict(self.build_args),
        }


def build_input(order: BuildOrder, now: datetime, deadline: datetime) -> dict[str, Any]:
    """What StartBuild is given, beside the project's own settings.

    Args:
        order: what to build.
        now: the time.
        deadline: the operation's; a build gets no more minutes than are left, and five at least.
    """
    arguments = {BASE_IMAGE_ARG: order.base_image, **order.build_args}
    variables = {"IMAGE_TAG": order.image_tag, "BUILD_ARGS": " ".join(arguments), **arguments}
    shortest, longest = BUILD_MINUTES
    return {
        "projectName": order.project_name,
        "environmentType": order.environment_type,
        "environmentImage": order.environment_image,
        "sourceLocation": f"{order.bucket_name}/{order.context_key}",
        "environmentVariables": [
            {"Name": name, "Value": value, "Type": "PLAINTEXT"} for name, value in variables.items()
        ],
        "timeoutInMinutes": max(shortest, min(longest, int((deadline - now).total_seconds() // 60))),
    }


def answer(order: BuildOrder | None, repository_uri: str, digest: str, *, built: bool) -> dict[str, Any]:
    """What `build-image` answers, and what is registered of the cluster.

    Args:
        order: what was asked for; none when every queue names a ready image.
        repository_uri: the repository's name for docker.
        digest: the image's.
        built: whether this operation built it.
    """
    if order is None:
        return {"summary": "Nothing to build: every queue names a ready image.", "cluster": {}}
    uri = f"{repository_uri}:{order.image_tag}"
    how = "was built and pushed" if built else "was there already, so nothing was built"
    facts = {"imageTag": order.image_tag, "imageUri": uri, "imageDigest": digest}
    return {"summary": f"The image {uri} {how}.", "cluster": facts, "built": built}
