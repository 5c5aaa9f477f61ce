"""Put the build context of the first image that is missing where CodeBuild finds it; none missing is an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import ecr, s3
from shoal.image.answer import answer
from shoal.image.archive import read_zip
from shoal.image.content import ContextFile, context_zip, read_context
from shoal.image.order import BuildOrder, build_input, image_facts
from shoal.image.user_context import with_companions
from shoal.observability import logger
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"present": true, "answer": ...}`, or `{"present": false, "image": ..., "build": ...}`.

    `images` are the orders, `built` the tags that the same execution has built before.
    """
    settings, facts = Settings.from_environment(), []
    for order in map(BuildOrder.from_state, event["images"]):
        found = ecr.describe_image(order.repository_name, order.image_tag)
        if found is None:
            s3.put_object(order.bucket_name, order.context_key, context_zip(_files(order)))
            logger.info("build context staged", bucket=order.bucket_name, key=order.context_key)
            build = build_input(order, datetime.now(UTC), datetime.fromisoformat(event["deadline"]))
            return {"present": False, "image": order.to_state(), "build": build}
        uri = settings.repository_uri(order.repository_name)
        facts.append(image_facts(order, uri) | {"digest": found["imageDigest"]})
    return {"present": True, "answer": answer(facts, event["built"])}


def _files(order: BuildOrder) -> tuple[ContextFile, ...]:
    """The context that ships with Shoal; or the user's, as its snapshot has it, with Shoal's own files beside it."""
    source = order.context_source
    if source is None:
        return read_context()
    archive = s3.read_object(source.bucket, source.key, source.version_id)
    return with_companions(read_zip(f"s3://{source.bucket}/{source.key}", archive, order.dockerfile), order.dockerfile)
