"""Delete the images of a cluster that have had their time, none that a job definition or an unfinished job names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import batch, ecr, sts
from shoal.cleanup import images, policies
from shoal.cleanup.custom_resource import Target
from shoal.cluster.names import job_queue_prefix
from shoal.image import retention
from shoal.image.order import BuildOrder
from shoal.observability import logger
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"retired": {"deleted", "refused"}}` for `{"clusterName", "images"}`, `images` being those in use now.

    What is in use is asked before anything is deleted: when Batch does not say, nothing is.
    """
    settings, orders = Settings.from_environment(), [BuildOrder.from_state(state) for state in event["images"]]
    repository = orders[0].repository_name
    target = Target("repository", repository)
    policy = policies.emptying(
        target, partition=settings.partition, region=settings.region, account_id=settings.account_id
    )
    (client,) = sts.narrowed(settings.clean_up_role, policy, "ecr", ecr.DELETING)
    found = list(ecr.images(client, repository))
    named = retention.references(_named(job_queue_prefix(settings.name_prefix, event["clusterName"])), repository)
    in_use = named | {order.image_tag for order in orders}
    old = retention.retired(found, in_use, datetime.now(UTC))
    answers = [ecr.delete_images(client, repository, chunk) for phase in images.phases(old) for chunk in phase]
    deleted = sum(answer.deleted for answer in answers)
    refused = [str(refusal) for answer in answers for refusal in answer.refused]
    logger.info("images retired", repository=repository, kept=len(found) - deleted, deleted=deleted, refused=refused)
    return {"retired": {"deleted": deleted, "refused": len(refused)}}


def _named(queue_prefix: str) -> Iterator[str]:
    """Every image that an active job definition names, whosever it is, or an unfinished job of the cluster's queues."""
    for definition in batch.active_definitions():
        yield from retention.named_images(definition)
    for queue in batch.queues_named(queue_prefix):
        for job in batch.unfinished_kinds(queue):
            yield from retention.named_images(job)
