"""Put an image's build context where CodeBuild finds it, unless the image is in the repository already."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import dynamodb, ecr, plans, s3
from shoal.cluster.image import build_order
from shoal.errors import ErrorCode, OperationError
from shoal.image.content import context_zip, read_context
from shoal.image.order import BuildOrder, answer, build_input
from shoal.observability import logger
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"present": true, "answer": ...}`, or `{"present": false, "image": ..., "build": ...}`.

    Raises:
        OperationError: `build-image` for a cluster that was not created completely.
    """
    if event["operation"] == "build-image":
        order = _registered_order(event["clusterName"])
    else:
        order = BuildOrder.from_state(event["image"]) if event.get("image") else None
    if order is None:
        return {"present": True, "answer": answer(None, "", "", built=False)}
    uri = Settings.from_environment().repository_uri(order.repository_name)
    found = ecr.describe_image(order.repository_name, order.image_tag)
    if found:
        return {"present": True, "answer": answer(order, uri, found["imageDigest"], built=False)}
    s3.put_object(order.bucket_name, order.context_key, context_zip(read_context()))
    logger.info("build context staged", bucket=order.bucket_name, key=order.context_key)
    build = build_input(order, datetime.now(UTC), datetime.fromisoformat(event["deadline"]))
    return {"present": False, "image": order.to_state(), "build": build}


def _registered_order(cluster_name: str) -> BuildOrder | None:
    """What the cluster that the ledger knows needs built."""
    cluster = dynamodb.read_cluster(cluster_name) or {}
    if "site" not in cluster or "configuration" not in cluster:
        raise OperationError(
            ErrorCode.CLUSTER_UNHEALTHY,
            f"cluster {cluster_name} was not created completely, so there is no repository to build for",
            next_action="delete the cluster and create it again",
        )
    return build_order(*plans.read_cluster(cluster["configuration"], cluster["site"]))
