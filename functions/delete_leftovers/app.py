"""Delete what a failed create's stack left because of a DeletionPolicy; only what that stack's own list names."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import cloudformation, sweepers
from shoal.cleanup.leftovers import kept
from shoal.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"deleted": count}` for `{"stackId"}`; what is in use is left for the next call."""
    resources = cloudformation.stack_resources(event["stackId"])
    deleted = sweepers.sweep(kept(resources, sweepers.deletion_snapshots(event["stackId"], resources)))
    logger.info("leftovers deleted", stack_id=event["stackId"], deleted=deleted)
    return {"deleted": len(deleted)}
