"""Make sure that a build which ended well left its image in the repository, and say which one it is."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import links
from shoal.aws import ecr
from shoal.errors import ErrorCode, OperationError
from shoal.image.order import BuildOrder, answer
from shoal.observability import logger
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"summary", "cluster": {imageTag, imageUri, imageDigest}, "built"}` for `{"image": ...}`.

    Raises:
        OperationError: the repository has no such image.
    """
    settings, order = Settings.from_environment(), BuildOrder.from_state(event["image"])
    found = ecr.describe_image(order.repository_name, order.image_tag)
    link = links.repository(settings.partition, settings.region, settings.account_id, order.repository_name)
    if found is None:
        raise OperationError(
            ErrorCode.BUILD_FAILED,
            f"the build succeeded, but repository {order.repository_name} has no image {order.image_tag}",
            resource=order.project_name,
            link=link,
            next_action="read the build's log",
        )
    logger.info("image built", repository=order.repository_name, tag=order.image_tag, digest=found["imageDigest"])
    built = answer(order, settings.repository_uri(order.repository_name), found["imageDigest"], built=True)
    return built | {"links": {"repository": link}}
