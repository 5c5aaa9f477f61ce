"""Bringing the image of a job to the engine, by a real pull from the server's own registries.

AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html - how a failed pull is
worded, which Batch hands on as the reason of the attempt.
"""

from __future__ import annotations

import os
import subprocess
import urllib.parse

from embedded_aws.containers.engine import engine
from embedded_aws.registry import accounts

_PUBLIC = "public.ecr.aws/"
PATIENCE = 300
"""Seconds for a pull."""


class PullError(Exception):
    """The image cannot be pulled; the message is ECS's."""


def pull(image: str) -> str:
    """Make an image present in the engine.

    Args:
        image: a name as a job definition has it. ECR's names lead to this server's own registry, public ones to its
            base images; no other registry is reached from the embedded AWS.

    Returns:
        The name under which the engine runs it.

    Raises:
        PullError: there is no such image, or no way to it.
    """
    local = _local_name(image)
    found = engine()
    command = [*found.client, "pull", *found.plain_http, local]
    try:
        done = subprocess.run(
            command,
            env=found.environment(os.environ),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PullError(f"CannotPullContainerError: {image}: context deadline exceeded") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PullError(f"CannotPullContainerError: {said.replace(local, image)}")
    return local


def _local_name(image: str) -> str:
    address = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
    if image.startswith(f"{address}/"):
        return image
    if image.startswith(_PUBLIC):
        return f"{address}/{image.removeprefix(_PUBLIC)}"
    local = accounts.local_name(address, image)
    if local is None:
        unreachable = "the embedded AWS reaches the registries of its accounts and its base images only"
        raise PullError(f"CannotPullContainerError: pull image manifest for {image} has been refused: {unreachable}")
    return local
