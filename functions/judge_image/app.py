"""Say what became of a build: its image is in the repository, it has to be tried again later, or it has failed."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import links
from shoal.aws import builds, ecr
from shoal.build_failure import awaited
from shoal.errors import ErrorCode, OperationError
from shoal.image.order import BuildOrder
from shoal.observability import logger
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"verdict": "built" | "wait" | "failed", "awaited"}` for `{"image", "failure"}`.

    `failure` is what the machine caught, null when the build ended well; `awaited` says what is waited for.

    Raises:
        OperationError: the build ended well, and the repository has no such image.
    """
    order, caught = BuildOrder.from_state(event["image"]), event["failure"]
    if caught:
        _, log = builds.failed_build(caught["cause"])
        waits_for = awaited(caught["error"], caught["cause"], log)
        logger.info("build failed", project=order.project_name, tag=order.image_tag, waits_for=waits_for)
        return {"verdict": "wait" if waits_for else "failed", "awaited": waits_for or ""}
    found = ecr.describe_image(order.repository_name, order.image_tag)
    if found is None:
        raise _missing(order)
    logger.info("image built", repository=order.repository_name, tag=order.image_tag, digest=found["imageDigest"])
    return {"verdict": "built", "awaited": ""}


def _missing(order: BuildOrder) -> OperationError:
    settings = Settings.from_environment()
    return OperationError(
        ErrorCode.BUILD_FAILED,
        f"the build succeeded, but repository {order.repository_name} has no image {order.image_tag}",
        resource=order.project_name,
        link=links.repository(settings.partition, settings.region, settings.account_id, order.repository_name),
        next_action="read the build's log",
    )
